//! Points of roll-ups to figures: plain sums and rates.

use std::collections::BTreeMap;

use common::{Kind, Mode, Series, Status, WebhookOutcome};
use serde::Serialize;
use store::{
    reads::{currency_or_none, method_or_none},
    rollups::Point,
};
use utoipa::ToSchema;

use super::{
    TimeRange,
    amounts::{Amounts, Sums},
    asked::Asked,
};
use store::shown::time;

/// Failure reasons that are told.
const REASONS: usize = 10;

/// Figures of a range.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Analytics {
    /// hour, day, week, month or year; custom where a span was asked for.
    pub time_range: &'static str,
    /// live or test.
    mode: &'static str,
    /// The first moment of the range.
    from: Option<String>,
    /// The moment behind its last bucket.
    until: Option<String>,
    /// What was asked for beyond a plain range.
    #[serde(flatten)]
    pub asked: Asked,
    transactions: TransactionFigures,
    webhooks: WebhookFigures,
    /// One point for each bucket, empty ones too, the oldest first.
    pub series: Vec<SeriesPoint>,
    /// The most used first.
    payment_methods: Vec<MethodFigures>,
    /// The ten most frequent.
    failure_reasons: Vec<FailureReason>,
    /// The period of the same length before.
    previous: Previous,
    /// When this was computed.
    pub generated_at: Option<String>,
}

/// Counts of transactions of all kinds, and amounts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TransactionFigures {
    pub total: i64,
    completed: i64,
    failed: i64,
    pending: i64,
    cancelled: i64,
    returned: i64,
    /// Of payments; null while none is decided.
    approval_rate: Option<f64>,
    /// By ISO 4217 code.
    pub by_currency: Vec<Amounts>,
}

/// Counts of webhooks by what became of them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub(crate) struct WebhookFigures {
    total: i64,
    processed: i64,
    /// Webhooks that became dead letters.
    failed: i64,
    /// Recognised as redeliveries when they arrived.
    duplicates: i64,
}

/// A bucket.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SeriesPoint {
    /// Its first moment.
    start: Option<String>,
    total: i64,
    completed: i64,
    failed: i64,
    by_currency: Vec<Amounts>,
}

/// Payments by one method.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MethodFigures {
    /// For example CARD; UNKNOWN where none is told.
    payment_method: String,
    count: i64,
    completed: i64,
    failed: i64,
}

/// Why transactions failed or were sent back.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct FailureReason {
    reason: String,
    count: i64,
}

/// The figures of the period before.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Previous {
    transactions: TransactionFigures,
    webhooks: WebhookFigures,
}

impl Analytics {
    /// The figures of `points` from `from_ms` up to `until_ms`; earlier points are the period before.
    pub fn of(points: &[Point], range: TimeRange, mode: Mode, from_ms: i64, until_ms: i64) -> Self {
        let (now, before): (Vec<&Point>, Vec<&Point>) = points.iter().partition(|point| point.bucket_ms >= from_ms);
        let mut buckets: BTreeMap<i64, Vec<&Point>> =
            (0..range.points()).map(|n| (from_ms + n * range.grain().ms(), Vec::new())).collect();
        for point in &now {
            buckets.entry(point.bucket_ms).or_default().push(point);
        }
        Self {
            time_range: range.as_str(),
            asked: Asked::default(),
            mode: mode.as_str(),
            from: time(from_ms),
            until: time(until_ms),
            transactions: transactions(&now),
            webhooks: webhooks(&now),
            series: buckets.into_iter().map(|(start, points)| series_point(start, &points)).collect(),
            payment_methods: payment_methods(&now),
            failure_reasons: failure_reasons(&now),
            previous: Previous { transactions: transactions(&before), webhooks: webhooks(&before) },
            generated_at: None,
        }
    }
}

impl Analytics {
    /// The figures of `points` by the spans between `edges`, and those of `before`.
    pub fn between(range: &'static str, points: &[Point], before: &[Point], mode: Mode, edges: &[i64], asked: Asked) -> Self {
        let (now, before): (Vec<&Point>, Vec<&Point>) = (points.iter().collect(), before.iter().collect());
        Self {
            time_range: range,
            mode: mode.as_str(),
            from: edges.first().copied().and_then(time),
            until: edges.last().copied().and_then(time),
            asked,
            transactions: transactions(&now),
            webhooks: webhooks(&now),
            series: series(points, edges),
            payment_methods: payment_methods(&now),
            failure_reasons: failure_reasons(&now),
            previous: Previous { transactions: transactions(&before), webhooks: webhooks(&before) },
            generated_at: None,
        }
    }
}

