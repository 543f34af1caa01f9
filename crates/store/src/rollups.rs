//! Roll-ups: a batch appends differences in its own transaction, one process at a time folds them into
//! buckets, and a reader sums up both. So batches never wait for a hot bucket, and every reader sees
//! just what is committed.

mod reads;

use std::collections::{BTreeMap, HashSet};

use common::{Cell, CompanyId, Deltas, Grain, Mode, Sum, WebhookOutcome};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, EntityTrait, Iden, QueryFilter, Set,
    TransactionTrait,
    sea_query::{Alias, Expr, ExprTrait, OnConflict, Query},
};
use uuid::Uuid;

use crate::{
    Error,
    dialect::{
        self, distributed,
        rows::{self, Insert, Rest},
    },
    entity::{collected_count, failed_webhook, rollup, rollup_delta},
    horizon::Horizons,
    outbound::{
        WEBHOOK_UNREADABLE,
        bodies::DeadWebhook,
        messages::{About, Outbox},
        subscriptions::Subscriptions,
    },
    wide,
};
use clock::now_ms;
use reads::wide_sum;
pub use reads::{Point, read, redelivered, totals, traffic};

/// The company id under which all companies are summed up.
pub const ALL: CompanyId = CompanyId(rollup::ALL_COMPANIES);
/// Differences that one step folds at most.
const STEP: u64 = 5_000;
/// Rows of one statement at most: SQLite and PostgreSQL bound its parameters.
const ROWS: usize = 2_000;

/// Differences by company.
pub type CompanyDeltas = BTreeMap<CompanyId, Deltas>;

/// Where a bucket's sum is.
pub(crate) type Key = (CompanyId, Grain, Mode, i64, String);

type Difference<'d> = (Uuid, CompanyId, &'d Cell, wide::Row);

/// The rows of `deltas`, with new ids.
fn differences(deltas: &CompanyDeltas) -> Vec<Difference<'_>> {
    let all = deltas.iter().flat_map(|(company, deltas)| deltas.iter().map(move |(cell, sum)| (company, cell, sum)));
    let rows = all.flat_map(|(company, cell, sum)| wide::rows(*sum).map(move |row| (Uuid::now_v7(), *company, cell, row)));
    rows.collect()
}

fn difference((id, company, cell, row): Difference<'_>, column: rollup_delta::Column) -> rows::RowValue<'_> {
    use rollup_delta::Column;
    match column {
        Column::Id => id.into(),
        Column::CompanyId => company.0.into(),
        Column::Mode => cell.mode.as_str().into(),
        Column::Bucket => cell.minute_ms.into(),
        Column::Series => row.series(cell.series.to_string()).into(),
        Column::Count => row.count.into(),
        Column::Amount => row.amount.into(),
    }
}

/// All of `deltas`, to be committed with what they count.
pub(crate) fn insert(deltas: &CompanyDeltas) -> Result<Insert<'_>, DbErr> {
    Insert::of(differences(deltas), difference, Rest::Nothing)
}

pub(crate) async fn append(tx: &DatabaseTransaction, deltas: &CompanyDeltas) -> Result<(), Error> {
    for page in differences(deltas).chunks(ROWS) {
        rows::insert(tx, vec![Insert::of(page.iter().copied(), difference, Rest::Nothing)?]).await?;
    }
    Ok(())
}

/// Counts a webhook that was dead-lettered; the same one again changes nothing. Endpoints are told in its `trace`. Returns whether it
/// was new.
pub async fn failed(
    db: &DatabaseConnection,
    webhook: Uuid,
    company: CompanyId,
    mode: Mode,
    received_ms: i64,
    trace: Option<&str>,
) -> Result<bool, Error> {
    let tx = db.begin().await?;
    let row = failed_webhook::ActiveModel {
        webhook_id: Set(webhook),
        company_id: Set(company.0),
        mode: Set(mode.as_str().to_owned()),
        received_at: Set(received_ms),
    };
    let skip =
        distributed::same_id(&tx, failed_webhook::Column::CompanyId, failed_webhook::Column::WebhookId).do_nothing().to_owned();
    let is_new = failed_webhook::Entity::insert(row).on_conflict(skip).exec_without_returning(&tx).await? > 0;
    if is_new {
        let mut deltas = Deltas::default();
        deltas.webhook(received_ms, mode, WebhookOutcome::Failed);
        append(&tx, &BTreeMap::from([(company, deltas)])).await?;
        let subscriptions = Subscriptions::read(&tx).await?;
        let mut outbox = Outbox::new(&subscriptions);
        let dead = DeadWebhook { webhook_id: webhook, mode: mode.as_str() };
        outbox.tell(About { company, event_type: WEBHOOK_UNREADABLE, subject: webhook, trace }, dead)?;
        outbox.write(&tx).await?;
    }
    tx.commit().await?;
    Ok(is_new)
}

