//! `make bench`: what was promised, measured in one run on this machine, as text and as JSON in
//! `target/bench.json`. Ends with a failure where something is missed.

mod accept;
mod alone;
mod bull;
mod dashboard;
mod figures;
mod history;
mod limits;
mod machine;
mod misses;
mod out;
mod postgres;
mod reads;
mod reconcile;
mod replay;
mod rest;
mod status;
mod stream;
mod whole;

use clap::{Parser, ValueEnum};
use e2e::Report;
use serde_json::json;

/// What can be measured, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    Accept,
    Store,
    Drain,
    Whole,
    Latency,
    Bull,
    Rest,
    Reads,
    Misses,
    Figures,
    Status,
    Dashboard,
    Stream,
    Out,
    Replay,
    Reconcile,
}

/// Measures what was promised on this machine; the report goes to target/bench.json as well.
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Options {
    /// What to measure; absent: everything.
    parts: Vec<Part>,
}

#[tokio::main]
async fn main() -> std::process::ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [first, rest @ ..] = &arguments[..]
        && first == "serve"
    {
        limits::serve(rest).await;
        return std::process::ExitCode::SUCCESS;
    }
    let wanted = Options::parse().parts;
    let machine = machine::describe();
    println!("{machine:#}");
    let mut report = Report::default();
    for part in Part::value_variants() {
        if wanted.is_empty() || wanted.contains(part) {
            println!("# {}", format!("{part:?}").to_lowercase());
            run(*part, &mut report).await;
        }
    }
    let document = json!({ "machine": machine, "figures": report.to_json() });
    std::fs::create_dir_all("target").expect("target is there");
    std::fs::write("target/bench.json", format!("{document:#}")).expect("target/bench.json is written");
    report.end()
}

async fn run(part: Part, report: &mut Report) {
    match part {
        Part::Accept => accept::run(report).await,
        Part::Store => alone::store(report).await,
        Part::Drain => whole::drain(report).await,
        Part::Whole => whole::whole(report).await,
        Part::Latency => whole::latency(report).await,
        Part::Bull => bull::run(report).await,
        Part::Rest => rest::run(report).await,
        Part::Reads => reads::run(report).await,
        Part::Misses => misses::run(report).await,
        Part::Figures => figures::run(report).await,
        Part::Status => status::run(report).await,
        Part::Dashboard => dashboard::run(report).await,
        Part::Stream => stream::run(report).await,
        Part::Out => out::run(report).await,
        Part::Replay => replay::run(report).await,
        Part::Reconcile => reconcile::run(report).await,
    }
}
