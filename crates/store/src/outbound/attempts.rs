//! Attempts, as people look at them; and what is removed of them, and of messages, when it is old.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect,
    Statement,
};
use uuid::Uuid;

use crate::{
    Error,
    entity::{
        delivery_attempt::{Column, Entity, Model},
        endpoint,
    },
};
use clock::now_ms;

/// How long messages, deliveries and attempts are kept, in milliseconds.
pub const KEPT_MS: i64 = 30 * 86_400_000;
/// Rows that one step removes of each table at most.
const STEP: u64 = 1000;
/// Rows that are counted at most.
const COUNTED: u64 = 10_000;

/// At most `limit` attempts to deliver to an endpoint before the attempt `before`, the latest first; of one state if asked so.
pub async fn list(
    db: &DatabaseConnection,
    to: &endpoint::Model,
    state: Option<&str>,
    before: Option<Uuid>,
    limit: u64,
) -> Result<Vec<Model>, Error> {
    let mut all = Entity::find().filter(Column::CompanyId.eq(to.company_id)).filter(Column::EndpointId.eq(to.id));
    if let Some(state) = state {
        all = all.filter(Column::State.eq(state));
    }
    if let Some(before) = before {
        all = all.filter(Column::Id.lt(before));
    }
    Ok(all.order_by_desc(Column::Id).limit(limit).all(db).await?)
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
    let mut removed = 0;
    for (table, key, time) in [
        ("delivery_attempts", "company_id, endpoint_id, id", "at"),
        ("deliveries", "company_id, endpoint_id, message_id", "created_at"),
        ("outbound_messages", "company_id, id", "created_at"),
    ] {
        let sql = format!(
            "DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} WHERE {time} < $1 ORDER BY {time} LIMIT {STEP})"
        );
        let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, [(now_ms() - KEPT_MS).into()]);
        removed += db.execute_raw(statement).await?.rows_affected();
    }
    Ok(removed)
}
