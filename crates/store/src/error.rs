//! What can go wrong, told by what the caller can do about it.

use sea_orm::{
    DbErr, RuntimeErr,
    sqlx::{self, error::DatabaseError},
};

use crate::dialect;

/// What can go wrong, by what the caller can do about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database is away, busy, or not as it should be: read-only, full, without its tables. Nothing was written; the same call
    /// may succeed later.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// The database refused the data. The same call will fail again.
    #[error("the database refused it: {0}")]
    Refused(String),
    /// A value that was entered cannot be: enter another. `name` is what the API calls it.
    #[error("{reason}")]
    Invalid {
        /// The parameter.
        name: &'static str,
        /// What it may be; never the value itself.
        reason: String,
    },
    /// There is such a thing already, or no such thing.
    #[error("{0}")]
    Conflict(String),
    /// Too many passwords are being checked. Try again in a moment.
    #[error("too many passwords are being checked")]
    Busy,
    /// A secret cannot be encrypted or decrypted: most likely another master key.
    #[error("the secret cannot be decrypted: is it another MASTER_KEY?")]
    Crypto,
}

impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        if !is_passing(&error) {
            return Self::Refused(error.to_string());
        }
        let advice = if is_missing_table(&error) { "; `netbanx migrate` makes its tables" } else { "" };
        Self::Unavailable(format!("{error}{advice}"))
    }
}

fn cause(error: &DbErr) -> Option<&sqlx::Error> {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(e))
        | DbErr::Exec(RuntimeErr::SqlxError(e))
        | DbErr::Query(RuntimeErr::SqlxError(e)) => Some(e),
        _ => None,
    }
}

fn is_missing_table(error: &DbErr) -> bool {
    let refused = cause(error).and_then(sqlx::Error::as_database_error);
    refused.is_some_and(|refused| dialect::is_missing_table(&refused.code().unwrap_or_default(), refused.message()))
}

/// Whether a unique key is taken.
pub(crate) fn is_taken(error: &DbErr) -> bool {
    has_code(error, "23505")
}

/// Whether two transactions waited for each other, and PostgreSQL ended this one.
pub(crate) fn is_deadlock(error: &DbErr) -> bool {
    has_code(error, "40P01")
}

fn has_code(error: &DbErr, code: &str) -> bool {
    cause(error).and_then(sqlx::Error::as_database_error).and_then(DatabaseError::code).is_some_and(|found| found == code)
}

fn is_passing(error: &DbErr) -> bool {
    match cause(error) {
        Some(sqlx::Error::Database(refused)) => {
            refused.code().is_some_and(|code| dialect::is_passing_code(&code, refused.message()))
        }
        Some(
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed,
        ) => true,
        Some(_) => false,
        None => matches!(error, DbErr::ConnectionAcquire(_)),
    }
}
