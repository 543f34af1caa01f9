//! The directory of receivers: companies, their sealed keys and assigned accounts, kept in the queue's Redis so that
//! accepting a webhook needs nothing else.
//!
//! | module | part |
//! | --- | --- |
//! | [`layout`] | the keys in Redis |
//! | [`directory`] | one look-up of ingress ([`Directory`]) |
//! | [`publish`] | from the database to the directory: one change, or all of it ([`Publisher`]) |
//!
//! The database is the truth. Anyone who changes a receiver publishes the change after its commit; a counter of changes in the
//! database, held against the one in Redis, shows a change that was not published, and a worker then publishes everything
//! again. Keys are stored in Redis as they are in the database: encrypted under the master key.

pub mod directory;
pub mod layout;
pub mod publish;

pub use directory::{Directory, SealedKey, State};
pub use publish::{Change, Publisher};

/// What can go wrong, by what the caller can do about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Redis is away or full. Ask again later.
    #[error(transparent)]
    Redis(#[from] redis_client::Error),
    /// The database is away or refused it.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// Redis has no directory yet. A worker makes one within seconds.
    #[error("there is no directory of receivers in Redis yet")]
    Absent,
    /// An entry of the directory cannot be read: another version wrote it, or something else.
    #[error("an entry of the directory of receivers cannot be read")]
    Malformed,
    /// Another process publishes and takes long. A worker publishes what this call did not.
    #[error("the directory of receivers is being published by another process")]
    Busy,
}

impl From<redis_client::fred::error::Error> for Error {
    fn from(error: redis_client::fred::error::Error) -> Self {
        redis_client::Error::from(error).into()
    }
}

impl From<sea_orm::DbErr> for Error {
    fn from(error: sea_orm::DbErr) -> Self {
        store::Error::from(error).into()
    }
}
