//! Reports of Netbanx compared with our transactions: what `reconcile` says of rows and transactions, asked of and kept in the
//! database. The command and the API both go through here.
//!
//! | module | part |
//! | --- | --- |
//! | [`compare`] | one comparison, chunk by chunk |
//! | [`take_over`] | what a report says, made an event, as far as it says enough |
//! | [`view`] | a run and its items as answers tell them |
//!
//! Report → rows → [`compare::Comparison`] → a run with its items → [`view`], or [`take_over`] → events → rows.

pub mod compare;
pub mod take_over;
pub mod view;

pub use compare::Comparison;

/// Why a comparison, or what follows from one, did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The report cannot be read: another one, or another mapping, is needed.
    #[error(transparent)]
    Report(#[from] reconcile::Error),
    /// The database.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// What a report says makes no event. The same call will fail again.
    #[error("{0}")]
    Event(#[from] common::Rejection),
    /// There is no such item: list them, and name another.
    #[error("the comparison has no item {0}")]
    NoSuchItem(i64),
    /// Somebody ignored the item or took it over: there is nothing left to do.
    #[error("item {0} is not open any more")]
    NotOpen(i64),
    /// The report says nothing of the item that could be taken over: ignore it, or ask Netbanx.
    #[error("item {0} is {1}: what is missing here and what differs can be taken over")]
    NothingToTakeOver(i64, &'static str),
    /// The process ends.
    #[error("the process ends")]
    Stopped,
}
