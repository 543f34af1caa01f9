//! The roll-ups counted again from the stored webhooks: to prove them equal, or to write them again.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use common::{CompanyId, Deltas, EventIdentity, Grain, Kind, Mode, Sum, TransactionState, event::Change};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseConnection, DatabaseTransaction, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect,
    sea_query::{Alias, Asterisk, Expr, ExprTrait, Func, Query},
};
use uuid::Uuid;

use crate::{
    Error,
    dialect::{self, distributed},
    entity::{late_event, rollup, rollup_delta, transaction, webhook_event},
    horizon::Horizons,
    reads, replay,
    rollups::{ALL, Key, add_to_buckets, spread},
    wide,
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
/// A transaction's company, kind and id at Netbanx.
type TransactionKey = (Uuid, Kind, String);

/// What a comparison with the stored webhooks came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verified {
    /// Buckets that are not what the webhooks say.
    pub differences: Vec<Difference>,
    /// What could not be compared.
    pub unproven: Unproven,
    /// By what was known to be removed.
    pub horizons: Horizons,
}

/// What cannot be counted again, because webhooks that it was counted from may have been removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unproven {
    /// Sums of minutes that are kept.
    pub minutes: u64,
    /// Sums of hours that are kept.
    pub hours: u64,
    /// Sums of days that are kept.
    pub days: u64,
    /// Transactions that were taken as they are stored, since their first webhooks may have gone.
    pub transactions: u64,
}

/// Compares every bucket that can be proved with a recount; at one moment, while the rest goes on. What can be is known to
/// the database: see [`Horizons`]. Counts of duplicates cannot be recounted: no webhook of theirs is stored.
pub async fn verify(db: &DatabaseConnection) -> Result<Verified, Error> {
    let tx = dialect::snapshot(db).await?;
    let horizons = Horizons::read(&tx).await?;
    let (counted, transactions) = recount(&tx, &horizons).await?;
    let mut kept = kept(&tx, &horizons).await?;
    for (key, sum) in waiting(&tx, &horizons).await? {
        kept.entry(key).or_default().add(sum);
    }
    let [minutes, hours, days] = beyond(&tx, &horizons).await?;
    tx.rollback().await?;
    let keys: BTreeSet<&Key> = counted.keys().chain(kept.keys()).collect();
    let sum = |sums: &Sums, key: &Key| sums.get(key).copied().unwrap_or_default();
    let differences = keys.into_iter().filter(|key| sum(&kept, key) != sum(&counted, key)).map(|key| Difference {
        company: key.0,
        grain: key.1,
        mode: key.2,
        bucket_ms: key.3,
        series: key.4.clone(),
        kept: sum(&kept, key),
        counted: sum(&counted, key),
    });
    let unproven = Unproven { minutes, hours, days, transactions };
    Ok(Verified { differences: differences.collect(), unproven, horizons })
}

/// Writes every bucket that can be proved again, and keeps the others. Batches go on: what they commit meanwhile waits as
/// differences and is folded in afterwards. Returns how many buckets it wrote.
pub async fn rebuild(db: &DatabaseConnection) -> Result<usize, Error> {
    // Before the snapshot, so that nobody folds a difference that it sees.
    let guard = dialect::fold_guard(db).await?;
    let tx = dialect::snapshot(db).await?;
    dialect::begin_writing(&tx).await?;
    let horizons = Horizons::read(&tx).await?;
    let since = horizons.first_whole_day().map(|from| rollup_delta::Column::Bucket.gte(from));
    rollup_delta::Entity::delete_many()
        .filter(countable(Expr::col(rollup_delta::Column::Series)))
        .filter(Condition::all().add_option(since))
        .exec(&tx)
        .await?;
    let old = Condition::all().add(countable(Expr::col(rollup::Column::Series))).add(provable(&horizons));
    rollup::Entity::delete_many().filter(old).exec(&tx).await?;
    let (sums, _) = recount(&tx, &horizons).await?;
    add_to_buckets(&tx, &sums).await?;
    tx.commit().await?;
    if let Some(guard) = guard {
        guard.rollback().await?;
    }
    Ok(sums.len())
}

