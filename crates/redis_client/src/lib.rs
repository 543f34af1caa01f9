//! How every part talks to Redis: one way to connect, with limits, and one to call a script.

mod connection;
mod nodes;
mod script;
#[cfg(feature = "simulated")]
pub mod simulated;
mod tls;

pub use connection::{COMMAND_TIMEOUT, builder, connect, keep_connected};
pub use fred;
pub use nodes::Nodes;
pub use script::Script;

/// What can go wrong, by what the caller can do about it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The address cannot work; fix it.
    #[error("the Redis address is not usable: {0}")]
    Settings(String),
    /// Redis is away or too slow. What was asked may have happened; ask again later.
    #[error("Redis is not available: {0}")]
    Unavailable(String),
    /// Redis has no memory left. Ask again later.
    #[error("Redis is full")]
    Full,
    /// Another node of the cluster has the slot. Nothing happened; ask the cluster as a whole.
    #[error("another node of the cluster has the slot: {0}")]
    Moved(String),
}

impl From<fred::error::Error> for Error {
    fn from(error: fred::error::Error) -> Self {
        match error.details() {
            details if details.starts_with("OOM") => Self::Full,
            details if error.is_moved() || error.is_ask() => Self::Moved(details.to_owned()),
            _ => Self::Unavailable(error.to_string()),
        }
    }
}
