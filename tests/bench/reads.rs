//! Cached reads: answers per second of one API at 64 connections, as they are and where nothing has changed, and what
//! each costs it.

use e2e::{
    Database, Platform, Report, Service,
    http_load::{closed_loop, get},
    median, percentile,
    usage::cpu_seconds,
};

use crate::history;

/// Requests of one measurement.
const COUNT: usize = 40_000;
const ROUNDS: usize = 3;
const PATH: &str = "/api/v1/transactions?limit=20";

pub async fn run(report: &mut Report) {
    let mut platform = Platform::prepare(Database::Sqlite).await;
    history::fill(&platform, Database::Sqlite, 10_000).await;
    platform.as_in_production();
    platform.run(Service::Api).await;
    let url = format!("{}{PATH}", platform.api_url());
    let answer = platform.http.get(&url).bearer_auth(&platform.admin_token).send().await.unwrap();
    let tag = answer.headers()["etag"].to_str().unwrap().to_owned();
    let port = platform.api_port;
    let bearer = format!("Bearer {}", platform.admin_token);
    let whole = get(PATH, &[("Authorization", &bearer)]);
    let known = get(PATH, &[("Authorization", &bearer), ("If-None-Match", &tag)]);
    for (name, request, status) in [("cached answers", whole, 200), ("answers 304", known, 304)] {
        let (mut rates, mut p99, mut micros) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let before = cpu_seconds(platform.pid(Service::Api));
            let mut answers = closed_loop(port, 64, vec![request.clone(); COUNT]).await;
            micros.push((cpu_seconds(platform.pid(Service::Api)) - before) * 1e6 / COUNT as f64);
            assert_eq!(answers.statuses.get(&status).copied(), Some(COUNT as u64), "{:?}", answers.statuses);
            rates.push(answers.rate());
            p99.push(percentile(&mut answers.ms, 0.99));
        }
        report.figure(&format!("{name} a second at 64 connections"), median(&mut rates));
        report.figure(&format!("µs of processor time of the API for each of the {name}"), median(&mut micros));
        report.at_most(&format!("ms for each of the {name} at 64 connections, p99"), median(&mut p99), 100.0);
    }
}
