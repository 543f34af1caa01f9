//! The database: entities, migrations, the batch write and the few queries. PostgreSQL and SQLite.
//!
//! | module | part |
//! | --- | --- |
//! | [`entity`] | the tables |
//! | [`migration`] | how they came to be |
//! | [`batch`] | events in, rows out, in one transaction |
//! | [`reads`] | what the read API asks, by page and filter |
//! | [`rollups`] | figures by buckets of time, kept by differences |
//! | [`verify`] | the same figures counted again: verify and rebuild |
//! | [`outbound`] | companies' own systems are told of what changed |
//! | [`retention`] | removes rows older than the configured ages |
//! | [`receiver_changes`] | receivers as they are published, and whether something changed |
//! | [`reconciliations`] | comparisons with Netbanx's reports: runs, what they found, what they ask |
//! | [`lookups`] | how a company's transactions are asked for at Netbanx, and which are worth it |
//! | [`horizon`] | the instants before which rows may have been removed |
//! | [`companies`] | companies and which accounts are theirs |
//! | `credential` | random credentials and their digests |
//! | [`secrets`] | receivers' keys, encrypted |
//! | [`shown`] | transactions and accounts as JSON shows them |
//! | [`tokens`] | API tokens, hashed |
//! | [`users`] | users, their roles, passwords and sessions |
//! | [`audit`] | who changed what |
//! | [`existing`] | which webhooks are stored |
//! | [`state`] | facts of the whole installation |
//! | [`dialect`] | the only place where the two databases differ |
//! | [`row_sums`] | the sums of roll-ups, counted from the rows |
//! | `vault` | encryption under the master keys |
//! | `wide` | sums beyond 64 bits in columns of 64 bits |
//! | [`deadline`] | time limits for database work |
//!
//! **A new table.** A migration of its own at the end of [`migration`], in the words of both databases; an entity in [`entity`]; a
//! module for its queries, with a row above; retention in [`retention`] unless it cannot grow. What one database says otherwise goes
//! into [`dialect`]. A test in `tests/it` runs on both.

pub mod audit;
pub mod batch;
pub mod companies;
mod credential;
pub mod deadline;
pub mod dialect;
pub mod entity;
pub mod existing;
pub mod horizon;
pub mod lookups;
pub mod migration;
pub mod outbound;
pub mod reads;
pub mod receiver_changes;
pub mod reconciliations;
pub mod retention;
pub mod rollups;
pub mod row_sums;
pub mod secrets;
pub mod shown;
pub mod state;
pub mod tokens;
pub mod users;
mod vault;
pub mod verify;
mod wide;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbErr, RuntimeErr, sqlx};
use sea_orm_migration::MigratorTrait;

pub use deadline::{answered, within};
pub use vault::Vault;

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

/// A pool of at most `max_connections` to the database at `url`. SQLite gets one writer at a time
/// and a write-ahead log. A PostgreSQL that is away is no error here: it is asked when it is needed.
pub async fn connect(url: &str, max_connections: u32) -> Result<DatabaseConnection, Error> {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(max_connections)
        .min_connections(0)
        .acquire_timeout(Duration::from_secs(5))
        .connect_timeout(Duration::from_secs(5))
        // One that was of use a moment ago is not asked first whether it still is: whatever fails may be repeated.
        .test_before_acquire_if_idle_for(Duration::from_secs(1))
        .sqlx_logging(false);
    if dialect::is_sqlite_url(url) {
        options.map_sqlx_sqlite_opts(|sqlite| {
            sqlite
                .journal_mode(sqlx::sqlite::SqliteJournalMode::Wal)
                .synchronous(sqlx::sqlite::SqliteSynchronous::Full)
                .busy_timeout(Duration::from_secs(5))
        });
    } else {
        options.connect_lazy(true);
        options.map_sqlx_postgres_pool_opts(|pool| pool.after_release(|connection, _| Box::pin(deadline::is_alive(connection))));
    }
    Ok(Database::connect(options).await?)
}

/// Applies what migrations are missing; several processes may call it at once.
pub async fn migrate(db: &DatabaseConnection) -> Result<(), Error> {
    let guard = dialect::migration_guard(db).await?;
    let done = migration::Migrator::up(db, None).await;
    if let Some(guard) = guard {
        guard.commit().await?;
    }
    Ok(done?)
}

/// Longest wait for a sign that the database is there.
const PING: Duration = Duration::from_secs(5);

/// Whether the database answers.
pub async fn ping(db: &DatabaseConnection) -> Result<(), Error> {
    within(PING, async { Ok(db.execute_unprepared("SELECT 1").await.map(drop)?) }).await
}

/// Milliseconds since 1970 UTC.
pub fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as i64)
}

/// A transaction that sees one moment, however long it is read from.
pub async fn snapshot(db: &DatabaseConnection) -> Result<sea_orm::DatabaseTransaction, Error> {
    Ok(dialect::snapshot(db).await?)
}

/// How many migrations the database lacks.
pub async fn pending_migrations(db: &DatabaseConnection) -> Result<usize, Error> {
    Ok(migration::Migrator::get_pending_migrations(db).await?.len())
}
