//! The consuming side: jobs leased in batches, outcomes recorded. Redis errors stay inside: each
//! operation is tried a few times within a bound, and what could not be done is made good by the
//! leases.

use std::{
    collections::HashMap,
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use failpoints::Point;
use rand::Rng;
use redis_client::fred::types::Value;
use uuid::Uuid;

use crate::{Error, JobId, JobOutcome, Lane, LeasedJob, Queue, Verdict, record, shard_order::Turns, wakeup::Wakeup};

/// First delay before a retry; doubled with each further attempt.
const BACKOFF_BASE_MS: u64 = 500;
/// Longest delay before a retry.
const BACKOFF_MAX_MS: u64 = 60_000;
/// Take-overs after which a job is handed out alone: it may be what ends its workers.
const SUSPECT_AFTER: i64 = 2;
/// Take-overs that a job survives; then it is a dead letter.
const MAX_TAKEOVERS: i64 = 5;
/// How often an acknowledgement is tried; the lease then brings the job back.
const TRIES: u32 = 4;
/// Length of an error text that is kept.
const ERROR_LENGTH: usize = 500;
/// Finished jobs that each shard remembers.
const RECENT: i64 = 50;
/// Jobs that one look brings at most, where a batch alone is not larger.
const FETCHED: usize = 500;
/// Dead letters that one call drops at most.
const DROPPED_PER_CALL: i64 = 100;

/// One worker's hold on a [`Queue`].
#[derive(Clone)]
pub(crate) struct Consumer {
    queue: Queue,
    wakeup: Wakeup,
    /// Of this process and start: a restarted worker of the same name is another owner.
    owner: Arc<str>,
    turns: Arc<Turns>,
}

impl fmt::Debug for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer").field("owner", &self.owner).finish_non_exhaustive()
    }
}

impl Consumer {
    /// A consumer that is told apart from all others.
    pub fn new(queue: Queue, wakeup: Wakeup) -> Self {
        let owner = Uuid::now_v7().simple().to_string().into();
        let turns = Arc::new(Turns::of(queue.shards.len()));
        Self { queue, wakeup, owner, turns }
    }

    pub fn queue(&self) -> &Queue {
        &self.queue
    }

    pub fn owner(&self) -> &str {
        &self.owner
    }

    fn batch_size(&self) -> usize {
        usize::from(self.queue.settings.batch_size.max(1))
    }

    /// Batches that one look brings at most.
    pub fn batches_at_once(&self) -> usize {
        usize::from(self.queue.settings.fetch_batches).min(FETCHED / self.batch_size()).max(1)
    }

