//! The directory of receivers that is kept in the queue's Redis, so that accepting a webhook needs no database.
//!
//! | module | part |
//! | --- | --- |
//! | [`directory`] | the directory's keys in Redis, and how ingress reads them |
//! | [`publish`] | what changed in the database goes into the directory; else it is built anew |
//! | [`rebuild`] | the whole directory from the database, put in place at once |
//! | [`keeper`] | the task that repairs it: lost publications, a flushed Redis, changes by an older version |
//!
//! A change is committed with a stamp of its own ([`store::receiver_changes`]) and then published. The directory bears the
//! stamp of the latest change that it has, and a version that is new after every publication: ingress polls the version.
//! All keys share one hash tag. They have no time to live, being bounded by the database's rows. Keys stay sealed under the
//! master key as in the database.

pub mod directory;
pub mod keeper;
pub mod publish;
pub mod rebuild;

pub use directory::{Directory, Found, Head, SealedKey};
pub use publish::{publish, refresh};

/// What can go wrong, by what the caller can do about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Redis is away or too slow.
    #[error(transparent)]
    Redis(#[from] redis_client::Error),
    /// The database is away, or a key cannot be opened.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// Neither Redis nor the database could tell. Ask again later.
    #[error("receivers cannot be looked up now: {0}")]
    Unavailable(&'static str),
    /// What Redis holds is not of this version's form.
    #[error("the directory of receivers has an entry of an unknown form")]
    Malformed,
    /// Others published all the time. Ask again.
    #[error("receivers were changed by others all the time")]
    Contended,
}

impl From<redis_client::fred::error::Error> for Error {
    fn from(error: redis_client::fred::error::Error) -> Self {
        redis_client::Error::from(error).into()
    }
}
