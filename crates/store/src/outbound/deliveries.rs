//! What is due, and what became of it.
//!
//! One process at a time delivers to an endpoint: it holds a lease on the endpoint's row and renews it. Deliveries themselves are not
//! leased: a process that dies leaves them as they were, and the next holder of the endpoint sends what was not answered again.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, DatabaseTransaction, EntityTrait, FromQueryResult, QueryFilter,
    QuerySelect, Statement, TransactionTrait,
    sea_query::{Expr, ExprTrait, LockType},
};
use uuid::Uuid;

use super::{DELIVERED, DISABLED, ENABLED, FAILED, PENDING};
use crate::{
    Error,
    dialect::{
        self,
        rows::{self, Insert, Rest, RowValue},
    },
    entity::{delivery, delivery_attempt, endpoint},
};
use clock::{APART_MS, now_ms};

/// Endpoints that are told of at once at most.
const RECENT: usize = 1000;

/// A delivery that is due, with what it carries.
#[derive(Debug, Clone, FromQueryResult)]
pub struct Due {
    /// The message.
    pub message_id: Uuid,
    /// Attempts that failed before.
    pub attempts: i64,
    /// Since when it has been due, milliseconds: another value where it was re-sent meanwhile.
    pub next_at: i64,
    /// When the message was made, milliseconds.
    pub created_at: i64,
    /// Its body.
    pub payload: String,
    /// The W3C trace context of the webhook that made the change, where that is traced.
    pub traceparent: Option<String>,
}

/// Up to `limit` deliveries to an endpoint that are due at `now_ms`. Of each subject the earliest that is not settled: a later one
/// waits, also where the earlier is not due.
pub async fn due(db: &DatabaseConnection, to: &endpoint::Model, now_ms: i64, limit: u64) -> Result<Vec<Due>, Error> {
    // The deliveries first, in the order of their index, with one look into another index for each: as a join against what is
    // earlier, or against the messages at once, PostgreSQL goes through all that waits for the endpoint (0.7 s of 30,000).
    let sql = "SELECT d.message_id, d.attempts, d.next_at, m.created_at, m.payload, m.traceparent FROM
        (SELECT company_id, message_id, attempts, next_at, sequence FROM deliveries w
         WHERE w.company_id = $1 AND w.endpoint_id = $2 AND w.state = 'pending' AND w.next_at <= $3 AND w.sequence =
          (SELECT MIN(e.sequence) FROM deliveries e WHERE e.company_id = w.company_id AND e.endpoint_id = w.endpoint_id
           AND e.subject = w.subject AND e.state = 'pending')
         ORDER BY w.next_at, w.sequence LIMIT $4) d
        JOIN outbound_messages m ON m.company_id = d.company_id AND m.id = d.message_id ORDER BY d.next_at, d.sequence";
    let values = [to.company_id.into(), to.id.into(), now_ms.into(), (limit as i64).into()];
    Ok(Due::find_by_statement(Statement::from_sql_and_values(db.get_database_backend(), sql, values)).all(db).await?)
}

/// The endpoints of which something became due from `from_ms` to `until_ms`.
pub async fn recent(db: &DatabaseConnection, from_ms: i64, until_ms: i64) -> Result<Vec<Uuid>, Error> {
    let sql = format!(
        "SELECT DISTINCT endpoint_id FROM deliveries WHERE state = 'pending' AND next_at >= $1 AND next_at <= $2 LIMIT {RECENT}"
    );
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, [from_ms.into(), until_ms.into()]);
    db.query_all_raw(statement).await?.into_iter().map(|row| Ok(row.try_get("", "endpoint_id")?)).collect()
}

/// The longest wait between two attempts, and a little more.
const LONGEST_MS: i64 = 30 * 3_600_000;