/// Which of `webhooks`, at most some hundreds, each with the time of its receipt, are not counted as dead-lettered yet. Not those
/// from before the horizon: retention may have removed that they were.
pub async fn not_counted_as_failed(db: &DatabaseConnection, webhooks: &[(Uuid, i64)]) -> Result<HashSet<Uuid>, Error> {
    let horizon = Horizons::read(db).await?.webhooks.unwrap_or(i64::MIN);
    let asked = webhooks.iter().filter(|(_, received_ms)| *received_ms >= horizon).map(|(webhook, _)| *webhook);
    let mut left: HashSet<Uuid> = asked.collect();
    let counted = failed_webhook::Entity::find().filter(failed_webhook::Column::WebhookId.is_in(left.iter().copied()));
    for row in counted.all(db).await? {
        left.remove(&row.webhook_id);
    }
    Ok(left)
}

/// Counts what was taken over from elsewhere under the name `id`; the same again changes nothing.
pub async fn collect(db: &DatabaseConnection, id: Uuid, deltas: &CompanyDeltas) -> Result<(), Error> {
    use collected_count::{ActiveModel, Column, Entity};
    let tx = db.begin().await?;
    let skip = OnConflict::column(Column::Id).do_nothing().to_owned();
    let row = ActiveModel { id: Set(id), at: Set(now_ms()) };
    if Entity::insert(row).on_conflict(skip).exec_without_returning(&tx).await? > 0 {
        append(&tx, deltas).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Folds a step of differences into their buckets. Returns how many, and whether there may be more;
/// none while another process does it.
pub async fn fold(db: &DatabaseConnection) -> Result<(u64, bool), Error> {
    use rollup_delta::{Column, Entity};
    let tx = db.begin().await?;
    if !dialect::try_fold_lock(&tx).await? {
        return Ok((0, false));
    }
    let oldest = Query::select().column(Column::Id).from(Entity).order_by(Column::Id, sea_orm::Order::Asc).limit(STEP).take();
    let mut delete = Query::delete();
    delete.from_table(Entity).and_where(Expr::col(Column::Id).in_subquery(oldest)).returning(Query::returning().columns([
        Column::CompanyId,
        Column::Mode,
        Column::Bucket,
        Column::Series,
        Column::Count,
        Column::Amount,
    ]));
    let taken = tx.query_all(&delete).await?;
    if taken.is_empty() {
        return Ok((0, false));
    }
    let horizons = Horizons::read(&tx).await?;
    let mut sums: BTreeMap<Key, Sum> = BTreeMap::new();
    for row in &taken {
        let company: Uuid = row.try_get("", Column::CompanyId.unquoted())?;
        let mode: String = row.try_get("", Column::Mode.unquoted())?;
        let minute: i64 = row.try_get("", Column::Bucket.unquoted())?;
        let Some(mode) = Mode::parse(&mode) else { continue };
        let series: String = row.try_get("", Column::Series.unquoted())?;
        let (series, sum) = wide_sum(row, &series)?;
        spread(&mut sums, CompanyId(company), mode, minute, &series, sum);
    }
    // What retention removed does not come back: of a late difference the days alone are kept.
    sums.retain(|(_, grain, _, bucket, _), _| !horizons.is_removed(*grain, *bucket));
    add_to_buckets(&tx, &sums).await?;
    failpoints::reached(failpoints::Point::DifferencesFolded);
    tx.commit().await?;
    let count = taken.len() as u64;
    Ok((count, count == STEP))
}

/// Frees what folded differences took.
pub async fn tidy(db: &DatabaseConnection) -> Result<(), Error> {
    Ok(dialect::tidy_deltas(db).await?)
}

/// Adds a minute's sum to every bucket that holds it: three grains, its company and all. A distributed database keeps no buckets of
/// all together, which would be one server's work for everybody: see [`cells`].
pub(crate) fn spread(sums: &mut BTreeMap<Key, Sum>, company: CompanyId, mode: Mode, minute: i64, series: &str, sum: Sum) {
    let all = (!distributed::is_known()).then_some(ALL);
    for whose in std::iter::once(company).chain(all) {
        for grain in Grain::ALL {
            sums.entry((whose, grain, mode, grain.bucket(minute), series.to_owned())).or_default().add(sum);
        }
    }
}

/// Adds `sums` to the buckets, in one order for all.
pub(crate) async fn add_to_buckets(tx: &DatabaseTransaction, sums: &BTreeMap<Key, Sum>) -> Result<(), Error> {
    use rollup::{ActiveModel, Column, Entity};
    let rows: Vec<_> = sums
        .iter()
        .filter(|(_, sum)| !sum.is_zero())
        .flat_map(|(key, sum)| wide::rows(*sum).map(move |row| (key, row)))
        .map(|((company, grain, mode, bucket, series), row)| ActiveModel {
            company_id: Set(company.0),
            grain: Set(grain.as_str().to_owned()),
            mode: Set(mode.as_str().to_owned()),
            bucket: Set(*bucket),
            series: Set(row.series(series.clone())),
            count: Set(row.count),
            amount: Set(row.amount),
        })
        .collect();
    let more = |column: Column| Expr::col((Entity, column)).add(Expr::col((Alias::new("excluded"), column)));
    let add = OnConflict::columns([Column::CompanyId, Column::Grain, Column::Mode, Column::Bucket, Column::Series])
        .value(Column::Count, more(Column::Count))
        .value(Column::Amount, more(Column::Amount))
        .to_owned();
    for page in rows.chunks(ROWS) {
        Entity::insert_many(page.to_vec()).on_conflict(add.clone()).exec_without_returning(tx).await?;
    }
    Ok(())
}