    /// The next batches; none if Redis is away, which is asked again soon.
    pub async fn next_batches(&self) -> Vec<Vec<LeasedJob>> {
        let size = self.batch_size();
        let jobs = self.gather(size * self.batches_at_once()).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "fetch failed");
            self.wakeup.ring_after(Duration::from_millis(500));
            Vec::new()
        });
        let mut jobs = jobs.into_iter();
        std::iter::from_fn(|| Some(jobs.by_ref().take(size).collect()).filter(|batch: &Vec<_>| !batch.is_empty())).collect()
    }

    /// Gathers up to `wanted` jobs.
    async fn gather(&self, wanted: usize) -> Result<Vec<LeasedJob>, Error> {
        let settings = &self.queue.settings;
        let begun = Instant::now();
        let mut jobs: Vec<LeasedJob> = Vec::new();
        let mut next_due: Option<u64> = None;
        for shard in self.turns.take(begun) {
            let room = wanted.saturating_sub(jobs.len());
            let alone = jobs.iter().any(|job| i64::from(job.takeovers) >= SUSPECT_AFTER);
            if room == 0 || alone || (!jobs.is_empty() && begun.elapsed() >= settings.batch_max_wait) {
                break;
            }
            match self.fetch(shard, room, jobs.is_empty()).await {
                Ok((fetched, due)) => {
                    self.turns.looked(shard, !fetched.is_empty(), !jobs.is_empty(), Instant::now());
                    jobs.extend(fetched);
                    next_due = [next_due, due].into_iter().flatten().min();
                }
                // What other shards gave must not be lost with this one's error, nor what they have.
                Err(error) => {
                    tracing::warn!(%error, shard, "fetch failed");
                    next_due = Some(next_due.unwrap_or(500).min(500));
                }
            }
        }
        if let Some(ms) = next_due {
            self.wakeup.ring_after(Duration::from_millis(ms + 1));
        }
        Ok(jobs)
    }

    async fn fetch(&self, shard: usize, room: usize, may_be_alone: bool) -> Result<(Vec<LeasedJob>, Option<u64>), Error> {
        let settings = &self.queue.settings;
        let keys = self.queue.shard(shard)?;
        let kept = if settings.others_share == 0 { 0 } else { (room / usize::from(settings.others_share)).max(1) };
        let args: Vec<Value> = vec![
            (room as i64).into(),
            (settings.lease.as_millis() as i64).into(),
            self.owner.as_ref().into(),
            (kept as i64).into(),
            SUSPECT_AFTER.into(),
            MAX_TAKEOVERS.into(),
            i64::from(may_be_alone).into(),
        ];
        let answer: (i64, Vec<Value>, Vec<u32>) =
            self.queue.scripts.fetch.call(self.queue.client(), keys.of_shard(), args).await?;
        let (due, fetched, tried) = answer;
        let (mut parts, mut tried) = (fetched.into_iter(), tried.into_iter());
        let mut jobs = Vec::with_capacity(parts.len() / 2);
        while let (Some(id), Some(record)) = (parts.next(), parts.next()) {
            let (failed_attempts, takeovers) = (tried.next().unwrap_or(0), tried.next().unwrap_or(0));
            let id = JobId::of(id.into_bytes().ok_or(Error::Protocol("a job id is no text"))?);
            let record = record.into_bytes().ok_or(Error::Protocol("a record is no text"))?;
            match record::decode(id, shard, &record, self.queue.settings.dictionary) {
                Ok(job) => jobs.push(LeasedJob { failed_attempts, takeovers, ..job }),
                Err(error) => tracing::error!(%error, shard, "a record cannot be read; its lease will run out"),
            }
        }
        let due = u64::try_from(due).ok();
        Ok((jobs, due))
    }

    /// Records what became of jobs.
    pub async fn finish(&self, outcomes: &[JobOutcome]) {
        let mut shards: HashMap<usize, Verdicts> = HashMap::new();
        for outcome in outcomes {
            let verdicts = shards.entry(outcome.shard).or_default();
            let (id, lane) = (outcome.id.value(), Value::from(outcome.lane.code()));
            match &outcome.verdict {
                Verdict::Done if outcome.lane == Lane::High => verdicts.done_payments.push(id),
                Verdict::Done => verdicts.done_others.push(id),
                Verdict::Released => verdicts.released.extend([id, lane]),
                Verdict::Failed(error) => {
                    let text: String = error.chars().take(ERROR_LENGTH).collect();
                    let delay = backoff_ms(outcome.failed_attempts, &mut rand::rng());
                    self.wakeup.ring_after(Duration::from_millis(delay + 5));
                    verdicts.failed.extend([id, lane, (delay as i64).into(), text.into(), "".into()]);
                }
                Verdict::Dead { kind, reason } => {
                    let text: String = reason.chars().take(ERROR_LENGTH).collect();
                    verdicts.failed.extend([id, lane, 0.into(), text.into(), (*kind).into()]);
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
        let Verdicts { done_payments, done_others, failed, released } = verdicts;
        if !done_payments.is_empty() || !done_others.is_empty() {
            let mut args: Vec<Value> = vec![RECENT.into(), (done_payments.len() as i64).into()];
            args.extend(done_payments.into_iter().chain(done_others));
            let _: i64 = queue.try_in(shard, &queue.scripts.ack, args).await?;
            failpoints::reached(Point::JobsAcknowledged);
        }
        if !failed.is_empty() {
            let mut args: Vec<Value> = vec![self.owner.as_ref().into(), i64::from(queue.settings.max_attempts).into()];
            args.extend(failed);
            let _: i64 = queue.try_in(shard, &queue.scripts.fail, args).await?;
        }
        if !released.is_empty() {
            let mut args: Vec<Value> = vec![self.owner.as_ref().into(), queue.wake_channel().into()];
            args.extend(released);
            let _: i64 = queue.try_in(shard, &queue.scripts.release, args).await?;
        }
        Ok(())
    }

    /// Renews the leases of `held`, sends a heartbeat and drops dead letters that are past their
    /// time or number.
    pub async fn heartbeat(&self, held: &[LeasedJob]) {
        let settings = &self.queue.settings;
        let mut shards: HashMap<usize, Vec<Value>> = HashMap::new();
        for job in held {
            shards.entry(job.shard).or_default().extend([job.id.value(), job.lane.code().into()]);
        }
        for (shard, jobs) in shards {
            let mut args: Vec<Value> = vec![self.owner.as_ref().into(), (settings.lease.as_millis() as i64).into()];
            args.extend(jobs);
            let renewed: Result<i64, _> = self.queue.call_in(shard, &self.queue.scripts.renew, args).await;
            if let Err(error) = renewed {
                tracing::warn!(%error, shard, "leases were not renewed");
            }
        }
        if let Err(error) = self.queue.sign_of_life(&self.owner, settings.lease).await {
            tracing::warn!(%error, "the worker's heartbeat did not reach Redis");
        }
        // One shard a time: the retention is slow work that nobody waits for.
        let shard = self.turns.some();
        if let Err(error) = self.queue.expire_dead(shard, settings.dead_max_age, DROPPED_PER_CALL).await {
            tracing::warn!(%error, shard, "dead letters were not trimmed");
        }
    }
}

#[derive(Default)]
struct Verdicts {
    done_payments: Vec<Value>,
    done_others: Vec<Value>,
    /// Id, lane, delay, error and kind in turn.
    failed: Vec<Value>,
    /// Id and lane in turn.
    released: Vec<Value>,
}

/// Delay after `failed` earlier failures: exponential from the base, with ±20 % jitter.
fn backoff_ms(failed: u32, rng: &mut impl Rng) -> u64 {
    let exact = BACKOFF_BASE_MS.saturating_mul(1 << failed.min(16)).min(BACKOFF_MAX_MS);
    exact * rng.random_range(80..=120) / 100
}

impl Queue {
    /// Calls a script whose loss would leave jobs to their leases: several times if need be.
    async fn try_in(&self, shard: usize, script: &redis_client::Script, args: Vec<Value>) -> Result<i64, Error> {
        let mut tried = 1;
        loop {
            match self.call_in(shard, script, args.clone()).await {
                Err(error) if tried < TRIES => {
                    tracing::debug!(%error, tried, "trying again");
                    tokio::time::sleep(Duration::from_millis(100 << tried)).await;
                    tried += 1;
                }
                other => return other,
            }
        }
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