/// Buckets that can be counted again.
fn provable(horizons: &Horizons) -> Condition {
    use rollup::Column;
    Grain::ALL.into_iter().fold(Condition::any(), |any, grain| {
        let since = horizons.provable_from(grain).map(|from| Column::Bucket.gte(from));
        any.add(Condition::all().add(Column::Grain.eq(grain.as_str())).add_option(since))
    })
}

/// How many sums of minutes, hours and days are kept that cannot be counted again.
async fn beyond(tx: &DatabaseTransaction, horizons: &Horizons) -> Result<[u64; 3], Error> {
    use rollup::{Column, Entity};
    let mut counts = [0; 3];
    for (grain, count) in Grain::ALL.into_iter().zip(&mut counts) {
        if let Some(from) = horizons.provable_from(grain) {
            let own = Entity::find().filter(Column::Grain.eq(grain.as_str())).filter(Column::Bucket.lt(from));
            *count = own.filter(countable(Expr::col(Column::Series))).count(tx).await?;
        }
    }
    Ok(counts)
}

/// What can be counted again.
fn countable(series: Expr) -> Expr {
    series.ne("w|duplicate")
}

/// The sums of all stored webhooks, in every bucket that holds them and can be proved; and how many transactions had to be
/// taken as they are stored.
async fn recount(tx: &DatabaseTransaction, horizons: &Horizons) -> Result<(Sums, u64), Error> {
    let mut sums = Sums::new();
    let horizon_ms = horizons.first_whole_day();
    received(tx, "webhook_events", "w|processed", horizon_ms, &mut sums).await?;
    received(tx, "failed_webhooks", "w|failed", horizon_ms, &mut sums).await?;
    let taken = match horizon_ms {
        Some(from) => as_stored(tx, from, &mut sums).await?,
        None => BTreeSet::new(),
    };
    transactions(tx, horizon_ms, &taken, &mut sums).await?;
    sums.retain(|(_, grain, _, bucket, _), sum| !sum.is_zero() && horizons.is_provable(*grain, *bucket));
    Ok((sums, taken.len() as u64))
}

/// Counts the transactions since `from_ms` whose first webhooks were received before it, as their rows say. Returns which.
async fn as_stored(tx: &DatabaseTransaction, from_ms: i64, sums: &mut Sums) -> Result<BTreeSet<TransactionKey>, Error> {
    use transaction::{Column, Entity};
    let mut taken = BTreeSet::new();
    let mut after = Uuid::nil();
    loop {
        let page = Entity::find()
            .filter(Column::CreatedAt.lt(from_ms).and(Column::TransactionTime.gte(from_ms)).and(Column::Id.gt(after)))
            .order_by_asc(Column::Id)
            .limit(PAGE)
            .all(tx)
            .await?;
        let is_last = (page.len() as u64) < PAGE;
        for row in page {
            after = row.id;
            let Some(kind) = Kind::parse(&row.kind) else { continue };
            let state: TransactionState =
                serde_json::from_str(&row.state).map_err(|e| Error::Refused(format!("transactions.state: {e}")))?;
            count(CompanyId(row.company_id), kind, &state, sums);
            taken.insert((row.company_id, kind, row.external_id));
        }
        if is_last {
            return Ok(taken);
        }
    }
}

