//! Attempts, as people look at them; and what is removed of them, and of messages, when it is old.

use std::fmt::Write as _;

use sea_orm::{ConnectionTrait, DatabaseConnection, FromQueryResult, Statement, TransactionTrait, Value};
use uuid::Uuid;

use crate::{
    Error, dialect,
    entity::{delivery_attempt::Model, endpoint},
    first_id,
};
use clock::now_ms;

/// How long messages, deliveries and attempts are kept, in milliseconds.
pub const KEPT_MS: i64 = 30 * 86_400_000;
/// Rows that one step removes of each table at most.
const STEP: u64 = 1000;
/// Rows that are counted at most.
const COUNTED: u64 = 10_000;
/// Attempts that one page looks through at most.
pub const SCANNED: u64 = 10_000;
/// An attempt is noted, which makes its id, within that time after it began, in milliseconds.
const NOTED_MS: i64 = 3_600_000;

/// Which attempts are looked for; what is absent is not asked.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// delivered or failed.
    pub state: Option<&'a str>,
    /// Of the answer.
    pub status: Option<i64>,
    /// Of the message.
    pub event_type: Option<&'a str>,
    /// Begun then or later, in milliseconds.
    pub from_ms: Option<i64>,
    /// Begun before then.
    pub until_ms: Option<i64>,
}

/// An attempt, and of what its message told.
#[derive(Debug, Clone, PartialEq, FromQueryResult)]
pub struct Told {
    /// What was tried, and what came of it.
    #[sea_orm(nested)]
    pub attempt: Model,
    /// None: the message is not kept any more.
    pub event_type: Option<String>,
}

/// A page of attempts.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Page {
    /// The latest first.
    pub attempts: Vec<Told>,
    /// The attempt to go on behind; none at the end.
    pub next: Option<Uuid>,
}

/// At most `limit` attempts to deliver to an endpoint before the attempt `before`, the latest first.
///
/// One page looks through [`SCANNED`] attempts at most, however rare what is wanted is among them: it may hold less than `limit`,
/// even nothing, and still name where to go on.
pub async fn list(
    db: &DatabaseConnection,
    to: &endpoint::Model,
    wanted: Wanted<'_>,
    before: Option<Uuid>,
    limit: u64,
) -> Result<Page, Error> {
    let until = wanted.until_ms.map(|until| first_id(until.saturating_add(NOTED_MS)));
    let below = before.into_iter().chain(until).min().unwrap_or(Uuid::max());
    let from = wanted.from_ms.map_or(Uuid::nil(), first_id);
    let scanned = "FROM delivery_attempts WHERE company_id = $1 AND endpoint_id = $2 AND id < $3 AND id >= $4 ORDER BY id DESC";
    let range: [Value; 4] = [to.company_id.into(), to.id.into(), below.into(), from.into()];
    let mut values = range.to_vec();
    let mut which = "1 = 1".to_owned();
    for (condition, value) in [
        ("at >=", wanted.from_ms.map(Value::from)),
        ("at <", wanted.until_ms.map(Value::from)),
        ("status =", wanted.status.map(Value::from)),
        ("state =", wanted.state.map(Value::from)),
        ("event_type =", wanted.event_type.map(Value::from)),
    ] {
        if let Some(value) = value {
            values.push(value);
            let _ = write!(which, " AND {condition} ${}", values.len());
        }
    }
    // By its key for each attempt, so that no plan reads all messages of a company.
    let event_type = "(SELECT event_type FROM outbound_messages m WHERE m.company_id = $1 AND m.id = a.message_id)";
    let sql = format!(
        "SELECT * FROM (SELECT a.*, {event_type} AS event_type FROM (SELECT * {scanned} LIMIT {SCANNED}) a) told
         WHERE {which} ORDER BY id DESC LIMIT {limit}"
    );
    let backend = db.get_database_backend();
    let attempts = Told::find_by_statement(Statement::from_sql_and_values(backend, sql, values)).all(db).await?;
    if attempts.len() as u64 == limit {
        let next = attempts.last().map(|last| last.attempt.id);
        return Ok(Page { attempts, next });
    }
    // Whether there is more than one page looks through.
    let sql = format!("SELECT id {scanned} LIMIT 1 OFFSET {}", SCANNED - 1);
    let last = db.query_one_raw(Statement::from_sql_and_values(backend, sql, range)).await?;
    let next = last.map(|row| row.try_get("", "id")).transpose()?;
    Ok(Page { attempts, next })
}

