//! A batch on its way to a worker, and what became of it on the way back.

use crate::{JobId, Lane, LeasedJob};

/// What a worker is handed: jobs claimed together.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// At most the settings' batch size.
    pub jobs: Vec<LeasedJob>,
}

/// What became of one job of a batch.
#[derive(Debug, Clone)]
pub struct JobOutcome {
    /// The shard that it is in.
    pub shard: usize,
    /// The lane that it came from.
    pub lane: Lane,
    /// Its id.
    pub id: JobId,
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
    /// No attempt can succeed: it becomes a dead letter of that kind at once.
    Dead {
        /// What tells it from jobs that failed.
        kind: &'static str,
        /// Why.
        reason: String,
    },
    /// Nothing is known against it: it goes back untouched, its attempts as they were.
    Released,
}

impl LeasedJob {
    /// The outcome of this job.
    pub fn outcome(&self, verdict: Verdict) -> JobOutcome {
        JobOutcome { shard: self.shard, lane: self.lane, id: self.id.clone(), failed_attempts: self.failed_attempts, verdict }
    }
}

/// What became of a batch, job by job.
#[derive(Debug, Clone, Default)]
pub struct BatchOutcome {
    /// One entry per job.
    pub jobs: Vec<JobOutcome>,
}
