//! Enqueueing with group commit: while a call is under way, newcomers gather into the next one; a
//! lone job waits for nobody.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use redis_client::{
    Script,
    fred::{
        bytes::Bytes,
        clients::Client,
        interfaces::{ClientLike, ServerInterface},
        types::{ClusterHash, FromValue, Key, Value, config::Options},
        util::redis_keyslot,
    },
};
use tokio::{
    sync::{Notify, mpsc, oneshot},
    task::JoinSet,
};

use crate::{
    Error, Lane, Queue,
    id_codec::unpack,
    packed_job::{PackedJob, arguments},
    shard_health::ShardHealth,
};

/// Jobs in one call at most.
const GROUP: usize = 64;
/// Calls of a shard under way at once.
const IN_FLIGHT: usize = 2;
/// Jobs that are worth a call beside another: what a call costs Redis and us is hardly more for many.
const ENOUGH: usize = GROUP / 2;
/// Jobs that wait for a call at most, per shard.
const WAITING: usize = 4096;

/// How long a call waits for its replicas, in milliseconds.
const REPLICA_TIMEOUT_MS: i64 = 1000;
/// Workers are told of new jobs while fewer than this wait in the shard: before more they are awake.
const TOLD_BELOW: i64 = 200;

/// A job to enqueue.
#[derive(Debug)]
pub struct NewJob {
    /// Its id, unique.
    pub id: String,
    /// What makes it the same job as another: the second one is a duplicate.
    pub claim: String,
    /// Where it waits.
    pub lane: Lane,
    /// Whose it is: jobs of equal flow are in one shard in their order, and flows take turns.
    pub flow: u64,
    /// W3C trace context that rides along.
    pub traceparent: Option<String>,
    /// Opaque to the queue.
    pub payload: Vec<u8>,
}

/// What became of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Enqueued {
    /// It waits in Redis.
    Accepted,
    /// Its claim was taken by the job of that id.
    DuplicateOf(String),
}

type Ask = (PackedJob, oneshot::Sender<Result<Enqueued, Error>>);

/// The enqueueing side of a [`Queue`]. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Producer {
    queue: Queue,
    shards: Vec<Entrance>,
}

/// Where jobs of a shard come in.
#[derive(Debug, Clone)]
struct Entrance {
    asks: mpsc::Sender<Ask>,
    /// Told when [`ENOUGH`] wait.
    enough: Arc<Notify>,
    health: ShardHealth,
    /// Whether a version before 1.0 may be at work, by the last answer; so it is taken until there is one.
    has_legacy: Arc<AtomicBool>,
}

impl Producer {
    /// Starts one task per shard; they end with the last clone. Needs a tokio runtime.
    pub fn start(queue: &Queue) -> Self {
        let shards = (0..queue.shards.len())
            .map(|shard| {
                let (asks, receiver) = mpsc::channel(WAITING);
                let enough = Arc::new(Notify::new());
                let health = ShardHealth::default();
                let has_legacy = Arc::new(AtomicBool::new(true));
                let entrance = Entrance { asks, enough, health, has_legacy };
                tokio::spawn(commit_groups(queue.clone(), shard, receiver, entrance.followed()));
                entrance
            })
            .collect();
        Self { queue: queue.clone(), shards }
    }

    /// Enqueues `job`. On `Err` the job may or may not are stored in Redis: its claim makes a repetition
    /// harmless.
    pub async fn enqueue(&self, job: NewJob) -> Result<Enqueued, Error> {
        self.enqueue_known_as(job, None).await
    }

    /// Whether a job of `flow` needs its legacy claim: a version before 1.0 may be at work beside this one.
    pub fn needs_legacy_claim(&self, flow: u64) -> bool {
        let entrance = self.shards.get(self.shard_of(flow));
        entrance.is_none_or(|entrance| entrance.has_legacy.load(Ordering::Relaxed))
    }

    /// The same of a job that versions before 1.0 know by `legacy_claim`; see [`Self::needs_legacy_claim`].
    pub async fn enqueue_known_as(&self, job: NewJob, legacy_claim: Option<&str>) -> Result<Enqueued, Error> {
        let shard = self.shard_of(job.flow);
        let Entrance { asks, enough, health, .. } = self.shards.get(shard).ok_or(Error::Overloaded)?;
        if health.is_degraded() {
            return Err(Error::Degraded);
        }
        let place = asks.try_reserve().map_err(|_| Error::Overloaded)?;
        let (answer, told) = oneshot::channel();
        // Packed here, where its bytes were written a moment ago, and not where all callers' jobs meet.
        place.send((PackedJob::of(&job, legacy_claim, &self.queue.settings), answer));
        drop(job);
        if asks.max_capacity() - asks.capacity() >= ENOUGH {
            enough.notify_one();
        }
        told.await.unwrap_or(Err(Error::Overloaded))
    }