/// Makes due what is due later than it can be: it was written before the clock was set back.
pub(crate) async fn hasten(db: &DatabaseConnection) -> Result<(), Error> {
    use delivery::{Column, Entity};
    let now = now_ms();
    // A first attempt never waits, and what was not made yet has nothing to wait for.
    let is_untimely = Column::Attempts.eq(0).or(Column::CreatedAt.gt(now)).or(Column::NextAt.gt(now + LONGEST_MS));
    let due = Entity::update_many().filter(Column::State.eq(PENDING).and(Column::NextAt.gt(now)).and(is_untimely));
    due.col_expr(Column::NextAt, Expr::value(now)).exec(db).await?;
    Ok(())
}

/// Takes free leases of enabled endpoints until `until_ms`, and renews those of `owner` that end `early_ms` before it or sooner.
/// Returns the endpoints that `owner` has.
pub async fn lease(db: &DatabaseConnection, owner: Uuid, until_ms: i64, early_ms: i64) -> Result<Vec<endpoint::Model>, Error> {
    use endpoint::{Column, Entity};
    let is_ours = Column::LeaseOwner.eq(owner).and(Column::LeaseUntil.lt(until_ms - early_ms));
    // One that ends later than any can, although clocks part, was taken before the clock was set back.
    let is_free = Column::LeaseUntil.lt(now_ms()).or(Column::LeaseUntil.gt(until_ms + APART_MS));
    Entity::update_many()
        .filter(Column::State.eq(ENABLED).and(is_ours.or(is_free)))
        .col_expr(Column::LeaseOwner, Expr::value(owner))
        .col_expr(Column::LeaseUntil, Expr::value(until_ms))
        .exec(db)
        .await?;
    Ok(Entity::find().filter(Column::State.eq(ENABLED).and(Column::LeaseOwner.eq(owner))).all(db).await?)
}

/// Gives back the leases of `owner`.
pub async fn release(db: &DatabaseConnection, owner: Uuid) -> Result<(), Error> {
    use endpoint::{Column, Entity};
    let mine = Entity::update_many().filter(Column::LeaseOwner.eq(owner));
    mine.col_expr(Column::LeaseUntil, Expr::value(0_i64)).exec(db).await?;
    Ok(())
}

/// What follows an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It was answered 2xx.
    Delivered,
    /// It is tried again then, milliseconds.
    Again(i64),
    /// It was the last attempt.
    GivenUp,
}

/// An attempt that is over.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// The message.
    pub message_id: Uuid,
    /// 1 for the first.
    pub number: i64,
    /// [`Due::next_at`] of the delivery.
    pub due_ms: i64,
    /// When it began, milliseconds.
    pub at_ms: i64,
    /// How long it took.
    pub duration_ms: i64,
    /// Of the answer, if one came.
    pub status: Option<i64>,
    /// Why none came; without the address.
    pub error: Option<String>,
    /// Bytes of the answer that were read.
    pub size: i64,
    /// The beginning of the answer, if it has one.
    pub excerpt: Option<String>,
    /// What follows.
    pub next: Next,
}

/// Notes `attempts` to deliver to an endpoint, and what follows them. A message that was re-sent after its attempt began is delivered
/// again: the attempt settles nothing of it. `is_failing` tells whether the endpoint may be noted as such. One
/// that has been failing since before `failing_limit_ms` is disabled; returns whether it was, or is gone: of one that was removed
/// meanwhile nothing is noted.
pub async fn record(
    db: &DatabaseConnection,
    to: &endpoint::Model,
    attempts: &[Attempt],
    is_failing: bool,
    failing_limit_ms: i64,
) -> Result<bool, Error> {
    if attempts.is_empty() {
        return Ok(false);
    }
    let tx = db.begin().await?;
    dialect::begin_writing(&tx).await?;
    // Whoever removes the endpoint waits until this is noted, and removes it too.
    let held = endpoint::Entity::find().select_only().column(endpoint::Column::Id).filter(own(to)).lock(LockType::KeyShare);
    if held.into_tuple::<Uuid>().one(&tx).await?.is_none() {
        tx.rollback().await?;
        return Ok(true);
    }
    let rows = attempts.iter().map(|attempt| (to, Uuid::now_v7(), attempt));
    rows::insert(&tx, vec![Insert::of(rows, cell, Rest::Nothing)?]).await?;
    for (next, state) in [(Next::Delivered, DELIVERED), (Next::GivenUp, FAILED)] {
        let settled = attempts.iter().filter(|attempt| attempt.next == next).map(|attempt| (attempt.message_id, attempt.due_ms));
        dialect::settle(&tx, to, &settled.collect::<Vec<_>>(), state).await?;
    }
    for attempt in attempts {
        if let Next::Again(next_ms) = attempt.next {
            again(&tx, to, attempt, next_ms).await?;
        }
    }
    // Of an endpoint that is well nothing changes.
    let has_arrived = attempts.iter().any(|attempt| attempt.next == Next::Delivered);
    let is_disabled = match (has_arrived, is_failing) {
        (true, false) => false,
        (true, true) => note_success(&tx, to).await?,
        (false, _) => note_failure(&tx, to, attempts, failing_limit_ms).await?,
    };
    tx.commit().await?;
    Ok(is_disabled)
}

