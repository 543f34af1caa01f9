//! The roll-ups counted anew from the stored webhooks: to prove them equal, or to write them again.

use std::collections::BTreeMap;

use chrono::DateTime;
use common::{CompanyId, Deltas, Envelope, Event, EventIdentity, Grain, Kind, Mode, Sum, TransactionState, event::Change};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseConnection, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect,
    sea_query::{Alias, Asterisk, Expr, ExprTrait, Func, Query},
};
use uuid::Uuid;

use crate::{
    Error, dialect,
    entity::{rollup, rollup_delta, webhook_event},
    rollups::{Key, add_to_buckets, spread},
};

/// Webhooks that are read at once.
const PAGE: u64 = 5_000;

/// A bucket that is not what the webhooks say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Whose; [`crate::rollups::ALL`] for all together.
    pub company: CompanyId,
    /// How wide the bucket is.
    pub grain: Grain,
    /// Live or test.
    pub mode: Mode,
    /// Its start, in milliseconds since 1970 UTC.
    pub bucket_ms: i64,
    /// What is counted, as the database keeps it.
    pub series: String,
    /// What the bucket holds.
    pub kept: Sum,
    /// What the webhooks make.
    pub counted: Sum,
}

type Sums = BTreeMap<Key, Sum>;

/// Compares every bucket from `horizon_ms` on with a recount; at one moment, while the rest goes on.
/// Counts of duplicates cannot be recounted: no webhook of theirs is stored.
pub async fn verify(db: &DatabaseConnection, horizon_ms: Option<i64>) -> Result<Vec<Difference>, Error> {
    let tx = dialect::snapshot(db).await?;
    let counted = recount(&tx, horizon_ms).await?;
    let mut kept = kept(&tx, horizon_ms).await?;
    for (key, sum) in waiting(&tx, horizon_ms).await? {
        kept.entry(key).or_default().add(sum);
    }
    tx.rollback().await?;
    let keys: std::collections::BTreeSet<&Key> = counted.keys().chain(kept.keys()).collect();
    let sum = |sums: &Sums, key: &Key| sums.get(key).copied().unwrap_or_default();
    Ok(keys
        .into_iter()
        .filter(|key| sum(&kept, key) != sum(&counted, key))
        .map(|key| Difference {
            company: key.0,
            grain: key.1,
            mode: key.2,
            bucket_ms: key.3,
            series: key.4.clone(),
            kept: sum(&kept, key),
            counted: sum(&counted, key),
        })
        .collect())
}

/// Writes every bucket from `horizon_ms` on anew. Batches go on: what they commit meanwhile waits as
/// differences and is folded in afterwards. Answers how many buckets there are.
pub async fn rebuild(db: &DatabaseConnection, horizon_ms: Option<i64>) -> Result<usize, Error> {
    // Before the snapshot, so that nobody folds a difference that it sees.
    let guard = dialect::fold_guard(db).await?;
    let tx = dialect::snapshot(db).await?;
    rollup_delta::Entity::delete_many()
        .filter(countable(Expr::col(rollup_delta::Column::Series)))
        .filter(from(rollup_delta::Column::Bucket, horizon_ms))
        .exec(&tx)
        .await?;
    let old = Condition::all().add(countable(Expr::col(rollup::Column::Series))).add(from(rollup::Column::Bucket, horizon_ms));
    rollup::Entity::delete_many().filter(old).exec(&tx).await?;
    let sums = recount(&tx, horizon_ms).await?;
    add_to_buckets(&tx, &sums).await?;
    tx.commit().await?;
    if let Some(guard) = guard {
        guard.rollback().await?;
    }
    Ok(sums.len())
}

fn from(column: impl ColumnTrait, horizon_ms: Option<i64>) -> Condition {
    Condition::all().add_option(horizon_ms.map(|horizon| column.gte(horizon)))
}

/// What can be counted anew.
fn countable(series: Expr) -> Expr {
    series.ne("w|duplicate")
}

/// The sums of all stored webhooks, in every bucket that holds them.
async fn recount(tx: &DatabaseTransaction, horizon_ms: Option<i64>) -> Result<Sums, Error> {
    let mut sums = Sums::new();
    received(tx, "webhook_events", "w|processed", horizon_ms, &mut sums).await?;
    received(tx, "failed_webhooks", "w|failed", horizon_ms, &mut sums).await?;
    transactions(tx, horizon_ms, &mut sums).await?;
    sums.retain(|_, sum| !sum.is_zero());
    Ok(sums)
}

/// Counts the rows of a table by the minute of their receipt.
async fn received(
    tx: &DatabaseTransaction,
    table: &'static str,
    series: &str,
    horizon_ms: Option<i64>,
    sums: &mut Sums,
) -> Result<(), Error> {
    let (company, mode, minute) = (Alias::new("company_id"), Alias::new("mode"), Alias::new("minute"));
    let mut select = Query::select();
    select
        .columns([company.clone(), mode.clone()])
        .expr_as(dialect::bucket_of("received_at", Grain::Minute.ms()), minute.clone())
        .expr_as(Func::count(Expr::col(Asterisk)), "n")
        .from(Alias::new(table))
        .group_by_columns([company, mode, minute]);
    if let Some(horizon) = horizon_ms {
        select.and_where(Expr::col(Alias::new("received_at")).gte(horizon));
    }
    for row in tx.query_all(&select).await? {
        let (company, mode): (Uuid, String) = (row.try_get("", "company_id")?, row.try_get("", "mode")?);
        let Some(mode) = Mode::parse(&mode) else { continue };
        let sum = Sum { count: row.try_get("", "n")?, amount: 0 };
        spread(sums, CompanyId(company), mode, row.try_get("", "minute")?, series, sum);
    }
    Ok(())
}

