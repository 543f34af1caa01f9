//! `make bench`: what was promised, measured in one run on this machine, as text and as JSON in
//! `target/bench.json`. Ends with a failure where something is missed.

mod accept;
mod dashboard;
mod figures;
mod history;
mod limits;
mod misses;
mod rest;
mod status;
mod stream;
mod whole;

use e2e::Report;
use serde_json::json;

#[tokio::main]
async fn main() -> std::process::ExitCode {
    let mut report = Report::default();
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    if let [first, rest @ ..] = &wanted[..]
        && first == "serve"
    {
        limits::serve(rest).await;
        return std::process::ExitCode::SUCCESS;
    }
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|w| w == name);
    println!("{} processors", std::thread::available_parallelism().map_or(0, usize::from));
    if is_wanted("accept") {
        accept::run(&mut report).await;
    }
    if is_wanted("whole") {
        whole::run(&mut report).await;
    }
    if is_wanted("rest") {
        rest::run(&mut report).await;
    }
    if is_wanted("misses") {
        misses::run(&mut report).await;
    }
    if is_wanted("figures") {
        figures::run(&mut report).await;
    }
    if is_wanted("status") {
        status::run(&mut report).await;
    }
    if is_wanted("dashboard") {
        dashboard::run(&mut report).await;
    }
    if is_wanted("stream") {
        stream::run(&mut report).await;
    }
    let document = json!({
        "commit": option_env!("NETBANX_COMMIT"), "processors": std::thread::available_parallelism().map_or(0, usize::from),
        "figures": report.to_json(),
    });
    std::fs::write("target/bench.json", format!("{document:#}")).expect("target/bench.json is written");
    report.end()
}
