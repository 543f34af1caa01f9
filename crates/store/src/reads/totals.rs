//! Sums of a list of transactions: from roll-ups where they can tell its rows from others, else from a bounded number of rows.

use common::{Grain, Mode, Series};
use sea_orm::{ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait};

use super::{
    MAX_COUNT, Scope, TransactionFilter, Window,
    filter::{currency_or_none, indexed, method_or_none, unindexed},
    looks,
};
use crate::{
    Error,
    entity::transaction::{Column, Entity},
    horizon::{self, Horizons},
    rollups::{self, Point},
    row_sums,
};

/// Longest value of a filter that roll-ups have in full.
const WHOLE: usize = 100;

/// The sums of a list.
#[derive(Debug, Clone, Default)]
pub struct Totals {
    /// What its transactions add up to, by kind, status, currency, method and outcome; without buckets.
    pub points: Vec<Point>,
    /// Whether these are all: of what no roll-up tells apart, [`MAX_COUNT`] rows are summed at most, and of what no index knows
    /// so many looked through.
    pub is_exact: bool,
}

/// The sums of the transactions of a filter.
pub async fn totals(db: &impl ConnectionTrait, scope: Scope, filter: &TransactionFilter) -> Result<Totals, Error> {
    let (_, totals) = horizon::read_kept(db, |horizons| span(filter, horizons), |span| of(db, scope, filter, span)).await?;
    Ok(totals)
}

async fn of(
    db: &impl ConnectionTrait,
    scope: Scope,
    filter: &TransactionFilter,
    span: Option<RolledUp>,
) -> Result<Totals, Error> {
    let Some((mode, grain, from, until)) = span else { return of_rows(db, scope, filter).await };
    let mut totals = Totals { points: rollups::totals(db, scope, mode, grain, from, until).await?, is_exact: true };
    totals.points.retain(|point| is_wanted(filter, &point.series));
    // What retention let stand of the days before is not what roll-ups count there.
    if filter.from_ms.is_none_or(|first| first < from) && from > i64::MIN {
        let before = of_rows(db, scope, &TransactionFilter { until_ms: Some(from), ..filter.clone() }).await?;
        totals.points.extend(before.points);
        totals.is_exact = before.is_exact;
    }
    Ok(totals)
}

/// Which roll-ups: of which mode, in which buckets, from when until when.
type RolledUp = (Mode, Grain, i64, i64);

/// What roll-ups can tell of the filter; none where they cannot.
fn span(filter: &TransactionFilter, horizons: &Horizons) -> Option<RolledUp> {
    let TransactionFilter { mode, status: _, kind: _, currency: _, payment_method, from_ms, until_ms, .. } = filter;
    let has_others = filter.failure_reason.is_some()
        || filter.amount_min.is_some()
        || filter.amount_max.is_some()
        || filter.account_id.is_some()
        || filter.merchant_ref_num.is_some()
        || filter.q.is_some();
    // Roll-ups shorten what is long, and have no bars.
    let is_whole_text = |text: &String| text.len() <= WHOLE && !text.contains('|');
    if has_others || !payment_method.iter().all(is_whole_text) {
        return None;
    }
    let whole = horizons.first_whole_day().unwrap_or(i64::MIN);
    let (from, until) = (from_ms.unwrap_or(i64::MIN).max(whole), until_ms.unwrap_or(i64::MAX));
    let is_edge = |grain: Grain, at: i64| at == i64::MIN || at == i64::MAX || at.rem_euclid(grain.ms()) == 0;
    let fits = |grain: &Grain| is_edge(*grain, from) && is_edge(*grain, until) && !horizons.is_removed(*grain, from);
    let grain = Grain::ALL.into_iter().rev().find(fits)?;
    (from < until).then_some((mode.and_then(Mode::parse)?, grain, from, until))
}

/// Whether a filter that [`span`] takes lists the transactions of a series.
fn is_wanted(filter: &TransactionFilter, series: &Series) -> bool {
    let Series::Transactions { kind, status, currency, payment_method, outcome: _ } = series else { return false };
    let is_one = |values: &[&str], own: &str| values.is_empty() || values.contains(&own);
    let is_text = |values: &[String], own: &str| values.is_empty() || values.iter().any(|value| value == own);
    is_one(&filter.status, status.as_str())
        && is_one(&filter.kind, kind.as_str())
        && is_text(&filter.currency, currency_or_none(currency))
        && is_text(&filter.payment_method, method_or_none(payment_method))
}

/// The sums of [`MAX_COUNT`] rows at most.
async fn of_rows(db: &impl ConnectionTrait, scope: Scope, filter: &TransactionFilter) -> Result<Totals, Error> {
    let indexed = indexed(db, scope, filter).await?;
    // Few rows are all looked at.
    let end = match indexed.ids {
        None => looks::end(db, filter, &indexed.holds, Window::newest(MAX_COUNT)).await?,
        Some(_) => None,
    };
    let all = indexed.condition().add(unindexed(filter)).add_option(end.map(|end| looks::up_to(end, false)));
    let rows = Entity::find()
        .select_only()
        .columns([Column::Kind, Column::Status, Column::Currency, Column::PaymentMethod, Column::Outcome, Column::Amount])
        .filter(all)
        .limit(MAX_COUNT);
    let mut points = Vec::new();
    for row in db.query_all(&row_sums::of_rows(rows.into_query())).await? {
        points.extend(row_sums::transaction_point(&row)?);
    }
    let rows: i64 = points.iter().map(|point| point.sum.count).sum();
    Ok(Totals { points, is_exact: rows.unsigned_abs() < MAX_COUNT && end.is_none() })
}
