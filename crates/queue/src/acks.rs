//! Outcomes on their way to Redis, beside what apalis does meanwhile: it hands out no batch while it
//! waits for one to be recorded. Those that come while a call is under way go together by the next.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{JobOutcome, consumer::Consumer};

/// Outcomes that wait at most before anyone who brings more has to wait as well.
const WAITING: usize = 2_000;

/// Records outcomes, one call of a shard at a time. Clones share what waits.
#[derive(Debug, Clone)]
pub(crate) struct Acks {
    consumer: Consumer,
    waiting: Arc<Mutex<Vec<JobOutcome>>>,
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Acks {
    pub fn new(consumer: Consumer) -> Self {
        Self { consumer, waiting: Arc::default(), turn: Arc::default() }
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<JobOutcome>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes `outcomes` over; they are recorded soon.
    pub async fn record(&self, outcomes: Vec<JobOutcome>) {
        let count = {
            let mut waiting = self.waiting();
            waiting.extend(outcomes);
            waiting.len()
        };
        if count > WAITING {
            return self.settle().await;
        }
        let own = self.clone();
        tokio::spawn(async move { own.settle().await });
    }

    /// Records what waits, and ends when all that was taken over before is recorded.
    pub async fn settle(&self) {
        let _turn = self.turn.lock().await;
        let outcomes = std::mem::take(&mut *self.waiting());
        if !outcomes.is_empty() {
            self.consumer.finish(&outcomes).await;
        }
    }
}
