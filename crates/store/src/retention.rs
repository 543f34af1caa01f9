//! Retention: what is older than its limit is removed, in small steps that hold no lock for long: stored webhooks and transactions,
//! and the finer roll-ups. The roll-ups by day stay.

mod legacy;

use common::Grain;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseConnection, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait, TransactionTrait,
    sea_query::{Expr, ExprTrait},
};
use uuid::Uuid;

use crate::{
    Error, alerting,
    dialect::{self, RowLock, partitions},
    entity::{
        collected_count, event_conflict, event_id, event_identity, failed_webhook, late_event, rollup, transaction,
        transaction_key, webhook_event,
    },
    first_id,
    horizon::{self, Horizons, Of},
    lookups,
    outbound::{attempts, deliveries, listeners},
    reconciliations,
};
use clock::now_ms;

/// Rows that one step removes of each table at most.
const STEP: u64 = 1_000;
/// Buckets of a grain that one step removes at most.
const BUCKETS: u64 = 5_000;
/// How far a horizon may be behind what is kept where nothing is removed, in milliseconds.
const KEEP_UP_MS: i64 = 3_600_000;
/// By how much longer it is remembered which webhooks told of removed times.
const LATE_MS: i64 = 40 * 86_400_000;
/// How long the name of a take-over is remembered.
const COLLECTED_MS: i64 = 7 * 86_400_000;

/// How long things are kept, in days; 0: for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Stored webhooks since their receipt, transactions since their last webhook.
    pub history_days: u32,
    /// Roll-ups by minute.
    pub minute_days: u32,
    /// Roll-ups by hour.
    pub hour_days: u32,
}

fn before(days: u32) -> Option<i64> {
    (days > 0).then(|| now_ms() - i64::from(days) * 86_400_000)
}

/// Keeps the partitions, where there are any: those of the months ahead are made, those too old detached.
/// Returns how many of each.
pub async fn keep_partitions(db: &DatabaseConnection, retention: Retention) -> Result<(u32, u32), Error> {
    let made = partitions::prepare(db, clock::now()).await?;
    let detached = match before(retention.history_days) {
        Some(oldest) => partitions::retire(db, oldest).await?,
        None => 0,
    };
    Ok((made, detached))
}

/// Removes one step of what is too old. Returns how many rows; 0 when nothing is left to remove.
pub async fn step(db: &DatabaseConnection, retention: Retention) -> Result<u64, Error> {
    let mut removed = 0;
    let horizons = Horizons::read(db).await?;
    if let Some(oldest) = before(retention.history_days) {
        removed += history(db, oldest).await?;
        removed += failed(db, oldest).await?;
        // Their webhooks may be in a partition that ends up to a month later.
        let late = late_event::Column::EventId.lt(first_id(oldest - LATE_MS));
        removed += remove::<late_event::Entity>(db, late_event::Column::EventId, late).await?;
        keep_up(db, &horizons, Of::Webhooks, oldest).await?;
    }
    removed += legacy::step(db).await?;
    removed += attempts::retain(db).await?;
    removed += lookups::retain(db).await?;
    removed += listeners::sweep(db).await?;
    removed += reconciliations::retain(db).await?;
    removed += alerting::notices::retain(db).await?;
    deliveries::hasten(db).await?;
    let collected = collected_count::Column::At.lt(now_ms() - COLLECTED_MS);
    removed += remove::<collected_count::Entity>(db, collected_count::Column::Id, collected).await?;
    for (grain, days) in [(Grain::Minute, retention.minute_days), (Grain::Hour, retention.hour_days)] {
        if let Some(oldest) = before(days) {
            removed += buckets(db, grain, oldest).await?;
            keep_up(db, &horizons, Of::Buckets(grain), oldest).await?;
        }
    }
    Ok(removed)
}

/// Moves a horizon that is far behind what is kept: a version that does not note it may be at work beside this one.
async fn keep_up(db: &DatabaseConnection, horizons: &Horizons, what: Of, oldest: i64) -> Result<(), Error> {
    if horizons.of(what).is_some_and(|horizon| horizon < oldest - KEEP_UP_MS) {
        horizon::raise(db, what, oldest).await?;
    }
    Ok(())
}

