//! What an operator does to a queue: pause and resume, look at dead letters, re-drive or discard them.

use std::time::{SystemTime, UNIX_EPOCH};

use fred::{
    bytes::Bytes,
    interfaces::{HashesInterface, SortedSetsInterface},
    types::Value,
};
use serde::{Deserialize, Serialize};

use crate::{Error, Lane, Queue, keys::ShardKeys, record, script::Script};

/// Dead letters in one call at most.
const PAGE: i64 = 100;

/// A job that failed for good.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetter {
    /// Its id.
    pub id: String,
    /// The error of its last attempt.
    pub error: String,
    /// How many attempts it had.
    pub attempts: u32,
    /// When it died, in milliseconds since 1970 UTC.
    pub died_ms: i64,
    /// When it was enqueued, in milliseconds since 1970 UTC.
    pub enqueued_ms: i64,
    /// What the producer gave.
    #[serde(skip)]
    pub payload: Bytes,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Info {
    error: String,
    attempts: u32,
}

impl Queue {
    /// Takes nothing more from `lane`, or from the whole queue if there is none, until resumed. Holds
    /// over restarts of workers and of Redis; jobs in hand are finished.
    pub async fn pause(&self, lane: Option<Lane>) -> Result<(), Error> {
        for keys in self.shards.iter() {
            let _: i64 = self.client.hset(keys.paused.as_str(), (pause_field(lane), 1)).await?;
        }
        Ok(())
    }

    /// Ends a pause of `lane`, or of the whole queue if there is none.
    pub async fn resume(&self, lane: Option<Lane>) -> Result<(), Error> {
        for keys in self.shards.iter() {
            let _: i64 = self.client.hdel(keys.paused.as_str(), pause_field(lane)).await?;
        }
        let _: i64 = fred::interfaces::PubsubInterface::publish(&self.client, self.wake_channel(), "1").await?;
        Ok(())
    }

    /// At most `limit` (100) dead letters that died before `before_ms`, the latest first.
    pub async fn dead_letters(&self, before_ms: i64, limit: usize) -> Result<Vec<DeadLetter>, Error> {
        let limit = (limit as i64).min(PAGE);
        let mut letters = Vec::new();
        for keys in self.shards.iter() {
            let below = format!("({before_ms}");
            let found: Vec<(String, f64)> =
                self.client.zrevrangebyscore(keys.dead.as_str(), below.as_str(), "-inf", true, Some((0, limit))).await?;
            letters.extend(self.read_letters(keys, found).await?);
        }
        letters.sort_by_key(|letter| std::cmp::Reverse(letter.died_ms));
        letters.truncate(limit as usize);
        Ok(letters)
    }

    async fn read_letters(&self, keys: &ShardKeys, found: Vec<(String, f64)>) -> Result<Vec<DeadLetter>, Error> {
        if found.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<String> = found.iter().map(|(id, _)| id.clone()).collect();
        let infos: Vec<Option<String>> = self.client.hmget(keys.dead_info.as_str(), ids.clone()).await?;
        let records: Vec<Option<Bytes>> = self.client.hmget(keys.data.as_str(), ids).await?;
        let letters = found.into_iter().zip(infos.into_iter().zip(records)).filter_map(|((id, died), (info, record))| {
            let job = record::decode(id, 0, 0, &record?).ok()?;
            let info: Option<Info> = info.and_then(|json| serde_json::from_str(&json).ok());
            let (error, attempts) = info.map_or((String::new(), 0), |i| (i.error, i.attempts));
            Some(DeadLetter {
                id: job.id,
                error,
                attempts,
                died_ms: died as i64,
                enqueued_ms: job.enqueued_ms,
                payload: job.payload,
            })
        });
        Ok(letters.collect())
    }

    /// Makes those dead letters wait again, their attempts anew. Answers how many there were.
    pub async fn redrive(&self, ids: &[String]) -> Result<u64, Error> {
        let channel = self.wake_channel();
        self.each_shard(ids, &self.scripts.redrive, Some(channel), |keys| {
            vec![&keys.data, &keys.payments, &keys.others, &keys.dead, &keys.dead_info, &keys.attempts]
        })
        .await
    }

    /// Makes every dead letter of this moment wait again. Answers how many.
    pub async fn redrive_all(&self) -> Result<u64, Error> {
        // Those that die anew meanwhile are not driven a second time.
        let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as i64);
        let mut driven = 0;
        loop {
            let ids: Vec<String> = self.dead_letters(now_ms, PAGE as usize).await?.into_iter().map(|letter| letter.id).collect();
            let count = if ids.is_empty() { 0 } else { self.redrive(&ids).await? };
            if count == 0 {
                return Ok(driven);
            }
            driven += count;
        }
    }

    /// Drops those dead letters for good. Answers how many there were.
    pub async fn discard(&self, ids: &[String]) -> Result<u64, Error> {
        self.each_shard(ids, &self.scripts.discard, None, |keys| vec![&keys.data, &keys.dead, &keys.dead_info, &keys.attempts])
            .await
    }

    /// An id does not tell its shard: each is asked, a page of ids at a time.
    async fn each_shard(
        &self,
        ids: &[String],
        script: &Script,
        first: Option<String>,
        keys_of: fn(&ShardKeys) -> Vec<&str>,
    ) -> Result<u64, Error> {
        let mut done = 0;
        for page in ids.chunks(PAGE as usize) {
            for keys in self.shards.iter() {
                let args: Vec<Value> = first.iter().chain(page).map(|text| Value::from(text.as_str())).collect();
                done += script.call::<i64>(&self.client, keys_of(keys), args).await?.unsigned_abs();
            }
        }
        Ok(done)
    }
}

fn pause_field(lane: Option<Lane>) -> &'static str {
    lane.map_or("all", Lane::code)
}
