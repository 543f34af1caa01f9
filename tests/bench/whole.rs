//! From acceptance to commit: how fast a backlog is worked off, what is kept up with, how late a commit is, and
//! what an event costs each process. PostgreSQL commits synchronously, as it does by itself.

use std::time::{Duration, Instant};

use e2e::{
    Database, Platform, Report, Service,
    http_load::{closed_loop, open_loop},
    median,
    usage::{cpu_seconds, own_seconds, resident_mb, unused_seconds},
};

use crate::{
    accept::{PATH, requests},
    alone::{self, Alone, concurrency},
    postgres::Server,
};

/// Jobs of a backlog.
const BACKLOG: usize = 40_000;
/// Webhooks of the run in which all work at once.
pub const STREAM: usize = 60_000;
/// Those that come before it.
pub const WARM_UP: usize = 5_000;
/// Of each, in turns: a machine's pace may waver within seconds.
const ROUNDS: usize = 7;

struct Bench {
    platform: Platform,
    postgres: Server,
}

impl Bench {
    async fn start(batch: u32) -> Self {
        let postgres = Server::start().await;
        let mut platform = Platform::prepare_on(Database::Postgres, Some(postgres.url().to_owned())).await;
        platform.as_in_production();
        platform.variables.push(("HTTP_WORKERS", "0".to_owned()));
        platform.redis.sync("everysec");
        platform.variables.push(("WORKER_CONCURRENCY", concurrency().to_string()));
        // What is done beside the batches needs connections, too.
        platform.variables.push(("DATABASE_MAX_CONNECTIONS", (concurrency() + 4).to_string()));
        platform.variables.push(("BATCH_SIZE", batch.to_string()));
        platform.run(Service::Ingress).await;
        Self { platform, postgres }
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
    let empty = bench.platform.redis.info("memory", "used_memory");
    closed_loop(bench.platform.ingress_port, 64, requests(BACKLOG, PATH)).await;
    let bytes = bench.platform.redis.info("memory", "used_memory").saturating_sub(empty) as f64 / BACKLOG as f64;
    if batch == 25 {
        report.figure("bytes of Redis for a waiting job, its claim included", bytes);
    }
    bench.platform.run(Service::Worker).await;
    let (begun, before) = (Instant::now(), bench.cpu());
    bench.platform.drained().await;
    let rate = BACKLOG as f64 / begun.elapsed().as_secs_f64();
    let after = bench.cpu();
    report.figure(&format!("events per second from a backlog, batches of {batch}"), rate);
    for (n, name) in [(1, "worker"), (2, "Redis"), (3, "PostgreSQL")] {
        let micros = (after[n] - before[n]) * 1e6 / BACKLOG as f64;
        report.figure(&format!("µs of processor time of {name} for each, batches of {batch}"), micros);
    }
    report.figure(&format!("MB of the worker after it, batches of {batch}"), resident_mb(bench.platform.pid(Service::Worker)));
    assert_eq!(bench.platform.events().await, BACKLOG as u64);
}

/// Whose times a [`Round`] has.
const NAMES: [&str; 5] = ["ingress", "worker", "Redis", "PostgreSQL", "the sender"];

/// What happened while webhooks came and were worked off.
pub struct Round {
    accepted: f64,
    during: f64,
    pub whole: f64,
    /// Of each of [`NAMES`].
    pub micros: [f64; 5],
    /// Shares of the machine: with nothing to do, and given to others.
    unused: (f64, f64),
    /// Of ingress, worker and api.
    mb: [f64; 3],
}

/// So many webhooks as fast as 64 connections can send them, worked off meanwhile.
pub async fn round(count: usize) -> Round {
    let mut bench = Bench::start(25).await;
    for service in [Service::Worker, Service::Api] {
        bench.platform.run(service).await;
    }
    let port = bench.platform.ingress_port;
    closed_loop(port, 64, requests(WARM_UP, PATH)).await;
    bench.platform.drained().await;
    let load = requests(count, PATH);
    let done = bench.platform.queue().await.completed;
    let (begun, before, sender, unused) = (Instant::now(), bench.cpu(), own_seconds(), unused_seconds());
    let accepted = closed_loop(port, 64, load).await.rate();
    let during = (bench.platform.queue().await.completed - done) as f64 / begun.elapsed().as_secs_f64();
    bench.platform.drained().await;
    let span = begun.elapsed().as_secs_f64();
    let after = bench.cpu();
    let mut micros = [0.0; 5];
    for n in 0..4 {
        micros[n] = (after[n] - before[n]) * 1e6 / count as f64;
    }
    micros[4] = (own_seconds() - sender) * 1e6 / count as f64;
    let machine = span * std::thread::available_parallelism().unwrap().get() as f64;
    let (idle, stolen) = unused_seconds();
    assert_eq!(bench.platform.count("SELECT COUNT(*) AS n FROM transactions").await, (count + WARM_UP) as u64);
    Round {
        accepted,
        during,
        whole: count as f64 / span,
        micros,
        unused: ((idle - unused.0) / machine, (stolen - unused.1) / machine),
        mb: [Service::Ingress, Service::Worker, Service::Api].map(|service| resident_mb(bench.platform.pid(service))),
    }
}

pub async fn whole(report: &mut Report) {
    let (mut alone, mut rounds): (Vec<Alone>, Vec<Round>) = (vec![alone::measure().await], Vec::new());
    for _ in 0..ROUNDS {
        rounds.push(round(STREAM).await);
        alone.push(alone::measure().await);
    }
    let middle = |of: &dyn Fn(&Round) -> f64| median(&mut rounds.iter().map(of).collect::<Vec<_>>());
    let stored_alone = alone::report(&alone, report);
    report.figure("webhooks accepted a second while they are worked off", middle(&|round| round.accepted));
    report.figure("events stored a second while 64 connections send all they can", middle(&|round| round.during));
    let whole = middle(&|round| round.whole);
    report.at_least("webhooks accepted and stored a second, from the first to the last commit", whole, 10_000.0);
    let micros = [0, 1, 2, 3, 4].map(|n| middle(&|round| round.micros[n]));
    let all: f64 = micros.iter().sum();
    let shares: Vec<String> =
        NAMES.iter().zip(micros).map(|(name, micros)| format!("{name} {:.0} %", 100.0 * micros / all)).collect();
    let idle = 100.0 * middle(&|round| round.unused.0);
    report.bounded_by(&format!(
        "{all:.0} µs of processors for each ({}), which had nothing to do in {idle:.0} % of the time",
        shares.join(", ")
    ));
    report.figure("the same as a share of what PostgreSQL takes alone", whole / stored_alone);
    for (name, micros) in NAMES.iter().zip(micros) {
        report.figure(&format!("µs of processor time of {name} for each, all at work"), micros);
    }
    report.figure("share of the machine with nothing to do meanwhile", middle(&|round| round.unused.0));
    report.figure("share of the machine that its host gave to others", middle(&|round| round.unused.1));
    let ours = |round: &Round| round.micros[..4].iter().sum::<f64>();
    let beside = middle(&|round| ours(round) / (round.micros[2] + round.micros[3]));
    report.figure("processor time of all four as a ratio to that of Redis and PostgreSQL meanwhile", beside);
    let to = |needed: fn(&Alone) -> f64, of: &dyn Fn(&Round) -> f64| {
        // Of the times just before a round and just after it: the machine's pace wavers more than what is measured.
        let both = |alone: &[Alone]| alone.iter().map(needed).sum::<f64>() / 2.0;
        median(&mut rounds.iter().zip(alone.windows(2).map(both)).map(|(round, alone)| of(round) / alone).collect::<Vec<_>>())
    };
    let to_alone = |of: &dyn Fn(&Round) -> f64| to(|alone| alone.redis_micros + alone.postgres_micros, of);
    report.at_most("processor time of all four as a ratio to that of Redis and PostgreSQL alone", to_alone(&ours), 1.5);
    let to_chained = to(|alone| alone.redis_micros + alone.chained_micros, &ours);
    report.figure("the same where PostgreSQL alone is asked by transactions that follow each other", to_chained);
    report.bounded_by(&format!(
        "Redis and PostgreSQL need {:.2} times as much for each where all share the processors; ingress and worker add {:.1} µs",
        to_alone(&|round| round.micros[2] + round.micros[3]),
        micros[0] + micros[1],
    ));
    for (n, service) in ["ingress", "worker", "api"].iter().enumerate() {
        report.figure(&format!("MB of {service} after the load"), middle(&|round| round.mb[n]));
    }
}

/// At a thousand a second, by PostgreSQL's own times of commit.
pub async fn latency(report: &mut Report) {
    let mut bench = Bench::start(25).await;
    bench.platform.run(Service::Worker).await;
    closed_loop(bench.platform.ingress_port, 16, requests(2_000, PATH)).await;
    bench.platform.drained().await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    open_loop(bench.platform.ingress_port, 32, 1_000, requests(15_000, PATH)).await;
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
