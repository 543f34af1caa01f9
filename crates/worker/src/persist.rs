//! One batch: decode its jobs, write them together, and find out which one is bad if that fails.

use std::time::{Duration, Instant};

use common::{
    Event, Job,
    job::{self, BadJob},
};
use failpoints::Point;
use http_service::Stop;
use queue::{Batch, BatchOutcome, JobOutcome, LeasedJob, Queue, Verdict};
use shared_stats::Meter;
use store::batch::{NewEvent, Writer, Written};
use telemetry::metrics;
use tracing::Instrument;

use crate::{
    dead_letter_counter::{DeadLetterCounter, LostJob},
    identities::Identities,
    invalidate::Invalidator,
    traced::{Traced, invalidate_span, persist_span, recorded},
};

/// Pauses between tries while the database is away; then the jobs are released.
const PAUSES_MS: [u64; 7] = [50, 100, 200, 500, 1000, 2000, 4000];
/// From this pause on it is no batch in another's way: operators are told.
const LONG_PAUSE_MS: u64 = 500;
/// Longest wait for a batch to be written: what takes longer is written again, which does no harm.
const WRITE: Duration = Duration::from_secs(15);

/// Writes batches; all of these are needed for it.
#[derive(Debug)]
pub struct Persister {
    pub(crate) writer: Writer,
    /// Where the batches come from: it is told what was stored already.
    pub(crate) queue: Queue,
    pub(crate) identities: Identities,
    /// Counts what is dead-lettered.
    pub(crate) dead_letter_counter: DeadLetterCounter,
    /// Is told what was committed.
    pub(crate) invalidator: Invalidator,
    pub(crate) meter: Meter,
    pub(crate) max_attempts: u16,
    /// Then nobody waits for the database any more.
    pub(crate) stop: Stop,
}

impl Persister {
    /// Writes what can be written of `batch`; answers for each job.
    pub async fn persist(&self, batch: Batch) -> BatchOutcome {
        let (begun, now_ms) = (Instant::now(), clock::now_ms());
        let waited = batch.jobs.iter().map(|job| Duration::from_millis((now_ms - job.enqueued_ms).max(0).unsigned_abs()));
        waited.clone().for_each(metrics::waited);
        self.meter.times("queue.wait", waited);
        let traced = Traced::begin(&batch);
        let outcome = self.work(batch).instrument(traced.batch()).await;
        traced.end(&outcome);
        self.measure(&outcome, begun.elapsed());
        outcome
    }

    fn measure(&self, outcome: &BatchOutcome, took: Duration) {
        let count = |which: fn(&Verdict) -> bool| outcome.jobs.iter().filter(|job| which(&job.verdict)).count() as u64;
        for (name, counter, jobs) in [
            ("done", "job.done", count(|verdict| matches!(verdict, Verdict::Done))),
            ("failed", "job.failed", count(|verdict| matches!(verdict, Verdict::Failed(_) | Verdict::Dead { .. }))),
            ("released", "job.released", count(|verdict| matches!(verdict, Verdict::Released))),
        ] {
            metrics::consumed(name, jobs);
            if jobs > 0 {
                self.meter.count(counter, jobs);
            }
        }
        metrics::processed(took);
        self.meter.time("batch", took);
    }

    async fn work(&self, batch: Batch) -> BatchOutcome {
        let mut jobs = Vec::with_capacity(batch.jobs.len());
        let (mut leased, mut events, mut place) = (Vec::new(), Vec::new(), Vec::new());
        let has_legacy = self.writer.has_legacy().await;
        for job in batch.jobs {
            match self.read(&job, has_legacy, &mut place).await {
                Ok(event) => {
                    leased.push(job);
                    events.push(event);
                }
                Err(Unreadable::Still(reason)) => {
                    self.count_dead(&job).await;
                    jobs.push(job.outcome(Verdict::Dead { kind: job::UNREADABLE, reason }));
                }
                Err(error) => {
                    self.count_if_given_up(&job).await;
                    jobs.push(job.outcome(Verdict::Failed(error.to_string())));
                }
            }
        }
        failpoints::reached(Point::BatchFetched);
        self.write(&leased, &events, &mut jobs).await;
        BatchOutcome { jobs }
    }

