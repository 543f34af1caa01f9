//! What an operator does to a whole queue: pause, resume, clean; and who works on it.

use std::time::Duration;

use redis_client::fred::{
    bytes::Bytes,
    interfaces::{HashesInterface, ListInterface, PubsubInterface},
    types::Value,
};
use serde::Serialize;

use crate::{Error, Lane, Queue, id_codec::unpack};

/// Dead letters that one call of a clean-up drops at most.
const PAGE: i64 = 100;

/// A job that was done lately.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RecentJob {
    /// Its id.
    pub id: String,
    /// When it was done, in milliseconds since 1970 UTC.
    pub done_ms: i64,
}

impl Queue {
    /// Takes nothing more from `lane`, or from the whole queue if there is none, until resumed. Holds
    /// over restarts of workers and of Redis; jobs in flight are finished.
    pub async fn pause(&self, lane: Option<Lane>) -> Result<(), Error> {
        for keys in self.shards.iter() {
            let _: i64 = self.client.hset(keys.paused.as_str(), (pause_field(lane), 1)).await?;
        }
        Ok(())
    }

    /// Ends a pause of `lane`. Without one it ends every pause, those of lanes too: all is taken again.
    pub async fn resume(&self, lane: Option<Lane>) -> Result<(), Error> {
        let fields = match lane {
            Some(_) => vec![pause_field(lane)],
            None => vec![pause_field(None), pause_field(Some(Lane::High)), pause_field(Some(Lane::Normal))],
        };
        for keys in self.shards.iter() {
            let _: i64 = self.client.hdel(keys.paused.as_str(), fields.clone()).await?;
        }
        let _: i64 = self.client.publish(self.wake_channel(), "1").await?;
        Ok(())
    }

    /// Drops dead letters and recent jobs that are older than `age`. Jobs that wait stay, however old.
    /// Returns how many dead letters were dropped.
    pub async fn clean(&self, age: Duration) -> Result<u64, Error> {
        let mut dropped = 0;
        for shard in 0..self.shards.len() {
            loop {
                let count = self.expire_dead(shard, age, PAGE).await?;
                dropped += count;
                if count < PAGE.unsigned_abs() {
                    break;
                }
            }
        }
        Ok(dropped)
    }

    /// Drops up to `limit` dead letters of a shard that are older than `age` or too many.
    pub(crate) async fn expire_dead(&self, shard: usize, age: Duration, limit: i64) -> Result<u64, Error> {
        let allowed = i64::from(self.settings.dead_max_count.div_ceil(self.shards.len() as u32));
        let age_ms = i64::try_from(age.as_millis()).unwrap_or(i64::MAX / 2);
        let args: Vec<Value> = vec![age_ms.into(), allowed.into(), limit.into()];
        let ids: Vec<Bytes> = self.call_in(shard, &self.scripts.expired, args).await?;
        self.discard_in(shard, ids, "dropped").await
    }

    /// The jobs that were done last, the latest first; at most 50 of each shard, for an hour.
    pub async fn recent(&self) -> Result<Vec<RecentJob>, Error> {
        let mut jobs = Vec::new();
        for keys in self.shards.iter() {
            let entries: Vec<Bytes> = self.client.lrange(keys.recent.as_str(), 0, -1).await?;
            jobs.extend(entries.iter().filter_map(|entry| {
                let bar = entry.iter().rposition(|byte| *byte == b'|')?;
                let done = std::str::from_utf8(entry.get(bar + 1..)?).ok()?;
                Some(RecentJob { id: unpack(entry.get(..bar)?), done_ms: done.parse().ok()? })
            }));
        }
        jobs.sort_by_key(|job| std::cmp::Reverse(job.done_ms));
        Ok(jobs)
    }

    /// Notes that a worker lives for `lease` more; zero: that it is gone.
    pub(crate) async fn sign_of_life(&self, worker: &str, lease: Duration) -> Result<i64, Error> {
        let args: Vec<Value> = vec![worker.into(), (lease.as_millis() as i64).into()];
        Ok(self.scripts.workers.call(&self.client, self.workers_key(), args).await?)
    }

    /// How many workers have a heartbeat that still holds.
    pub(crate) async fn live_workers(&self) -> Result<i64, Error> {
        self.sign_of_life("", Duration::ZERO).await
    }

    fn workers_key(&self) -> String {
        format!("{{{}}}:workers", self.settings.name)
    }

    /// Whether Redis answers.
    pub async fn ping(&self) -> Result<(), Error> {
        self.live_workers().await.map(drop)
    }
}

fn pause_field(lane: Option<Lane>) -> &'static str {
    lane.map_or("all", Lane::code)
}
