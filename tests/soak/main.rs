//! `make soak`: the queue's promises at full size, with figures. Ends with a failure where one is
//! missed. The short forms are among the tests.

mod backlog;
mod database_away;
mod directory;
mod fairness;
mod idle;

use clap::{Parser, ValueEnum};
use e2e::{
    Database, Report,
    chaos::{Plan, chaos},
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

/// A minute of faults; panics where a promise is broken.
async fn at_random() {
    let history = chaos(Database::Postgres, &Plan::new(rand::random(), 25, true)).await;
    println!("chaos: {history:?}: every accepted webhook is stored once, none twice");
}
