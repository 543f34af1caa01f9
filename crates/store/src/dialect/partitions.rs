//! Partitions by time of `webhook_events` and `transactions`, on PostgreSQL.
//!
//! Ids are UUIDv7: a range of ids is a range of time, and never changes. So the tables are partitioned by
//! their primary key, a partition a month; `event_identities` and `transaction_keys` keep what is unique
//! over all of them. A partition is named by the month before which it ends.

use chrono::{DateTime, Datelike, Months, NaiveDate, Utc};
use common::{CompanyId, Kind};
use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, Statement, TransactionTrait};
use uuid::Uuid;

use super::migration_guard;
use crate::Error;

/// Months ahead for which there are partitions.
const AHEAD: u32 = 3;
/// What a change of a partitioned table waits for others at most: behind it all writers wait.
const LOCK_TIMEOUT: &str = "SET LOCAL lock_timeout = '2s'";
/// Rows of a directory that one step removes at most.
const STEP: u32 = 1_000;

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

    /// The rows of an ended partition that are removed, those older than `oldest`.
    fn lapsed(self, oldest: i64) -> String {
        match self {
            Self::Events => "TRUE".to_owned(),
            Self::Transactions => format!("transaction_time < {oldest} AND updated_at < {oldest}"),
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
    Uuid::from_u128(u128::from(ms.max(0).unsigned_abs()) << 80)
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

/// Partitions the tables of a database that holds nothing yet.
pub(crate) async fn begin_if_empty(db: &impl ConnectionTrait) -> Result<(), DbErr> {
    let some = "SELECT 1 FROM webhook_events UNION ALL SELECT 1 FROM transactions";
    if db.get_database_backend() != DbBackend::Postgres || exists(db, some).await? {
        return Ok(());
    }
    let until = after(month_of(Utc::now()), 1);
    for table in Table::ALL {
        convert(db, table, until).await?;
    }
    Ok(())
}

/// Partitions the tables as they are: what they hold becomes the first partition, without being written
/// anew. Answers whether there was anything to do. No worker of a version before directories may be at
/// work any more. Reads each table once before, and holds writers up for a moment only.
///
/// # Errors
/// On SQLite, and for rows whose ids lie in the future.
pub async fn begin(db: &DatabaseConnection) -> Result<bool, Error> {
    if db.get_database_backend() != DbBackend::Postgres {
        return Err(Error::Conflict("only PostgreSQL has partitions".to_owned()));
    }
    let guard = migration_guard(db).await?;
    let is_new = !are_there(db).await?;
    if is_new {
        let until = after(month_of(Utc::now()), 1);
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
    prepare(db, Utc::now()).await?;
    if let Some(guard) = guard {
        guard.commit().await?;
    }
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

/// Makes the partitions of this month and those ahead, where they are missing. Answers how many it made.
pub async fn prepare(db: &DatabaseConnection, now: DateTime<Utc>) -> Result<u32, Error> {
    let mut made = 0;
    if !are_there(db).await? {
        return Ok(made);
    }
    for table in Table::ALL {
        let there = ends(db, table).await?;
        let newest = there.last().copied().unwrap_or_else(|| month_of(now));
        for n in 1..=AHEAD + 1 {
            let until = after(month_of(now), n);
            if until > newest {
                let (name, partition, start) = (table.name(), table.partition(until), first_id(after(month_of(now), n - 1)));
                let tx = db.begin().await?;
                tx.execute_unprepared(LOCK_TIMEOUT).await?;
                let range = format!("FROM ('{start}') TO ('{}')", first_id(until));
                tx.execute_unprepared(&format!("CREATE TABLE IF NOT EXISTS {partition} PARTITION OF {name} FOR VALUES {range}"))
                    .await?;
                tx.commit().await?;
                made += 1;
            }
        }
    }
    Ok(made)
}

/// Detaches and drops the partitions that ended before `oldest` (milliseconds since 1970 UTC). Transactions
/// that were touched since are kept: the partition is replaced by them. Answers how many it dropped.
pub async fn retire(db: &DatabaseConnection, oldest: i64) -> Result<u32, Error> {
    let mut dropped = 0;
    if !are_there(db).await? {
        return Ok(dropped);
    }
    let month = month_of(DateTime::from_timestamp_millis(oldest).unwrap_or_default());
    for table in Table::ALL {
        for end in ends(db, table).await?.into_iter().filter(|end| *end <= month) {
            let (lapsed, partition) = (table.lapsed(oldest), table.partition(end));
            let is_empty = !exists(db, &format!("SELECT 1 FROM {partition}")).await?;
            if is_empty || exists(db, &format!("SELECT 1 FROM {partition} WHERE {lapsed}")).await? {
                let tx = db.begin().await?;
                tx.execute_unprepared(LOCK_TIMEOUT).await?;
                replace(&tx, table, end, &lapsed).await?;
                tx.commit().await?;
                dropped += 1;
            }
        }
    }
    Ok(dropped)
}

/// Puts in a partition's place what of it has not lapsed.
async fn replace(tx: &DatabaseTransaction, table: Table, end: NaiveDate, lapsed: &str) -> Result<(), DbErr> {
    let (name, old) = (table.name(), table.partition(end));
    // Writers of this partition wait; the others are held up by the detaching alone.
    tx.execute_unprepared(&format!("LOCK TABLE {old} IN EXCLUSIVE MODE")).await?;
    let bounds = format!("SELECT pg_get_expr(relpartbound, oid) AS name FROM pg_class WHERE oid = '{old}'::regclass");
    let Some(bounds) = names(tx, bounds).await?.pop() else { return Ok(()) };
    let is_kept = exists(tx, &format!("SELECT 1 FROM {old} WHERE NOT ({lapsed})")).await?;
    if is_kept {
        let kept = format!("{old}_kept");
        run(
            tx,
            &[
                format!("CREATE TABLE {kept} (LIKE {old} INCLUDING DEFAULTS INCLUDING STORAGE)"),
                format!("INSERT INTO {kept} SELECT * FROM {old} WHERE NOT ({lapsed})"),
            ],
        )
        .await?;
    }
    run(tx, &[format!("ALTER TABLE {name} DETACH PARTITION {old}"), format!("DROP TABLE {old}")]).await?;
    if is_kept {
        let again = format!("ALTER TABLE {name} ATTACH PARTITION {old} {bounds}");
        run(tx, &[format!("ALTER TABLE {old}_kept RENAME TO {old}"), again]).await?;
    }
    Ok(())
}

/// A transaction that is too old.
#[derive(Debug)]
pub(crate) struct Lapsed {
    pub id: Uuid,
    pub company: CompanyId,
    pub kind: Kind,
    pub external_id: String,
}

/// At most `limit` events and transactions each that are too old and lie in no partition of a month.
pub(crate) async fn lapsed(db: &DatabaseConnection, oldest: i64, limit: u64) -> Result<(Vec<Uuid>, Vec<Lapsed>), DbErr> {
    let rest = if are_there(db).await? { "_rest" } else { "" };
    let backend = db.get_database_backend();
    let sql = format!("SELECT id FROM webhook_events{rest} WHERE received_at < {oldest} LIMIT {limit}");
    let events = db.query_all_raw(Statement::from_string(backend, sql)).await?;
    let sql = format!(
        "SELECT id, company_id, kind, external_id FROM transactions{rest} WHERE {} LIMIT {limit}",
        Table::Transactions.lapsed(oldest)
    );
    let mut transactions = Vec::new();
    for row in db.query_all_raw(Statement::from_string(backend, sql)).await? {
        let kind: String = row.try_get("", "kind")?;
        let Some(kind) = Kind::parse(&kind) else { continue };
        let (id, company, external_id) =
            (row.try_get("", "id")?, row.try_get("", "company_id")?, row.try_get("", "external_id")?);
        transactions.push(Lapsed { id, company: CompanyId(company), kind, external_id });
    }
    Ok((events.into_iter().map(|row| row.try_get("", "id")).collect::<Result<_, _>>()?, transactions))
}

/// Removes one step of the directories' entries whose rows went with their partitions. Answers how many.
pub(crate) async fn tidy(db: &DatabaseConnection, oldest: i64) -> Result<u64, DbErr> {
    let bound = first_id(month_of(DateTime::from_timestamp_millis(oldest).unwrap_or_default()));
    let mut removed = 0;
    for (directory, id, table) in
        [("event_identities", "event_id", Table::Events), ("transaction_keys", "transaction_id", Table::Transactions)]
    {
        let table = table.name();
        let sql = format!(
            "DELETE FROM {directory} WHERE {id} IN (SELECT {id} FROM {directory} d WHERE {id} < '{bound}'
               AND NOT EXISTS (SELECT 1 FROM {table} t WHERE t.id = d.{id}) LIMIT {STEP})"
        );
        removed += db.execute_unprepared(&sql).await?.rows_affected();
    }
    Ok(removed)
}
