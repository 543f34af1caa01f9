//! Redis and PostgreSQL by themselves: the same scripts and statements for the same work, asked for by the least
//! that can ask. What they need then is the measure of what all of us need.
//!
//! PostgreSQL is asked as anybody asks it, and as it was at each measurement since the first: a connection of the pool and a
//! transaction for each batch. What it needs where transactions follow each other, as the worker's do, is told beside.

use std::time::{Duration, Instant};

use common::{CompanyId, Job};
use e2e::{Bench, Database, Platform, Report, drain, median, usage::cpu_seconds};
use futures::{StreamExt, TryStreamExt};
use queue::{Lane, NewJob};
use sea_orm::DatabaseConnection;
use store::{
    batch::{NewEvent, Writer},
    rollups,
};
use uuid::Uuid;

use crate::{accept::body, history::event_of, postgres::Server, whole::STREAM};

/// Jobs that Redis gets: about as many as wait in the run in which all work at once.
const JOBS: usize = 40_000;

/// Batches that are written at once: 8, or what `BENCH_CONCURRENCY` says.
pub fn concurrency() -> u16 {
    std::env::var("BENCH_CONCURRENCY").map_or(8, |text| text.parse().expect("BENCH_CONCURRENCY is a number"))
}

/// What each needs for an event by itself, and how many per second it does.
pub struct Alone {
    pub redis_micros: f64,
    pub postgres_micros: f64,
    /// The same where transactions follow each other on a connection.
    pub chained_micros: f64,
    pub pushed: f64,
    pub stored: f64,
}

fn event() -> NewEvent {
    let payload = body();
    event_of(Uuid::now_v7(), CompanyId(Uuid::from_u128(1)), clock::now(), payload)
}

fn job(event: &NewEvent) -> NewJob {
    let job = Job {
        webhook_id: event.webhook_id,
        endpoint: event.endpoint,
        company_id: event.company_id,
        slug: Some("acme".into()),
        identity: event.identity.clone(),
        event_name: event.event.name.clone(),
        received_ms: event.received_ms,
        unreadable: None,
        body: (),
    };
    NewJob {
        id: job.webhook_id.to_string(),
        claim: job.identity.as_str().to_owned(),
        lane: Lane::High,
        flow: 1,
        traceparent: None,
        payload: job.encode(event.payload.len(), |out| out.extend_from_slice(event.payload.as_bytes())).unwrap(),
    }
}

/// Folds figures into their buckets as a worker does, without an end.
pub async fn fold_on(db: &DatabaseConnection) {
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        fold(db).await;
    }
}

async fn fold(db: &DatabaseConnection) {
    while rollups::fold(db).await.unwrap().1 {}
}

/// µs of PostgreSQL for an event, its figures folded, and events per second; asked by a [`Writer`] that keeps so many connections.
async fn postgres(batch: usize, events: &[NewEvent], kept: usize) -> (f64, f64) {
    let server = Server::start().await;
    let platform = Platform::prepare_on(Database::Postgres, Some(server.url().to_owned())).await;
    postgres_of(&server, &platform, batch, events, kept).await
}

async fn postgres_of(server: &Server, platform: &Platform, batch: usize, events: &[NewEvent], kept: usize) -> (f64, f64) {
    let db = store::connect(&platform.database_url, u32::from(concurrency()) + 1).await.unwrap();
    let (warm_up, rest) = events.split_at(events.len() / 10);
    let writer = Writer::new(db.clone(), kept);
    let write = async |events: &[NewEvent]| {
        let batches = events.chunks(batch).map(|events| writer.write(events));
        futures::stream::iter(batches).buffer_unordered(concurrency().into()).try_for_each(async |_| Ok(())).await.unwrap();
    };
    write(warm_up).await;
    fold(&db).await;
    let (begun, before) = (Instant::now(), cpu_seconds(server.pid()));
    tokio::select! {
        () = write(rest) => fold(&db).await,
        () = fold_on(&db) => {}
    }
    let (rate, cpu) = (rest.len() as f64 / begun.elapsed().as_secs_f64(), cpu_seconds(server.pid()) - before);
    assert_eq!(platform.events().await, events.len() as u64);
    drop(writer);
    db.close().await.unwrap();
    (cpu * 1e6 / rest.len() as f64, rate)
}

