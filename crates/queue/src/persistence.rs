//! apalis' `Persistence` over the scripts. Redis errors stay inside: each operation is tried a few
//! times within a bound, and what could not be done is made good by the leases.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use apalis_core::{
    backend::persistence::{Persistence, TaskEvent},
    task::{Task, builder::TaskBuilder, task_id::TaskId},
    worker::context::WorkerContext,
};
use fred::{
    interfaces::{KeysInterface, SortedSetsInterface},
    types::Value,
};
use rand::Rng;
use uuid::Uuid;

use crate::{Error, LeasedJob, Queue, record, wake::Bell};

/// First delay before a retry; doubled with each further attempt.
const BACKOFF_BASE_MS: u64 = 500;
/// Longest delay before a retry.
const BACKOFF_MAX_MS: u64 = 60_000;
/// Take-overs that a job survives before it counts as what kills its workers.
const MAX_TAKEOVERS: i64 = 20;
/// How often an acknowledgement is tried; the lease then brings the job back.
const TRIES: u32 = 4;
/// Length of an error text that is kept.
const ERROR_LENGTH: usize = 500;

/// What a worker is handed: jobs claimed together.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// At most the settings' batch size.
    pub jobs: Vec<LeasedJob>,
}

/// What became of one job of a batch.
#[derive(Debug, Clone)]
pub struct JobOutcome {
    /// The shard that it lies in.
    pub shard: usize,
    /// Its id.
    pub id: String,
    /// Attempts that failed before this one.
    pub failed_attempts: u32,
    /// What is to become of it.
    pub verdict: Verdict,
}

/// What is to become of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is done: nothing of it is kept.
    Done,
    /// It failed, for this reason: tried again later, a dead letter after the last attempt.
    Failed(String),
    /// Nothing is known against it: it goes back untouched, its attempts as they were.
    GivenBack,
}

impl LeasedJob {
    /// The outcome of this job.
    pub fn outcome(&self, verdict: Verdict) -> JobOutcome {
        JobOutcome { shard: self.shard, id: self.id.clone(), failed_attempts: self.failed_attempts, verdict }
    }
}

/// What became of a batch, job by job.
#[derive(Debug, Clone, Default)]
pub struct BatchOutcome {
    /// One entry per job.
    pub jobs: Vec<JobOutcome>,
}

type Held = HashMap<String, Vec<LeasedJob>>;

/// The consuming side of a [`Queue`], for one worker.
#[derive(Clone)]
pub struct Consumer {
    queue: Queue,
    bell: Bell,
    /// Of this process and start: a restarted worker of the same name is another owner.
    owner: Arc<str>,
    held: Arc<Mutex<Held>>,
    turn: Arc<AtomicUsize>,
}

impl fmt::Debug for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer").field("owner", &self.owner).finish_non_exhaustive()
    }
}

impl Consumer {
    /// A consumer that is told apart from all others.
    pub(crate) fn new(queue: Queue, bell: Bell) -> Self {
        let owner = Uuid::now_v7().simple().to_string().into();
        Self { queue, bell, owner, held: Arc::default(), turn: Arc::default() }
    }

