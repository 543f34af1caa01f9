//! Listeners: endpoints that a command at somebody's desk is, for as long as it runs. Batches write deliveries for one as for any
//! endpoint, but it has no key here, nobody sees it among the endpoints, and the command itself fetches what is due. Its lease is
//! what keeps it: once that has ended nothing is written for it any more, and `sweep` removes it with what was.

use std::time::Duration;

use common::CompanyId;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect, Statement,
    TransactionTrait,
    sea_query::{Expr, ExprTrait},
};
use uuid::Uuid;

use super::ids;
use crate::{
    Error, dialect,
    entity::{
        delivery,
        endpoint::{ActiveModel, Column, Entity, Model},
    },
};
use clock::now_ms;

/// State of such an endpoint.
pub const LISTENING: &str = "listening";
/// Listeners of a company at once at most.
const MAX_PER_COMPANY: u64 = 5;
/// How long a listener that was killed is kept, in milliseconds.
pub const LEASE_MS: i64 = 20_000;
/// For how long batches may still write for one that ended: they know subscriptions as of a second ago.
const AFTER: Duration = Duration::from_millis(1500);
/// The same of one whose lease ended, in milliseconds; with time for clocks that differ.
const AFTER_LEASE_MS: i64 = 10_000;
/// Messages that one statement removes.
const STEP: u64 = 1_000;
/// Listeners that one sweep removes at most.
const SWEPT: u64 = 20;

fn own(row: &Model) -> Expr {
    Column::CompanyId.eq(row.company_id).and(Column::Id.eq(row.id)).and(Column::State.eq(LISTENING))
}

/// Begins to listen for `event_types`, as [`super::join_types`] makes them.
pub async fn begin(db: &DatabaseConnection, company: CompanyId, event_types: String) -> Result<Model, Error> {
    let tx = db.begin().await?;
    dialect::begin_writing(&tx).await?;
    let now = now_ms();
    let others = Entity::find().filter(Column::CompanyId.eq(company.0)).filter(Column::State.eq(LISTENING));
    if others.filter(Column::LeaseUntil.gt(now)).count(&tx).await? >= MAX_PER_COMPANY {
        return Err(Error::Conflict(format!("{MAX_PER_COMPANY} are listening to this company already")));
    }
    let row = Model {
        company_id: company.0,
        id: Uuid::now_v7(),
        url: String::new(),
        description: String::new(),
        event_types,
        state: LISTENING.to_owned(),
        reason: None,
        rate: None,
        secret: String::new(),
        previous_secret: None,
        previous_until: None,
        earlier_secrets: None,
        failing_since: None,
        lease_owner: None,
        lease_until: now + LEASE_MS,
        created_at: now,
        updated_at: now,
    };
    Entity::insert(ActiveModel::from(row.clone())).exec_without_returning(&tx).await?;
    tx.commit().await?;
    Ok(row)
}

/// Goes on listening. Returns whether it still could: one that was silent for too long is gone.
pub async fn renew(db: &DatabaseConnection, row: &Model) -> Result<bool, Error> {
    let renew = Entity::update_many().col_expr(Column::LeaseUntil, Expr::value(now_ms() + LEASE_MS));
    Ok(renew.filter(own(row)).exec(db).await?.rows_affected > 0)
}

/// A message was forwarded, or is given up: it is not due any more.
pub async fn done(db: &DatabaseConnection, row: &Model, message: Uuid) -> Result<(), Error> {
    delivery::Entity::delete_by_id((row.company_id, row.id, message)).exec(db).await?;
    Ok(())
}

/// Ends it with all that was written for it. Takes a moment: a batch may be at work that has not heard of it.
pub async fn end(db: &DatabaseConnection, row: &Model) -> Result<(), Error> {
    Entity::delete_many().filter(own(row)).exec(db).await?;
    tokio::time::sleep(AFTER).await;
    forget(db, row).await
}

/// Removes the listeners whose commands were killed. Returns how many.
pub(crate) async fn sweep(db: &DatabaseConnection) -> Result<u64, Error> {
    let over = Column::State.eq(LISTENING).and(Column::LeaseUntil.lt(now_ms() - AFTER_LEASE_MS));
    let rows = Entity::find().filter(over).limit(SWEPT).all(db).await?;
    for row in &rows {
        Entity::delete_many().filter(own(row)).exec(db).await?;
        forget(db, row).await?;
    }
    Ok(rows.len() as u64)
}

/// Removes its deliveries, and the messages since its beginning that no endpoint gets.
async fn forget(db: &DatabaseConnection, row: &Model) -> Result<(), Error> {
    use delivery::{Column, Entity};
    let own = Column::CompanyId.eq(row.company_id).and(Column::EndpointId.eq(row.id));
    Entity::delete_many().filter(own).exec(db).await?;
    let sql = format!(
        "DELETE FROM outbound_messages WHERE company_id = $1 AND id IN (SELECT m.id FROM outbound_messages m
         WHERE m.company_id = $1 AND m.id >= $2 AND m.created_at >= $3 AND NOT EXISTS (SELECT 1 FROM endpoints e JOIN deliveries d
           ON d.company_id = e.company_id AND d.endpoint_id = e.id AND d.message_id = m.id WHERE e.company_id = $1)
         LIMIT {STEP})"
    );
    loop {
        let values = [row.company_id.into(), ids::from(row.created_at).into(), row.created_at.into()];
        let statement = Statement::from_sql_and_values(db.get_database_backend(), sql.as_str(), values);
        if db.execute_raw(statement).await?.rows_affected() < STEP {
            return Ok(());
        }
    }
}
