//! Delivers messages to companies' endpoints: signed by Standard Webhooks 1.0, at least once, in the order of each transaction's
//! changes.
//!
//! | module | part |
//! | --- | --- |
//! | [`address`] | which addresses may be connected to |
//! | [`target`] | which URLs may be entered and sent to |
//! | [`signature`] | a message's headers |
//! | [`schedule`] | when a message is tried again, and when not |
//! | [`breaker`] | whether an endpoint is worth trying |
//! | [`client`] | one request, within limits |
//! | `attempt` | one attempt, in the trace of its webhook |
//! | `lane` | the messages of one endpoint |
//! | [`dispatch`] | a lane for each endpoint that this process has leased |
//!
//! Messages are rows that the worker writes with the change they tell of (`store::outbound`). Delivery needs the endpoints' keys, so
//! it is part of the API, which has the master key, and not of the worker, which has none. Any number of replicas may run it: each
//! endpoint is one replica's at a time.

pub mod address;
mod attempt;
pub mod breaker;
pub mod client;
pub mod dispatch;
mod lane;
pub mod schedule;
pub mod signature;
pub mod target;

pub use dispatch::run;
pub use target::{Policy, Refused};
