//! Retention: what is older than its limit is removed by whole partitions, and after them their entries in the directories.
//!
//! A detached partition stays as a table of its own until its entries are removed, which are found by what its rows
//! hold: so no index of the directories has to be written for their sake with each event.

use chrono::{DateTime, Datelike, NaiveDate};
use common::{CompanyId, Kind};
use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, Statement, TransactionTrait};
use uuid::Uuid;

use super::{LOCK_TIMEOUT, Table, are_there, ends, exists, month_of, names, run};
use crate::{
    Error,
    dialect::{distributed, hold_rows},
    horizon,
};
use clock::now_ms;

/// What stands in the name of a detached partition, between its table's and the time when it was detached.
const GONE: &str = "_gone_";
/// Rows of a detached partition that one step removes at most.
const STEP: u32 = 1_000;

impl Table {
    /// The rows of an ended partition that are removed, those older than `oldest`.
    fn lapsed(self, oldest: i64) -> String {
        match self {
            Self::Events => "TRUE".to_owned(),
            Self::Transactions => format!("transaction_time < {oldest} AND updated_at < {oldest}"),
        }
    }

    /// Its directories, and which entries of each (`d`) stand for a row (`gone`).
    fn directories(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Events => &[
                ("event_identities", "d.company_id = gone.company_id AND d.identity = gone.identity AND d.event_id = gone.id"),
                ("event_ids", "d.company_id = gone.company_id AND d.event_id = gone.id"),
                ("event_conflicts", "d.company_id = gone.company_id AND (d.event_id = gone.id OR d.other_id = gone.id)"),
            ],
            Self::Transactions => &[(
                "transaction_keys",
                "d.company_id = gone.company_id AND d.kind = gone.kind AND d.external_id = gone.external_id
                 AND d.transaction_id = gone.id",
            )],
        }
    }
}

/// Detaches the partitions that ended before `oldest` (milliseconds since 1970 UTC); `tidy` removes them. Transactions
/// that were touched since are kept: the partition is replaced by them. Returns how many it detached.
pub async fn retire(db: &DatabaseConnection, oldest: i64) -> Result<u32, Error> {
    let mut detached = 0;
    if !are_there(db).await? {
        return Ok(detached);
    }
    let month = month_of(DateTime::from_timestamp_millis(oldest).unwrap_or_default());
    for table in Table::ALL {
        for end in ends(db, table).await?.into_iter().filter(|end| *end <= month) {
            let (lapsed, partition) = (table.lapsed(oldest), table.partition(end));
            let is_empty = !exists(db, &format!("SELECT 1 FROM {partition}")).await?;
            if is_empty || exists(db, &format!("SELECT 1 FROM {partition} WHERE {lapsed}")).await? {
                let tx = db.begin().await?;
                tx.execute_unprepared(LOCK_TIMEOUT).await?;
                horizon::raise(&tx, horizon::Of::Webhooks, oldest).await?;
                replace(&tx, table, end, &lapsed).await?;
                tx.commit().await?;
                detached += 1;
            }
        }
    }
    Ok(detached)
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
                distributed::beside(&kept, name),
                format!("INSERT INTO {kept} SELECT * FROM {old} WHERE NOT ({lapsed})"),
            ],
        )
        .await?;
    }
    let rename = format!("ALTER TABLE {old} RENAME TO {name}{GONE}{}_{:02}_{}", end.year(), end.month(), now_ms());
    run(tx, &[format!("ALTER TABLE {name} DETACH PARTITION {old}"), rename]).await?;
    if is_kept {
        let again = format!("ALTER TABLE {name} ATTACH PARTITION {old} {bounds}");
        run(tx, &[format!("ALTER TABLE {old}_kept RENAME TO {old}"), again]).await?;
    }
    Ok(())
}

/// Removes one step of what detached partitions hold, and with their rows the entries that stand for them and for nothing
/// else; a partition of which nothing is left is dropped. Returns how many rows.
pub(crate) async fn tidy(db: &DatabaseConnection) -> Result<u64, DbErr> {
    let mut removed = 0;
    for table in Table::ALL {
        let name = table.name();
        let detached = format!(
            "SELECT oid::regclass::text AS name FROM pg_class
             WHERE relkind = 'r' AND starts_with(relname, '{name}{GONE}') AND pg_table_is_visible(oid)"
        );
        for partition in names(db, detached).await? {
            let count = if distributed::is_known() {
                distributed::tidy(db, &partition, name, table.directories(), STEP).await?
            } else {
                step(db, table, &partition).await?
            };
            removed += count;
            // Rows that another worker is about to remove are still seen.
            if count == 0 && !exists(db, &format!("SELECT 1 FROM {partition}")).await? {
                db.execute_unprepared(&format!("DROP TABLE IF EXISTS {partition}")).await?;
            }
        }
    }
    Ok(removed)
}

/// One step of a detached partition of `table`.
async fn step(db: &DatabaseConnection, table: Table, partition: &str) -> Result<u64, DbErr> {
    let name = table.name();
    let entries = table.directories().iter().enumerate().map(|(n, (directory, stands_for))| {
        format!(
            ", entries{n} AS (DELETE FROM {directory} d USING gone WHERE {stands_for}
                   AND NOT EXISTS (SELECT 1 FROM {name} kept WHERE kept.id = gone.id))"
        )
    });
    let entries: String = entries.collect();
    let tx = db.begin().await?;
    hold_rows(&tx, []).await?;
    // Other workers take other rows. What `replace` kept is there under its id still.
    let step = format!(
        "WITH gone AS (DELETE FROM {partition} WHERE id IN
           (SELECT id FROM {partition} ORDER BY id LIMIT {STEP} FOR UPDATE SKIP LOCKED) RETURNING *)
         {entries}
         SELECT count(*) AS n FROM gone"
    );
    let row = tx.query_one_raw(Statement::from_string(tx.get_database_backend(), step)).await?;
    let count: i64 = row.map_or(Ok(0), |row| row.try_get("", "n"))?;
    tx.commit().await?;
    Ok(count.unsigned_abs())
}

/// A transaction that is too old.
#[derive(Debug)]
pub(crate) struct Lapsed {
    pub id: Uuid,
    pub company: CompanyId,
    pub kind: Kind,
    pub external_id: String,
}

/// At most `limit` events and transactions each that are too old and are in no partition of a month.
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