/// Folds the webhooks of each transaction, one transaction after another.
async fn transactions(tx: &DatabaseTransaction, horizon_ms: Option<i64>, sums: &mut Sums) -> Result<(), Error> {
    use webhook_event::Column;
    let mut after: Option<(Uuid, String, Uuid)> = None;
    let mut open: Option<(Uuid, String)> = None;
    let mut states: BTreeMap<Kind, TransactionState> = BTreeMap::new();
    loop {
        let behind = after.as_ref().map(|(company, resource, id)| {
            let (same_company, same_resource) = (Column::CompanyId.eq(*company), Column::ResourceId.eq(resource.as_str()));
            Condition::any()
                .add(Column::CompanyId.gt(*company))
                .add(same_company.clone().and(Column::ResourceId.gt(resource.as_str())))
                .add(same_company.and(same_resource).and(Column::Id.gt(*id)))
        });
        let page = webhook_event::Entity::find()
            .filter(Column::Category.eq("transaction"))
            .filter(Column::ResourceId.is_not_null())
            .filter(Condition::all().add_option(behind))
            .order_by_asc(Column::CompanyId)
            .order_by_asc(Column::ResourceId)
            .order_by_asc(Column::Id)
            .limit(PAGE)
            .all(tx)
            .await?;
        let is_last = (page.len() as u64) < PAGE;
        for row in page {
            let resource = row.resource_id.clone().unwrap_or_default();
            after = Some((row.company_id, resource.clone(), row.id));
            let own = Some((row.company_id, resource));
            if own != open {
                close(open.as_ref(), &mut states, horizon_ms, sums);
                open = own;
            }
            apply(&mut states, &row);
        }
        if is_last {
            close(open.as_ref(), &mut states, horizon_ms, sums);
            return Ok(());
        }
    }
}

/// Takes in what a stored webhook says. One that says nothing any more changed nothing either.
fn apply(states: &mut BTreeMap<Kind, TransactionState>, row: &webhook_event::Model) {
    let Some(received_at) = DateTime::from_timestamp_millis(row.received_at) else { return };
    let Ok(envelope) = Envelope::parse(row.payload.as_bytes(), Some(&row.name)) else { return };
    let Ok(event) = Event::interpret(&envelope, received_at) else { return };
    if let Change::Transaction(facts) = &event.change {
        let identity = EventIdentity::stored(&row.identity);
        states.entry(facts.kind).or_default().apply(&event, facts, &identity, received_at);
    }
}

fn close(open: Option<&(Uuid, String)>, states: &mut BTreeMap<Kind, TransactionState>, horizon_ms: Option<i64>, sums: &mut Sums) {
    for (kind, state) in std::mem::take(states) {
        let (Some((company, _)), true) = (open, horizon_ms.is_none_or(|horizon| state.transaction_time_ms() >= horizon)) else {
            continue;
        };
        let mut deltas = Deltas::default();
        deltas.transaction(kind, None, &state);
        for (cell, sum) in deltas.iter() {
            spread(sums, CompanyId(*company), cell.mode, cell.minute_ms, &cell.series.to_string(), *sum);
        }
    }
}

/// What the buckets hold.
async fn kept(tx: &DatabaseTransaction, horizon_ms: Option<i64>) -> Result<Sums, Error> {
    use rollup::{Column, Entity};
    let rows =
        Entity::find().filter(countable(Expr::col(Column::Series))).filter(from(Column::Bucket, horizon_ms)).all(tx).await?;
    let mut sums = Sums::new();
    for row in rows {
        let grain = Grain::ALL.into_iter().find(|grain| grain.as_str() == row.grain);
        let (Some(grain), Some(mode)) = (grain, Mode::parse(&row.mode)) else { continue };
        let key = (CompanyId(row.company_id), grain, mode, row.bucket, row.series);
        sums.entry(key).or_default().add(Sum { count: row.count, amount: row.amount });
    }
    Ok(sums)
}

/// What is not folded into the buckets yet.
async fn waiting(tx: &DatabaseTransaction, horizon_ms: Option<i64>) -> Result<Sums, Error> {
    use rollup_delta::{Column, Entity};
    let rows =
        Entity::find().filter(countable(Expr::col(Column::Series))).filter(from(Column::Bucket, horizon_ms)).all(tx).await?;
    let mut sums = Sums::new();
    for row in rows {
        let Some(mode) = Mode::parse(&row.mode) else { continue };
        let sum = Sum { count: row.count, amount: row.amount };
        spread(&mut sums, CompanyId(row.company_id), mode, row.bucket, &row.series, sum);
    }
    Ok(sums)
}