/// Adds what a transaction counts.
fn count(company: CompanyId, kind: Kind, state: &TransactionState, sums: &mut Sums) {
    let mut deltas = Deltas::default();
    deltas.transaction(kind, None, state);
    for (cell, sum) in deltas.iter() {
        spread(sums, company, cell.mode, cell.minute_ms, &cell.series.to_string(), *sum);
    }
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
async fn transactions(
    tx: &DatabaseTransaction,
    horizon_ms: Option<i64>,
    taken: &BTreeSet<TransactionKey>,
    sums: &mut Sums,
) -> Result<(), Error> {
    use webhook_event::Column;
    let any_late = late_event::Entity::find().one(tx).await?.is_some();
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
        let late = if any_late { reads::late(tx, page.iter().map(|row| row.id)).await? } else { HashSet::new() };
        for row in page {
            let resource = row.resource_id.clone().unwrap_or_default();
            after = Some((row.company_id, resource.clone(), row.id));
            let own = Some((row.company_id, resource));
            if own != open {
                close(open.as_ref(), &mut states, horizon_ms, taken, sums);
                open = own;
            }
            if !late.contains(&row.id) {
                apply(&mut states, &row);
            }
        }
        if is_last {
            close(open.as_ref(), &mut states, horizon_ms, taken, sums);
            return Ok(());
        }
    }
}

/// Takes in what a stored webhook says. One that says nothing any more changed nothing either.
fn apply(states: &mut BTreeMap<Kind, TransactionState>, row: &webhook_event::Model) {
    let Some((event, received_at)) = replay::interpret(row) else { return };
    if let Change::Transaction(facts) = &event.change {
        let identity = EventIdentity::stored(&row.identity);
        states.entry(facts.kind).or_default().apply(&event, facts, &identity, received_at);
    }
}

/// Counts the transactions of a resource that are since `horizon_ms`, but for those that were `taken` already.
fn close(
    open: Option<&(Uuid, String)>,
    states: &mut BTreeMap<Kind, TransactionState>,
    horizon_ms: Option<i64>,
    taken: &BTreeSet<TransactionKey>,
    sums: &mut Sums,
) {
    for (kind, state) in std::mem::take(states) {
        let Some((company, resource)) = open else { continue };
        let is_since = horizon_ms.is_none_or(|horizon| state.transaction_time_ms() >= horizon);
        if is_since && (taken.is_empty() || !taken.contains(&(*company, kind, resource.clone()))) {
            count(CompanyId(*company), kind, &state, sums);
        }
    }
}

/// What the buckets hold.
async fn kept(tx: &DatabaseTransaction, horizons: &Horizons) -> Result<Sums, Error> {
    use rollup::{Column, Entity};
    let rows = Entity::find().filter(countable(Expr::col(Column::Series))).filter(provable(horizons));
    // What a single server kept of all companies together is not read any more, and not counted here either.
    let rows = if distributed::is_known() { rows.filter(Column::CompanyId.ne(ALL.0)) } else { rows };
    let rows = rows.all(tx).await?;
    let mut sums = Sums::new();
    for row in rows {
        let grain = Grain::ALL.into_iter().find(|grain| grain.as_str() == row.grain);
        let (Some(grain), Some(mode)) = (grain, Mode::parse(&row.mode)) else { continue };
        let (series, sum) = wide::sum(&row.series, row.count, row.amount);
        sums.entry((CompanyId(row.company_id), grain, mode, row.bucket, series.into_owned())).or_default().add(sum);
    }
    Ok(sums)
}

/// What is not folded into the buckets yet.
async fn waiting(tx: &DatabaseTransaction, horizons: &Horizons) -> Result<Sums, Error> {
    use rollup_delta::{Column, Entity};
    let since = horizons.first_whole_day().map(|from| Column::Bucket.gte(from));
    let own = Condition::all().add(countable(Expr::col(Column::Series))).add_option(since);
    let mut sums = Sums::new();
    for row in Entity::find().filter(own).all(tx).await? {
        let Some(mode) = Mode::parse(&row.mode) else { continue };
        let (series, sum) = wide::sum(&row.series, row.count, row.amount);
        spread(&mut sums, CompanyId(row.company_id), mode, row.bucket, &series, sum);
    }
    sums.retain(|(_, grain, _, bucket, _), _| horizons.is_provable(*grain, *bucket));
    Ok(sums)
}