fn cell<'a>((to, id, attempt): (&endpoint::Model, Uuid, &'a Attempt), column: delivery_attempt::Column) -> RowValue<'a> {
    use delivery_attempt::Column;
    match column {
        Column::CompanyId => to.company_id.into(),
        Column::EndpointId => to.id.into(),
        Column::Id => id.into(),
        Column::MessageId => attempt.message_id.into(),
        Column::Number => attempt.number.into(),
        Column::At => attempt.at_ms.into(),
        Column::State => if attempt.next == Next::Delivered { DELIVERED } else { FAILED }.into(),
        Column::Status => RowValue::Number(attempt.status),
        Column::Error => attempt.error.as_deref().into(),
        Column::DurationMs => attempt.duration_ms.into(),
        Column::Size => attempt.size.into(),
        Column::Excerpt => attempt.excerpt.as_deref().into(),
    }
}

fn of(to: &endpoint::Model) -> Expr {
    use delivery::Column;
    Column::CompanyId.eq(to.company_id).and(Column::EndpointId.eq(to.id))
}

async fn again(tx: &DatabaseTransaction, to: &endpoint::Model, attempt: &Attempt, next_ms: i64) -> Result<(), Error> {
    use delivery::{Column, Entity};
    Entity::update_many()
        .filter(of(to).and(Column::MessageId.eq(attempt.message_id)).and(Column::State.eq(PENDING)))
        .filter(Column::NextAt.eq(attempt.due_ms))
        .col_expr(Column::Attempts, Expr::value(attempt.number))
        .col_expr(Column::NextAt, Expr::value(next_ms))
        .exec(tx)
        .await?;
    Ok(())
}

fn own(to: &endpoint::Model) -> Expr {
    use endpoint::Column;
    Column::CompanyId.eq(to.company_id).and(Column::Id.eq(to.id))
}

async fn note_success(tx: &DatabaseTransaction, to: &endpoint::Model) -> Result<bool, Error> {
    use endpoint::{Column, Entity};
    let well = Entity::update_many().filter(own(to).and(Column::FailingSince.is_not_null()));
    well.col_expr(Column::FailingSince, Expr::value(None::<i64>)).exec(tx).await?;
    Ok(false)
}

/// Notes since when the endpoint has been failing, and disables it where that is too long.
async fn note_failure(
    tx: &DatabaseTransaction,
    to: &endpoint::Model,
    attempts: &[Attempt],
    failing_limit_ms: i64,
) -> Result<bool, Error> {
    use endpoint::{Column, Entity};
    let since = attempts.iter().map(|attempt| attempt.at_ms).min().unwrap_or_default();
    let begins = Entity::update_many().filter(own(to).and(Column::FailingSince.is_null()));
    begins.col_expr(Column::FailingSince, Expr::value(since)).exec(tx).await?;
    let ends = Entity::update_many()
        .filter(own(to).and(Column::State.eq(ENABLED)).and(Column::FailingSince.lt(failing_limit_ms)))
        .col_expr(Column::State, Expr::value(DISABLED))
        .col_expr(Column::Reason, Expr::value("every attempt failed for days"));
    Ok(ends.exec(tx).await?.rows_affected > 0)
}
