//! Reads sums between edges: from the widest buckets that no edge cuts, else from rows; of a moment that has passed, from what was
//! known then.

use common::{Grain, Mode};
use http_service::Problem;
use store::{
    Scope,
    as_of::KnownFigures,
    horizon::{self, Horizons},
    rollups::{self, Point},
    row_sums::{self, Column, Span},
};

use super::asked::Group;
use crate::{Api, query_failed};

/// The figures of `scope` as they were known at `at_ms`.
pub(super) async fn known(api: &Api, scope: Scope, at_ms: i64) -> Result<KnownFigures, Problem> {
    let known = KnownFigures::begin(&api.db, scope, at_ms).await.map_err(|error| query_failed(&error))?;
    known.ok_or_else(|| {
        let reason =
            "more transactions were under way at that moment than are counted again; ask for a later one, or for one company";
        Problem::parameter("asOf", reason)
    })
}

/// What is summed up between edges.
#[derive(Clone, Copy, PartialEq)]
enum Source {
    /// The widest buckets that no edge cuts and that are kept.
    Buckets(Grain),
    /// Rows, and recognised redeliveries by such buckets.
    Rows(Grain),
    /// Buckets that edges may cut: neither narrower ones nor all rows are kept.
    WiderBuckets(Grain),
}

impl Source {
    /// The best one that is kept for `edges`, the first of which is `from`.
    fn of(edges: &[i64], from: i64, horizons: &Horizons) -> Self {
        let is_whole = |grain: Grain| edges.iter().all(|edge| edge % grain.ms() == 0);
        let is_kept = |grain: Grain| !horizons.is_removed(grain, from);
        match Grain::ALL.into_iter().rev().find(|grain| is_whole(*grain) && is_kept(*grain)) {
            Some(grain) => Self::Buckets(grain),
            None if horizons.webhooks.is_none_or(|horizon| horizon <= from) => Self::Rows(horizons.narrowest(from)),
            None if is_kept(Grain::Hour) => Self::WiderBuckets(Grain::Hour),
            None => Self::WiderBuckets(Grain::Day),
        }
    }
}

/// Reads sums between edges.
pub(super) struct Reader<'a> {
    api: &'a Api,
    scope: Scope,
    mode: Mode,
    /// Where a moment is asked for.
    known: Option<KnownFigures>,
}

impl<'a> Reader<'a> {
    /// Of figures as they are, or as they were known at `as_of_ms`.
    pub async fn of(api: &'a Api, scope: Scope, mode: Mode, as_of_ms: Option<i64>) -> Result<Self, Problem> {
        let known = match as_of_ms {
            Some(at_ms) => Some(known(api, scope, at_ms).await?),
            None => None,
        };
        Ok(Self { api, scope, mode, known })
    }

    /// Every sum of the span that `edges` begin and end, such that each is between two of them; whether some may not.
    pub async fn read(&self, edges: &[i64]) -> Result<(Vec<Point>, bool), Problem> {
        let (Some(from), Some(until)) = (edges.first().copied(), edges.last().copied()) else { return Ok((Vec::new(), false)) };
        if let Some(known) = &self.known {
            let points = known.sums(self.span(edges, from, until)).await.map_err(|error| query_failed(&error))?;
            return Ok((points, known.is_approximate(from)));
        }
        let read = |source| async move {
            match source {
                Source::Rows(grain) => {
                    let span = self.span(edges, from, until);
                    let mut points = row_sums::read(&self.api.db, span).await?;
                    points.extend(row_sums::duplicates(&self.api.db, span, grain).await?);
                    Ok(points)
                }
                Source::Buckets(grain) | Source::WiderBuckets(grain) => {
                    rollups::read(&self.api.db, self.scope, self.mode, grain, from, until).await
                }
            }
        };
        let read = horizon::read_kept(&self.api.db, |horizons| Source::of(edges, from, horizons), read).await;
        let (source, points) = read.map_err(|error| query_failed(&error))?;
        Ok((points, matches!(source, Source::WiderBuckets(_))))
    }

    /// The rows between `edges`, by buckets that none of them cuts.
    fn span(&self, edges: &[i64], from_ms: i64, until_ms: i64) -> Span {
        const QUARTER: i64 = 900_000;
        let width_ms = if edges.iter().all(|edge| edge % QUARTER == 0) { QUARTER } else { Grain::Minute.ms() };
        Span { scope: self.scope, mode: self.mode, from_ms, until_ms, width_ms, as_of_ms: None }
    }

    /// The figures of the span by a column of its transactions that roll-ups do not have; whether retention removed some of those.
    pub async fn by_column(&self, column: Column, from_ms: i64, until_ms: i64) -> Result<(Vec<Group>, bool), Problem> {
        let span = Span { scope: self.scope, mode: self.mode, from_ms, until_ms, width_ms: Grain::Day.ms(), as_of_ms: None };
        let read = if let Some(known) = &self.known {
            known.by_column(span, column).await.map(|points| (known.is_approximate(from_ms), points))
        } else {
            let lacks = |horizons: &Horizons| horizons.webhooks.is_some_and(|horizon| horizon > from_ms);
            horizon::read_kept(&self.api.db, lacks, |_| row_sums::by_column(&self.api.db, span, column)).await
        };
        let (lacks, points) = read.map_err(|error| query_failed(&error))?;
        Ok((Group::all(points.iter().map(|(name, point)| (name.clone(), point))), lacks))
    }
}
