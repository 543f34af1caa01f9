//! Counts, in constant time per shard.

use serde::Serialize;

use crate::{Error, Queue};

/// How many of a lane's first jobs are looked at for the oldest one: exact for as many companies.
const HEADS: i64 = 64;

/// One lane, over all shards.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LaneStats {
    /// Jobs that wait.
    pub waiting: i64,
    /// Jobs that wait for their next attempt.
    pub delayed: i64,
    /// Jobs that workers hold.
    pub active: i64,
    /// Dead letters that are kept.
    pub dead: i64,
    /// Jobs that are done, since the queue was new.
    pub completed: i64,
    /// Jobs that failed for good, since the queue was new.
    pub failed: i64,
    /// Age of the oldest waiting job, in milliseconds.
    pub oldest_waiting_ms: i64,
    /// Whether nothing is taken from it.
    pub paused: bool,
}

/// A queue's counts, over all shards.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    /// When it was, by the clock of Redis, in milliseconds since 1970 UTC: jobs die by that clock. Of several servers, the one behind.
    #[serde(skip)]
    pub now_ms: i64,
    /// Jobs that wait, both lanes.
    pub waiting: i64,
    /// Jobs that workers hold.
    pub active: i64,
    /// Jobs that wait for their next attempt.
    pub delayed: i64,
    /// Jobs that are done, since the queue was new.
    pub completed: i64,
    /// Jobs that failed for good, since the queue was new.
    pub failed: i64,
    /// Dead letters that are kept.
    pub dead: i64,
    /// Jobs in the queue: waiting, active and delayed.
    pub total: i64,
    /// Jobs accepted, since the queue was new.
    pub accepted: i64,
    /// Duplicates refused, since the queue was new.
    pub duplicates: i64,
    /// Dead letters that retention or a clean-up dropped, since the queue was new.
    pub dropped: i64,
    /// Age of the oldest waiting job, in milliseconds.
    pub oldest_waiting_ms: i64,
    /// Whether nothing at all is taken.
    pub paused: bool,
    /// Workers with a recent sign of life.
    pub workers: i64,
    /// The payments lane.
    pub payments: LaneStats,
    /// The other lane.
    pub others: LaneStats,
}

impl Queue {
    /// Counts the whole queue: one call per shard, whatever it holds.
    pub async fn stats(&self) -> Result<Stats, Error> {
        let paused_lane = LaneStats { paused: true, ..LaneStats::default() };
        let mut total = Stats { now_ms: i64::MAX, paused: true, payments: paused_lane, others: paused_lane, ..Stats::default() };
        for shard in 0..self.shards.len() {
            let answer: Vec<i64> = self.call_in(shard, &self.scripts.stats, vec![HEADS.into()]).await?;
            let [now_ms, accepted, duplicates, dropped, paused, lanes @ ..] = answer.as_slice() else {
                return Err(Error::Protocol("too few counts"));
            };
            total.now_ms = total.now_ms.min(*now_ms);
            total.accepted += accepted;
            total.duplicates += duplicates;
            total.dropped += dropped;
            total.paused &= *paused == 1;
            for (lane, counts) in [&mut total.payments, &mut total.others].into_iter().zip(lanes.chunks(8)) {
                lane.add(counts)?;
            }
        }
        let (payments, others) = (total.payments, total.others);
        total.waiting = payments.waiting + others.waiting;
        total.delayed = payments.delayed + others.delayed;
        total.active = payments.active + others.active;
        total.dead = payments.dead + others.dead;
        total.completed = payments.completed + others.completed;
        total.failed = payments.failed + others.failed;
        total.oldest_waiting_ms = payments.oldest_waiting_ms.max(others.oldest_waiting_ms);
        total.total = total.waiting + total.active + total.delayed;
        total.workers = self.live_workers().await?;
        Ok(total)
    }
}

impl LaneStats {
    fn add(&mut self, counts: &[i64]) -> Result<(), Error> {
        let [waiting, delayed, active, dead, completed, failed, paused, oldest] = *counts else {
            return Err(Error::Protocol("too few counts of a lane"));
        };
        self.waiting += waiting;
        self.delayed += delayed;
        self.active += active;
        self.dead += dead;
        self.completed += completed;
        self.failed += failed;
        self.paused &= paused == 1;
        self.oldest_waiting_ms = self.oldest_waiting_ms.max(oldest);
        Ok(())
    }
}
