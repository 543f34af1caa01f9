//! `netbanx replay` over a million stored webhooks, whose transactions other rules have folded, on both databases; the API is read
//! meanwhile.

use std::{
    io::Read,
    process::Child,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use common::CompanyId;
use e2e::{Database, Platform, Report, Service, percentile};
use futures::{StreamExt, TryStreamExt};
use sea_orm::{ConnectionTrait, DatabaseConnection};
use serde_json::{Value, json};
use store::{
    batch::{NewEvent, Writer},
    companies, rollups,
};
use uuid::Uuid;

use crate::{history::event_of, postgres::Server};

const ROWS: u64 = 1_000_000;
/// Seconds that a million may take.
const LIMIT: f64 = 300.0;
const COMPANIES: usize = 5;
/// Webhooks from one of a transaction to its next.
const APART: u64 = 2_000;
/// Webhooks that are stored together while the history is made.
const BATCH: u64 = 500;
/// Written beside it, one webhook each so often, and how long one may wait for its turn: longer, and it would fail.
const WRITES_EVERY: Duration = Duration::from_millis(200);
const TURN_MS: f64 = 5_000.0;
/// What is read beside it, each of every company, so many times a second.
const PATHS: [&str; 3] = ["transactions?limit=20", "analytics?timeRange=day", "events?limit=20"];
const READS_A_SECOND: u32 = 20;

pub async fn run(report: &mut Report) {
    let rows = std::env::var("BENCH_ROWS").map_or(ROWS, |n| n.parse().expect("BENCH_ROWS must be a number"));
    let postgres = Server::start().await;
    for database in [Database::Postgres, Database::Sqlite] {
        let mut platform = Platform::prepare_on(database, Some(postgres.url().to_owned())).await;
        let owners = fill(&platform, database, rows).await;
        platform.run(Service::Api).await;
        platform.get("/api/v1/transactions?limit=1").await;
        let stop = Arc::new(AtomicBool::new(false));
        let mut replay = Replay(platform.netbanx_running(&["--json", "replay"]));
        let begun = Instant::now();
        let (counts, mut times, mut writes) = tokio::join!(
            async {
                let counts = tokio::task::spawn_blocking(move || replay.end()).await.unwrap();
                let seconds = begun.elapsed().as_secs_f64();
                stop.store(true, Ordering::Relaxed);
                (counts, seconds)
            },
            read(&platform, &stop),
            write(&platform, rows, &owners, &stop)
        );
        let (counts, seconds) = counts;
        // Each transaction has two webhooks but those at the end, and all of them are written again.
        assert_eq!((&counts["events"], &counts["unreadable"]), (&json!(rows), &json!(0)), "{counts}");
        let name = format!("{database:?}");
        report.figure(&format!("webhooks replayed per second on {name}"), rows as f64 / seconds);
        let limit = LIMIT * rows as f64 / ROWS as f64;
        report.at_most(&format!("s to replay {rows} webhooks on {name}"), seconds, limit);
        report.figure(&format!("answers read beside the replay on {name}"), times.len() as f64);
        report.at_most(&format!("ms for an answer beside the replay on {name}, p99"), percentile(&mut times, 0.99), 100.0);
        report.at_most(&format!("ms for a write beside the replay on {name}, longest"), percentile(&mut writes, 1.0), TURN_MS);
    }
}

/// A run of the command; ends with it.
struct Replay(Child);

impl Replay {
    /// What it tells at its end.
    fn end(&mut self) -> Value {
        let mut told = String::new();
        self.0.stdout.take().unwrap().read_to_string(&mut told).unwrap();
        assert!(self.0.wait().unwrap().success(), "{told}");
        serde_json::from_str(told.lines().last().unwrap()).unwrap()
    }
}

impl Drop for Replay {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Stores `rows` webhooks as a worker does, two of each payment; no transaction is of the rules of now afterwards.
/// Returns whose they are.
async fn fill(platform: &Platform, database: Database, rows: u64) -> Vec<CompanyId> {
    let connections = if database == Database::Postgres { 4 } else { 1 };
    let db = store::connect(&platform.database_url, connections).await.unwrap();
    let mut owners = Vec::new();
    for n in 0..COMPANIES {
        let slug = format!("c{n}");
        platform.netbanx(&["company", "add", &slug, "--slug", &slug]);
        owners.push(CompanyId(companies::get(&db, &slug).await.unwrap().id));
    }
    let writer = Writer::new(db.clone(), connections as usize);
    let (writer, all) = (&writer, &owners);
    let batches = (0..rows.div_ceil(BATCH)).map(async |batch| {
        let (first, last, now) = (batch * BATCH, rows.min((batch + 1) * BATCH), clock::now());
        let events: Vec<NewEvent> = (first..last).map(|n| event(n, all, now)).collect();
        writer.write(&events).await
    });
    futures::stream::iter(batches).buffer_unordered(connections as usize).try_for_each(async |_| Ok(())).await.unwrap();
    while rollups::fold(&db).await.unwrap().1 {}
    finish(&db, database).await;
    db.close().await.unwrap();
    owners
}

async fn finish(db: &DatabaseConnection, database: Database) {
    db.execute_unprepared("UPDATE transactions SET rules_version = 0").await.unwrap();
    let tidy = if database == Database::Postgres { "VACUUM ANALYZE" } else { "ANALYZE" };
    db.execute_unprepared(tidy).await.unwrap();
}

/// The `n`th webhook: of an even number the first of a payment, of an odd one the last of one that began some time before.
fn event(n: u64, owners: &[CompanyId], now: DateTime<Utc>) -> NewEvent {
    let (is_first, payment) = (n.is_multiple_of(2), (n / 2).saturating_sub(if n.is_multiple_of(2) { 0 } else { APART / 2 }));
    let (status, raised) = if is_first { ("PENDING", 0) } else { ("COMPLETED", n) };
    let amount = 100 + payment % 1_000;
    let body = format!(
        r#"{{"eventType":"PAYMENT_{status}","eventId":"e{n}","payload":{{"id":"p{payment}","merchantRefNum":"order-{payment}","amount":{amount},"currencyCode":"EUR","status":"{status}","paymentType":"CARD","txnTime":"{now:?}","statusTime":"{:?}"}}}}"#,
        now + chrono::TimeDelta::milliseconds(i64::try_from(raised % 1_000).unwrap())
    );
    event_of(Uuid::now_v7(), owners[payment as usize % owners.len()], now, body)
}

/// Milliseconds of each write of one webhook more, as a worker writes, until `stop`.
async fn write(platform: &Platform, rows: u64, owners: &[CompanyId], stop: &AtomicBool) -> Vec<f64> {
    let db = store::connect(&platform.database_url, 1).await.unwrap();
    let (writer, mut times, mut ticks) = (Writer::new(db.clone(), 1), Vec::new(), tokio::time::interval(WRITES_EVERY));
    for n in rows.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        ticks.tick().await;
        let begun = Instant::now();
        writer.write(&[event(n, owners, clock::now())]).await.unwrap();
        times.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    drop(writer);
    db.close().await.unwrap();
    times
}

/// Milliseconds of each answer, until `stop`.
async fn read(platform: &Platform, stop: &AtomicBool) -> Vec<f64> {
    let (mut times, mut ticks) = (Vec::new(), tokio::time::interval(Duration::from_secs(1) / READS_A_SECOND));
    for n in 0_usize.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        ticks.tick().await;
        let path = format!("/api/v1/{}&company=c{}", PATHS[n % PATHS.len()], n / PATHS.len() % COMPANIES);
        let begun = Instant::now();
        platform.get(&path).await;
        times.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    times
}