    /// Writes all, or halves until the bad one stands alone.
    async fn write(&self, jobs: &[LeasedJob], events: &[NewEvent], outcomes: &mut Vec<JobOutcome>) {
        let mut parts = vec![(jobs, events)];
        while let Some((jobs, events)) = parts.pop() {
            if jobs.is_empty() {
                continue;
            }
            match self.write_once_available(events).await {
                Ok(written) => {
                    let verdict = self.tell_known(written).await;
                    // Also where all rows were there already: anyone who wrote them may have died before this.
                    self.invalidator.committed(events).instrument(invalidate_span()).await;
                    failpoints::reached(Point::BatchInvalidated);
                    outcomes.extend(jobs.iter().map(|job| job.outcome(verdict.clone())));
                }
                Err(store::Error::Unavailable(error)) => {
                    tracing::warn!(%error, jobs = jobs.len(), "jobs are released");
                    outcomes.extend(jobs.iter().map(|job| job.outcome(Verdict::Released)));
                }
                Err(error) if jobs.len() == 1 => {
                    tracing::warn!(%error, "an event cannot be written");
                    for job in jobs {
                        self.count_if_given_up(job).await;
                    }
                    outcomes.extend(jobs.iter().map(|job| job.outcome(Verdict::Failed(error.to_string()))));
                }
                Err(error) => {
                    tracing::info!(%error, jobs = jobs.len(), "a batch is split");
                    let middle = jobs.len() / 2;
                    if let (Some(jobs), Some(events)) = (jobs.split_at_checked(middle), events.split_at_checked(middle)) {
                        parts.push((jobs.0, events.0));
                        parts.push((jobs.1, events.1));
                    }
                }
            }
        }
    }

    /// Tells the queue how many events were stored already. Where it cannot be told they are written again: the queue's counters
    /// must not say that more was stored than is.
    async fn tell_known(&self, written: Written) -> Verdict {
        if written.known == 0 {
            return Verdict::Done;
        }
        match self.queue.count_recognised(written.known).await {
            Ok(()) => Verdict::Done,
            Err(error) => {
                tracing::warn!(%error, "events that were stored already could not be counted; their jobs are released");
                Verdict::Released
            }
        }
    }

    /// Counts a webhook whose last attempt failed.
    async fn count_if_given_up(&self, job: &LeasedJob) {
        if job.failed_attempts + 1 < u32::from(self.max_attempts) {
            return;
        }
        self.count_dead(job).await;
    }

    /// Counts a webhook that becomes a dead letter, unless it is counted.
    async fn count_dead(&self, job: &LeasedJob) {
        let mut place = Vec::new();
        let payload = job.payload.read(&mut place).unwrap_or_default();
        let lost = LostJob::read(&job.id.to_string(), payload, job.enqueued_ms, job.traceparent.as_deref());
        if let Err(error) = self.dead_letter_counter.count(&lost).await {
            tracing::warn!(%error, "a webhook that was dead-lettered is counted later");
        }
    }

    async fn write_once_available(&self, events: &[NewEvent]) -> Result<Written, store::Error> {
        for pause in PAUSES_MS {
            match self.write_measured(events).await {
                Err(store::Error::Unavailable(error)) if !*self.stop.borrow() => {
                    tracing::warn!(%error, "the database is away; waiting");
                    if pause >= LONG_PAUSE_MS {
                        self.meter.count("write.waits", 1);
                    }
                    tokio::time::sleep(Duration::from_millis(pause)).await;
                }
                other => return other,
            }
        }
        self.write_measured(events).await
    }

    async fn write_measured(&self, events: &[NewEvent]) -> Result<Written, store::Error> {
        let begun = Instant::now();
        let written = store::deadline::within(WRITE, self.writer.write(events)).instrument(persist_span()).await;
        metrics::database("write batch", begun.elapsed());
        self.meter.time("persist", begun.elapsed());
        written
    }

    /// The event of a job, which is unpacked in `place`.
    async fn read(&self, leased: &LeasedJob, has_legacy: bool, place: &mut Vec<u8>) -> Result<NewEvent, Unreadable> {
        let job = Job::decode(leased.payload.read(place)?)?;
        let read = || {
            let envelope = job.envelope()?;
            let event = Event::interpret(&envelope, job.received_at()?)?;
            Ok::<_, BadJob>((envelope, event))
        };
        let (envelope, event) = match (read(), &job.unreadable) {
            (Ok(read), _) => read,
            (Err(_), Some(_)) if job.sealed().is_some() => return Err(Unreadable::Still(SEALED.to_owned())),
            (Err(error), Some(_)) => return Err(Unreadable::Still(error.to_string())),
            (Err(error), None) => return Err(error.into()),
        };
        let identities = self.identities.of(&job, &envelope, has_legacy).await;
        drop(envelope);
        Ok(NewEvent {
            webhook_id: job.webhook_id,
            company_id: job.company_id,
            endpoint: job.endpoint,
            identity: identities.own.unwrap_or(job.identity),
            legacy: identities.legacy,
            event_key: identities.event_key,
            received_ms: job.received_ms,
            event,
            payload: Box::<str>::from(job.body).into_string(),
            trace: recorded(leased.traceparent.as_deref()),
        })
    }
}

/// Why a worker does not interpret what was sealed.
const SEALED: &str = "the body is encrypted, since it could not be masked: `retry` by the API or by `netbanx queue` opens it";

/// Why a job can never succeed.
#[derive(Debug, thiserror::Error)]
enum Unreadable {
    #[error(transparent)]
    Record(#[from] queue::Error),
    #[error(transparent)]
    Job(#[from] BadJob),
    /// It was unreadable when it was received, and is so by the rules of this version.
    #[error("{0}")]
    Still(String),
}