/// How an endpoint fares.
#[derive(Debug, Clone, Copy, PartialEq, Default, FromQueryResult)]
pub struct Health {
    /// Messages that wait for their first or next attempt, counted up to 10,000.
    pub pending: i64,
    /// Messages that were given up, counted up to 10,000.
    pub failed: i64,
    /// Of the last 10,000 attempts those of the last day.
    pub attempts: i64,
    /// Those of them that were answered 2xx.
    pub delivered: i64,
    /// How long they took together, in milliseconds.
    pub duration_ms: i64,
}

/// How the endpoint fares now.
pub async fn health(db: &DatabaseConnection, to: &endpoint::Model) -> Result<Health, Error> {
    let count = |state: &str| {
        format!(
            "(SELECT COUNT(*) FROM (SELECT 1 AS one FROM deliveries WHERE company_id = $1 AND endpoint_id = $2 AND
             state = '{state}' LIMIT {COUNTED}) counted)"
        )
    };
    let (pending, failed) = (count("pending"), count("failed"));
    let sql = format!(
        "SELECT {pending} AS pending, {failed} AS failed, COUNT(*) AS attempts,
         CAST(COALESCE(SUM(CASE WHEN state = 'delivered' THEN 1 ELSE 0 END), 0) AS bigint) AS delivered,
         CAST(COALESCE(SUM(duration_ms), 0) AS bigint) AS duration_ms FROM (SELECT state, duration_ms, at FROM delivery_attempts
         WHERE company_id = $1 AND endpoint_id = $2 ORDER BY id DESC LIMIT {COUNTED}) latest WHERE at >= $3"
    );
    let values = [to.company_id.into(), to.id.into(), (now_ms() - 86_400_000).into()];
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    Ok(Health::find_by_statement(statement).one(db).await?.unwrap_or_default())
}

/// Removes one step of what is older than [`KEPT_MS`]. Returns how many rows.
pub(crate) async fn retain(db: &DatabaseConnection) -> Result<u64, Error> {
    let attempts = format!(
        "DELETE FROM delivery_attempts WHERE (company_id, endpoint_id, id) IN (SELECT company_id, endpoint_id, id
         FROM delivery_attempts WHERE at < $1 ORDER BY at LIMIT {STEP})"
    );
    // Deliveries go with their message, by their key: an index by age would be an entry more for each.
    let oldest = format!(
        "SELECT company_id, id FROM outbound_messages WHERE created_at < $1 ORDER BY created_at, company_id, id LIMIT {STEP}"
    );
    let deliveries = format!(
        "DELETE FROM deliveries WHERE (company_id, endpoint_id, message_id) IN (SELECT e.company_id, e.id, m.id
         FROM ({oldest}) m JOIN endpoints e ON e.company_id = m.company_id)"
    );
    let messages = format!("DELETE FROM outbound_messages WHERE (company_id, id) IN ({oldest})");
    let before_ms = now_ms() - KEPT_MS;
    let mut removed = 0;
    let tx = db.begin().await?;
    dialect::begin_writing(&tx).await?;
    for sql in [attempts, deliveries, messages] {
        let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, [before_ms.into()]);
        removed += tx.execute_raw(statement).await?.rows_affected();
    }
    tx.commit().await?;
    Ok(removed)
}