/// µs of Redis for a job that comes and goes, and jobs per second that come.
async fn redis(jobs: Vec<NewJob>) -> (f64, f64) {
    let bench = Bench::start(|settings| settings.fetch_batches = concurrency()).await;
    bench.redis.sync("everysec");
    let count = jobs.len() as f64;
    let (begun, before) = (Instant::now(), cpu_seconds(bench.redis.pid()));
    let pushes = futures::stream::iter(jobs).map(|job| bench.producer.enqueue(job)).buffer_unordered(64);
    pushes.for_each(|outcome| async { drop(outcome.unwrap()) }).await;
    let rate = count / begun.elapsed().as_secs_f64();
    drain(&bench, 0).await;
    ((cpu_seconds(bench.redis.pid()) - before) * 1e6 / count, rate)
}

/// Measures both.
pub async fn measure() -> Alone {
    // As many as in that run: what an event costs grows with the tables.
    let events: Vec<NewEvent> = (0..STREAM).map(|_| event()).collect();
    let (redis_micros, pushed) = redis(events.iter().take(JOBS).map(job).collect()).await;
    let (postgres_micros, stored) = postgres(25, &events, 0).await;
    let (chained_micros, _) = postgres(25, &events, concurrency().into()).await;
    Alone { redis_micros, postgres_micros, chained_micros, pushed, stored }
}

/// Events of a round of [`store()`].
const STORED: usize = 100_000;
/// Rounds of it.
const ROUNDS: usize = 3;
/// Bytes of a table with its partitions, or another whose name begins so, and of all indexes.
const BYTES: &str = "SELECT sum(pg_total_relation_size(oid))::bigint AS n FROM pg_class WHERE relkind = 'r' AND relname LIKE ";

/// What an event costs PostgreSQL by itself, each in a new transaction of its own: processor time, log and disk.
pub async fn store(report: &mut Report) {
    let (mut micros, mut logged, mut event_bytes, mut transaction_bytes) = (vec![], vec![], vec![], vec![]);
    for _ in 0..ROUNDS {
        let events: Vec<NewEvent> = (0..STORED).map(|_| event()).collect();
        let server = Server::start().await;
        let platform = Platform::prepare_on(Database::Postgres, Some(server.url().to_owned())).await;
        let position = "SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint AS n";
        let before = platform.count(position).await;
        let (cost, _) = postgres_of(&server, &platform, 25, &events, concurrency().into()).await;
        micros.push(cost);
        let each = |bytes: u64| bytes as f64 / STORED as f64;
        logged.push(each(platform.count(position).await - before));
        let mut of = [0.0; 2];
        for (bytes, tables) in of.iter_mut().zip([["webhook_events", "event_identities"], ["transactions", "transaction_keys"]]) {
            for table in tables {
                *bytes += each(platform.count(&format!("{BYTES}'{table}%'")).await);
            }
        }
        event_bytes.push(of[0]);
        transaction_bytes.push(of[1]);
    }
    report.figure("µs of processor time of PostgreSQL for each, stored alone", median(&mut micros));
    report.figure("bytes of PostgreSQL's log for each", median(&mut logged));
    report.figure("bytes on disk of an event with its indexes", median(&mut event_bytes));
    report.at_most("bytes on disk of a transaction with its indexes", median(&mut transaction_bytes), 700.0);
}

/// Reports the medians of what was measured. Returns how many events per second PostgreSQL takes.
pub fn report(alone: &[Alone], report: &mut Report) -> f64 {
    let middle = |of: fn(&Alone) -> f64| median(&mut alone.iter().map(of).collect::<Vec<_>>());
    report.figure("limit: jobs per second that Redis takes, alone", middle(|alone| alone.pushed));
    let stored = middle(|alone| alone.stored);
    report.figure("limit: events per second that PostgreSQL takes in batches of 25, alone", stored);
    report.figure("limit: µs of processor time of Redis for each, alone", middle(|alone| alone.redis_micros));
    report.figure("limit: µs of processor time of PostgreSQL for each, alone", middle(|alone| alone.postgres_micros));
    let chained = middle(|alone| alone.chained_micros);
    report.figure("limit: the same where transactions follow each other on a connection", chained);
    stored
}
