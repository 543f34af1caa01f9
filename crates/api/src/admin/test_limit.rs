//! How often somebody may send a test: what it reaches belongs to others, who would have to bear a flood of them.

use std::time::Duration;

use http_service::{Problem, ProblemKind, Rate, RateLimit};
use uuid::Uuid;

/// To one endpoint or channel: ten, then one each six seconds.
const BY_TARGET: Rate = Rate { burst: 10, each: Duration::from_secs(6) };
/// Targets that are remembered at most.
const REMEMBERED: usize = 10_000;

/// Tests that were sent lately, each replica's own.
#[derive(Debug)]
pub(crate) struct TestLimit(RateLimit<Uuid>);

impl Default for TestLimit {
    fn default() -> Self {
        Self(RateLimit::new(BY_TARGET, REMEMBERED))
    }
}

impl TestLimit {
    /// Counts a test of that endpoint or channel; refuses it where too many were sent.
    pub fn take(&self, target: Uuid) -> Result<(), Problem> {
        let too_many = |wait| {
            let detail = "too many tests were sent there; wait a moment";
            Problem::new(ProblemKind::TooManyRequests, detail).retry_after(wait)
        };
        self.0.take(target).map_err(too_many)
    }
}
