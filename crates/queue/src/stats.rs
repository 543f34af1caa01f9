//! Counts, in constant time per shard.

use redis_client::fred::interfaces::HashesInterface;
use serde::Serialize;
use uuid::Uuid;

use crate::{Error, Queue};

/// How many of a lane's first jobs are looked at for the oldest one: exact for as many companies.
const HEADS: i64 = 64;

/// The field that counts jobs that had been done before, and the one with the name of the counters.
const RECOGNISED: &str = "recognised";
const INSTANCE: &str = "instance";

/// What a queue's counters say of the work that was done, to be held against that of its consumers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counters {
    /// Which counters these are: others where a Redis began without data.
    pub instance: String,
    /// Jobs that are done, but for those that had been done before: at most as many as had an effect.
    pub effective: i64,
    /// Jobs that consumers hold, some of which may have had their effect already.
    pub active: i64,
}

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
    /// Of the jobs that are done, those whose consumer found that they had been done before: see [`Queue::count_recognised`].
    #[serde(skip)]
    pub recognised: i64,
    /// Age of the oldest waiting job, in milliseconds.
    pub oldest_waiting_ms: i64,
    /// Whether nothing at all is taken.
    pub paused: bool,
    /// Workers with a recent heartbeat.
    pub workers: i64,
    /// The payments lane.
    pub payments: LaneStats,
    /// The other lane.
    pub others: LaneStats,
}

impl Stats {
    /// What is paused, in words: the whole queue, or the lanes by their names; none where everything is taken.
    pub fn paused_parts(&self) -> Option<&'static str> {
        match (self.paused, self.payments.paused, self.others.paused) {
            (true, ..) | (_, true, true) => Some("the whole queue"),
            (_, true, false) => Some("lane payments"),
            (_, false, true) => Some("lane others"),
            (false, false, false) => None,
        }
    }
}

impl Queue {
    /// Counts the whole queue: one call per shard, whatever it holds.
    pub async fn stats(&self) -> Result<Stats, Error> {
        let paused_lane = LaneStats { paused: true, ..LaneStats::default() };
        let mut total = Stats { now_ms: i64::MAX, paused: true, payments: paused_lane, others: paused_lane, ..Stats::default() };
        for shard in 0..self.shards.len() {
            let answer: Vec<i64> = self.call_in(shard, &self.scripts.stats, vec![HEADS.into()]).await?;
            let [now_ms, accepted, duplicates, dropped, recognised, paused, lanes @ ..] = answer.as_slice() else {
                return Err(Error::Protocol("too few counts"));
            };
            total.now_ms = total.now_ms.min(*now_ms);
            total.accepted += accepted;
            total.duplicates += duplicates;
            total.dropped += dropped;
            total.recognised += recognised;
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

    /// Counts `jobs` as done before, by the word of their consumer: to be called before they are acknowledged, so that
    /// [`Counters::effective`] is never ahead of what consumers did.
    pub async fn count_recognised(&self, jobs: usize) -> Result<(), Error> {
        let keys = self.shard(0)?;
        let _: i64 = self.client.hincrby(keys.stats(), RECOGNISED, jobs as i64).await?;
        Ok(())
    }

    /// Its counters; none where nobody gave them a name.
    pub async fn counters(&self) -> Result<Option<Counters>, Error> {
        let instance: Option<String> = self.client.hget(self.shard(0)?.stats(), INSTANCE).await?;
        let Some(instance) = instance else { return Ok(None) };
        let stats = self.stats().await?;
        Ok(Some(Counters { instance, effective: stats.completed - stats.recognised, active: stats.active }))
    }

    /// Gives its counters a name, unless they have one.
    pub async fn name_counters(&self) -> Result<(), Error> {
        let name = Uuid::now_v7().to_string();
        let _: bool = self.client.hsetnx(self.shard(0)?.stats(), INSTANCE, name).await?;
        Ok(())
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_is_paused_is_told_in_words() {
        let told = |paused: bool, payments: bool, others: bool| {
            let lane = |paused: bool| LaneStats { paused, ..LaneStats::default() };
            Stats { paused, payments: lane(payments), others: lane(others), ..Stats::default() }.paused_parts()
        };
        assert_eq!(told(false, false, false), None);
        assert_eq!(told(true, false, false), Some("the whole queue"));
        assert_eq!(told(false, true, true), Some("the whole queue"));
        assert_eq!(told(false, true, false), Some("lane payments"));
        assert_eq!(told(false, false, true), Some("lane others"));
    }

    #[test]
    fn a_lane_is_the_sum_of_its_shards_and_paused_where_all_of_them_are() {
        let mut lane = LaneStats { paused: true, ..LaneStats::default() };
        lane.add(&[1, 2, 3, 4, 5, 6, 1, 70]).unwrap();
        assert!(lane.paused);
        lane.add(&[10, 20, 30, 40, 50, 60, 0, 7]).unwrap();
        let expected = LaneStats {
            waiting: 11,
            delayed: 22,
            active: 33,
            dead: 44,
            completed: 55,
            failed: 66,
            paused: false,
            oldest_waiting_ms: 70,
        };
        assert_eq!(lane, expected);
        assert!(lane.add(&[1, 2]).is_err());
    }
}
