//! Partitions by time of `webhook_events` and `transactions`, on PostgreSQL.
//!
//! Ids are UUIDv7: a range of ids is a range of time, and never changes. So the tables are partitioned by
//! their primary key, a partition a month; `event_identities` and `transaction_keys` keep what is unique
//! over all of them. A partition is named by the month before which it ends.

mod retire;

use chrono::{DateTime, Datelike, Months, NaiveDate, Utc};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, Statement, TransactionTrait};
use uuid::Uuid;

use super::migration_guard;
use crate::Error;
pub use retire::retire;
pub(crate) use retire::{lapsed, tidy};

/// Months ahead for which there are partitions.
const AHEAD: u32 = 3;
/// What a change of a partitioned table waits for others at most: behind it all writers wait.
const LOCK_TIMEOUT: &str = "SET LOCAL lock_timeout = '2s'";

/// A partitioned table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Table {
    Events,
    Transactions,
}

impl Table {
    const ALL: [Self; 2] = [Self::Events, Self::Transactions];

    fn name(self) -> &'static str {
        match self {
            Self::Events => "webhook_events",
            Self::Transactions => "transactions",
        }
    }

    /// The trigger by which the version before directories is followed.
    fn trigger(self) -> &'static str {
        match self {
            Self::Events => "note_event",
            Self::Transactions => "note_transaction",
        }
    }

    /// The index that was unique: its directory is, now.
    fn former_key(self) -> &'static str {
        match self {
            Self::Events => "webhook_events_identity",
            Self::Transactions => "transactions_key",
        }
    }

    fn partition(self, until: NaiveDate) -> String {
        format!("{}_until_{}_{:02}", self.name(), until.year(), until.month())
    }

    /// The statement that makes the partition of `month`.
    fn month(self, month: NaiveDate) -> String {
        let (name, until) = (self.name(), after(month, 1));
        let (partition, start, end) = (self.partition(until), first_id(month), first_id(until));
        format!("CREATE TABLE IF NOT EXISTS {partition} PARTITION OF {name} FOR VALUES FROM ('{start}') TO ('{end}')")
    }
}

fn month_of(at: DateTime<Utc>) -> NaiveDate {
    at.date_naive().with_day(1).unwrap_or_default()
}

fn after(month: NaiveDate, months: u32) -> NaiveDate {
    month.checked_add_months(Months::new(months)).unwrap_or(NaiveDate::MAX)
}

/// The first UUIDv7 of a month.
fn first_id(month: NaiveDate) -> Uuid {
    let ms = month.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_millis();
    crate::first_id(ms)
}

fn month_in(partition: &str) -> Option<NaiveDate> {
    let (_, month) = partition.rsplit_once("_until_")?;
    NaiveDate::parse_from_str(&format!("{month}_01"), "%Y_%m_%d").ok()
}

async fn names(db: &impl ConnectionTrait, sql: String) -> Result<Vec<String>, DbErr> {
    let rows = db.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
    rows.into_iter().map(|row| row.try_get("", "name")).collect()
}

async fn exists(db: &impl ConnectionTrait, sql: &str) -> Result<bool, DbErr> {
    let sql = format!("SELECT EXISTS ({sql}) AS found");
    let row = db.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
    row.map_or(Ok(false), |row| row.try_get("", "found"))
}

async fn run(db: &impl ConnectionTrait, statements: &[String]) -> Result<(), DbErr> {
    for statement in statements {
        db.execute_unprepared(statement).await?;
    }
    Ok(())
}

/// Whether the tables are partitioned. Never on SQLite.
pub async fn are_there(db: &impl ConnectionTrait) -> Result<bool, DbErr> {
    Ok(db.get_database_backend() == DbBackend::Postgres
        && exists(db, "SELECT 1 FROM pg_partitioned_table WHERE partrelid = 'transactions'::regclass").await?)
}

/// The ends of the partitions of a table, the oldest first.
async fn ends(db: &impl ConnectionTrait, table: Table) -> Result<Vec<NaiveDate>, DbErr> {
    let sql = format!("SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = '{}'::regclass", table.name());
    let mut ends: Vec<NaiveDate> = names(db, sql).await?.iter().filter_map(|name| month_in(name)).collect();
    ends.sort_unstable();
    Ok(ends)
}

/// Partitions the tables of a database that holds nothing yet, and makes the months ahead: no worker has to while it
/// holds the first batches up.
pub(crate) async fn begin_if_empty(db: &impl ConnectionTrait) -> Result<(), DbErr> {
    let some = "SELECT 1 FROM webhook_events UNION ALL SELECT 1 FROM transactions";
    if db.get_database_backend() != DbBackend::Postgres || exists(db, some).await? {
        return Ok(());
    }
    let this = month_of(clock::now());
    for table in Table::ALL {
        convert(db, table, after(this, 1)).await?;
        for n in 1..=AHEAD {
            run(db, &[table.month(after(this, n))]).await?;
        }
    }
    Ok(())
}

