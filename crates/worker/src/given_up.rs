//! Webhooks that were given up count as failed, each once. Who sees the last attempt fail counts it at once; what died
//! otherwise, because its workers did or panicked, is found among the dead letters.

use std::{collections::HashSet, time::Duration};

use common::{CompanyId, Job, Mode};
use meter::Meter;
use queue::{DeadCursor, DeadQuery, Queue, Stats};
use sea_orm::DatabaseConnection;
use store::rollups;
use uuid::Uuid;

use crate::invalidate::Invalidator;

/// How far back a worker that starts looks.
const FIRST_LOOK_MS: i64 = 3_600_000;
/// How far two looks overlap: Redis' clock, by which jobs die, is not ours.
const OVERLAP_MS: i64 = 60_000;
/// Longest wait for the database.
const LIMIT: Duration = Duration::from_secs(15);
/// Dead letters of a page.
const PAGE: usize = 100;
/// Pages that one call reads at most.
const PAGES: usize = 20;

/// Counts webhooks that were given up. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct GivenUp {
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

impl GivenUp {
    pub fn new(db: DatabaseConnection, invalidator: Invalidator, meter: Meter) -> Self {
        Self { db, invalidator, meter }
    }

    /// Counts it, unless it is counted. What cannot be read belongs to no company.
    pub async fn count(&self, lost: &Lost) -> Result<(), store::Error> {
        let job = lost.job.as_ref();
        let company = job.map_or(CompanyId::NONE, |job| job.company_id);
        let mode = job.and_then(|job| job.event().ok()).map_or(Mode::Live, |event| event.mode);
        let received_ms = job.map_or(lost.enqueued_ms, |job| job.received_ms);
        if store::within(LIMIT, rollups::failed(&self.db, lost.webhook, company, mode, received_ms)).await? {
            self.meter.count("job.dead", 1);
            self.invalidator.counted([company]).await;
        }
        Ok(())
    }

    /// Counts those of a page of `query` that are not counted yet. Answers where the next page begins.
    async fn count_page(&self, queue: &Queue, query: &DeadQuery) -> Result<Option<DeadCursor>, NotCounted> {
        let page = queue.dead_letters(query, |_| true).await?;
        let lost = page.letters.iter().map(|letter| Lost::read(&letter.id, &letter.payload, letter.enqueued_ms));
        let lost: Vec<Lost> = lost.collect();
        let counted = rollups::counted_as_failed(&self.db, lost.iter().map(|lost| lost.webhook));
        let counted: HashSet<Uuid> = store::within(LIMIT, counted).await?;
        for lost in lost.iter().filter(|lost| !counted.contains(&lost.webhook)) {
            self.count(lost).await?;
        }
        Ok(page.next)
    }
}

/// A job that was given up.
#[derive(Debug)]
pub(crate) struct Lost {
    webhook: Uuid,
    /// None where it cannot be read.
    job: Option<Job>,
    enqueued_ms: i64,
}

impl Lost {
    /// The job `id` with what it carries.
    pub fn read(id: &str, payload: &[u8], enqueued_ms: i64) -> Self {
        let job = Job::decode(payload).ok();
        let webhook = job.as_ref().map_or_else(|| id.parse().unwrap_or_default(), |job| job.webhook_id);
        Self { webhook, job, enqueued_ms }
    }
}

/// Looks at the dead letters whenever there are more than before.
#[derive(Debug)]
pub(crate) struct Looks {
    given_up: GivenUp,
    last: Option<Look>,
    /// One that has not come to its end.
    under_way: Option<Look>,
}

#[derive(Debug)]
struct Look {
    /// Jobs that had failed for good when it began.
    failed: i64,
    begun_ms: i64,
    query: DeadQuery,
}

impl Looks {
    pub fn new(given_up: GivenUp) -> Self {
        Self { given_up, last: None, under_way: None }
    }

    /// Looks if `stats` tell of more, or goes on where the last call stopped: what else is tended must not wait for long.
    pub async fn look(&mut self, queue: &Queue, stats: &Stats) -> Result<(), NotCounted> {
        let Some(mut look) = self.under_way.take().or_else(|| self.begin(stats)) else { return Ok(()) };
        for _ in 0..PAGES {
            look.query.after = self.given_up.count_page(queue, &look.query).await?;
            if look.query.after.is_none() {
                self.last = Some(look);
                return Ok(());
            }
        }
        self.under_way = Some(look);
        Ok(())
    }

    fn begin(&self, stats: &Stats) -> Option<Look> {
        let begun_ms = store::now_ms();
        let from_ms = match &self.last {
            Some(last) if last.failed == stats.failed => return None,
            Some(last) => last.begun_ms - OVERLAP_MS,
            None => begun_ms - FIRST_LOOK_MS,
        };
        let query = DeadQuery { from_ms: Some(from_ms), limit: PAGE, ..DeadQuery::default() };
        Some(Look { failed: stats.failed, begun_ms, query })
    }
}
