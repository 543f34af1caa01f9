//! Deliveries that get another state: row by row by their key, whatever the planner holds likely. Before a table has statistics,
//! PostgreSQL reads all that an endpoint has and compares each with the list (13 ms of 30,000).

use std::collections::HashSet;

use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, EntityTrait, QueryFilter, QuerySelect, Statement,
    sea_query::{ArrayType, Expr, ExprTrait, LockType},
};
use uuid::Uuid;

use super::{array, distributed};
use crate::entity::{
    delivery::{Column, Entity},
    endpoint,
};

/// Gives deliveries to an endpoint that state: those of `settled`, each a message and since when it was due. One that was re-sent
/// meanwhile is due since another time, and stays as it is.
pub(crate) async fn settle(
    tx: &DatabaseTransaction,
    to: &endpoint::Model,
    settled: &[(Uuid, i64)],
    state: &str,
) -> Result<(), DbErr> {
    if settled.is_empty() {
        return Ok(());
    }
    let backend = tx.get_database_backend();
    if backend == DbBackend::Postgres && !distributed::is_known() {
        // The last condition is looked at again where somebody else had the row, and is none for an index.
        let sql = "UPDATE deliveries SET state = $1 WHERE ctid = ANY (ARRAY(SELECT
             (SELECT d.ctid FROM deliveries d WHERE d.company_id = $2 AND d.endpoint_id = $3 AND d.message_id = own.id
              AND d.next_at = own.due)
             FROM unnest($4::uuid[], $5::bigint[]) AS own(id, due))) AND next_at + 0 = ANY ($5::bigint[])";
        let ids = array(ArrayType::Uuid, settled.iter().map(|(id, _)| *id));
        let due = array(ArrayType::BigInt, settled.iter().map(|(_, due)| *due));
        let values = [state.into(), to.company_id.into(), to.id.into(), ids, due];
        return tx.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await.map(drop);
    }
    let own = Column::CompanyId.eq(to.company_id).and(Column::EndpointId.eq(to.id));
    let held = Entity::find().select_only().columns([Column::MessageId, Column::NextAt]).filter(own.clone());
    let held = held.filter(Column::MessageId.is_in(padded(settled.iter().map(|(id, _)| *id)))).lock(LockType::Update);
    let as_read: HashSet<(Uuid, i64)> = settled.iter().copied().collect();
    let held: Vec<(Uuid, i64)> = held.into_tuple().all(tx).await?;
    let still = padded(held.into_iter().filter(|one| as_read.contains(one)).map(|(id, _)| id));
    let update = Entity::update_many().filter(own).filter(Column::MessageId.is_in(still));
    update.col_expr(Column::State, Expr::value(state)).exec(tx).await.map(drop)
}

/// The last one again and again: so there are few statements, which databases know, and not one for each number.
fn padded(ids: impl Iterator<Item = Uuid>) -> Vec<Uuid> {
    let mut ids: Vec<Uuid> = ids.collect();
    if let Some(last) = ids.last().copied() {
        ids.resize(ids.len().next_power_of_two(), last);
    }
    ids
}
