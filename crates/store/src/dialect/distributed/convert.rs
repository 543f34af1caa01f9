//! Turning a database into a distributed one. Each table is a step of its own, committed by itself: whatever is interrupted goes on
//! with the table that it was at.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, Statement, TransactionTrait};

use super::{
    ask,
    tables::{REFERENCE, TENANT, Tenant},
    truth,
};
use crate::{
    Error,
    dialect::{migration_guard, partitions},
    entity::rollup::ALL_COMPANIES,
};

/// Servers that hold rows.
const NODES: &str = "SELECT count(*) FROM pg_dist_node WHERE isactive AND shouldhaveshards AND noderole = 'primary'";

/// Waits for those who are at work with a table at most; then nothing was changed, and the same may be tried again.
const LOCK_TIMEOUT: &str = "SET LOCAL lock_timeout = '10s'";

/// A table that is still to be spread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its name.
    pub table: &'static str,
    /// What becomes of it, in words.
    pub what: String,
    statements: Vec<String>,
}

/// What a database lacks to be a distributed one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Distribution {
    /// Servers that hold rows.
    pub nodes: u64,
    /// What is left to do; empty: it is one.
    pub steps: Vec<Step>,
}

/// What [`begin`] would do.
///
/// # Errors
/// Where it cannot be done: on SQLite, and on a PostgreSQL without the extension or without servers that hold rows; each with what
/// to do about it.
pub async fn plan(db: &DatabaseConnection) -> Result<Distribution, Error> {
    if db.get_database_backend() != DbBackend::Postgres {
        return Err(refused(
            "SQLite is one file on one machine and cannot be distributed; PostgreSQL with the extension Citus can",
        ));
    }
    if !has_extension(db).await? {
        return Err(refused(
            "this PostgreSQL lacks the extension Citus in this database; install Citus on each server, name it in \
             shared_preload_libraries, CREATE EXTENSION citus in this database on each, join them by citus_set_coordinator_host \
             and citus_add_node, and try again (docs/distributed.md)",
        ));
    }
    let nodes = number(db, NODES).await?;
    if nodes == 0 {
        return Err(refused(
            "Citus knows no server that would hold rows; join some to this coordinator by citus_add_node, or let it hold rows \
             itself by citus_set_node_property(..., 'shouldhaveshards', true), and try again (docs/distributed.md)",
        ));
    }
    if !truth(db, "SELECT to_regclass('transactions') IS NOT NULL").await? {
        return Err(refused("the database has no tables yet: `netbanx migrate` makes them, and spreads them right away"));
    }
    let mut steps = Vec::new();
    if !partitions::are_there(db).await? {
        let what = "webhooks and transactions are partitioned by month, as `netbanx partition` does".to_owned();
        steps.push(Step { table: PARTITIONS, what, statements: Vec::new() });
    }
    for table in TENANT {
        if !is_spread(db, table.name).await? {
            steps.push(tenant(table));
        }
    }
    for name in REFERENCE {
        if !is_spread(db, name).await? {
            let statements = vec![format!("SELECT create_reference_table('{name}')")];
            steps.push(Step { table: name, what: "every server gets a copy".to_owned(), statements });
        }
    }
    Ok(Distribution { nodes, steps })
}

/// The step before all others, which is no table.
const PARTITIONS: &str = "partitions";

/// Makes the database a distributed one, as far as it is not. Each step is told to `done` once it is committed. Nobody reads or
/// writes a table while its rows are moved: batches fail meanwhile and come again, ingress needs no database.
///
/// # Errors
/// As of [`plan`]; and what PostgreSQL refuses. What was done stays done: the same again goes on.
pub async fn begin(db: &DatabaseConnection, mut done: impl FnMut(&Step)) -> Result<Distribution, Error> {
    plan(db).await?;
    let guard = migration_guard(db).await?;
    // Asked again: another may have done it while this one waited.
    let distribution = plan(db).await?;
    for step in &distribution.steps {
        if step.table == PARTITIONS {
            partitions::begin_guarded(db).await?;
        } else {
            let tx = db.begin().await?;
            tx.execute_unprepared(LOCK_TIMEOUT).await?;
            for statement in &step.statements {
                tx.execute_unprepared(statement).await?;
            }
            tx.commit().await?;
        }
        done(step);
    }
    if let Some(guard) = guard {
        guard.commit().await?;
    }
    ask(db).await?;
    if !distribution.steps.is_empty() {
        // Whoever is at work connects again, and learns it by that.
        let others = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
            WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid() AND backend_type = 'client backend'
            AND application_name NOT LIKE 'citus%'";
        db.execute_unprepared(others).await?;
    }
    Ok(distribution)
}

