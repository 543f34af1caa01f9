//! apalis' `Persistence` over the [`Consumer`]: which batches are in flight, and no error let out,
//! since apalis would end the worker for it (`docs/queue.md`).

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use apalis_core::{
    backend::persistence::{Persistence, TaskEvent},
    task::{Task, builder::TaskBuilder, task_id::TaskId},
    worker::context::WorkerContext,
};
use uuid::Uuid;

use crate::{Batch, BatchOutcome, Error, JobOutcome, LeasedJob, Verdict, acks::Acks, consumer::Consumer};

/// What apalis drives: a consumer and the batches that it handed out.
#[derive(Debug, Clone)]
pub(crate) struct InFlight {
    consumer: Consumer,
    acks: Acks,
    batches: Arc<Mutex<HashMap<String, Vec<LeasedJob>>>>,
    /// Of those, what waits for a place. Kept here and not by apalis, which sends no heartbeat while
    /// it has tasks to hand out.
    ahead: Arc<Mutex<VecDeque<Task<Batch>>>>,
    /// Anyone who looks in Redis; true where the last look found less than there was room for.
    look: Arc<tokio::sync::Mutex<bool>>,
}

impl InFlight {
    pub fn new(consumer: Consumer) -> Self {
        let acks = Acks::new(consumer.clone());
        Self { acks, consumer, batches: Arc::default(), ahead: Arc::default(), look: Arc::default() }
    }

    pub fn acks(&self) -> &Acks {
        &self.acks
    }

    pub fn consumer(&self) -> &Consumer {
        &self.consumer
    }

    /// What was fetched and handed to nobody yet.
    pub fn ahead(&self) -> MutexGuard<'_, VecDeque<Task<Batch>>> {
        self.ahead.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends when nobody looks in Redis any more; to be called once nothing is asked for.
    pub async fn looked(&self) {
        drop(self.look.lock().await);
    }

    /// Looks in Redis, unless somebody did just now and more than `enough` batches wait.
    async fn fill(&self, enough: usize) {
        let mut is_last = self.look.lock().await;
        if self.ahead().len() > enough {
            return;
        }
        let fetched = self.consumer.next_batches().await;
        *is_last = fetched.len() < self.consumer.batches_at_once();
        let tasks: Vec<_> = fetched.into_iter().map(|jobs| self.take_in_hand(jobs)).collect();
        self.ahead().extend(tasks);
    }

    /// Looks for more before all is handed out, where a backlog waits: else the places stand empty while
    /// it is fetched.
    fn fill_early(&self) {
        let enough = self.consumer.batches_at_once() / 2;
        let is_wanted = self.ahead().len() < enough && self.look.try_lock().is_ok_and(|is_last| !*is_last);
        if is_wanted {
            let own = self.clone();
            tokio::spawn(async move { own.fill(enough).await });
        }
    }

    fn take_in_hand(&self, jobs: Vec<LeasedJob>) -> Task<Batch> {
        let task_id = TaskId::from_string(Uuid::now_v7().to_string());
        self.batches().insert(task_id.to_string(), jobs.clone());
        TaskBuilder::new(Batch { jobs }).task_id(task_id).build()
    }

    fn batches(&self) -> MutexGuard<'_, HashMap<String, Vec<LeasedJob>>> {
        self.batches.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Persistence for InFlight {
    type Compact = Batch;
    type Response = BatchOutcome;
    type Error = Error;

    async fn register(&mut self, worker: &WorkerContext) -> Result<(), Error> {
        self.heartbeat(worker).await
    }

    async fn heartbeat(&mut self, _worker: &WorkerContext) -> Result<(), Error> {
        let held: Vec<LeasedJob> = self.batches().values().flatten().cloned().collect();
        self.consumer.heartbeat(&held).await;
        Ok(())
    }

    async fn fetch_next(&mut self, _worker: &WorkerContext) -> Result<Vec<Task<Batch>>, Error> {
        if self.ahead().is_empty() {
            self.fill(0).await;
        }
        let next = self.ahead().pop_front();
        if next.is_some() {
            self.fill_early();
        }
        Ok(next.into_iter().collect())
    }

    async fn reenqueue_abandoned(&mut self, tasks: Vec<Task<Batch>>, _worker: &WorkerContext) -> Result<u64, Error> {
        let mut given: Vec<JobOutcome> = Vec::new();
        for task in tasks {
            if let Some(id) = task.task_id() {
                self.batches().remove(&id.to_string());
            }
            given.extend(task.args.jobs.iter().map(|job| job.outcome(Verdict::Released)));
        }
        self.consumer.finish(&given).await;
        Ok(given.len() as u64)
    }

    async fn handle_events(&mut self, events: Vec<TaskEvent<BatchOutcome>>, _worker: &WorkerContext) -> Result<(), Error> {
        let mut outcomes = Vec::new();
        for event in events {
            let TaskEvent::Complete(done) = event else { continue };
            let held = self.batches().remove(&done.task_id.to_string()).unwrap_or_default();
            match done.result {
                Ok(outcome) => outcomes.extend(outcome.jobs),
                Err(error) => outcomes.extend(held.iter().map(|job| job.outcome(Verdict::Failed(error.clone())))),
            }
        }
        self.acks.record(outcomes).await;
        Ok(())
    }

    async fn push_tasks(&mut self, _tasks: Vec<Task<Batch>>) -> Result<(), Error> {
        // Jobs come in by `Producer`, which answers for each; a batch only ever goes out.
        Err(Error::Protocol("batches are not pushed"))
    }
}
