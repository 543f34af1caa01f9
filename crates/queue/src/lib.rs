//! The queue: an apalis backend over Redis that holds jobs, loses none and stays bounded.
//!
//! It knows nothing of payments: a job is an id, a claim, a lane, a shard and bytes. Jobs flow
//! through the modules in this order:
//!
//! | module | part |
//! | --- | --- |
//! | [`keys`] | the layout: the Redis keys of a shard |
//! | [`producer`] | claims and enqueues, many callers in one call ([`Producer`]) |
//! | `packed_job` | a job as arguments of that call |
//! | `shard_health` | rejects immediately while a shard cannot store jobs |
//! | [`claims`] | claims: how they are freed and forgotten |
//! | [`record`], `id_codec` | how a job and its names are stored in Redis |
//! | `consumer` | fetch, acknowledge, retry, take over |
//! | `shard_order` | the order in which shards are polled |
//! | `acks` | outcomes recorded beside the work |
//! | `persistence` | the same as apalis' `Persistence` |
//! | [`backend`] | apalis' `Backend`: batches out, outcomes in ([`Backend`]) |
//! | [`wakeup`] | wakes an idle worker when jobs arrive |
//! | [`stats`] | counts in constant time |
//! | [`admin`] | pause, resume, clean |
//! | [`dead`] | list, show, re-drive and discard dead letters |
//!
//! # Layout
//! A shard holds `data` (id → record), owners, attempts and, for each of its two lanes, sorted sets
//! of ids: waiting (by turn, see `lua/fair_queue.lua`), scheduled (by time), leases (by deadline) and dead
//! letters (by time of death). A shard's keys share a hash tag, so every script stays in one slot.
//! Claims are in two hashes (identity → id), the one of now and the one before it, which leaves as a
//! whole (see `lua/claims.lua`). An acknowledged job leaves nothing but its claim and a counter; a discarded dead letter
//! not even its claim.
//!
//! # Promises
//! Claim and push stand or fall together. A fetched job is leased; when its worker dies, the lease
//! ends and the next fetch of any worker takes it over. Delivery is at least once: anyone who consumes
//! must be idempotent. No script touches more than a fixed number of jobs.

mod acks;
pub mod admin;
pub mod backend;
pub mod batch;
pub mod claims;
mod consumer;
pub mod dead;
#[doc(hidden)]
pub mod fuzzing;
mod id_codec;
pub mod keys;
mod lz4_dict;
mod packed_job;
mod persistence;
pub mod producer;
pub mod record;
mod scripts;
mod shard_health;
mod shard_order;
pub mod stats;
pub mod wakeup;

use std::{sync::Arc, time::Duration};

pub use backend::{Backend, Membership};
pub use batch::{Batch, BatchOutcome, JobOutcome, Verdict};
pub use claims::Claim;
pub use dead::{DeadCursor, DeadLetter, DeadPage, DeadQuery};
pub use id_codec::JobId;
pub use keys::Lane;
pub use producer::{Enqueued, NewJob, Producer};
pub use record::{LeasedJob, Packing, Payload};
pub use stats::{Counters, LaneStats, Stats};

use keys::ShardKeys;
use redis_client::{
    Nodes, Script,
    fred::{
        clients::Client,
        types::{FromValue, Value},
    },
};
use scripts::Scripts;

