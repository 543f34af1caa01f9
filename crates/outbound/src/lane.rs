//! The messages of one endpoint. Each endpoint has a lane of its own: one that is slow or dead delays no other.
//!
//! Three things go on beside each other: requests are on their way, what they brought is noted, and what is due next is looked for.

use std::{
    collections::{HashSet, VecDeque},
    future::pending,
    sync::Arc,
    time::{Duration, Instant},
};

use clock::now_ms;
use failpoints::Point;
use futures::future::{BoxFuture, FutureExt};
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
/// Messages that are read ahead, and how few of them are left when more are looked for.
const AHEAD: usize = 200;
const FEW: usize = AHEAD / 2;
/// How often a lane looks by itself for whatever is due and was not told of; and how often at least, when it finds nothing.
const LOOK: Duration = Duration::from_secs(1);
const SELDOM: Duration = Duration::from_secs(8);
/// Longest wait for the database.
const STEP: Duration = Duration::from_secs(10);
/// An endpoint that failed for so long is disabled, in milliseconds.
const FAILING_MS: i64 = 5 * 86_400_000;
/// The answer of one that wants less.
const TOO_MANY: i64 = 429;
/// Attempts that are not noted yet from which on no more are made: after a process died they are made again.
const UNNOTED: usize = 128;

/// What came of noting attempts: whether the endpoint is disabled or gone now.
type Noted = (Vec<Attempt>, Result<bool, store::Error>);
/// What came of looking, and for how many.
type Looked = (usize, Result<Vec<Due>, store::Error>);

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
    /// What waits, is on its way or is not noted yet, or was noted while a look is under way.
    taken: HashSet<Uuid>,
    /// What was noted while a look is under way.
    noted: Vec<Uuid>,
    done: Vec<Attempt>,
    /// How many are being noted.
    in_note: usize,
    noting: Option<BoxFuture<'static, Noted>>,
    looking: Option<BoxFuture<'static, Looked>>,
    /// How often it looks by itself.
    look: Duration,
    /// Brought forward by what is told of, also while it looks.
    next_look: Instant,
    next_note: Instant,
    /// When the next message may begin, where the endpoint has a rate.
    next_start: Instant,
}

impl Lane {
    pub fn new(shared: Arc<Shared>, leased: watch::Receiver<Arc<Leased>>, wake: Arc<Notify>, stop: Stop) -> Self {
        let now = Instant::now();
        let changed_ms = leased.borrow().row.updated_at;
        Self {
            shared,
            leased,
            wake,
            stop,
            waiting: VecDeque::new(),
            flying: JoinSet::new(),
            breaker: Breaker::new(now),
            is_failing: true,
            changed_ms,
            taken: HashSet::new(),
            noted: Vec::new(),
            done: Vec::new(),
            in_note: 0,
            noting: None,
            looking: None,
            look: LOOK,
            next_look: now,
            next_note: now,
            next_start: now,
        }
    }

    /// Delivers until the endpoint is disabled, or the process stops and what was begun is noted.
    pub async fn run(mut self) {
        loop {
            let is_stopping = *self.stop.borrow();
            if is_stopping && self.flying.is_empty() && self.done.is_empty() && self.noting.is_none() {
                return;
            }
            let leased = self.leased.borrow_and_update().clone();
            if !is_stopping {
                self.begin(&leased);
                self.look_ahead(&leased);
            }
            self.note(&leased);
            let is_over = self.wait(is_stopping).await;
            if is_over {
                tracing::warn!(endpoint = %leased.row.id, company = %leased.row.company_id, "an endpoint is disabled or gone");
                return;
            }
        }
    }

    /// Whether another attempt may be made, as far as those are noted that were made.
    fn has_room(&self, now: Instant) -> bool {
        self.flying.len() < self.breaker.room(now, CONCURRENCY) && self.done.len() + self.in_note < UNNOTED
    }

