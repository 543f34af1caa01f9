//! Asks Netbanx what it has: payments, settlements, refunds and accounts, by id or by the merchant's reference.
//!
//! | module | part |
//! | --- | --- |
//! | [`client`] | requests within limits: address, size, time, rate, tries |
//! | `pace` | how often may be asked |
//! | [`told`] | what an answer says |
//! | [`event`] | the same as an event beside the webhooks |
//! | [`ask`](mod@ask) | one question, and what comes of it |
//! | [`clients`] | clients by company, shared within a process |
//! | [`automatic`] | what the platform asks by itself |
//!
//! Credentials → [`client::Client`] → [`told::Told`] → [`event::store`] → rows. What an answer says is folded by the rules of
//! webhooks, with the time that Netbanx tells for it: nothing that a webhook said is overwritten, and one that says the same later
//! changes nothing.
//!
//! Passwords are opened with the master key, so this runs where that is: in the command and in the API, not in the worker.

pub mod ask;
pub mod automatic;
pub mod client;
pub mod clients;
pub mod event;
mod pace;
pub mod told;

use std::time::Duration;

pub use ask::{Answer, ask};
pub use client::Client;
pub use clients::Clients;
pub use told::{Told, What};

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The company has no configuration.
    #[error(
        "the company has no look-ups configured: netbanx lookup configure --company SLUG --url … --username … --password-file …"
    )]
    NotConfigured,
    /// The address may not be asked; what may changes with the settings.
    #[error("{0}")]
    Address(#[from] outbound::Refused),
    /// An id or a reference that cannot be asked for.
    #[error("an id or a reference has 1 to 255 characters, none of them a control character")]
    Subject,
    /// The credentials are wrong, or not for this: no use to try again.
    #[error("Netbanx refuses the credentials ({0})")]
    Unauthorized(u16),
    /// Another status than those that are documented.
    #[error("Netbanx answers {0}")]
    Status(u16),
    /// A redirect, which is not followed: the credentials are for the configured host.
    #[error("Netbanx answers {0}, a redirect, which is not followed")]
    Redirect(u16),
    /// The answer is longer than anything documented.
    #[error("the answer is larger than {} kB", client::LARGEST / 1024)]
    TooLarge,
    /// The answer is not what is documented.
    #[error("the answer cannot be used: {0}")]
    Content(String),
    /// No answer, or none in time; already tried several times.
    #[error("{0}")]
    NoAnswer(String),
    /// Enough was asked for now: ask again after that time.
    #[error("not before {} s from now: the rate, or what Netbanx asked for", .0.as_secs().max(1))]
    Later(Duration),
    /// More pages than are read.
    #[error("there are more than {0} of that reference")]
    TooMany(usize),
    /// The client cannot be made.
    #[error("HTTP: {0}")]
    Http(#[from] reqwest::Error),
    /// The database.
    #[error(transparent)]
    Store(#[from] store::Error),
}
