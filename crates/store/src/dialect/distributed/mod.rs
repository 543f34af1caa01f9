//! Distributed databases: PostgreSQL with the extension Citus, where rows are spread over several servers by their company. The one
//! place that knows of it.
//!
//! | part | what |
//! | --- | --- |
//! | this | whether the database is one, and what of statements depends on it |
//! | `tables` | which table goes where, and the keys that it has there |
//! | `removal` | what retention says otherwise there |
//! | `convert` | turning a database into a distributed one, table by table |
//!
//! A statement is written for a single server first. Where Citus refuses it, or would do something else, the dialect asks
//! `is_known` and says it another way, one that is right on a single server too: so a process that still holds a pool of a single
//! server, or learns late, does nothing wrong.

mod convert;
mod removal;
mod tables;

use std::sync::atomic::{AtomicBool, Ordering};

use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, Statement,
    sea_query::OnConflict,
    sqlx::{self, PgConnection, Row},
};

pub(crate) use convert::begin_if_empty;
pub use convert::{Distribution, Step, begin, plan};
pub(crate) use removal::{beside, tidy};

/// Whether this process met a distributed database. It is learnt when a connection is made and never forgotten: what is said for
/// a distributed database is right for others too. Tables do not become local again while programs run.
static KNOWN: AtomicBool = AtomicBool::new(false);

/// Whether `transactions` is spread, of a server that may not have the extension at all: then its catalogue has no such table.
const ASK: &str = "SELECT to_regclass('pg_dist_partition') IS NOT NULL AND to_regclass('transactions') IS NOT NULL";
/// The same, where it has.
const ASK_CITUS: &str = "SELECT EXISTS (SELECT 1 FROM pg_dist_partition WHERE logicalrelid = to_regclass('transactions'))";

/// Whether the database is known to be distributed.
pub(crate) fn is_known() -> bool {
    KNOWN.load(Ordering::Relaxed)
}

/// Asks over a new connection. One question more for each connection that a pool opens, until it is known; none for each batch.
pub(crate) async fn learn(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    if is_known() {
        return Ok(());
    }
    let has_extension: bool = sqlx::query(ASK).fetch_one(&mut *connection).await?.try_get(0)?;
    if has_extension && sqlx::query(ASK_CITUS).fetch_one(&mut *connection).await?.try_get(0)? {
        KNOWN.store(true, Ordering::Relaxed);
    }
    Ok(())
}

/// Asks the database itself: for who just made it one, or was just refused a statement.
pub(crate) async fn ask(db: &DatabaseConnection) -> Result<bool, DbErr> {
    if db.get_database_backend() != DbBackend::Postgres {
        return Ok(false);
    }
    let is_so = truth(db, ASK).await? && truth(db, ASK_CITUS).await?;
    if is_so {
        KNOWN.store(true, Ordering::Relaxed);
    }
    Ok(is_so)
}

async fn truth(db: &impl ConnectionTrait, sql: &str) -> Result<bool, DbErr> {
    let row = db.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
    row.map_or(Ok(false), |row| row.try_get_by_index(0))
}

/// Makes a snapshot read each server over one connection: over several, each would be of another moment.
pub(crate) async fn look_once(tx: &DatabaseTransaction) -> Result<(), DbErr> {
    if is_known() {
        tx.execute_unprepared("SET LOCAL citus.max_adaptive_executor_pool_size = 1").await?;
    }
    Ok(())
}

/// What an insert says where a row's id may be there already: on a distributed database the key has the company before it.
pub(crate) fn same_id<C: ColumnTrait>(db: &impl ConnectionTrait, company: C, id: C) -> OnConflict {
    if is_known() && db.get_database_backend() == DbBackend::Postgres {
        OnConflict::columns([company, id])
    } else {
        OnConflict::column(id)
    }
}

/// The key of rows that have an id: on a distributed database the company stands before it.
pub(crate) fn row_key() -> &'static str {
    if is_known() { "company_id, id" } else { "id" }
}