    /// Keeps `job` as a dead letter of that kind at once, claimed like any other: nobody can work on it now. `reason` says
    /// why; its first 500 characters are kept.
    pub async fn enqueue_dead(
        &self,
        job: NewJob,
        legacy_claim: Option<&str>,
        kind: &str,
        reason: &str,
    ) -> Result<Enqueued, Error> {
        let shard = self.shard_of(job.flow);
        let Entrance { health, .. } = self.shards.get(shard).ok_or(Error::Overloaded)?;
        if health.is_degraded() {
            return Err(Error::Degraded);
        }
        let kept = self.queue.push_dead(shard, &PackedJob::of(&job, legacy_claim, &self.queue.settings), kind, reason).await;
        kept.inspect_err(|error| health.failed(&self.queue, shard, error))
    }

    fn shard_of(&self, flow: u64) -> usize {
        (flow % self.shards.len().max(1) as u64) as usize
    }
}

/// What the task of a shard has of its entrance: not the sender, by whose end it ends.
struct Followed {
    enough: Arc<Notify>,
    health: ShardHealth,
    has_legacy: Arc<AtomicBool>,
}

impl Entrance {
    fn followed(&self) -> Followed {
        Followed { enough: self.enough.clone(), health: self.health.clone(), has_legacy: self.has_legacy.clone() }
    }
}

async fn commit_groups(queue: Queue, shard: usize, mut asks: mpsc::Receiver<Ask>, entrance: Followed) {
    let Followed { enough, health, has_legacy } = entrance;
    let mut calls = JoinSet::new();
    loop {
        // A place for a call is waited for first, so that anyone who comes meanwhile joins the group.
        while !health.is_degraded() && (calls.len() >= IN_FLIGHT || (!calls.is_empty() && asks.len() < ENOUGH)) {
            tokio::select! {
                _ = calls.join_next() => {}
                () = enough.notified(), if calls.len() < IN_FLIGHT => {}
            }
        }
        let mut group = Vec::with_capacity(GROUP);
        if asks.recv_many(&mut group, GROUP).await == 0 {
            calls.detach_all();
            return;
        }
        if health.is_degraded() {
            // They came before it was known: each group of them would wait for the same timeout.
            for (_, asker) in group {
                drop(asker.send(Err(Error::Degraded)));
            }
            continue;
        }
        let (queue, health, has_legacy) = (queue.clone(), health.clone(), has_legacy.clone());
        calls.spawn(async move { commit(&queue, shard, group, &health, &has_legacy).await });
    }
}

async fn commit(queue: &Queue, shard: usize, group: Vec<Ask>, health: &ShardHealth, has_legacy: &AtomicBool) {
    let (jobs, askers): (Vec<_>, Vec<_>) = group.into_iter().unzip();
    match queue.push(shard, &jobs).await {
        Ok((outcomes, is_legacy)) => {
            has_legacy.store(is_legacy, Ordering::Relaxed);
            for (asker, outcome) in askers.into_iter().zip(outcomes) {
                drop(asker.send(Ok(outcome)));
            }
        }
        Err(error) => {
            tracing::warn!(%error, shard, jobs = jobs.len(), "jobs were not enqueued");
            health.failed(queue, shard, &error);
            for asker in askers {
                let told = match &error {
                    Error::Redis(error) => Error::Redis(error.clone()),
                    Error::NotReplicated { reached, wanted } => Error::NotReplicated { reached: *reached, wanted: *wanted },
                    other => redis_client::Error::Unavailable(other.to_string()).into(),
                };
                drop(asker.send(Err(told)));
            }
        }
    }
}

/// Characters of the reason for a dead letter that are kept.
const REASON_LENGTH: usize = 500;