/// A point for each span between two of `edges`, which rise.
pub(super) fn series(points: &[Point], edges: &[i64]) -> Vec<SeriesPoint> {
    let mut spans: Vec<Vec<&Point>> = vec![Vec::new(); edges.len().saturating_sub(1)];
    for point in points {
        let span = edges.partition_point(|edge| *edge <= point.bucket_ms).checked_sub(1);
        if let Some(span) = span.and_then(|span| spans.get_mut(span)) {
            span.push(point);
        }
    }
    edges.iter().zip(spans).map(|(start, points)| series_point(*start, &points)).collect()
}

pub(crate) fn transactions(points: &[&Point]) -> TransactionFigures {
    let mut sums = TransactionFigures::default();
    let (mut approved, mut refused) = (0, 0);
    let mut currencies: BTreeMap<&str, Sums> = BTreeMap::new();
    for point in points {
        let Series::Transactions { kind, status, currency, outcome, .. } = &point.series else { continue };
        let (count, amount) = (point.sum.count, point.sum.amount);
        sums.total += count;
        match status {
            Status::Pending => sums.pending += count,
            Status::Completed => sums.completed += count,
            Status::Failed => sums.failed += count,
            Status::Cancelled => sums.cancelled += count,
            Status::Returned => sums.returned += count,
        }
        let amounts = currencies.entry(currency_or_none(currency)).or_default();
        amounts.count += count;
        match (kind, status) {
            (Kind::Payment, Status::Completed) => {
                approved += count;
                amounts.completed += amount;
            }
            (Kind::Payment, Status::Returned) => approved += count,
            (Kind::Payment, Status::Failed) => refused += count,
            (Kind::Refund, Status::Completed) => amounts.refunded += amount,
            (Kind::Chargeback, Status::Pending | Status::Completed) if !matches!(outcome.as_str(), "WON" | "REVERSED") => {
                amounts.chargeback += amount;
            }
            _ => {}
        }
    }
    sums.approval_rate = rate(approved, approved + refused);
    sums.by_currency = currencies
        .into_iter()
        .filter(|(_, amounts)| amounts.count != 0)
        .map(|(currency, sums)| Amounts::of(currency, sums))
        .collect();
    sums
}

/// A share to four decimals, by whole numbers.
fn rate(part: i64, all: i64) -> Option<f64> {
    (all > 0).then(|| ((part * 10_000 + all / 2) / all) as f64 / 10_000.0)
}

pub(super) fn webhooks(points: &[&Point]) -> WebhookFigures {
    let mut sums = WebhookFigures::default();
    for point in points {
        let Series::Webhooks(outcome) = point.series else { continue };
        sums.total += point.sum.count;
        match outcome {
            WebhookOutcome::Processed => sums.processed += point.sum.count,
            WebhookOutcome::Failed => sums.failed += point.sum.count,
            WebhookOutcome::Duplicate => sums.duplicates += point.sum.count,
        }
    }
    sums
}

fn series_point(start_ms: i64, points: &[&Point]) -> SeriesPoint {
    let TransactionFigures { total, completed, failed, by_currency, .. } = transactions(points);
    SeriesPoint { start: time(start_ms), total, completed, failed, by_currency }
}

fn payment_methods(points: &[&Point]) -> Vec<MethodFigures> {
    let mut methods: BTreeMap<&str, (i64, i64, i64)> = BTreeMap::new();
    for point in points {
        let Series::Transactions { kind: Kind::Payment, status, payment_method, .. } = &point.series else { continue };
        let (count, completed, failed) = methods.entry(method_or_none(payment_method)).or_default();
        *count += point.sum.count;
        match status {
            Status::Completed => *completed += point.sum.count,
            Status::Failed => *failed += point.sum.count,
            _ => {}
        }
    }
    let mut list: Vec<MethodFigures> = methods
        .into_iter()
        .filter(|(_, (count, _, _))| *count != 0)
        .map(|(name, (count, completed, failed))| MethodFigures { payment_method: name.to_owned(), count, completed, failed })
        .collect();
    list.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.payment_method.cmp(&b.payment_method)));
    list
}

