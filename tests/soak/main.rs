//! `make soak`: the queue's promises at full size, with figures. Ends with a failure where one is
//! missed. The short forms are among the tests.

mod backlog;
mod companies;
mod database_away;
mod directory;
mod fairness;
mod hour;
mod idle;

use clap::{Parser, ValueEnum};
use e2e::{
    Database, Report,
    chaos::{Plan, Stores, chaos},
};

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
    /// What they ask for when nothing happens.
    Companies,
    /// Steady traffic, after which nothing holds more than before; only where it is named.
    Hour,
}

/// Tries the queue's promises at full size.
#[derive(Debug, Parser)]
#[command(name = "soak")]
struct Options {
    /// What to try; absent: everything but the hour.
    parts: Vec<Part>,
    /// Jobs of the backlog.
    #[arg(long, env = "SOAK_JOBS", default_value_t = 1_000_000)]
    jobs: u64,
    /// For how many minutes PostgreSQL is away (10), and how many the hour has (60).
    #[arg(long, env = "SOAK_MINUTES")]
    minutes: Option<u64>,
}

#[tokio::main]
async fn main() -> std::process::ExitCode {
    let options = Options::parse();
    let mut report = Report::default();
    for part in Part::value_variants() {
        if options.parts.contains(part) || (options.parts.is_empty() && *part != Part::Hour) {
            match part {
                Part::Backlog => backlog::run(options.jobs, &mut report).await,
                Part::Idle => idle::run(&mut report).await,
                Part::Fairness => fairness::run(&mut report).await,
                Part::Chaos => at_random().await,
                Part::DatabaseAway => database_away::run(options.minutes.unwrap_or(10), &mut report).await,
                Part::Directory => directory::run(&mut report).await,
                Part::Companies => companies::run(&mut report).await,
                Part::Hour => hour::run(options.minutes.unwrap_or(60), &mut report).await,
            }
        }
    }
    report.end()
}

/// A minute of faults; panics where a promise is broken.
async fn at_random() {
    let history = chaos(Database::Postgres, &Plan::new(rand::random(), 25, Stores::with(Database::Postgres))).await;
    println!("chaos: {history:?}: every accepted webhook is stored once, none twice");
}