    pub(crate) fn queue(&self) -> &Queue {
        &self.queue
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn held_by_shard(&self) -> HashMap<usize, Vec<String>> {
        let mut shards: HashMap<usize, Vec<String>> = HashMap::new();
        for job in self.held().values().flatten() {
            shards.entry(job.shard).or_default().push(job.id.clone());
        }
        shards
    }

    /// Gathers up to one batch, beginning at another shard each time.
    async fn gather(&self) -> Result<Vec<LeasedJob>, Error> {
        let settings = &self.queue.settings;
        let shards = self.queue.shards.len();
        let first = self.turn.fetch_add(1, Ordering::Relaxed);
        let begun = Instant::now();
        let mut jobs: Vec<LeasedJob> = Vec::new();
        let mut next_due: Option<u64> = None;
        for shard in (0..shards).map(|n| (first + n) % shards) {
            let room = usize::from(settings.batch_size).saturating_sub(jobs.len());
            if room == 0 || (!jobs.is_empty() && begun.elapsed() >= settings.batch_max_wait) {
                break;
            }
            match self.fetch(shard, room).await {
                Ok((fetched, due)) => {
                    jobs.extend(fetched);
                    next_due = [next_due, due].into_iter().flatten().min();
                }
                // What other shards gave must not be lost with this one's error.
                Err(error) if jobs.is_empty() => return Err(error),
                Err(error) => tracing::warn!(%error, shard, "fetch failed"),
            }
        }
        if let Some(ms) = next_due {
            self.bell.ring_after(Duration::from_millis(ms + 1));
        }
        Ok(jobs)
    }

    async fn fetch(&self, shard: usize, room: usize) -> Result<(Vec<LeasedJob>, Option<u64>), Error> {
        let settings = &self.queue.settings;
        let keys = self.queue.shards.get(shard).ok_or(Error::Protocol("no such shard"))?;
        let kept = if settings.others_share == 0 { 0 } else { (room / usize::from(settings.others_share)).max(1) };
        let args: Vec<Value> = vec![
            (room as i64).into(),
            (settings.lease.as_millis() as i64).into(),
            self.owner.as_ref().into(),
            (kept as i64).into(),
            MAX_TAKEOVERS.into(),
        ];
        let key_list: Vec<&str> = vec![
            &keys.data,
            &keys.payments,
            &keys.others,
            &keys.scheduled,
            &keys.leases,
            &keys.owners,
            &keys.attempts,
            &keys.dead,
            &keys.dead_info,
            &keys.stats,
            &keys.paused,
        ];
        let answer: Vec<Value> = self.queue.scripts.fetch.call(self.queue.client(), key_list, args).await?;
        let mut parts = answer.into_iter();
        let due = parts.next().and_then(|v| v.as_i64()).and_then(|ms| u64::try_from(ms).ok());
        let mut jobs = Vec::new();
        while let (Some(id), Some(attempts), Some(record)) = (parts.next(), parts.next(), parts.next()) {
            let id = id.into_string().ok_or(Error::Protocol("a job id is no text"))?;
            let attempts = attempts.as_i64().unwrap_or(0) as u32;
            let record = record.into_bytes().ok_or(Error::Protocol("a record is no text"))?;
            match record::decode(id, shard, attempts, &record) {
                Ok(job) => jobs.push(job),
                Err(error) => tracing::error!(%error, shard, "a record cannot be read; its lease will run out"),
            }
        }
        Ok((jobs, due))
    }

    async fn finish(&self, outcomes: &[JobOutcome]) {
        let mut shards: HashMap<usize, Verdicts> = HashMap::new();
        for outcome in outcomes {
            let verdicts = shards.entry(outcome.shard).or_default();
            let id = Value::from(outcome.id.as_str());
            match &outcome.verdict {
                Verdict::Done => verdicts.done.push(id),
                Verdict::GivenBack => verdicts.given_back.push(id),
                Verdict::Failed(error) => {
                    let text: String = error.chars().take(ERROR_LENGTH).collect();
                    let delay = backoff_ms(outcome.failed_attempts, &mut rand::rng());
                    self.bell.ring_after(Duration::from_millis(delay + 5));
                    verdicts.failed.extend([id, (delay as i64).into(), text.into()]);
                }
            }
        }
        for (shard, verdicts) in shards {
            if let Err(error) = self.finish_shard(shard, verdicts).await {
                tracing::warn!(%error, shard, "outcomes were not recorded; the leases will bring the jobs back");
            }
        }
    }

    async fn finish_shard(&self, shard: usize, verdicts: Verdicts) -> Result<(), Error> {
        let queue = &self.queue;
        let keys = queue.shards.get(shard).ok_or(Error::Protocol("no such shard"))?;
        let Verdicts { done, failed, given_back } = verdicts;
        if !done.is_empty() {
            let key_list: Vec<&str> = vec![&keys.data, &keys.leases, &keys.owners, &keys.attempts, &keys.scheduled, &keys.stats];
            let _: i64 = retry(|| queue.scripts.ack.call(queue.client(), key_list.clone(), done.clone())).await?;
        }
        if !failed.is_empty() {
            let key_list: Vec<&str> = vec![
                &keys.data,
                &keys.leases,
                &keys.owners,
                &keys.attempts,
                &keys.scheduled,
                &keys.dead,
                &keys.dead_info,
                &keys.stats,
            ];
            let mut args: Vec<Value> = vec![self.owner.as_ref().into(), i64::from(queue.settings.max_attempts).into()];
            args.extend(failed);
            let _: i64 = retry(|| queue.scripts.fail.call(queue.client(), key_list.clone(), args.clone())).await?;
        }
        if !given_back.is_empty() {
            self.give_back(shard, given_back).await?;
        }
        Ok(())
    }

    async fn give_back(&self, shard: usize, ids: Vec<Value>) -> Result<i64, Error> {
        let queue = &self.queue;
        let keys = queue.shards.get(shard).ok_or(Error::Protocol("no such shard"))?;
        let mut args: Vec<Value> = vec![self.owner.as_ref().into(), queue.wake_channel().into()];
        args.extend(ids);
        let key_list: Vec<&str> = vec![&keys.data, &keys.payments, &keys.others, &keys.leases, &keys.owners];
        retry(|| queue.scripts.release.call(queue.client(), key_list.clone(), args.clone())).await
    }
}

#[derive(Default)]
struct Verdicts {
    done: Vec<Value>,
    /// Id, delay and error in turn.
    failed: Vec<Value>,
    given_back: Vec<Value>,
}

/// Delay after `failed` earlier failures: exponential from the base, with ±20 % jitter.
fn backoff_ms(failed: u32, rng: &mut impl Rng) -> u64 {
    let exact = BACKOFF_BASE_MS.saturating_mul(1 << failed.min(16)).min(BACKOFF_MAX_MS);
    exact * rng.random_range(80..=120) / 100
}

async fn retry<T, F: Future<Output = Result<T, Error>>>(call: impl Fn() -> F) -> Result<T, Error> {
    let mut tried = 1;
    loop {
        match call().await {
            Err(error) if tried < TRIES => {
                tracing::debug!(%error, tried, "trying again");
                tokio::time::sleep(Duration::from_millis(100 << tried)).await;
                tried += 1;
            }
            other => return other,
        }
    }
}

impl Persistence for Consumer {
    type Compact = Batch;
    type Response = BatchOutcome;
    type Error = Error;

