//! `make soak`: the queue's promises at full size, with figures. Ends with a failure where one is
//! missed. The short forms are among the tests.

mod backlog;
mod database_away;
mod directory;
mod fairness;
mod idle;

use std::time::Duration;

use clap::{Parser, ValueEnum};
use e2e::{Database, Platform, Postgres, Report, Service, chaos::chaos, new_directory};

/// What can be soaked, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    Backlog,
    Idle,
    Fairness,
    Chaos,
    /// PostgreSQL is away while webhooks come.
    DatabaseAway,
    /// Receivers in tens of thousands.
    Directory,
}

/// Tries the queue's promises at full size.
#[derive(Debug, Parser)]
#[command(name = "soak")]
struct Options {
    /// What to try; absent: everything.
    parts: Vec<Part>,
    /// Jobs of the backlog.
    #[arg(long, env = "SOAK_JOBS", default_value_t = 1_000_000)]
    jobs: u64,
    /// For how many minutes PostgreSQL is away.
    #[arg(long, env = "SOAK_MINUTES", default_value_t = 10)]
    minutes: u64,
}

#[tokio::main]
async fn main() -> std::process::ExitCode {
    let options = Options::parse();
    let mut report = Report::default();
    for part in Part::value_variants() {
        if options.parts.is_empty() || options.parts.contains(part) {
            match part {
                Part::Backlog => backlog::run(options.jobs, &mut report).await,
                Part::Idle => idle::run(&mut report).await,
                Part::Fairness => fairness::run(&mut report).await,
                Part::Chaos => at_random().await,
                Part::DatabaseAway => database_away::run(options.minutes, &mut report).await,
                Part::Directory => directory::run(&mut report).await,
            }
        }
    }
    report.end()
}

/// A minute of kills and faults; panics where a webhook is lost or doubled.
async fn at_random() {
    let directory = new_directory();
    let postgres = Postgres::start(&directory);
    let mut platform = Platform::prepare_on(Database::Postgres, Some(postgres.url().to_owned())).await;
    platform.run(Service::Ingress).await;
    platform.run(Service::Worker).await;
    let outcome = chaos(&mut platform, &postgres, Duration::from_secs(60), rand::random()).await;
    println!("chaos, 60 s: {outcome:?}: every accepted webhook is stored once, none twice");
    drop(platform);
    drop(postgres);
    drop(std::fs::remove_dir_all(directory));
}
