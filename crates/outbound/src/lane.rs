//! The messages of one endpoint. Each endpoint has a lane of its own: one that is slow or dead delays no other.

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use clock::now_ms;
use http_service::Stop;
use store::outbound::{
    deliveries::{self, Attempt, Due, Next},
    endpoints,
};
use tokio::{
    sync::{Notify, watch},
    task::{JoinError, JoinSet},
};
use uuid::Uuid;

use crate::{
    attempt::{Ended, GONE, Leased, Shared, attempt},
    breaker::Breaker,
};

/// Requests to one endpoint at once.
const CONCURRENCY: usize = 8;
/// Messages that are read ahead.
const AHEAD: u64 = 100;
/// How often a lane looks by itself for whatever is due and was not told of; and how often at least, when it finds nothing.
const LOOK: Duration = Duration::from_secs(1);
const SELDOM: Duration = Duration::from_secs(8);
/// Longest wait for the database.
const STEP: Duration = Duration::from_secs(10);
/// An endpoint that failed for so long is disabled, in milliseconds.
const FAILING_MS: i64 = 5 * 86_400_000;
/// The answer of one that wants less.
const TOO_MANY: i64 = 429;
/// Attempts that are not noted yet from which on no more are made.
const UNNOTED: usize = 64;

/// The lane of one endpoint.
pub(crate) struct Lane {
    pub shared: Arc<Shared>,
    pub leased: watch::Receiver<Arc<Leased>>,
    pub wake: Arc<Notify>,
    pub stop: Stop,
    waiting: VecDeque<Due>,
    flying: JoinSet<Ended>,
    breaker: Breaker,
    /// Whether the endpoint may be noted as failing.
    is_failing: bool,
    /// When the endpoint was changed last, as far as this lane knows.
    changed_ms: i64,
    /// What is on its way or not noted yet.
    taken: HashSet<Uuid>,
    done: Vec<Attempt>,
    /// When the next message may begin, where the endpoint has a rate.
    next_start: Instant,
    /// When it looks by itself.
    look: Duration,
}

impl Lane {
    pub fn new(shared: Arc<Shared>, leased: watch::Receiver<Arc<Leased>>, wake: Arc<Notify>, stop: Stop) -> Self {
        let (waiting, flying, taken, done) = (VecDeque::new(), JoinSet::new(), HashSet::new(), Vec::new());
        let next_start = Instant::now();
        let (breaker, changed_ms) = (Breaker::new(next_start), leased.borrow().row.updated_at);
        Self {
            shared,
            leased,
            wake,
            stop,
            waiting,
            flying,
            breaker,
            is_failing: true,
            changed_ms,
            taken,
            done,
            next_start,
            look: LOOK,
        }
    }

    /// Delivers until the endpoint is disabled, or the process stops and what was begun is noted.
    pub async fn run(mut self) {
        loop {
            let is_stopping = *self.stop.borrow();
            if is_stopping && self.flying.is_empty() && self.done.is_empty() {
                return;
            }
            // What is next goes out while what is done is noted.
            if !is_stopping
                && self.done.len() < UNNOTED
                && let Err(error) = self.begin().await
            {
                tracing::warn!(%error, "deliveries are looked for later");
                tokio::time::sleep(LOOK).await;
            }
            match self.note().await {
                Ok(false) => {}
                Ok(true) => return,
                Err(error) => {
                    tracing::warn!(%error, "deliveries are noted later");
                    tokio::time::sleep(LOOK).await;
                }
            }
            self.wait().await;
        }
    }

