//! A queue with a worker whose work the test itself does.

use std::{path::PathBuf, sync::Arc};

use apalis::prelude::*;
use common::dictionary::DICTIONARY;
use queue::{Backend, Batch, BatchOutcome, Enqueued, Lane, NewJob, Producer, Queue, QueueSettings, Verdict};
use tokio::{
    sync::{Mutex, mpsc, oneshot},
    task::JoinHandle,
};
use uuid::Uuid;

use crate::{Redis, eventually};

/// A Redis, a queue on it and a producer.
pub struct Bench {
    pub redis: Redis,
    pub queue: Queue,
    pub producer: Producer,
    directory: PathBuf,
}

impl Bench {
    pub async fn start(change: impl FnOnce(&mut QueueSettings)) -> Self {
        let directory = new_directory();
        let redis = Redis::start(&directory).await;
        Self::on(redis, directory, change)
    }

    pub fn on(redis: Redis, directory: PathBuf, change: impl FnOnce(&mut QueueSettings)) -> Self {
        let mut settings =
            QueueSettings { name: format!("t{}", Uuid::now_v7().simple()), dictionary: DICTIONARY, ..QueueSettings::default() };
        change(&mut settings);
        let queue = Queue::new(redis_client::connect(&redis.url()).unwrap(), settings);
        let producer = Producer::start(&queue);
        Self { redis, queue, producer, directory }
    }

    /// Enqueues `id` for a company; its id is its claim too.
    pub async fn push(&self, lane: Lane, flow: u64, id: &str) -> Enqueued {
        let job = NewJob {
            id: id.to_owned(),
            claim: id.to_owned(),
            lane,
            flow,
            traceparent: None,
            payload: format!("payload of {id}").into_bytes(),
        };
        self.producer.enqueue(job).await.unwrap()
    }

    /// Enqueues `id` for a company, again and again until it is accepted, as Netbanx does after a 503.
    pub async fn push_until_accepted(&self, flow: u64, id: &str) {
        eventually("it is accepted", || async {
            let (id, claim) = (id.to_owned(), id.to_owned());
            let job = NewJob { id, claim, lane: Lane::High, flow, traceparent: None, payload: Vec::new() };
            self.producer.enqueue(job).await.ok()
        })
        .await;
    }

    /// Makes every lease run out now.
    pub fn expire_leases(&self) {
        self.redis.expire_leases(self.queue.settings().shards, &self.queue.settings().name);
    }

    pub fn worker(&self) -> Worker {
        Worker::start(&self.queue, &self.redis.url(), 1)
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.redis.kill();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

pub fn new_directory() -> PathBuf {
    let directory = std::env::temp_dir().join(format!("netbanx-e2e-{}", Uuid::now_v7().simple()));
    std::fs::create_dir_all(&directory).unwrap();
    directory
}

/// A real apalis worker. What it is handed waits here for the test's verdict.
pub struct Worker {
    batches: mpsc::Receiver<InFlight>,
    running: JoinHandle<()>,
    stop: Option<oneshot::Sender<()>>,
}

/// A batch and where its outcome goes.
pub struct InFlight {
    pub batch: Batch,
    verdict: oneshot::Sender<BatchOutcome>,
}

impl InFlight {
    pub fn ids(&self) -> Vec<String> {
        self.batch.jobs.iter().map(|job| job.id.to_string()).collect()
    }

    /// The same verdict for every job.
    pub fn all(self, verdict: &Verdict) {
        let jobs = self.batch.jobs.iter().map(|job| job.outcome(verdict.clone())).collect();
        drop(self.verdict.send(BatchOutcome { jobs }));
    }
}

async fn hand_over(batch: Batch, desk: Data<Desk>) -> Result<BatchOutcome, BoxDynError> {
    let (verdict, given) = oneshot::channel();
    desk.lock().await.send(InFlight { batch, verdict }).await?;
    Ok(given.await?)
}

type Desk = Arc<Mutex<mpsc::Sender<InFlight>>>;

impl Worker {
    pub fn start(queue: &Queue, url: &str, concurrency: usize) -> Self {
        let (sender, batches) = mpsc::channel(64);
        let (stop, stopped) = oneshot::channel();
        let desk: Desk = Arc::new(Mutex::new(sender));
        let worker = WorkerBuilder::new("test")
            .backend(Backend::new(queue, url).unwrap())
            .data(desk)
            .concurrency(concurrency)
            .build(hand_over);
        let running = tokio::spawn(async move {
            let signal = async move {
                let _ = stopped.await;
                Ok::<(), WorkerError>(())
            };
            worker.run_until(signal).await.unwrap();
        });
        Self { batches, running, stop: Some(stop) }
    }

    /// The next batch that it is handed.
    pub async fn next(&mut self) -> InFlight {
        tokio::time::timeout(std::time::Duration::from_secs(30), self.batches.recv()).await.expect("a batch within 30 s").unwrap()
    }

    /// What it is handed already, if anything.
    pub fn handed(&mut self) -> Option<InFlight> {
        self.batches.try_recv().ok()
    }

    pub fn is_running(&self) -> bool {
        !self.running.is_finished()
    }

    /// Ends it like SIGKILL: nothing is finished, released or told.
    pub async fn kill(self) {
        self.running.abort();
        let _ = self.running.await;
    }

    /// Asks it to end, like SIGTERM.
    pub fn ask_to_stop(&mut self) {
        drop(self.stop.take());
    }

    /// Ends it like SIGTERM.
    pub async fn stop(mut self) {
        self.ask_to_stop();
        self.running.await.unwrap();
    }
}