fn failure_reasons(points: &[&Point]) -> Vec<FailureReason> {
    let mut reasons: BTreeMap<&str, i64> = BTreeMap::new();
    for point in points {
        if let Series::Failures { reason } = &point.series {
            *reasons.entry(reason).or_default() += point.sum.count;
        }
    }
    let mut list: Vec<FailureReason> = reasons
        .into_iter()
        .filter(|(_, count)| *count != 0)
        .map(|(reason, count)| FailureReason { reason: reason.to_owned(), count })
        .collect();
    list.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.reason.cmp(&b.reason)));
    list.truncate(REASONS);
    list
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use common::Sum;

    use super::*;

    fn point(minute: i64, kind: Kind, status: Status, currency: &str, outcome: &str, count: i64, amount: i128) -> Point {
        let series = Series::Transactions {
            kind,
            status,
            currency: currency.into(),
            payment_method: "CARD".into(),
            outcome: outcome.into(),
        };
        Point { bucket_ms: minute * 60_000, series, sum: Sum { count, amount } }
    }

    #[test]
    fn amounts_by_the_formulas_and_never_over_currencies() {
        let (now, long_ago) = (1_000, 930);
        let points = [
            point(now, Kind::Payment, Status::Completed, "EUR", "", 3, 900),
            point(now, Kind::Payment, Status::Failed, "EUR", "", 1, 100),
            point(now, Kind::Payment, Status::Returned, "EUR", "", 1, 50),
            point(now, Kind::Payment, Status::Pending, "JPY", "", 1, 7),
            point(now, Kind::Refund, Status::Completed, "EUR", "", 1, 200),
            point(now, Kind::Refund, Status::Pending, "EUR", "", 1, 1),
            point(now, Kind::Chargeback, Status::Pending, "EUR", "", 1, 30),
            point(now, Kind::Chargeback, Status::Completed, "EUR", "LOST", 1, 40),
            point(now, Kind::Chargeback, Status::Completed, "EUR", "WON", 1, 500),
            point(long_ago, Kind::Payment, Status::Completed, "", "", 2, 10),
            Point {
                bucket_ms: now * 60_000,
                series: Series::Webhooks(WebhookOutcome::Duplicate),
                sum: Sum { count: 4, amount: 0 },
            },
            Point { bucket_ms: now * 60_000, series: Series::failure("funds"), sum: Sum { count: 2, amount: 0 } },
        ];
        let (from, until) = TimeRange::Hour.span(now * 60_000 + 5);
        let told = Analytics::of(&points, TimeRange::Hour, Mode::Live, from, until);
        let eur = &told.transactions.by_currency[0];
        assert_eq!(
            (eur.currency.as_str(), eur.completed_amount, eur.refunded_amount, eur.chargeback_amount, eur.net_amount),
            ("EUR", 900, 200, 70, 630)
        );
        assert_eq!((told.transactions.total, told.transactions.by_currency.len()), (11, 2));
        assert_eq!(told.transactions.approval_rate, Some(0.8));
        assert_eq!((told.series.len(), told.series[59].total, told.series[0].total), (60, 11, 0));
        assert_eq!(told.previous.transactions.by_currency[0].currency, "XXX");
        assert_eq!((told.webhooks.duplicates, told.failure_reasons[0].count, told.payment_methods[0].count), (4, 2, 6));
    }

    #[test]
    fn rates_are_rounded_by_whole_numbers() {
        assert_eq!((rate(0, 0), rate(2, 3), rate(1, 3), rate(3, 3)), (None, Some(0.6667), Some(0.3333), Some(1.0)));
    }

    #[test]
    fn spans_hold_whole_buckets_and_the_one_that_is_going_on() {
        let now = 1_700_000_123_456;
        for range in TimeRange::ALL {
            let (from, until) = range.span(now);
            assert_eq!((until - from) / range.grain().ms(), range.points());
            assert!(now < until && until - now <= range.grain().ms());
        }
    }
}