    /// Begins what waits, as far as there is room.
    fn begin(&mut self, leased: &Arc<Leased>) {
        if leased.row.updated_at != self.changed_ms {
            // It may be another URL.
            self.changed_ms = leased.row.updated_at;
            self.breaker = Breaker::new(Instant::now());
        }
        while self.has_room(Instant::now()) && now_ms() < leased.until_ms && self.may_start(leased.row.rate) {
            let Some(due) = self.waiting.pop_front() else { break };
            self.flying.spawn(attempt(self.shared.clone(), leased.clone(), due));
        }
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

    /// Looks for what is due before nothing waits any more.
    fn look_ahead(&mut self, leased: &Arc<Leased>) {
        let now = Instant::now();
        let is_wanted = self.looking.is_none() && self.waiting.len() < FEW && self.breaker.room(now, CONCURRENCY) > 0;
        if !is_wanted || now < self.next_look {
            return;
        }
        self.next_look = now + SELDOM;
        // What is taken is due as long as it is not noted.
        let limit = AHEAD + self.taken.len();
        let (shared, leased) = (self.shared.clone(), leased.clone());
        let look = async move {
            let _turn = shared.database.acquire().await.ok();
            let due = deliveries::due(&shared.db, &leased.row, now_ms(), limit as u64);
            (limit, store::within(STEP, due).await)
        };
        self.looking = Some(look.boxed());
    }

    /// From now on they are taken again where they are found due.
    fn let_go(&mut self) {
        for message in self.noted.drain(..) {
            self.taken.remove(&message);
        }
    }

    fn looked(&mut self, (limit, due): Looked) {
        let now = Instant::now();
        match due {
            Ok(due) => {
                let is_all = due.len() < limit;
                for due in due {
                    if self.taken.insert(due.message_id) {
                        self.waiting.push_back(due);
                    }
                }
                self.look = if self.waiting.is_empty() { (self.look * 2).min(SELDOM) } else { LOOK };
                self.next_look = if is_all { self.next_look.min(now + self.look) } else { now };
            }
            Err(error) => {
                tracing::warn!(%error, "deliveries are looked for later");
                self.next_look = now + LOOK;
            }
        }
        self.let_go();
    }

    /// Notes what is done, while more is done.
    fn note(&mut self, leased: &Arc<Leased>) {
        if self.done.is_empty() || self.noting.is_some() || Instant::now() < self.next_note {
            return;
        }
        let attempts = std::mem::take(&mut self.done);
        self.in_note = attempts.len();
        let (shared, leased, is_failing) = (self.shared.clone(), leased.clone(), self.is_failing);
        let note = async move {
            let noted = noted(&shared, &leased, &attempts, is_failing).await;
            (attempts, noted)
        };
        self.noting = Some(note.boxed());
    }

    /// Returns whether the endpoint is disabled or gone.
    fn end_note(&mut self, (attempts, noted): Noted) -> bool {
        self.in_note = 0;
        match noted {
            Ok(is_over) => {
                self.is_failing = !attempts.iter().any(|attempt| attempt.next == Next::Delivered);
                self.noted.extend(attempts.into_iter().map(|attempt| attempt.message_id));
                // A look that is under way may have read them as they were before.
                if self.looking.is_none() {
                    self.let_go();
                }
                // What waited for one of them may be due.
                self.next_look = Instant::now();
                is_over
            }
            Err(error) => {
                tracing::warn!(%error, "deliveries are noted later");
                self.next_note = Instant::now() + LOOK;
                self.done.extend(attempts);
                false
            }
        }
    }

    /// When there is something to do again, whatever happens until then.
    fn next(&self, is_stopping: bool) -> Instant {
        let now = Instant::now();
        let mut next = now + SELDOM;
        if !self.done.is_empty() && self.noting.is_none() {
            next = next.min(self.next_note);
        }
        let pause = self.breaker.pause(now);
        if !pause.is_zero() {
            next = next.min(now + pause);
        } else if !is_stopping {
            if self.looking.is_none() && self.waiting.len() < FEW {
                next = next.min(self.next_look);
            }
            if !self.waiting.is_empty() && self.has_room(now) {
                // What waits for nothing but its turn within the rate, or for the lease to be renewed.
                next = next.min(self.next_start.max(now + Duration::from_millis(1)).min(now + LOOK));
            }
        }
        next
    }

    /// Waits until something is done, due or to be looked for. Returns whether the endpoint is disabled or gone.
    async fn wait(&mut self, is_stopping: bool) -> bool {
        let next = self.next(is_stopping);
        tokio::select! {
            Some(done) = self.flying.join_next() => {
                self.end(done);
                while let Some(done) = self.flying.try_join_next() {
                    self.end(done);
                }
            }
            noted = outcome(&mut self.noting) => return self.end_note(noted),
            looked = outcome(&mut self.looking) => self.looked(looked),
            () = self.wake.notified(), if !is_stopping && self.waiting.len() < FEW => self.next_look = Instant::now(),
            Ok(()) = self.leased.changed() => {}
            _ = self.stop.changed(), if !is_stopping => {}
            () = tokio::time::sleep_until(next.into()) => {}
        }
        false
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

/// What comes of what is under way, if anything is.
async fn outcome<T>(under_way: &mut Option<BoxFuture<'static, T>>) -> T {
    match under_way {
        Some(future) => {
            let outcome = future.await;
            *under_way = None;
            outcome
        }
        None => pending().await,
    }
}

/// Notes `attempts`. Returns whether the endpoint is disabled or gone now.
async fn noted(shared: &Shared, leased: &Leased, attempts: &[Attempt], is_failing: bool) -> Result<bool, store::Error> {
    let (db, row) = (&shared.db, &leased.row);
    let _turn = shared.database.acquire().await.ok();
    failpoints::reached(Point::MessageDelivered);
    let record = deliveries::record(db, row, attempts, is_failing, now_ms() - FAILING_MS);
    let is_over = store::within(STEP, record).await?;
    if attempts.iter().any(|attempt| attempt.status == Some(GONE)) {
        store::within(STEP, endpoints::disable(db, row, "it answered 410 Gone")).await?;
        return Ok(true);
    }
    Ok(is_over)
}
