//! How long after Netbanx's own time webhooks were received.

use common::Mode;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, Iden,
    sea_query::{CaseStatement, Order, Query},
};

use super::{MAX_COUNT, Scope, scoped};
use crate::{
    Error,
    entity::webhook_event::{Column, Entity},
};

/// What a stored event says that came otherwise than by webhook: those are as late as somebody asked for them.
const OTHERWISE: [&str; 2] = [r#"%"source":"lookup"%"#, r#"%"source":"report"%"#];

/// The newest webhooks that were received since a moment, up to [`MAX_COUNT`] events of either mode.
#[derive(Debug, Clone, Default)]
pub struct Receipts {
    /// When each that tells a time of its own was received, and how long after that time, in milliseconds.
    timed: Vec<(i64, i64)>,
    /// When the oldest event that was looked at was received, if there may be more before it.
    cut_at: Option<i64>,
}

/// How late webhooks were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Delays {
    /// Webhooks that tell a time of their own.
    pub count: i64,
    /// Half of them came within so many milliseconds; none where there are no webhooks.
    pub p50_ms: Option<i64>,
    /// 95 of a hundred came within so many milliseconds.
    pub p95_ms: Option<i64>,
    /// The latest of them.
    pub max_ms: Option<i64>,
    /// Whether there were more events than are looked at: then this is of the newest.
    pub is_sampled: bool,
}

/// The webhooks received at or after `from_ms`.
///
/// The mode is not in the index, so it is told apart among the rows that were read: what this costs is bounded whatever it finds.
pub async fn receipts(db: &impl ConnectionTrait, scope: Scope, mode: Mode, from_ms: i64) -> Result<Receipts, Error> {
    let otherwise = OTHERWISE.iter().fold(Condition::any(), |any, told| any.add(Column::Payload.like(*told)));
    let rows = Query::select()
        .columns([Column::ReceivedAt, Column::StatusTime, Column::Mode])
        .expr_as(CaseStatement::new().case(otherwise, 1).finally(0), "otherwise")
        .from(Entity)
        .cond_where(scoped(Column::CompanyId, scope))
        .and_where(Column::ReceivedAt.gte(from_ms))
        .order_by(Column::ReceivedAt, Order::Desc)
        .order_by(Column::Id, Order::Desc)
        .limit(MAX_COUNT)
        .take();
    let rows = db.query_all(&rows).await?;
    let (is_cut, mut receipts) = (rows.len() as u64 >= MAX_COUNT, Receipts::default());
    for row in rows {
        let received_ms: i64 = row.try_get("", Column::ReceivedAt.unquoted())?;
        let status_ms: i64 = row.try_get("", Column::StatusTime.unquoted())?;
        let own: String = row.try_get("", Column::Mode.unquoted())?;
        let otherwise: i32 = row.try_get("", "otherwise")?;
        receipts.cut_at = is_cut.then_some(received_ms);
        // What tells no time, or one that is not believed, has the time of its receipt.
        if otherwise == 0 && own == mode.as_str() && status_ms != received_ms {
            // Clocks differ: nothing was received before it happened.
            receipts.timed.push((received_ms, (received_ms - status_ms).max(0)));
        }
    }
    Ok(receipts)
}

impl Receipts {
    /// How late those were that were received at or after `from_ms`.
    pub fn delays(&self, from_ms: i64) -> Delays {
        let within = self.timed.iter().filter(|(received_ms, _)| *received_ms >= from_ms);
        let mut delays: Vec<i64> = within.map(|(_, delay_ms)| *delay_ms).collect();
        delays.sort_unstable();
        Delays {
            count: delays.len() as i64,
            p50_ms: percentile(&delays, 50),
            p95_ms: percentile(&delays, 95),
            max_ms: delays.last().copied(),
            is_sampled: self.cut_at.is_some_and(|cut_ms| cut_ms >= from_ms),
        }
    }
}

/// The least of `sorted` that so many of a hundred do not exceed.
fn percentile(sorted: &[i64], percent: usize) -> Option<i64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_those_received_since_then() {
        let timed = (1..=100).map(|n| (n, 1_000 - n)).collect();
        let receipts = Receipts { timed, cut_at: None };
        let all = receipts.delays(1);
        assert_eq!((all.count, all.p50_ms, all.p95_ms, all.max_ms), (100, Some(949), Some(994), Some(999)));
        let last = receipts.delays(100);
        assert_eq!((last.count, last.p50_ms, last.p95_ms, last.max_ms), (1, Some(900), Some(900), Some(900)));
        assert_eq!(receipts.delays(101), Delays::default());
    }

    #[test]
    fn a_span_is_sampled_if_older_events_of_it_were_not_looked_at() {
        let receipts = Receipts { timed: vec![(50, 1), (40, 1)], cut_at: Some(40) };
        assert!(receipts.delays(40).is_sampled && receipts.delays(1).is_sampled);
        assert!(!receipts.delays(41).is_sampled);
    }
}