/// What can go wrong, by what the caller can do about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Redis: its address, its absence, its memory.
    #[error(transparent)]
    Redis(#[from] redis_client::Error),
    /// Too many callers wait already. Try again later.
    #[error("the queue takes no more at this moment")]
    Overloaded,
    /// Fewer replicas than wanted have what was written: a fail-over could lose it. Try again later.
    #[error("{reached} of {wanted} replicas have the jobs")]
    NotReplicated {
        /// Replicas that have it.
        reached: i64,
        /// Replicas that must have it.
        wanted: i64,
    },
    /// The job's shard keeps no jobs at this moment, which an earlier job found. Nothing was written; try again later.
    #[error("the shard keeps no jobs at this moment")]
    Degraded,
    /// Redis answered what no script of ours answers.
    #[error("unexpected answer from Redis: {0}")]
    Protocol(&'static str),
}

impl From<redis_client::fred::error::Error> for Error {
    fn from(error: redis_client::fred::error::Error) -> Self {
        redis_client::Error::from(error).into()
    }
}

/// How a queue behaves. Producers and consumers of one queue must agree on name and shards.
#[derive(Debug, Clone)]
pub struct QueueSettings {
    /// First part of every key.
    pub name: String,
    /// Over how many shards jobs are spread, 1–64.
    pub shards: u16,
    /// How long a claim is remembered at least, in whole seconds; at most a tenth over twice as long.
    pub claim_ttl: Duration,
    /// Jobs in a batch at most.
    pub batch_size: u16,
    /// Batches that one look at Redis may bring: as many as are worked on at once.
    pub fetch_batches: u16,
    /// The longest that a batch gathers from further shards once it has a job.
    pub batch_max_wait: Duration,
    /// Attempts of a job before it is a dead letter.
    pub max_attempts: u16,
    /// One place in this many of a batch is the others' when payments would fill it.
    pub others_share: u16,
    /// How long a fetched job stays its worker's without a heartbeat.
    pub lease: Duration,
    /// How often an idle worker looks without being woken.
    pub idle_poll: Duration,
    /// Replicas that must have a job before it counts as enqueued.
    pub min_replicas: u8,
    /// How long a dead letter is kept.
    pub dead_max_age: Duration,
    /// How many dead letters are kept in each lane, the latest ones.
    pub dead_max_count: u32,
    /// Text that payloads have much in common with. It never changes: records in Redis rest on it.
    pub dictionary: &'static [u8],
    /// How jobs are packed. Each kind is read.
    pub packing: Packing,
    /// Reads a payload's claims, its own and the legacy one, so that they are freed when its dead letter is discarded. The
    /// queue itself does not know what payloads are.
    pub claims_of: fn(&[u8]) -> [Option<String>; 2],
}

impl Default for QueueSettings {
    fn default() -> Self {
        Self {
            name: "netbanx".to_owned(),
            shards: 4,
            claim_ttl: Duration::from_secs(3600),
            batch_size: 25,
            fetch_batches: 1,
            batch_max_wait: Duration::from_secs(2),
            max_attempts: 3,
            others_share: 10,
            lease: Duration::from_secs(10),
            idle_poll: Duration::from_secs(7),
            min_replicas: 0,
            dead_max_age: Duration::from_secs(30 * 86_400),
            dead_max_count: 100_000,
            dictionary: b"",
            packing: Packing::default(),
            claims_of: |_| [None, None],
        }
    }
}

/// A queue on one Redis (or Redis Cluster). Cheap to clone.
#[derive(Debug, Clone)]
pub struct Queue {
    client: Client,
    nodes: Nodes,
    settings: Arc<QueueSettings>,
    shards: Arc<[ShardKeys]>,
    scripts: Arc<Scripts>,
}

impl Queue {
    /// The queue of that name; talks to Redis only when used.
    pub fn new(client: Client, settings: QueueSettings) -> Self {
        let shards = (0..settings.shards.max(1)).map(|n| ShardKeys::new(&settings.name, n)).collect();
        let nodes = Nodes::of(&client);
        Self { client, nodes, settings: Arc::new(settings), shards, scripts: Arc::new(Scripts::load()) }
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

    fn shard(&self, shard: usize) -> Result<&ShardKeys, Error> {
        self.shards.get(shard).ok_or(Error::Protocol("no such shard"))
    }

    /// Calls a script over all keys of a shard.
    async fn call_in<R: FromValue>(&self, shard: usize, script: &Script, args: Vec<Value>) -> Result<R, Error> {
        Ok(script.call(&self.client, self.shard(shard)?.of_shard(), args).await?)
    }
}
