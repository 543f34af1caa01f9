//! Deliveries that get another state: row by row by their key, whatever the planner holds likely. Before a table has statistics,
//! PostgreSQL reads all that an endpoint has and compares each with the list (13 ms of 30,000).

use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, EntityTrait, QueryFilter, Statement,
    sea_query::{ArrayType, Expr},
};
use uuid::Uuid;

use super::{array, distributed};
use crate::entity::{
    delivery::{Column, Entity},
    endpoint,
};

/// Gives `messages`' deliveries to an endpoint that state.
pub(crate) async fn settle(tx: &DatabaseTransaction, to: &endpoint::Model, messages: &[Uuid], state: &str) -> Result<(), DbErr> {
    let Some(last) = messages.last().copied() else { return Ok(()) };
    let backend = tx.get_database_backend();
    if backend == DbBackend::Postgres && !distributed::is_known() {
        let sql = "UPDATE deliveries SET state = $1 WHERE ctid = ANY (ARRAY(SELECT
             (SELECT d.ctid FROM deliveries d WHERE d.company_id = $2 AND d.endpoint_id = $3 AND d.message_id = own.id)
             FROM unnest($4::uuid[]) AS own(id)))";
        let ids = array(ArrayType::Uuid, messages.iter().copied());
        let values = [state.into(), to.company_id.into(), to.id.into(), ids];
        return tx.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await.map(drop);
    }
    // The last one again and again: so there are few statements, which databases know, and not one for each number.
    let again = std::iter::repeat_n(last, messages.len().next_power_of_two() - messages.len());
    Entity::update_many()
        .filter(Column::CompanyId.eq(to.company_id))
        .filter(Column::EndpointId.eq(to.id))
        .filter(Column::MessageId.is_in(messages.iter().copied().chain(again)))
        .col_expr(Column::State, Expr::value(state))
        .exec(tx)
        .await
        .map(drop)
}
