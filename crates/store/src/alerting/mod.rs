//! Alerts reach people: the channels, what each of them was told, and a company's rules.
//!
//! | module | part |
//! | --- | --- |
//! | [`channels`] | where alerts are told; their configuration is sealed |
//! | [`notices`] | what a channel is told of an alert: once at its beginning, once at its end |
//! | [`rules`] | from when on something is wrong with a company's business |

pub mod channels;
pub mod notices;
pub mod rules;

/// States of a channel, which are those of an endpoint.
pub use crate::outbound::{DISABLED, ENABLED};

/// Stands for all alerts, those to come included.
pub const ALL_ALERTS: &str = "*";
/// Look at it today.
pub const WARNING: &str = "warning";
/// Look at it now.
pub const CRITICAL: &str = "critical";
