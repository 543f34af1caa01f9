//! The queue: an apalis backend over Redis that holds jobs, loses none and stays bounded.
//!
//! It knows nothing of payments: a job is an id, a claim, a lane, a shard and bytes. Jobs flow
//! through the modules in this order:
//!
//! | module | part |
//! | --- | --- |
//! | [`connection`] | one Redis client with time limits and reconnection |
//! | [`keys`] | the layout: which keys a shard has |
//! | [`producer`] | claims and enqueues, many callers in one call ([`Producer`]) |
//! | [`record`] | how a job lies in Redis |
//! | [`persistence`] | fetch, acknowledge, retry, take over: apalis' `Persistence` |
//! | [`backend`] | apalis' `Backend`: batches out, outcomes in ([`Backend`]) |
//! | [`wake`] | what rouses an idle worker |
//! | [`stats`] | counts in constant time |
//! | [`manage`] | pause, resume, dead letters |
//!
//! # Layout
//! Each shard has two lanes (lists of ids, payments first) and, shared by both: `data` (id →
//! record), a sorted set of leases by deadline and of retries by time, a hash of owners and one of
//! attempts, and the dead letters. A shard's keys share a hash tag, so every script stays in one
//! slot. A claim is a key of its own with a time to live. An acknowledged job leaves nothing but
//! its claim and a counter.
//!
//! # Promises
//! Claim and push stand or fall together. A fetched job is leased; when its worker dies, the lease
//! ends and the next fetch of any worker takes it over. Delivery is at least once: whoever consumes
//! must be idempotent. No script touches more than a fixed number of jobs.

pub mod backend;
pub mod connection;
pub mod keys;
pub mod manage;
pub mod persistence;
pub mod producer;
pub mod record;
mod script;
pub mod stats;
pub mod wake;

use std::{sync::Arc, time::Duration};

pub use backend::Backend;
pub use connection::connect;
pub use keys::Lane;
pub use manage::DeadLetter;
pub use persistence::{Batch, BatchOutcome, JobOutcome, Verdict};
pub use producer::{Enqueued, NewJob, Producer};
pub use record::LeasedJob;
pub use stats::{LaneStats, Stats};

use fred::clients::Client;
use keys::ShardKeys;
use script::Scripts;

/// What can go wrong, by what the caller can do about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The settings cannot work; mend them.
    #[error("the Redis address is not usable: {0}")]
    Settings(String),
    /// Redis is away or too slow. Nothing is known to have happened; try again later.
    #[error("Redis is not available: {0}")]
    Unavailable(String),
    /// Redis has no memory left for another job. Try again later.
    #[error("Redis is full")]
    Full,
    /// Too many callers wait already. Try again later.
    #[error("the queue takes no more at this moment")]
    Overloaded,
    /// Redis answered what no script of ours answers.
    #[error("unexpected answer from Redis: {0}")]
    Protocol(&'static str),
}

impl From<fred::error::Error> for Error {
    fn from(error: fred::error::Error) -> Self {
        if error.details().starts_with("OOM") { Self::Full } else { Self::Unavailable(error.to_string()) }
    }
}

/// How a queue behaves. Producers and consumers of one queue must agree on name and shards.
#[derive(Debug, Clone)]
pub struct QueueSettings {
    /// First part of every key.
    pub name: String,
    /// Over how many shards jobs are spread, 1–64.
    pub shards: u16,
    /// How long a claim is remembered, in whole seconds.
    pub claim_ttl: Duration,
    /// Jobs in a batch at most.
    pub batch_size: u16,
    /// The longest that a batch gathers from further shards once it has a job.
    pub batch_max_wait: Duration,
    /// Attempts of a job before it is a dead letter.
    pub max_attempts: u16,
    /// One place in this many of a batch is the others' when payments would fill it.
    pub others_share: u16,
    /// How long a fetched job stays its worker's without a sign of life.
    pub lease: Duration,
    /// How often an idle worker looks without being woken.
    pub idle_poll: Duration,
}

impl Default for QueueSettings {
    fn default() -> Self {
        Self {
            name: "netbanx".to_owned(),
            shards: 4,
            claim_ttl: Duration::from_secs(3600),
            batch_size: 25,
            batch_max_wait: Duration::from_secs(2),
            max_attempts: 3,
            others_share: 10,
            lease: Duration::from_secs(10),
            idle_poll: Duration::from_secs(2),
        }
    }
}

/// A queue on one Redis (or Redis Cluster). Cheap to clone.
#[derive(Debug, Clone)]
pub struct Queue {
    client: Client,
    settings: Arc<QueueSettings>,
    shards: Arc<[ShardKeys]>,
    scripts: Arc<Scripts>,
}

impl Queue {
    /// The queue of that name; talks to Redis only when used.
    pub fn new(client: Client, settings: QueueSettings) -> Self {
        let shards = (0..settings.shards.max(1)).map(|n| ShardKeys::new(&settings.name, n)).collect();
        Self { client, settings: Arc::new(settings), shards, scripts: Arc::new(Scripts::load()) }
    }

    /// Its settings.
    pub fn settings(&self) -> &QueueSettings {
        &self.settings
    }

    /// The Redis client that it uses.
    pub fn client(&self) -> &Client {
        &self.client
    }

    fn wake_channel(&self) -> String {
        format!("{}:wake", self.settings.name)
    }

    fn workers_key(&self) -> String {
        format!("{}:workers", self.settings.name)
    }
}