/// Partitions the tables as they are: what they hold becomes the first partition, without being written
/// again. Returns whether there was anything to do. No worker of a version before directories may be at
/// work any more. Reads each table once before, and holds writers up for a moment only.
///
/// # Errors
/// On SQLite, and for rows whose ids are in the future.
pub async fn begin(db: &DatabaseConnection) -> Result<bool, Error> {
    if db.get_database_backend() != DbBackend::Postgres {
        return Err(Error::Conflict("only PostgreSQL has partitions".to_owned()));
    }
    let guard = migration_guard(db).await?;
    let is_new = begin_guarded(db).await?;
    if let Some(guard) = guard {
        guard.commit().await?;
    }
    Ok(is_new)
}

/// The same where the migrations' guard is held already.
pub(crate) async fn begin_guarded(db: &DatabaseConnection) -> Result<bool, Error> {
    let is_new = !are_there(db).await?;
    if is_new {
        let until = after(month_of(clock::now()), 1);
        for table in Table::ALL {
            // Proved beforehand, so that it need not be read while nobody may write.
            let (name, bound) = (table.name(), first_id(until));
            run(
                db,
                &[
                    format!("ALTER TABLE {name} DROP CONSTRAINT IF EXISTS {name}_range"),
                    format!("ALTER TABLE {name} ADD CONSTRAINT {name}_range CHECK (id < '{bound}') NOT VALID"),
                    format!("ALTER TABLE {name} VALIDATE CONSTRAINT {name}_range"),
                ],
            )
            .await?;
        }
        let tx = db.begin().await?;
        tx.execute_unprepared("SET LOCAL lock_timeout = '10s'").await?;
        for table in Table::ALL {
            convert(&tx, table, until).await?;
        }
        tx.commit().await?;
    }
    prepare(db, clock::now()).await?;
    Ok(is_new)
}

/// Puts a partitioned table in the place of `table`, with `table` as its partition before `until`.
async fn convert(db: &impl ConnectionTrait, table: Table, until: NaiveDate) -> Result<(), DbErr> {
    let (name, old, trigger) = (table.name(), table.partition(until), table.trigger());
    let key = table.former_key();
    let indexes = format!("SELECT indexrelid::regclass::text AS name FROM pg_index WHERE indrelid = '{name}'::regclass");
    run(db, &[format!("DROP TRIGGER {trigger} ON {name}"), format!("DROP FUNCTION {trigger}")]).await?;
    run(db, &[format!("DROP INDEX {key}"), format!("ALTER TABLE {name} RENAME TO {old}")]).await?;
    let of_old = indexes.replace(name, &old);
    for index in names(db, of_old).await? {
        // `transactions_time` becomes `transactions_until_2026_12_time`.
        let renamed = index.replacen(name, &old, 1);
        db.execute_unprepared(&format!("ALTER INDEX {index} RENAME TO {renamed}")).await?;
    }
    let definitions = format!("SELECT indexdef AS name FROM pg_indexes WHERE tablename = '{old}'");
    run(
        db,
        &[
            format!("CREATE TABLE {name} (LIKE {old} INCLUDING DEFAULTS INCLUDING STORAGE) PARTITION BY RANGE (id)"),
            format!("ALTER TABLE {name} ADD PRIMARY KEY (id)"),
        ],
    )
    .await?;
    for definition in names(db, definitions).await? {
        if !definition.contains(&format!("{old}_pkey")) {
            db.execute_unprepared(&definition.replace(&old, name)).await?;
        }
    }
    let bound = first_id(until);
    run(
        db,
        &[
            format!("ALTER TABLE {name} ATTACH PARTITION {old} FOR VALUES FROM (MINVALUE) TO ('{bound}')"),
            format!("ALTER TABLE {old} DROP CONSTRAINT IF EXISTS {name}_range"),
            // A write never fails for want of a partition.
            format!("CREATE TABLE {name}_rest PARTITION OF {name} DEFAULT"),
        ],
    )
    .await
}

/// Makes the partitions of this month and those ahead, where they are missing. Returns how many it made.
pub async fn prepare(db: &DatabaseConnection, now: DateTime<Utc>) -> Result<u32, Error> {
    let mut made = 0;
    if !are_there(db).await? {
        return Ok(made);
    }
    for table in Table::ALL {
        let there = ends(db, table).await?;
        let newest = there.last().copied().unwrap_or_else(|| month_of(now));
        for month in (0..=AHEAD).map(|n| after(month_of(now), n)).filter(|month| after(*month, 1) > newest) {
            let tx = db.begin().await?;
            run(&tx, &[LOCK_TIMEOUT.to_owned(), table.month(month)]).await?;
            tx.commit().await?;
            made += 1;
        }
    }
    Ok(made)
}
