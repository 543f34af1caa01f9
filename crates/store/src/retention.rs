//! What is too old goes, in small steps that hold no lock for long: stored webhooks and transactions,
//! and the finer roll-ups. The roll-ups by day stay.

mod legacy;

use common::{CompanyId, Grain, Mode};
use sea_orm::{
    ColumnTrait, Condition, DatabaseConnection, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait, TransactionTrait,
    sea_query::{Expr, ExprTrait},
};
use uuid::Uuid;

use crate::{
    Error, companies,
    dialect::{self, RowLock, partitions},
    entity::{
        collected_count, event_conflict, event_id, event_identity, failed_webhook, rollup, transaction, transaction_key,
        webhook_event,
    },
    now_ms,
    rollups::ALL,
};

/// Rows that one step removes of each table at most.
const STEP: u64 = 1_000;
/// Buckets of each company that one step removes at most.
const SPAN: i64 = 60;
/// How long the name of a take-over is remembered.
const COLLECTED_MS: i64 = 7 * 86_400_000;

/// How long things are kept, in days; 0: for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ages {
    /// Stored webhooks since their receipt, transactions since their last webhook.
    pub history_days: u32,
    /// Roll-ups by minute.
    pub minute_days: u32,
    /// Roll-ups by hour.
    pub hour_days: u32,
}

impl Ages {
    /// The first moment whose whole history is still there, in milliseconds since 1970 UTC: the start of
    /// a day. None: nothing was ever removed.
    pub fn horizon_ms(self) -> Option<i64> {
        before(self.history_days).map(|oldest| Grain::Day.bucket(oldest) + Grain::Day.ms())
    }
}

fn before(days: u32) -> Option<i64> {
    (days > 0).then(|| now_ms() - i64::from(days) * 86_400_000)
}

/// Keeps the partitions, where there are any: those of the months ahead are made, those too old detached.
/// Answers how many of each.
pub async fn keep_partitions(db: &DatabaseConnection, ages: Ages) -> Result<(u32, u32), Error> {
    let made = partitions::prepare(db, chrono::Utc::now()).await?;
    let detached = match before(ages.history_days) {
        Some(oldest) => partitions::retire(db, oldest).await?,
        None => 0,
    };
    Ok((made, detached))
}

/// Removes one step of what is too old. Answers how many rows; 0 when nothing is left to remove.
pub async fn step(db: &DatabaseConnection, ages: Ages) -> Result<u64, Error> {
    let mut removed = 0;
    if let Some(oldest) = before(ages.history_days) {
        removed += history(db, oldest).await?;
        let failed = failed_webhook::Column::ReceivedAt.lt(oldest);
        removed += remove::<failed_webhook::Entity>(db, failed_webhook::Column::WebhookId, failed).await?;
    }
    removed += legacy::step(db).await?;
    let collected = collected_count::Column::At.lt(now_ms() - COLLECTED_MS);
    removed += remove::<collected_count::Entity>(db, collected_count::Column::Id, collected).await?;
    for (grain, days) in [(Grain::Minute, ages.minute_days), (Grain::Hour, ages.hour_days)] {
        if let Some(oldest) = before(days) {
            removed += buckets(db, grain, oldest).await?;
        }
    }
    Ok(removed)
}

/// Webhooks and transactions, with their entries in the directories. Where they are partitioned, whole
/// partitions are detached by [`partitions::retire`], and here goes what they hold, and what lies in none.
async fn history(db: &DatabaseConnection, oldest: i64) -> Result<u64, Error> {
    let tidied = if partitions::are_there(db).await? { partitions::tidy(db).await? } else { 0 };
    let (events, transactions) = partitions::lapsed(db, oldest, STEP).await?;
    if events.is_empty() && transactions.is_empty() {
        return Ok(tidied);
    }
    let tx = db.begin().await?;
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

async fn remove<E: EntityTrait>(db: &DatabaseConnection, id: E::Column, what: Expr) -> Result<u64, Error> {
    let some = E::find().select_only().column(id).filter(what).limit(STEP).into_query();
    Ok(E::delete_many().filter(id.in_subquery(some)).exec(db).await?.rows_affected)
}

/// Removes the oldest span of buckets of each company.
async fn buckets(db: &DatabaseConnection, grain: Grain, oldest: i64) -> Result<u64, Error> {
    use rollup::{Column, Entity};
    let known = companies::list(db).await?.into_iter().map(|row| row.id);
    let mut removed = 0;
    for company in known.chain([CompanyId::NONE.0, ALL.0]) {
        for mode in [Mode::Live, Mode::Test] {
            let own = || {
                Condition::all()
                    .add(Column::CompanyId.eq(company))
                    .add(Column::Grain.eq(grain.as_str()))
                    .add(Column::Mode.eq(mode.as_str()))
                    .add(Column::Bucket.lt(oldest))
            };
            let first = Entity::find().select_only().column(Column::Bucket).filter(own()).order_by_asc(Column::Bucket).limit(1);
            let Some(first) = first.into_tuple::<i64>().one(db).await? else { continue };
            let span = own().add(Column::Bucket.lt(first + SPAN * grain.ms()));
            removed += Entity::delete_many().filter(span).exec(db).await?.rows_affected;
        }
    }
    Ok(removed)
}
