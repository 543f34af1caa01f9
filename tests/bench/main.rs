//! `make bench`: what was promised, measured in one run on this machine, as text and as JSON in
//! `target/bench.json`. Ends with a failure where something is missed.

mod accept;
mod alone;
mod dashboard;
mod figures;
mod history;
mod limits;
mod machine;
mod misses;
mod postgres;
mod reads;
mod rest;
mod status;
mod stream;
mod whole;

use e2e::Report;
use serde_json::json;

/// The parts, in their order.
const PARTS: [&str; 11] =
    ["accept", "drain", "whole", "latency", "rest", "reads", "misses", "figures", "status", "dashboard", "stream"];

#[tokio::main]
async fn main() -> std::process::ExitCode {
    let mut wanted: Vec<String> = std::env::args().skip(1).collect();
    if let [first, rest @ ..] = &wanted[..]
        && first == "serve"
    {
        limits::serve(rest).await;
        return std::process::ExitCode::SUCCESS;
    }
    if let Some(unknown) = wanted.iter().find(|name| !PARTS.contains(&name.as_str())) {
        eprintln!("no part {unknown}; there are {}", PARTS.join(" "));
        return std::process::ExitCode::from(2);
    }
    if wanted.is_empty() {
        wanted = PARTS.map(str::to_owned).to_vec();
    }
    let machine = machine::describe();
    println!("{machine:#}");
    let mut report = Report::default();
    for part in PARTS.into_iter().filter(|part| wanted.iter().any(|name| name == part)) {
        println!("# {part}");
        run(part, &mut report).await;
    }
    let document = json!({ "machine": machine, "figures": report.to_json() });
    std::fs::write("target/bench.json", format!("{document:#}")).expect("target/bench.json is written");
    report.end()
}

async fn run(part: &str, report: &mut Report) {
    match part {
        "accept" => accept::run(report).await,
        "drain" => whole::drain(report).await,
        "whole" => whole::whole(report).await,
        "latency" => whole::latency(report).await,
        "rest" => rest::run(report).await,
        "reads" => reads::run(report).await,
        "misses" => misses::run(report).await,
        "figures" => figures::run(report).await,
        "status" => status::run(report).await,
        "dashboard" => dashboard::run(report).await,
        _ => stream::run(report).await,
    }
}
