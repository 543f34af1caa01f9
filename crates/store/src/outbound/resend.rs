//! What is to be sent again, or to a new endpoint for the first time. Each keeps its number, and so its place in the order. It gets
//! another `next_at`, by which an attempt that began before is told from the one that is asked for.

use common::CompanyId;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, Statement, Value,
    sea_query::{Expr, ExprTrait},
};
use uuid::Uuid;

use super::{
    ALL_TYPES, ENDPOINT_TEST, EVENT_TYPES, FAILED, PENDING,
    bodies::Test,
    ids,
    messages::{self, About, NewMessage},
};
use crate::{
    Error,
    entity::{delivery, endpoint},
};
use clock::now_ms;

/// Messages that one call sends again at most.
pub const MAX: u64 = 100_000;

/// The message of that id. Returns whether there is one.
pub async fn one(tx: &DatabaseTransaction, to: &endpoint::Model, message: Uuid) -> Result<bool, Error> {
    Ok(insert(tx, to, "m.id = $4", vec![message.into()]).await? > 0)
}

/// Those made from `from_ms` until before `until_ms` that the endpoint wants, delivered or not: the oldest [`MAX`] of them.
/// Returns how many.
pub async fn range(tx: &DatabaseTransaction, to: &endpoint::Model, from_ms: i64, until_ms: i64) -> Result<u64, Error> {
    let which = format!("m.id >= $4 AND m.id < $5 AND m.created_at >= $6 AND m.created_at < $7 AND {}", wanted(to));
    insert(tx, to, &which, vec![ids::from(from_ms).into(), ids::until(until_ms).into(), from_ms.into(), until_ms.into()]).await
}

/// Those made since `since_ms` that were given up. Returns how many.
pub async fn failed_since(tx: &DatabaseTransaction, to: &endpoint::Model, since_ms: i64) -> Result<u64, Error> {
    use delivery::{Column, Entity};
    let own = Column::CompanyId.eq(to.company_id).and(Column::EndpointId.eq(to.id));
    let again = Entity::update_many()
        .filter(own.and(Column::State.eq(FAILED)).and(Column::CreatedAt.gte(since_ms)))
        .col_expr(Column::State, Expr::value(PENDING))
        .col_expr(Column::Attempts, Expr::value(0_i64))
        .col_expr(Column::NextAt, Expr::value(now_ms()));
    Ok(again.exec(tx).await?.rows_affected)
}

/// A test message to the endpoint. Returns its id.
pub async fn test(tx: &DatabaseTransaction, to: &endpoint::Model) -> Result<Uuid, Error> {
    let (company, subject) = (CompanyId(to.company_id), Uuid::now_v7());
    let about = About { company, event_type: ENDPOINT_TEST, subject, trace: None };
    let message = NewMessage::to(vec![to.id], about, Test { endpoint_id: to.id })?;
    messages::write(tx, std::slice::from_ref(&message)).await?;
    Ok(message.id())
}

async fn insert(tx: &DatabaseTransaction, to: &endpoint::Model, which: &str, values: Vec<Value>) -> Result<u64, Error> {
    let sql = format!(
        "INSERT INTO deliveries (company_id, endpoint_id, message_id, sequence, subject, state, attempts, next_at, created_at)
         SELECT m.company_id, $2, m.id, m.sequence, m.subject, 'pending', 0, $3, m.created_at
         FROM outbound_messages m WHERE m.company_id = $1 AND {which} ORDER BY m.sequence LIMIT {MAX}
         ON CONFLICT (company_id, endpoint_id, message_id) DO UPDATE SET state = 'pending', attempts = 0,
         next_at = excluded.next_at + CASE WHEN deliveries.next_at = excluded.next_at THEN 1 ELSE 0 END"
    );
    let mut all: Vec<Value> = vec![to.company_id.into(), to.id.into(), now_ms().into()];
    all.extend(values);
    Ok(tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, all)).await?.rows_affected())
}

/// The endpoint's types as a condition; known names alone become part of it.
fn wanted(to: &endpoint::Model) -> String {
    if to.event_types.split(' ').any(|own| own == ALL_TYPES) {
        return format!("m.event_type <> '{ENDPOINT_TEST}'");
    }
    let known = EVENT_TYPES.into_iter().filter(|name| to.event_types.split(' ').any(|own| own == *name));
    let names: Vec<String> = known.map(|name| format!("'{name}'")).collect();
    format!("m.event_type IN ({})", names.join(", "))
}
