//! How every part talks to Redis: one way to connect, with limits, and one to call a script.

mod connection;
mod script;

pub use connection::{COMMAND_TIMEOUT, builder, connect};
pub use fred;
pub use script::Script;

/// What can go wrong, by what the caller can do about it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The address cannot work; mend it.
    #[error("the Redis address is not usable: {0}")]
    Settings(String),
    /// Redis is away or too slow. What was asked may have happened; ask again later.
    #[error("Redis is not available: {0}")]
    Unavailable(String),
    /// Redis has no memory left. Ask again later.
    #[error("Redis is full")]
    Full,
}

impl From<fred::error::Error> for Error {
    fn from(error: fred::error::Error) -> Self {
        if error.details().starts_with("OOM") { Self::Full } else { Self::Unavailable(error.to_string()) }
    }
}
