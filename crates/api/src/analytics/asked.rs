//! What an answer has beyond a plain range: how its span was asked for, another span to compare with, groups.

use std::collections::BTreeMap;

use serde::Serialize;
use store::rollups::Point;
use utoipa::ToSchema;

use super::figures::{SeriesPoint, TransactionFigures, WebhookFigures, series, transactions, webhooks};
use store::shown::time;

/// How a span was asked for, and what was asked beside it; nothing where a plain range was.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Asked {
    /// The moment behind the span; the same as `until`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub to: Option<String>,
    /// hour, day, week, month, quarter or year.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub interval: Option<&'static str>,
    /// The moment as of which the figures are, where one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub as_of: Option<String>,
    /// IANA's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub time_zone: Option<&'static str>,
    /// True where retention removed what an exact answer needs, also one of `comparison`, `previous` or `groups`: then buckets that
    /// an edge cuts count where they begin, and groups by account or reason lack what was removed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    pub is_approximate: bool,
    /// The span that was asked for to compare with.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub comparison: Option<Comparison>,
    /// What `groupBy` asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub group_by: Option<&'static str>,
    /// The figures by group, the largest first, at most 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub groups: Option<Vec<Group>>,
    /// How many smaller groups there are beside them, if any. A file has all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub more_groups: Option<usize>,
}

/// The figures of another span.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Comparison {
    /// previous or year.
    pub with: &'static str,
    pub from: Option<String>,
    pub to: Option<String>,
    pub transactions: TransactionFigures,
    pub webhooks: WebhookFigures,
    pub series: Vec<SeriesPoint>,
}

/// The figures of what has one thing in common.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Group {
    /// What they have in common: a currency, a method, a kind, a status, an account or a reason; UNKNOWN where it is not known.
    pub key: String,
    pub transactions: TransactionFigures,
}

impl Comparison {
    /// The figures of `points` by the spans between `edges`.
    pub fn of(with: &'static str, points: &[Point], edges: &[i64]) -> Self {
        let all: Vec<&Point> = points.iter().collect();
        Self {
            with,
            from: edges.first().copied().and_then(time),
            to: edges.last().copied().and_then(time),
            transactions: transactions(&all),
            webhooks: webhooks(&all),
            series: series(points, edges),
        }
    }
}

impl Group {
    /// The figures of points by the group that each is named with, the largest first.
    pub fn all<'p>(named: impl Iterator<Item = (String, &'p Point)>) -> Vec<Self> {
        let mut grouped: BTreeMap<String, Vec<&Point>> = BTreeMap::new();
        for (key, point) in named {
            grouped.entry(if key.is_empty() { "UNKNOWN".to_owned() } else { key }).or_default().push(point);
        }
        let figures = grouped.into_iter().map(|(key, points)| Self { key, transactions: transactions(&points) });
        let mut groups: Vec<Self> = figures.filter(|group| group.transactions.total != 0).collect();
        groups.sort_by_key(|group| std::cmp::Reverse(group.transactions.total));
        groups
    }
}