/// What a migration ends with. A database with the extension that holds nothing yet becomes a distributed one; one that is gets its
/// new tables spread. The migration's guard is held.
pub(crate) async fn begin_if_empty(db: &DatabaseConnection) -> Result<(), Error> {
    if db.get_database_backend() != DbBackend::Postgres || !has_extension(db).await? {
        return Ok(());
    }
    let some = "SELECT EXISTS (SELECT 1 FROM companies) OR EXISTS (SELECT 1 FROM webhook_events)";
    if !ask(db).await? && (number(db, NODES).await? == 0 || truth(db, some).await?) {
        return Ok(());
    }
    for step in plan(db).await?.steps {
        let tx = db.begin().await?;
        for statement in &step.statements {
            tx.execute_unprepared(statement).await?;
        }
        tx.commit().await?;
    }
    ask(db).await?;
    Ok(())
}

/// How a tenants' table is spread: its key made to begin with the company, beside it an index of what was the key, then its rows
/// moved to where their companies are.
fn tenant(table: &Tenant) -> Step {
    let name = table.name;
    let mut statements = Vec::new();
    let mut what = "spread by company".to_owned();
    if let Some(key) = table.key {
        statements.push(format!("ALTER TABLE {name} DROP CONSTRAINT {name}_pkey"));
        statements.push(format!("ALTER TABLE {name} ADD PRIMARY KEY (company_id, {key})"));
        // Many rows are still found by their id alone.
        statements.push(format!("CREATE INDEX {name}_by_id ON {name} ({key})"));
        what = format!("its key becomes (company_id, {key}), and it is spread by company");
    }
    if let Some((index, column)) = table.unique {
        statements.push(format!("DROP INDEX {index}"));
        statements.push(format!("CREATE INDEX {index} ON {name} ({column})"));
        what = format!("its index {index} is no longer unique, and it is {what}");
    }
    if name == "rollups" {
        // All companies together are summed up by who asks for them.
        statements.push(format!("DELETE FROM rollups WHERE company_id = '{ALL_COMPANIES}'"));
    }
    // All together: a company's rows of all tables are on one server.
    let beside = if name == first() { "none" } else { first() };
    statements.push(format!("SELECT create_distributed_table('{name}', 'company_id', colocate_with => '{beside}')"));
    // What the coordinator held is no longer read, and is still on its disk.
    statements.push(format!("SELECT truncate_local_data_after_distributing_table('{name}')"));
    Step { table: name, what, statements }
}

/// The table that the others are put beside.
fn first() -> &'static str {
    TENANT.first().map_or("", |table| table.name)
}

fn refused(why: &str) -> Error {
    Error::Conflict(why.to_owned())
}

async fn has_extension(db: &impl ConnectionTrait) -> Result<bool, DbErr> {
    truth(db, "SELECT EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'citus')").await
}

async fn is_spread(db: &impl ConnectionTrait, table: &str) -> Result<bool, DbErr> {
    truth(db, &format!("SELECT EXISTS (SELECT 1 FROM pg_dist_partition WHERE logicalrelid = '{table}'::regclass)")).await
}

async fn number(db: &impl ConnectionTrait, sql: &str) -> Result<u64, DbErr> {
    let row = db.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
    row.map_or(Ok(0), |row| Ok(row.try_get_by_index::<i64>(0)?.unsigned_abs()))
}
