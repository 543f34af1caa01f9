//! From acceptance to commit: how fast a backlog is worked off, what is kept up with, how late a commit is, and
//! what an event costs each process. PostgreSQL commits synchronously, as it does by itself.

use std::time::{Duration, Instant};

use e2e::{
    Database, Platform, Postgres, Report, Service,
    http_load::{closed_loop, open_loop},
    new_directory,
    usage::{cpu_seconds, resident_mb},
};

use crate::accept::requests;

const PATH: &str = "/api/webhooks/netbanx/acme";
/// Jobs of a backlog.
const BACKLOG: usize = 40_000;
/// Webhooks of the run in which all work at once.
const STREAM: usize = 150_000;

struct Bench {
    platform: Platform,
    postgres: Postgres,
}

impl Bench {
    async fn start(batch: u32) -> Self {
        let directory = new_directory();
        let postgres = Postgres::start_with(&directory, &["track_commit_timestamp = on", "shared_buffers = 512MB"]);
        let mut platform = Platform::prepare_on(Database::Postgres, Some(postgres.url().to_owned())).await;
        for (name, value) in [("APP_ENV", "production"), ("HTTP_WORKERS", "0"), ("WORKER_CONCURRENCY", "4")] {
            platform.variables.push((name, value.to_owned()));
        }
        platform.variables.push(("BATCH_SIZE", batch.to_string()));
        platform.variables.push(("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9".to_owned()));
        platform.run(Service::Ingress).await;
        Self { platform, postgres }
    }

    fn port(&self) -> u16 {
        self.platform.ingress_url().rsplit(':').next().unwrap().parse().unwrap()
    }

    /// Seconds of processor time of ingress, worker, Redis and PostgreSQL so far.
    fn cpu(&self) -> [f64; 4] {
        let (ingress, worker) = (self.platform.pid(Service::Ingress), self.platform.pid(Service::Worker));
        [ingress, worker, self.platform.redis.pid(), self.postgres.pid()].map(cpu_seconds)
    }
}

pub async fn drain(report: &mut Report) {
    for batch in [25, 100, 500] {
        drain_in(batch, report).await;
    }
}

async fn drain_in(batch: u32, report: &mut Report) {
    let mut bench = Bench::start(batch).await;
    closed_loop(bench.port(), 64, requests(BACKLOG, PATH)).await;
    bench.platform.run(Service::Worker).await;
    let (begun, before) = (Instant::now(), bench.cpu());
    bench.platform.drained().await;
    let rate = BACKLOG as f64 / begun.elapsed().as_secs_f64();
    let after = bench.cpu();
    report.figure(&format!("events a second from a backlog, batches of {batch}"), rate);
    for (n, name) in [(1, "worker"), (2, "Redis"), (3, "PostgreSQL")] {
        let micros = (after[n] - before[n]) * 1e6 / BACKLOG as f64;
        report.figure(&format!("µs of processor time of {name} for each, batches of {batch}"), micros);
    }
    report.figure(&format!("MB of the worker after it, batches of {batch}"), resident_mb(bench.platform.pid(Service::Worker)));
    assert_eq!(bench.platform.events().await, BACKLOG as u64);
}

/// As many webhooks as 64 connections can send, worked off meanwhile.
pub async fn whole(report: &mut Report) {
    let mut bench = Bench::start(25).await;
    for service in [Service::Worker, Service::Api] {
        bench.platform.run(service).await;
    }
    let port = bench.port();
    closed_loop(port, 64, requests(5_000, PATH)).await;
    bench.platform.drained().await;
    let load = requests(STREAM, PATH);
    let (begun, before, done) = (Instant::now(), bench.cpu(), bench.platform.queue().await.completed);
    let answers = closed_loop(port, 64, load).await;
    let during = (bench.platform.queue().await.completed - done) as f64 / begun.elapsed().as_secs_f64();
    report.figure("webhooks accepted a second while they are worked off", answers.rate());
    report.figure("events stored a second while 64 connections send all they can", during);
    bench.platform.drained().await;
    let whole = STREAM as f64 / begun.elapsed().as_secs_f64();
    report.at_least("webhooks accepted and stored a second, from the first to the last commit", whole, 10_000.0);
    let after = bench.cpu();
    let micros: Vec<f64> = after.iter().zip(before).map(|(after, before)| (after - before) * 1e6 / STREAM as f64).collect();
    for (name, micros) in ["ingress", "worker", "Redis", "PostgreSQL"].iter().zip(&micros) {
        report.figure(&format!("µs of processor time of {name} for each, all at work"), *micros);
    }
    let share = micros.iter().sum::<f64>() / (micros[2] + micros[3]);
    report.at_most("processor time of all as a ratio to that of Redis and PostgreSQL", share, 1.5);
    for service in [Service::Ingress, Service::Worker, Service::Api] {
        report.figure(&format!("MB of {service:?} after the load"), resident_mb(bench.platform.pid(service)));
    }
    assert_eq!(bench.platform.count("SELECT COUNT(*) AS n FROM transactions").await, STREAM as u64 + 5_000);
}

/// At a thousand a second, by PostgreSQL's own times of commit.
pub async fn latency(report: &mut Report) {
    let mut bench = Bench::start(25).await;
    bench.platform.run(Service::Worker).await;
    closed_loop(bench.port(), 16, requests(2_000, PATH)).await;
    bench.platform.drained().await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    open_loop(bench.port(), 32, 1_000, requests(15_000, PATH)).await;
    bench.platform.drained().await;
    let late = "extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000 - received_at";
    for (name, part, limit) in [("p50", 0.5, 20.0), ("p99", 0.99, 100.0)] {
        // The first 2,000 came in a burst.
        let sql = format!(
            "SELECT (1000 * percentile_cont({part}) WITHIN GROUP (ORDER BY {late}))::bigint AS n
             FROM (SELECT xmin, received_at FROM webhook_events ORDER BY received_at OFFSET 2000) AS steady"
        );
        let micros = bench.platform.count(&sql).await as f64;
        report.at_most(&format!("ms from acceptance to commit at 1,000 a second, {name}"), micros / 1e3, limit);
    }
}
