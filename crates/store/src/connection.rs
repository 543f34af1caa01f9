//! The pool of connections, the transactions that are begun on it, and migrating.

use std::{collections::HashSet, time::Duration};

use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbErr, RuntimeErr, TransactionTrait,
    sqlx::{self, postgres::PgConnectOptions, sqlite::SqliteConnectOptions},
};
use sea_orm_migration::MigratorTrait;

use crate::{Error, deadline, dialect, migration};

/// A pool of at most `max_connections` to the database at `url`. SQLite gets one writer at a time
/// and a write-ahead log. A PostgreSQL that is away is no error here: it is asked when it is needed.
pub async fn connect(url: &str, max_connections: u32) -> Result<DatabaseConnection, Error> {
    open(url, max_connections, None).await
}

/// The same, and PostgreSQL itself ends a statement that takes longer than `limit`: of an asker who gave up it knows
/// nothing, and would go on. [`snapshot`] has a limit of its own. SQLite knows none.
pub async fn connect_bounded(url: &str, max_connections: u32, limit: Duration) -> Result<DatabaseConnection, Error> {
    open(url, max_connections, Some(limit).filter(|limit| !limit.is_zero())).await
}

/// Whether a database's address can be read; else what is wrong with it. The address is not repeated, since it may hold a password.
pub fn check_url(url: &str) -> Result<(), &'static str> {
    let (is_read, reason) = if dialect::is_sqlite_url(url) {
        (url.parse::<SqliteConnectOptions>().is_ok(), "cannot be read: it must be sqlite://FILE?mode=rwc")
    } else {
        (url.parse::<PgConnectOptions>().is_ok(), MALFORMED)
    };
    if is_read { Ok(()) } else { Err(reason) }
}

const MALFORMED: &str = "cannot be read: it must be postgres://USER:PASSWORD@HOST:PORT/DATABASE, with a number as its port, sslmode and \
                         the like spelt right, and within the user and the password / # ? @ % written as %2F %23 %3F %40 %25";

/// What stands in the error of sea-orm itself begins with the address.
fn without_address(error: DbErr) -> Error {
    match error {
        DbErr::Conn(RuntimeErr::Internal(_)) => Error::Refused(format!("the database's address {MALFORMED}")),
        error => error.into(),
    }
}

async fn open(url: &str, max_connections: u32, statements: Option<Duration>) -> Result<DatabaseConnection, Error> {
    check_url(url).map_err(|reason| Error::Refused(format!("the database's address {reason}")))?;
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
        if let Some(limit) = statements {
            // Told with the connection itself: it costs no call, and holds for every session that a pool opens.
            // Compiling a statement costs more than any of ours takes.
            let told = [("statement_timeout", limit.as_millis().to_string()), ("jit", "off".to_owned())];
            options.map_sqlx_postgres_opts(move |postgres| postgres.options(told.clone()));
        }
        options.map_sqlx_postgres_pool_opts(|pool| {
            pool.after_connect(|connection, _| Box::pin(dialect::distributed::learn(connection)))
                .after_release(|connection, _| Box::pin(deadline::is_alive(connection)))
        });
    }
    Database::connect(options).await.map_err(without_address)
}

/// What came of [`migrate`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Migrated {
    /// So many migrations were applied.
    Applied(usize),
    /// The database has so many that this version does not know, and lacks none: a later version was here. It stays as it is.
    Newer(usize),
}

/// Applies what migrations are missing; several processes may call it at once, on PostgreSQL.
pub async fn migrate(db: &DatabaseConnection) -> Result<Migrated, Error> {
    let guard = dialect::migration_guard(db).await?;
    let done = migrate_guarded(db).await;
    if let Some(guard) = guard {
        guard.commit().await?;
    }
    done
}

async fn migrate_guarded(db: &DatabaseConnection) -> Result<Migrated, Error> {
    let Migrations { missing, unknown } = migrations(db).await?;
    if unknown > 0 {
        let reason =
            format!("{unknown} of the database's migrations are of a later version, and {missing} of this one are missing");
        return if missing == 0 { Ok(Migrated::Newer(unknown)) } else { Err(Error::Refused(reason)) };
    }
    migration::Migrator::up(db, None).await?;
    dialect::distributed::begin_if_empty(db).await?;
    Ok(Migrated::Applied(missing))
}

/// How the database's migrations differ from those of this version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migrations {
    /// Those that the database lacks.
    pub missing: usize,
    /// Those that this version does not know.
    pub unknown: usize,
}

/// Compares the database's migrations with those of this version.
pub async fn migrations(db: &DatabaseConnection) -> Result<Migrations, Error> {
    migration::Migrator::install(db).await?;
    let applied: HashSet<String> =
        migration::Migrator::get_migration_models(db).await?.into_iter().map(|row| row.version).collect();
    let own: HashSet<String> = migration::Migrator::migrations().iter().map(|own| own.name().to_owned()).collect();
    Ok(Migrations { missing: own.difference(&applied).count(), unknown: applied.difference(&own).count() })
}

/// Longest wait for a sign that the database is there.
const PING: Duration = Duration::from_secs(5);

/// Whether the database answers.
pub async fn ping(db: &DatabaseConnection) -> Result<(), Error> {
    deadline::within(PING, async { Ok(db.execute_unprepared("SELECT 1").await.map(drop)?) }).await
}

/// A transaction that will write. SQLite gives the right to write at once, for whoever reads first cannot get it any more
/// once another wrote.
pub async fn begin(db: &DatabaseConnection) -> Result<DatabaseTransaction, Error> {
    let tx = db.begin().await?;
    dialect::begin_writing(&tx).await?;
    Ok(tx)
}

/// Longest time for one statement of a snapshot.
const SNAPSHOT_STATEMENT: Duration = Duration::from_secs(600);

/// A transaction that sees one moment, however long it is read from.
pub async fn snapshot(db: &DatabaseConnection) -> Result<DatabaseTransaction, Error> {
    let tx = dialect::snapshot(db).await?;
    dialect::limit_statements(&tx, SNAPSHOT_STATEMENT).await?;
    Ok(tx)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_that_cannot_be_read_is_not_repeated() {
        for url in ["postgres://u:hunter2@host:port/x", "postgres://u:hunter2#@host/x", "postgres://u:hunter2/@host/x", "hunter2"]
        {
            let error = connect(url, 1).await.unwrap_err().to_string();
            assert!(error.contains("cannot be read") && !error.contains("hunter2"), "{error}");
        }
        // What passes our own look and not the driver's.
        let error = without_address(DbErr::Conn(RuntimeErr::Internal("postgres://u:hunter2@host".to_owned()))).to_string();
        assert!(error.contains("cannot be read") && !error.contains("hunter2"), "{error}");
    }
}
