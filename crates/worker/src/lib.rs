//! The worker: batches of jobs in, rows out.
//!
//! | module | part |
//! | --- | --- |
//! | [`persist`] | one batch: decode, write, isolate what cannot be written |
//! | [`invalidate`] | which cached responses a commit invalidates |
//! | `identities` | under which identities the event of a job may be stored |
//! | `dead_letter_counter` | webhooks that were dead-lettered, counted as failed |
//! | `traced` | traces from the request through the batch |
//! | `maintenance` | periodic tasks: fold roll-ups, collect counts, apply retention |
//! | `supervise` (here) | an apalis worker that is built again should it ever end |
//!
//! A job is acknowledged after its rows are committed. A batch whose write is refused is split until
//! the one bad event stands alone. While the database is away nothing counts against a job.

mod dead_letter_counter;
mod identities;
pub mod invalidate;
mod maintenance;
pub mod persist;
mod traced;

use std::{sync::Arc, time::Duration};

use apalis::prelude::*;
use http_service::{Stop, health::Readiness};
use queue::{Backend, Batch, Queue};
use receivers::Publisher;
use sea_orm::DatabaseConnection;
use settings::Settings;
use shared_stats::{CountOutbox, Meter};
use store::batch::Writer;

use dead_letter_counter::DeadLetterCounter;
use identities::Identities;
use invalidate::Invalidator;
use maintenance::Maintenance;
use persist::Persister;
pub use service::Error;

/// Pause before a worker that ended is built again.
const REBUILD_PAUSE: Duration = Duration::from_secs(1);

/// Runs the service until `stop`.
pub async fn run(settings: &Settings, stop: Stop) -> Result<(), Error> {
    let (db, queue) = (service::database(settings).await?, service::queue(settings)?);
    if settings.database_max_connections < u32::from(settings.worker_concurrency) + 2 {
        tracing::warn!("DATABASE_MAX_CONNECTIONS should exceed WORKER_CONCURRENCY by 2: batches will wait for a connection");
    }
    let readiness = service::needs_database(service::needs_redis(Readiness::default(), &queue), &db);
    let health = service::serve_health(settings, readiness, stop.clone());
    futures::try_join!(supervise(settings, &queue, &db, stop), health)?;
    Ok(())
}

/// Works off `queue` until `stop`: finishes what is in flight, releases the rest.
pub async fn supervise(settings: &Settings, queue: &Queue, db: &DatabaseConnection, stop: Stop) -> Result<(), Error> {
    let cache = redis_client::connect(&settings.cache_redis_url)?;
    let meter = Meter::start(cache.clone(), &settings.queue_name);
    let invalidator = Invalidator::start(cache::Tags::new(cache, &settings.queue_name));
    let attempts = queue.settings().max_attempts;
    let dead_letter_counter = DeadLetterCounter::new(db.clone(), invalidator.clone(), meter.clone());
    // Two connections are left to what is done beside the batches.
    let kept = usize::from(settings.worker_concurrency).min(settings.database_max_connections.saturating_sub(2) as usize);
    let writer = Writer::new(db.clone(), kept);
    let persister = Persister {
        writer,
        queue: queue.clone(),
        identities: Identities::new(db.clone()),
        dead_letter_counter: dead_letter_counter.clone(),
        invalidator: invalidator.clone(),
        meter,
        max_attempts: attempts,
        stop: stop.clone(),
    };
    let persister = Arc::new(persister);
    let outbox = CountOutbox::new(queue.client().clone(), &settings.queue_name, shared_stats::DUPLICATES);
    let publisher = Publisher::new(db.clone(), queue.client().clone(), &settings.queue_name);
    let (db, retention) = (db.clone(), settings.retention());
    let maintenance = Maintenance { db, queue: queue.clone(), outbox, invalidator, dead_letter_counter, publisher, retention };
    let tending = tokio::spawn(maintenance::run(maintenance, stop.clone()));
    tracing::info!(concurrency = settings.worker_concurrency, batch = queue.settings().batch_size, "worker started");
    while !*stop.borrow() {
        let backend = Backend::new(queue, &settings.redis_url)?;
        let membership = backend.membership();
        let worker = WorkerBuilder::new("netbanx-worker")
            .backend(backend)
            .data(persister.clone())
            .concurrency(usize::from(settings.worker_concurrency))
            .parallelize(tokio::spawn)
            .catch_panic()
            .build(persist_batch);
        let mut stopped = stop.clone();
        let signal = async move {
            let _ = stopped.wait_for(|stop| *stop).await;
            Ok::<(), WorkerError>(())
        };
        let mut asked = stop.clone();
        let limit = async {
            let _ = asked.wait_for(|stop| *stop).await;
            tokio::time::sleep(settings.shutdown_timeout).await;
        };
        tokio::select! {
            ended = worker.run_until(signal) => match ended {
                Err(error) if !*stop.borrow() => {
                    tracing::error!(%error, "the worker ended; it is built again");
                    tokio::time::sleep(REBUILD_PAUSE).await;
                }
                _ => {}
            },
            () = limit => tracing::warn!("not all was finished in time; the leases will bring it back"),
        }
        membership.leave().await;
    }
    if tokio::time::timeout(settings.shutdown_timeout, tending).await.is_err() {
        tracing::warn!("figures are folded by another worker");
    }
    tracing::info!("worker stopped");
    Ok(())
}

async fn persist_batch(batch: Batch, persister: Data<Arc<Persister>>) -> Result<queue::BatchOutcome, BoxDynError> {
    Ok(persister.persist(batch).await)
}
