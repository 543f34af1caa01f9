//! `make soak`: the queue's promises at full size, with figures. Ends with a failure where one is
//! missed. The short forms are among the tests.

mod backlog;
mod fairness;
mod idle;

use std::time::Duration;

use e2e::{Database, Platform, Postgres, Report, Service, chaos::chaos, new_directory};

#[tokio::main]
async fn main() -> std::process::ExitCode {
    let mut report = Report::default();
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|w| w == name);
    if is_wanted("backlog") {
        let jobs = std::env::var("SOAK_JOBS").map_or(1_000_000, |n| n.parse().expect("SOAK_JOBS must be a number"));
        backlog::run(jobs, &mut report).await;
    }
    if is_wanted("idle") {
        idle::run(&mut report).await;
    }
    if is_wanted("fairness") {
        fairness::run(&mut report).await;
    }
    if is_wanted("chaos") {
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
    report.end()
}