/// Webhooks and transactions, with their entries in the directories. Where they are partitioned, whole
/// partitions are detached by [`partitions::retire`], and here goes what they hold, and what is in none.
async fn history(db: &DatabaseConnection, oldest: i64) -> Result<u64, Error> {
    let tidied = if partitions::are_there(db).await? { partitions::tidy(db).await? } else { 0 };
    let (events, transactions) = partitions::lapsed(db, oldest, STEP).await?;
    if events.is_empty() && transactions.is_empty() {
        return Ok(tidied);
    }
    let tx = db.begin().await?;
    horizon::raise(&tx, Of::Webhooks, oldest).await?;
    // The locks of a batch: what is about to be folded into is not taken away from under it.
    let locks = transactions.iter().map(|row| RowLock::of(row.company, Some(row.kind), &row.external_id));
    dialect::hold_rows(&tx, locks).await?;
    let removed = {
        use event_identity::Column as Entry;
        use webhook_event::Column as Row;
        without_marks(&tx, &events).await?;
        let gone = Condition::all().add(Row::Id.is_in(events));
        with_entries(&tx, gone, [(Row::CompanyId, Entry::CompanyId), (Row::Identity, Entry::Identity)]).await?
    };
    let removed = removed + {
        use transaction::Column as Row;
        use transaction_key::Column as Entry;
        // Asked again: a webhook may have come since they were found.
        let still = Row::TransactionTime.lt(oldest).and(Row::UpdatedAt.lt(oldest));
        let gone = Condition::all().add(Row::Id.is_in(transactions.into_iter().map(|row| row.id))).add(still);
        let key = [(Row::CompanyId, Entry::CompanyId), (Row::Kind, Entry::Kind), (Row::ExternalId, Entry::ExternalId)];
        with_entries(&tx, gone, key).await?
    };
    tx.commit().await?;
    Ok(tidied + removed)
}

/// Removes what is noted of `events` by their ids: the sender's event ids, and conflicts, also where the other one stays.
async fn without_marks(tx: &DatabaseTransaction, events: &[Uuid]) -> Result<(), Error> {
    use event_conflict::Column as Conflict;
    let own = webhook_event::Entity::find().select_only().columns([webhook_event::Column::CompanyId, webhook_event::Column::Id]);
    let own = own.filter(webhook_event::Column::Id.is_in(events.iter().copied())).into_query();
    let of = |company: Expr, event: Expr| Expr::tuple([company, event]).in_subquery(own.clone());
    let entry = of(Expr::col(event_id::Column::CompanyId), Expr::col(event_id::Column::EventId));
    event_id::Entity::delete_many().filter(entry).exec(tx).await?;
    for event in [Conflict::EventId, Conflict::OtherId] {
        let row = of(Expr::col(Conflict::CompanyId), Expr::col(event));
        event_conflict::Entity::delete_many().filter(row).exec(tx).await?;
    }
    Ok(())
}

/// Removes the rows for which `gone` holds. Before them their entries in the directory: they are found by the rows' `key`.
async fn with_entries<Row, Entry, const PARTS: usize>(
    tx: &DatabaseTransaction,
    gone: Condition,
    key: [(Row, Entry); PARTS],
) -> Result<u64, Error>
where
    Row: ColumnTrait,
    Entry: ColumnTrait,
    Row::EntityName: EntityTrait,
    Entry::EntityName: EntityTrait,
{
    let rows = Row::EntityName::find().select_only().columns(key.map(|(row, _)| row)).filter(gone.clone()).into_query();
    let entry = Expr::tuple(key.map(|(_, entry)| Expr::col(entry))).in_subquery(rows);
    Entry::EntityName::delete_many().filter(entry).exec(tx).await?;
    Ok(Row::EntityName::delete_many().filter(gone).exec(tx).await?.rows_affected)
}

async fn remove<E: EntityTrait>(db: &impl ConnectionTrait, id: E::Column, what: Expr) -> Result<u64, Error> {
    let some = E::find().select_only().column(id).filter(what).limit(STEP).into_query();
    Ok(E::delete_many().filter(id.in_subquery(some)).exec(db).await?.rows_affected)
}

/// Webhooks that were dead-lettered.
async fn failed(db: &DatabaseConnection, oldest: i64) -> Result<u64, Error> {
    use failed_webhook::{Column, Entity};
    let tx = db.begin().await?;
    let removed = remove::<Entity>(&tx, Column::WebhookId, Column::ReceivedAt.lt(oldest)).await?;
    if removed > 0 {
        horizon::raise(&tx, Of::Webhooks, oldest).await?;
    }
    tx.commit().await?;
    Ok(removed)
}

/// Removes the oldest buckets, of whichever company they are.
async fn buckets(db: &DatabaseConnection, grain: Grain, oldest: i64) -> Result<u64, Error> {
    use rollup::{Column, Entity};
    let old = || Entity::find().filter(Column::Grain.eq(grain.as_str())).filter(Column::Bucket.lt(oldest));
    if old().select_only().column(Column::Bucket).limit(1).into_tuple::<i64>().one(db).await?.is_none() {
        return Ok(0);
    }
    let tx = db.begin().await?;
    horizon::raise(&tx, Of::Buckets(grain), oldest).await?;
    let key = [Column::CompanyId, Column::Grain, Column::Mode, Column::Bucket, Column::Series];
    let some = old().select_only().columns(key).order_by_asc(Column::Bucket).limit(BUCKETS).into_query();
    let gone = Expr::tuple(key.map(Expr::col)).in_subquery(some);
    let removed = Entity::delete_many().filter(gone).exec(&tx).await?.rows_affected;
    tx.commit().await?;
    Ok(removed)
}