impl Queue {
    /// Claims and pushes `jobs` into `shard` in one atomic call. Returns what became of each, in order, and whether legacy claims
    /// are needed.
    async fn push(&self, shard: usize, jobs: &[PackedJob]) -> Result<(Vec<Enqueued>, bool), Error> {
        let keys = self.shards.get(shard).ok_or(Error::Protocol("no such shard"))?;
        let key_list: Vec<Key> = keys.of_enqueue().map(Key::from).into();
        let ttl = self.settings.claim_ttl.as_secs().max(1) as i64;
        let with_legacy = jobs.iter().any(PackedJob::has_legacy);
        let mut args: Vec<Value> = Vec::with_capacity(5 + 6 * jobs.len());
        let count = (jobs.len() as i64).into();
        args.extend([ttl.into(), self.wake_channel().into(), TOLD_BELOW.into(), count, i64::from(with_legacy).into()]);
        args.extend(arguments(jobs, with_legacy));
        let answer: Vec<Bytes> = self.call_and_replicate(shard, &self.scripts.enqueue, key_list, args).await?;
        let Some((is_legacy, firsts)) = answer.split_last().filter(|(_, firsts)| firsts.len() == jobs.len()) else {
            return Err(Error::Protocol("fewer answers than jobs"));
        };
        Ok((firsts.iter().map(|first| enqueued(first)).collect(), !is_legacy.is_empty()))
    }

    /// Claims `job` and keeps it as a dead letter in one atomic call.
    async fn push_dead(&self, shard: usize, job: &PackedJob, kind: &str, reason: &str) -> Result<Enqueued, Error> {
        let keys = self.shard(shard)?.of_shard_and_claims().into_iter().map(Key::from).collect();
        let reason: String = reason.chars().take(REASON_LENGTH).collect();
        let ttl = self.settings.claim_ttl.as_secs().max(1) as i64;
        let mut args: Vec<Value> = vec![ttl.into(), kind.into(), reason.into()];
        // But for the flow, which the record has as well.
        args.extend(arguments(std::slice::from_ref(job), true).enumerate().filter(|(n, _)| *n != 4).map(|(_, arg)| arg));
        let first: Bytes = self.call_and_replicate(shard, &self.scripts.enqueue_dead, keys, args).await?;
        Ok(enqueued(&first))
    }

    /// Gives the dead letter `job.id` the record of `job` and makes it wait. Returns whether there was such a dead letter.
    pub async fn replace_dead(&self, job: &NewJob) -> Result<bool, Error> {
        let record = PackedJob::of(job, None, &self.settings);
        let mut parts = arguments(std::slice::from_ref(&record), true).skip(2);
        let (id, lane, record) = (parts.next(), parts.next(), parts.nth(1));
        let args: Vec<Value> = [Some(self.wake_channel().into()), id, lane, record].into_iter().flatten().collect();
        let mut replaced = 0;
        for shard in 0..self.shards.len() {
            replaced += self.call_in::<i64>(shard, &self.scripts.replace_dead, args.clone()).await?;
        }
        Ok(replaced > 0)
    }

    /// Calls a script on the node that has `shard`, and waits until as many replicas as wanted have what it wrote.
    async fn call_and_replicate<R: FromValue>(
        &self,
        shard: usize,
        script: &Script,
        keys: Vec<Key>,
        args: Vec<Value>,
    ) -> Result<R, Error> {
        let slot = redis_keyslot(self.shard(shard)?.data.as_bytes());
        let master = self.nodes.master_of(slot);
        if master.is_clustered() || !self.client.is_clustered() {
            return self.call_on(&master, slot, script, keys, args).await;
        }
        match self.call_on(&master, slot, script, keys.clone(), args.clone()).await {
            Err(Error::Redis(redis_client::Error::Moved(_))) => self.call_on(&self.client, slot, script, keys, args).await,
            other => other,
        }
    }

    async fn call_on<R: FromValue>(
        &self,
        client: &Client,
        slot: u16,
        script: &Script,
        keys: Vec<Key>,
        args: Vec<Value>,
    ) -> Result<R, Error> {
        let answer = script.call(client, keys, args).await?;
        self.wait_for_replicas(client, slot, REPLICA_TIMEOUT_MS).await?;
        Ok(answer)
    }

    /// Waits until as many replicas as the settings ask for have what this connection of `client` to the node of `slot` wrote,
    /// so that a fail-over loses nothing that is answered 2xx.
    pub(crate) async fn wait_for_replicas(&self, client: &Client, slot: u16, timeout_ms: i64) -> Result<(), Error> {
        let wanted = i64::from(self.settings.min_replicas);
        if wanted == 0 {
            return Ok(());
        }
        let options = Options { cluster_hash: Some(ClusterHash::Custom(slot)), ..Options::default() };
        let reached: i64 = client.with_options(&options).wait(wanted, timeout_ms).await?;
        if reached < wanted { Err(Error::NotReplicated { reached, wanted }) } else { Ok(()) }
    }
}

/// What a script's answer for a job says: nothing, or the id of the job that holds its claim.
fn enqueued(first: &[u8]) -> Enqueued {
    if first.is_empty() { Enqueued::Accepted } else { Enqueued::DuplicateOf(unpack(first)) }
}