    /// Notes what is done. Returns whether the endpoint is disabled now.
    async fn note(&mut self) -> Result<bool, store::Error> {
        if self.done.is_empty() {
            return Ok(false);
        }
        let leased = self.leased.borrow().clone();
        let (db, row) = (&self.shared.db, &leased.row);
        let _turn = self.shared.database.acquire().await.ok();
        let noted = deliveries::record(db, row, &self.done, self.is_failing, now_ms() - FAILING_MS);
        let mut is_disabled = store::within(STEP, noted).await?;
        self.is_failing = !self.done.iter().any(|attempt| attempt.next == Next::Delivered);
        if self.done.iter().any(|attempt| attempt.status == Some(GONE)) {
            store::within(STEP, endpoints::disable(db, row, "it answered 410 Gone")).await?;
            is_disabled = true;
        }
        for attempt in self.done.drain(..) {
            self.taken.remove(&attempt.message_id);
        }
        if is_disabled {
            tracing::warn!(endpoint = %row.id, company = %row.company_id, "an endpoint is disabled or gone");
        }
        Ok(is_disabled)
    }

    /// Begins what is due, as far as there is room.
    async fn begin(&mut self) -> Result<(), store::Error> {
        let leased = self.leased.borrow().clone();
        if leased.row.updated_at != self.changed_ms {
            // It may be another URL.
            self.changed_ms = leased.row.updated_at;
            self.breaker = Breaker::new(Instant::now());
        }
        if self.waiting.is_empty() {
            let _turn = self.shared.database.acquire().await.ok();
            let due = deliveries::due(&self.shared.db, &leased.row, now_ms(), AHEAD);
            let due = store::within(STEP, due).await?;
            self.look = if due.is_empty() { (self.look * 2).min(SELDOM) } else { LOOK };
            self.waiting.extend(due.into_iter().filter(|due| !self.taken.contains(&due.message_id)));
        }
        let room = self.breaker.room(Instant::now(), CONCURRENCY);
        while self.flying.len() < room && now_ms() < leased.until_ms && self.may_start(leased.row.rate) {
            let Some(due) = self.waiting.pop_front() else { break };
            self.taken.insert(due.message_id);
            self.flying.spawn(attempt(self.shared.clone(), leased.clone(), due));
        }
        Ok(())
    }

    fn may_start(&mut self, rate: Option<i64>) -> bool {
        let Some(rate) = rate.filter(|rate| *rate > 0) else { return true };
        let now = Instant::now();
        if self.waiting.is_empty() || now < self.next_start {
            return false;
        }
        // What was not used a moment ago is not made up for.
        self.next_start = self.next_start.max(now) + Duration::from_secs_f64(1.0 / rate as f64);
        true
    }

    /// Waits until something is done, due or to be looked for.
    async fn wait(&mut self) {
        let now = Instant::now();
        let may_begin = !self.waiting.is_empty() && self.flying.len() < self.breaker.room(now, CONCURRENCY);
        // What waits for nothing but its turn within the rate.
        let turn = self.next_start.saturating_duration_since(now).max(Duration::from_millis(1));
        let pause = match self.breaker.pause(now) {
            _ if may_begin => turn.min(LOOK),
            Duration::ZERO => self.look,
            pause => pause,
        };
        tokio::select! {
            Some(done) = self.flying.join_next() => {
                self.end(done);
                while let Some(done) = self.flying.try_join_next() {
                    self.end(done);
                }
            }
            () = self.wake.notified(), if self.waiting.is_empty() => {}
            _ = self.stop.changed(), if !*self.stop.borrow() => {}
            () = tokio::time::sleep(pause.min(SELDOM)) => {}
        }
    }

    fn end(&mut self, ended: Result<Ended, JoinError>) {
        let now = Instant::now();
        match ended {
            Ok((attempt, _)) if attempt.next == Next::Delivered => {
                self.breaker.succeeded(now);
                self.done.push(attempt);
            }
            Ok((attempt, asked)) => {
                // Otherwise it is this message that is to wait.
                self.breaker.failed(now, asked.filter(|_| attempt.status == Some(TOO_MANY)));
                self.done.push(attempt);
            }
            // What panics is not noted, and tried again by the next holder of the endpoint.
            Err(error) => tracing::error!(%error, "an attempt ended without a result"),
        }
    }
}
