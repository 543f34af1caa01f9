//! Webhooks that were dead-lettered count as failed, each once. Who sees the last attempt fail counts it at once; what died
//! otherwise, because its workers did or panicked, is found among the dead letters.

use std::time::Duration;

use common::{CompanyId, Job, Mode};
use queue::{DeadCursor, DeadQuery, Queue, Stats};
use sea_orm::DatabaseConnection;
use shared_stats::Meter;
use store::rollups;
use uuid::Uuid;

use crate::{invalidate::Invalidator, traced::recorded};

/// How far back a worker that starts scan.
const FIRST_LOOK_MS: i64 = 3_600_000;
/// How far two looks overlap: the clocks of a cluster's servers differ.
const OVERLAP_MS: i64 = 60_000;
/// Longest wait for the database.
const LIMIT: Duration = Duration::from_secs(15);
/// Dead letters of a page.
const PAGE: usize = 100;
/// Pages that one call reads at most.
const PAGES: usize = 20;

/// Counts webhooks that were dead-lettered. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct DeadLetterCounter {
    db: DatabaseConnection,
    invalidator: Invalidator,
    meter: Meter,
}

/// Why dead letters were not looked at.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotCounted {
    #[error(transparent)]
    Queue(#[from] queue::Error),
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl DeadLetterCounter {
    pub fn new(db: DatabaseConnection, invalidator: Invalidator, meter: Meter) -> Self {
        Self { db, invalidator, meter }
    }

    /// Counts it, unless it is counted. What cannot be read belongs to no company.
    pub async fn count(&self, lost: &LostJob) -> Result<(), store::Error> {
        let job = lost.job.as_ref();
        let company = job.map_or(CompanyId::NONE, |job| job.company_id);
        let mode = job.and_then(|job| job.event().ok()).map_or(Mode::Live, |event| event.mode);
        let failed = rollups::failed(&self.db, lost.webhook, company, mode, lost.received_ms(), lost.trace.as_deref());
        if store::deadline::within(LIMIT, failed).await? {
            self.meter.count("job.dead", 1);
            self.invalidator.counted([company]).await;
        }
        Ok(())
    }

    /// Counts those of a page of `query` that are not counted yet. Returns where the next page begins.
    async fn count_page(&self, queue: &Queue, query: &DeadQuery) -> Result<Option<DeadCursor>, NotCounted> {
        let page = queue.dead_letters(query, |_| true).await?;
        let lost = page
            .letters
            .iter()
            .map(|letter| LostJob::read(&letter.id, &letter.payload, letter.enqueued_ms, letter.traceparent.as_deref()));
        let lost: Vec<LostJob> = lost.collect();
        let all: Vec<(Uuid, i64)> = lost.iter().map(|lost| (lost.webhook, lost.received_ms())).collect();
        let left = store::deadline::within(LIMIT, rollups::not_counted_as_failed(&self.db, &all)).await?;
        for lost in lost.iter().filter(|lost| left.contains(&lost.webhook)) {
            self.count(lost).await?;
        }
        Ok(page.next)
    }
}

/// A job that was dead-lettered.
#[derive(Debug)]
pub(crate) struct LostJob {
    webhook: Uuid,
    /// None where it cannot be read.
    job: Option<Job>,
    enqueued_ms: i64,
    /// That of its receipt, where it is recorded.
    trace: Option<String>,
}

impl LostJob {
    /// The job `id` with what it carries.
    pub fn read(id: &str, payload: &[u8], enqueued_ms: i64, traceparent: Option<&str>) -> Self {
        let job = Job::decode(payload).ok();
        let webhook = job.as_ref().map_or_else(|| id.parse().unwrap_or_default(), |job| job.webhook_id);
        Self { webhook, job, enqueued_ms, trace: recorded(traceparent) }
    }

    fn received_ms(&self) -> i64 {
        self.job.as_ref().map_or(self.enqueued_ms, |job| job.received_ms)
    }
}

/// DeadLetterScan at the dead letters whenever there are more than before.
#[derive(Debug)]
pub(crate) struct DeadLetterScan {
    dead_letter_counter: DeadLetterCounter,
    last: Option<Look>,
    /// One that has not come to its end.
    under_way: Option<Look>,
}

#[derive(Debug)]
struct Look {
    /// Jobs that had failed for good when it began.
    failed: i64,
    /// By the clock of Redis, as the times at which jobs die.
    begun_ms: i64,
    query: DeadQuery,
}

impl DeadLetterScan {
    pub fn new(dead_letter_counter: DeadLetterCounter) -> Self {
        Self { dead_letter_counter, last: None, under_way: None }
    }

    /// DeadLetterScan if `stats` tell of more, or goes on where the last call stopped: what else is tended must not wait for long.
    pub async fn look(&mut self, queue: &Queue, stats: &Stats) -> Result<(), NotCounted> {
        let Some(mut look) = self.under_way.take().or_else(|| self.begin(stats)) else { return Ok(()) };
        for _ in 0..PAGES {
            look.query.after = self.dead_letter_counter.count_page(queue, &look.query).await?;
            if look.query.after.is_none() {
                self.last = Some(look);
                return Ok(());
            }
        }
        self.under_way = Some(look);
        Ok(())
    }

    fn begin(&self, stats: &Stats) -> Option<Look> {
        let begun_ms = stats.now_ms;
        let from_ms = match &self.last {
            Some(last) if last.failed == stats.failed => return None,
            // Where the clock was set back, jobs die before the last look.
            Some(last) => last.begun_ms.min(begun_ms) - OVERLAP_MS,
            None => begun_ms - FIRST_LOOK_MS,
        };
        let query = DeadQuery { from_ms: Some(from_ms), limit: PAGE, ..DeadQuery::default() };
        Some(Look { failed: stats.failed, begun_ms, query })
    }
}
