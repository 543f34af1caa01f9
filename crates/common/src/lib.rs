//! Domain types of the webhook platform and their pure logic. Nothing here does I/O.
//!
//! Data flows through the modules in this order:
//!
//! | module | turns | into |
//! | --- | --- | --- |
//! | [`receiver`] | a request path | an [`Endpoint`] and who it was addressed to |
//! | [`signature`] | header values and the body | yes or no, with one HMAC per active key |
//! | [`intake`] | body bytes | the texts of its events |
//! | [`json`] | a JSON text | where its values are in it |
//! | [`envelope`] | the text of an event | an [`Envelope`]: event name, ids, mode and the object of interest |
//! | [`masking`] | a body | the same body without full bank or card numbers |
//! | [`identity`] | an envelope | an [`EventIdentity`], equal for every redelivery |
//! | [`normalize`] | raw names | [`Kind`], [`Category`], [`OnboardingStage`] |
//! | [`family`] | an event's name | its [`Family`]: what it is about and what follows |
//! | [`status`] | status words | [`Status`], and how a chargeback ended |
//! | [`money`] | JSON numbers | integer minor units |
//! | [`event`] | an envelope | an [`Event`]: what the webhook means |
//! | [`fold`] | events, in any order | [`TransactionState`] and [`AccountState`] |
//! | [`rollup`] | states before and after | differences of figures |
//! | [`topic`] | an event | the [`Topic`]s whose answers it makes old |
//! | [`job`] | a verified webhook | the bytes that are queued, and back |
//! | [`dictionary`] | | what those have in common |
//!
//! **A new family of events.** An entry of [`family::FAMILIES`]; the table of `tests` there says what its names mean. A new kind of
//! transaction is a [`Kind`] before that. If its statuses have names of their own they go into `status`; if its facts stand in
//! other fields, into `event`. A payload in `tests/payloads` shows how it looks, and `tests/e2e/samples.rs` sends it. What was stored
//! before keeps its meaning until it is interpreted again: raise [`RULES_VERSION`], and tell operators to run `netbanx replay`.

pub mod dictionary;
pub mod envelope;
pub mod event;
pub mod family;
pub mod fold;
pub mod identity;
pub mod intake;
pub mod job;
pub mod json;
pub mod masking;
pub mod money;
pub mod normalize;
pub mod receiver;
pub mod rollup;
pub mod signature;
pub mod status;
pub mod topic;

pub use envelope::{Envelope, Mode};
pub use event::{AccountFacts, Event, TransactionFacts};
pub use family::Family;
pub use fold::{AccountState, TransactionState};
pub use identity::EventIdentity;
pub use job::Job;
pub use normalize::{Category, Kind, OnboardingStage, Status};
pub use receiver::{CompanyId, Endpoint};
pub use rollup::{Cell, Deltas, Grain, Series, Sum, WebhookOutcome};
pub use topic::Topic;

/// The version of the rules by which a webhook becomes rows. Raised whenever a stored webhook would mean something else than
/// before: a family, a status name, a field that is read otherwise. Rows carry the version that folded them; those of before there
/// were versions have 0. `netbanx replay` brings them up to this one.
pub const RULES_VERSION: i64 = 3;

/// Why a body cannot be interpreted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The bytes are not UTF-8 or not JSON; the text says where.
    #[error("the body is not JSON: {0}")]
    NotJson(String),
    /// A text has half of a surrogate pair, which is no character, at that byte.
    #[error("the text at byte {0} has an escape that is no character")]
    NoCharacter(usize),
    /// More events in one array than are taken.
    #[error("the array has more than {} events", intake::MAX_EVENTS)]
    TooMany,
    /// The body's compression is broken.
    #[error("the compressed body is broken")]
    NotInflatable,
    /// Nested deeper than 128 levels.
    #[error("the body is nested more than 128 levels deep")]
    TooDeep,
    /// JSON, but an array, a string, a number, …
    #[error("the body must be a JSON object")]
    NotAnObject,
    /// Neither body nor headers name the event.
    #[error("the event has no name: eventType or eventName is missing")]
    NoEventName,
    /// The event name has neither a letter of ASCII nor a digit.
    #[error("the event name has neither a letter from A to Z nor a digit")]
    BadEventName,
    /// Nothing names the transaction, and `payload` or `eventData` holds something else than an object.
    #[error("payload or eventData must be an object: nothing else names the transaction")]
    NoObject,
    /// A number that cannot be kept exactly.
    #[error("{field}: {reason}")]
    BadNumber {
        /// Path of the field, dotted.
        field: String,
        /// What is wrong with it.
        reason: &'static str,
    },
}