    async fn register(&mut self, worker: &WorkerContext) -> Result<(), Error> {
        self.heartbeat(worker).await
    }

    /// Renews the leases in hand and the worker's own sign of life. Never fails: apalis would end
    /// the worker for it (`queue.md`).
    async fn heartbeat(&mut self, _worker: &WorkerContext) -> Result<(), Error> {
        let lease_ms = self.queue.settings.lease.as_millis() as i64;
        for (shard, ids) in self.held_by_shard() {
            let Some(keys) = self.queue.shards.get(shard) else { continue };
            let mut args: Vec<Value> = vec![self.owner.as_ref().into(), lease_ms.into()];
            args.extend(ids.iter().map(|id| Value::from(id.as_str())));
            let key_list: Vec<&str> = vec![&keys.leases, &keys.owners];
            let renewed: Result<i64, _> = self.queue.scripts.renew.call(self.queue.client(), key_list, args).await;
            if let Err(error) = renewed {
                tracing::warn!(%error, shard, "leases were not renewed");
            }
        }
        let until = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |d| d.as_millis() as f64) + lease_ms as f64;
        let (client, key) = (self.queue.client(), self.queue.workers_key());
        let told: Result<(), fred::error::Error> = async {
            let _: i64 = client.zadd(key.as_str(), None, None, false, false, (until, self.owner.as_ref())).await?;
            let _: i64 = client.expire(key.as_str(), 600, None).await?;
            Ok(())
        }
        .await;
        if let Err(error) = told {
            tracing::warn!(%error, "the worker's sign of life did not reach Redis");
        }
        Ok(())
    }

    async fn fetch_next(&mut self, _worker: &WorkerContext) -> Result<Vec<Task<Batch>>, Error> {
        let jobs = match self.gather().await {
            Ok(jobs) => jobs,
            Err(error) => {
                tracing::warn!(%error, "fetch failed");
                self.bell.ring_after(Duration::from_millis(500));
                return Ok(Vec::new());
            }
        };
        if jobs.is_empty() {
            return Ok(Vec::new());
        }
        let task_id = TaskId::from_string(Uuid::now_v7().to_string());
        self.held().insert(task_id.to_string(), jobs.clone());
        Ok(vec![TaskBuilder::new(Batch { jobs }).task_id(task_id).build()])
    }

    async fn reenqueue_abandoned(&mut self, tasks: Vec<Task<Batch>>, _worker: &WorkerContext) -> Result<u64, Error> {
        let mut given = 0;
        for task in tasks {
            if let Some(id) = task.task_id() {
                self.held().remove(&id.to_string());
            }
            let mut shards: HashMap<usize, Vec<Value>> = HashMap::new();
            for job in task.args.jobs {
                shards.entry(job.shard).or_default().push(job.id.into());
            }
            for (shard, ids) in shards {
                match self.give_back(shard, ids).await {
                    Ok(count) => given += count as u64,
                    Err(error) => tracing::warn!(%error, shard, "jobs were not given back; their leases will run out"),
                }
            }
        }
        Ok(given)
    }

    async fn handle_events(&mut self, events: Vec<TaskEvent<BatchOutcome>>, _worker: &WorkerContext) -> Result<(), Error> {
        let mut outcomes = Vec::new();
        for event in events {
            let TaskEvent::Complete(done) = event else { continue };
            let held = self.held().remove(&done.task_id.to_string()).unwrap_or_default();
            match done.result {
                Ok(outcome) => outcomes.extend(outcome.jobs),
                Err(error) => outcomes.extend(held.iter().map(|job| job.outcome(Verdict::Failed(error.clone())))),
            }
        }
        self.finish(&outcomes).await;
        Ok(())
    }

    async fn push_tasks(&mut self, _tasks: Vec<Task<Batch>>) -> Result<(), Error> {
        // Jobs come in by `Producer`, which answers for each; a batch only ever goes out.
        Err(Error::Protocol("batches are not pushed"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delay_grows_within_its_jitter_and_its_bound() {
        let mut rng = rand::rng();
        for (failed, exact) in [(0, 500), (1, 1000), (2, 2000), (30, BACKOFF_MAX_MS)] {
            let ms = backoff_ms(failed, &mut rng);
            assert!((exact * 8 / 10..=exact * 12 / 10).contains(&ms), "{failed}: {ms}");
        }
    }
}
