//! apalis' `Backend`: one task is one batch of jobs claimed together.

use std::{
    convert::Infallible,
    task::{Context, Poll, ready},
    time::Duration,
};

use apalis_core::{
    backend::{
        Backend as ApalisBackend, BackendConfig,
        codec::Codec,
        finalize::Ephemeral,
        persistence::{Persisted, State, TaskPersistLayer},
    },
    task::Task,
    worker::context::WorkerContext,
};
use futures::FutureExt;
use uuid::Uuid;

use crate::{Batch, BatchOutcome, Error, Queue, QueueSettings, consumer::Consumer, persistence::InFlight, wakeup::Wake};

/// The consuming side of a [`Queue`] as apalis drives it. One per apalis worker.
#[derive(Debug)]
pub struct Backend {
    inner: Persisted<InFlight>,
    wake: Wake,
    /// It rang while a fetch was under way, which may have looked too early.
    look_again: bool,
    /// The look that just ended found nothing: what was finished meanwhile is heeded before the next.
    is_empty: bool,
    /// All that was handed out is recorded.
    is_settled: bool,
}

impl Backend {
    /// A backend of `queue`, woken over a connection of its own to the Redis at `url`.
    pub fn new(queue: &Queue, url: &str) -> Result<Self, Error> {
        let wake = Wake::listen(queue, url)?;
        let inner = Persisted::new(InFlight::new(Consumer::new(queue.clone(), wake.wakeup())));
        Ok(Self { inner, wake, look_again: false, is_empty: false, is_settled: false })
    }

    fn heartbeat(&self) -> Duration {
        self.consumer().queue().settings().lease / 4
    }

    fn consumer(&self) -> &Consumer {
        self.inner.consumer()
    }

    /// To be dropped from the list of live workers once this one has ended.
    pub fn membership(&self) -> Membership {
        Membership { queue: self.consumer().queue().clone(), owner: self.consumer().owner().to_owned() }
    }
}

/// A worker's place in the list of live ones.
#[derive(Debug)]
pub struct Membership {
    queue: Queue,
    owner: String,
}

impl Membership {
    /// Leaves the list now, rather than when the last heartbeat runs out.
    pub async fn leave(self) {
        if let Err(error) = self.queue.sign_of_life(&self.owner, Duration::ZERO).await {
            tracing::debug!(%error, "the worker could not sign off");
        }
    }
}

impl ApalisBackend for Backend {
    type Task = Task<Batch>;
    type Error = Error;

    fn poll_ready(&mut self, cx: &mut Context<'_>, worker: &WorkerContext) -> Poll<Result<(), Error>> {
        let interval = self.heartbeat();
        self.inner.poll_ready(cx, worker, interval)
    }

    fn poll_next(&mut self, cx: &mut Context<'_>, worker: &WorkerContext) -> Poll<Option<Result<Task<Batch>, Error>>> {
        self.look_again |= self.wake.poll(cx);
        if std::mem::take(&mut self.is_empty) && !self.look_again {
            return Poll::Pending;
        }
        if matches!(self.inner.state(), State::Ready) {
            self.look_again = false;
        }
        let polled = self.inner.poll_next(cx, worker);
        if polled.is_pending() && matches!(self.inner.state(), State::Ready) {
            // apalis heeds no outcome while a fetch is under way, nor is it woken for one after it.
            self.is_empty = true;
            cx.waker().wake_by_ref();
        }
        polled
    }

    fn poll_close(&mut self, cx: &mut Context<'_>, worker: &WorkerContext) -> Poll<Result<(), Error>> {
        loop {
            // A fetch under way is awaited, so that what it leases is released and not left to expire.
            if let State::Fetch(fetch) = self.inner.state_mut() {
                let fetched = ready!(fetch.poll_unpin(cx)).unwrap_or_default();
                self.inner.ahead().extend(fetched);
                *self.inner.state_mut() = State::Ready;
            }
            ready!(self.inner.poll_close(cx, worker))?;
            let left = std::mem::take(&mut *self.inner.ahead());
            if !left.is_empty() {
                *self.inner.state_mut() = State::Buffered(left);
            } else if self.is_settled {
                return Poll::Ready(Ok(()));
            } else {
                self.is_settled = true;
                let (hand, acks) = (InFlight::clone(&self.inner), self.inner.acks().clone());
                let settled = async move {
                    // What somebody fetched meanwhile is released in the next round.
                    hand.looked().await;
                    acks.settle().await;
                    Ok(())
                };
                *self.inner.state_mut() = State::ProcessEvents(settled.boxed().into());
            }
        }
    }
}

impl BackendConfig for Backend {
    type Args = Batch;
    type Id = Uuid;
    type Kind = Ephemeral;
    type Config = QueueSettings;
    type Layer = TaskPersistLayer<OutcomeCodec, BatchOutcome>;

    fn config(&self) -> &QueueSettings {
        self.consumer().queue().settings()
    }

    fn middleware(&mut self, _worker: &mut WorkerContext) -> Self::Layer {
        self.inner.layer(OutcomeCodec, 64).persist_results(true)
    }
}

/// Outcomes stay in the process: nothing is encoded.
#[derive(Debug, Clone, Copy)]
pub struct OutcomeCodec;

impl Codec<BatchOutcome> for OutcomeCodec {
    type Error = Infallible;
    type Compact = BatchOutcome;

    fn encode(&self, outcome: &BatchOutcome) -> Result<BatchOutcome, Infallible> {
        Ok(outcome.clone())
    }

    fn decode(&self, outcome: &BatchOutcome) -> Result<BatchOutcome, Infallible> {
        Ok(outcome.clone())
    }
}
