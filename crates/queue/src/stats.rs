//! Counts, in constant time per shard.

use std::time::{SystemTime, UNIX_EPOCH};

use fred::{
    interfaces::{KeysInterface, SortedSetsInterface},
    types::Value,
};
use serde::Serialize;

use crate::{Error, Queue, record};

/// One lane, over all shards.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LaneStats {
    /// Jobs that wait.
    pub waiting: i64,
    /// Age of the oldest of them, in milliseconds.
    pub oldest_waiting_ms: i64,
    /// Whether nothing is taken from it.
    pub paused: bool,
}

/// A queue's counts, over all shards.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
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
        let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as i64);
        let mut total = Stats { paused: true, payments: paused_lane(), others: paused_lane(), ..Stats::default() };
        for keys in self.shards.iter() {
            let key_list: Vec<&str> = vec![
                &keys.payments,
                &keys.others,
                &keys.scheduled,
                &keys.leases,
                &keys.dead,
                &keys.stats,
                &keys.paused,
                &keys.data,
            ];
            let answer: Vec<Value> = self.scripts.stats.call(&self.client, key_list, Vec::new()).await?;
            let number = |at: usize| answer.get(at).and_then(Value::as_i64).unwrap_or(0);
            let age = |at: usize| {
                let record = answer.get(at).and_then(|v| v.clone().into_bytes());
                record.and_then(|r| record::head(&r)).map_or(0, |(_, enqueued)| (now_ms - enqueued).max(0))
            };
            total.payments.add(number(0), age(12), number(10) == 1);
            total.others.add(number(1), age(13), number(11) == 1);
            total.delayed += number(2);
            total.active += number(3);
            total.dead += number(4);
            total.accepted += number(5);
            total.duplicates += number(6);
            total.completed += number(7);
            total.failed += number(8);
            total.paused &= number(9) == 1;
        }
        total.waiting = total.payments.waiting + total.others.waiting;
        total.total = total.waiting + total.active + total.delayed;
        let key = self.workers_key();
        let _: i64 = self.client.zremrangebyscore(key.as_str(), f64::NEG_INFINITY, now_ms as f64).await?;
        total.workers = self.client.zcard(key.as_str()).await?;
        Ok(total)
    }

    /// Whether Redis answers.
    pub async fn ping(&self) -> Result<(), Error> {
        let _: i64 = self.client.exists(self.workers_key()).await?;
        Ok(())
    }
}

fn paused_lane() -> LaneStats {
    LaneStats { paused: true, ..LaneStats::default() }
}

impl LaneStats {
    fn add(&mut self, waiting: i64, oldest_ms: i64, paused: bool) {
        self.waiting += waiting;
        self.oldest_waiting_ms = self.oldest_waiting_ms.max(oldest_ms);
        self.paused &= paused;
    }
}
