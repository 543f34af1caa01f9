//! What would be built with Node and Bull instead (`bull/`), in turns with ours in one run.

use std::{
    path::PathBuf,
    process::{Child, Command},
    time::Instant,
};

use e2e::{
    KEY, Redis, Report, count_in, free_port, http_load::closed_loop, listens, median, median_ratio, new_directory, percentile,
    usage::cpu_seconds, worked_off,
};

use crate::{
    accept::{self, PATH, requests, warmed},
    postgres::Server,
    whole::{self, WARM_UP},
};

/// Webhooks that are accepted while nobody works them off.
const ACCEPTED: usize = 20_000;
/// Webhooks that are worked off meanwhile.
const STORED: usize = 30_000;
const ROUNDS: usize = 3;

/// The tables that Bull's worker fills: without an index that no write needs, or with those of ours.
const TABLES: [&str; 2] = ["bare", "indexed"];

/// The other's servers. Nothing of it is left.
struct Bull {
    redis: Redis,
    port: u16,
    programs: Vec<Child>,
    directory: PathBuf,
}

impl Bull {
    /// One that receives, by so many processes.
    async fn start(processes: usize) -> Self {
        let directory = new_directory();
        let redis = Redis::one(&directory, &[]).await;
        redis.sync("everysec");
        let port = free_port();
        let mut bull = Self { redis, port, programs: Vec::new(), directory };
        bull.run("ingress.mjs", &[&port.to_string(), KEY, &processes.to_string()], "");
        listens("Bull's ingress", port).await;
        bull
    }

    fn run(&mut self, program: &str, args: &[&str], database: &str) {
        let child = Command::new("node")
            .arg(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("bench/bull").join(program))
            .args(args)
            .env("NODE_ENV", "production")
            .env("REDIS_URL", self.redis.url())
            .env("DATABASE_URL", database)
            .spawn()
            .expect("node is needed: scripts/need node");
        self.programs.push(child);
    }

    fn count(&self, command: &str, list: &str) -> i64 {
        self.redis.ask(&[command, &format!("bull:webhooks:{list}")])[0].trim().parse().unwrap()
    }

    async fn drained(&self) {
        worked_off(|| async {
            assert_eq!(self.count("ZCARD", "failed") + self.count("ZCARD", "delayed"), 0, "a job failed");
            let left = self.count("LLEN", "wait") + self.count("LLEN", "active");
            Some((left, left))
        })
        .await;
    }
}

impl Drop for Bull {
    fn drop(&mut self) {
        for program in &mut self.programs {
            let _ = program.kill();
            let _ = program.wait();
        }
        self.redis.kill();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// Acceptance by one of the two: rates, p99s, and bytes of Redis for a waiting job.
#[derive(Default)]
struct Accepted {
    rates: Vec<f64>,
    p99: Vec<f64>,
    bytes: Vec<f64>,
}

impl Accepted {
    async fn measure(&mut self, port: u16, redis: &Redis) {
        let used = || redis.info("memory", "used_memory") as f64;
        let empty = used();
        let mut answers = warmed(port, 64, ACCEPTED).await;
        self.rates.push(answers.rate());
        self.p99.push(percentile(&mut answers.ms, 0.99));
        self.bytes.push((used() - empty) / (1.25 * ACCEPTED as f64));
    }
}

/// Events a second and µs of processor time for each, the sender's left out.
#[derive(Default)]
struct Stored {
    rates: Vec<f64>,
    micros: Vec<f64>,
}

impl Stored {
    async fn ours(&mut self) {
        let round = whole::round(STORED).await;
        self.rates.push(round.whole);
        self.micros.push(round.micros[..4].iter().sum());
    }

    async fn theirs(&mut self, tables: &str) {
        // Dropped in the other order: the worker never misses its database. One process receives: more take from the worker
        // what they gain, and store less together.
        let (postgres, mut bull) = (Server::start().await, Bull::start(1).await);
        bull.run("worker.mjs", &[tables], postgres.url());
        closed_loop(bull.port, 64, requests(WARM_UP, PATH)).await;
        bull.drained().await;
        let cpu = |bull: &Bull| {
            let pids = bull.programs.iter().map(Child::id).chain([bull.redis.pid(), postgres.pid()]);
            pids.map(cpu_seconds).sum::<f64>()
        };
        let load = requests(STORED, PATH);
        let (begun, before) = (Instant::now(), cpu(&bull));
        closed_loop(bull.port, 64, load).await;
        bull.drained().await;
        self.rates.push(STORED as f64 / begun.elapsed().as_secs_f64());
        self.micros.push((cpu(&bull) - before) * 1e6 / STORED as f64);
        for table in ["events", "transactions"] {
            let sql = format!("SELECT COUNT(*) AS n FROM {table}");
            assert_eq!(count_in(postgres.url(), &sql).await, (STORED + WARM_UP) as u64, "{table}");
        }
    }
}

pub async fn run(report: &mut Report) {
    let [mut accepted, mut accepted_by_bull]: [Accepted; 2] = Default::default();
    let mut stored = Stored::default();
    let mut stored_by_bull: [Stored; 2] = Default::default();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    for _ in 0..ROUNDS {
        {
            let platform = accept::ingress(true, "everysec").await;
            accepted.measure(platform.ingress_port, &platform.redis).await;
        }
        {
            let bull = Bull::start(cores).await;
            accepted_by_bull.measure(bull.port, &bull.redis).await;
        }
        stored.ours().await;
        for (tables, stored) in TABLES.into_iter().zip(&mut stored_by_bull) {
            stored.theirs(tables).await;
        }
    }
    for (who, accepted) in [("ours", &accepted), ("Bull's", &accepted_by_bull)] {
        report.figure(&format!("webhooks accepted a second at 64 connections, {who}"), middle(&accepted.rates));
        report.figure(&format!("ms to accept one, p99, {who}"), middle(&accepted.p99));
        report.figure(&format!("bytes of Redis for a waiting job, {who}"), middle(&accepted.bytes));
    }
    let [bare, indexed] = &stored_by_bull;
    for (who, stored) in [("ours", &stored), ("Bull's, bare tables", bare), ("Bull's, our indexes", indexed)] {
        report.figure(&format!("webhooks accepted and stored a second, {who}"), middle(&stored.rates));
        report.figure(&format!("µs of processor time for each, the sender's left out, {who}"), middle(&stored.micros));
    }
    report.at_least(
        "webhooks accepted a second, as a multiple of Bull's",
        median_ratio(&accepted.rates, &accepted_by_bull.rates),
        3.0,
    );
    report.at_most("ms to accept one, p99, as a share of Bull's", median_ratio(&accepted.p99, &accepted_by_bull.p99), 1.0 / 3.0);
    report.at_most("bytes of Redis for a job, as a share of Bull's", median_ratio(&accepted.bytes, &accepted_by_bull.bytes), 0.5);
    let multiple = median_ratio(&stored.rates, &bare.rates);
    report.at_least("webhooks accepted and stored a second, as a multiple of Bull's", multiple, 3.0);
    report.bounded_by(&format!(
        "{:.0} µs of processors for each, figures, states and searches by index included, beside {:.0} of Bull's, which has none of them",
        middle(&stored.micros),
        middle(&bare.micros)
    ));
    report.figure("the same beside Bull's with our indexes", median_ratio(&stored.rates, &indexed.rates));
}

fn middle(figures: &[f64]) -> f64 {
    median(&mut figures.to_vec())
}
