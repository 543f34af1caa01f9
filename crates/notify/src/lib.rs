//! Alerts reach people: what is due to be told to a channel, and how it gets there.
//!
//! | module | part |
//! | --- | --- |
//! | [`plan`] | what is due now: beginnings, reminders, ends; no I/O |
//! | [`quiet`] | hours in which only what is critical is told |
//! | [`choices`] | which alerts, when and how often: each part checked |
//! | [`configuration`] | what a channel needs: addresses, a URL, keys |
//! | [`digest`] | what is told, as text and as JSON |
//! | [`send`] | by which way it goes, within limits |
//! | `mail` | an e-mail by SMTP |
//!
//! The rows are `store::alerting`'s, the loop and what stands are the API's: it has the master key and the measurements.

pub mod choices;
pub mod configuration;
pub mod digest;
mod mail;
pub mod plan;
pub mod quiet;
pub mod send;

pub use choices::Choices;
pub use configuration::Configuration;
pub use digest::{Digest, Entry};
pub use send::{Outcome, Sender};

/// What a channel cannot be, or why a sender cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A part of a configuration that cannot be used.
    #[error("{0}: {1}")]
    Refused(&'static str, String),
    /// A configuration that is no JSON.
    #[error("the channel cannot be written")]
    Unwritable,
    /// The settings of the mail server cannot be used.
    #[error("the mail server: {0}")]
    Mail(String),
    /// No HTTP client can be made.
    #[error("the HTTP client: {0}")]
    Http(#[from] reqwest::Error),
}
