//! The status while a million jobs wait.

use std::time::Instant;

use e2e::{Database, Platform, Report, Service, job, percentile};
use futures::StreamExt;
use queue::Producer;

pub async fn run(report: &mut Report) {
    let mut platform = Platform::prepare(Database::Sqlite).await;
    platform.run(Service::Api).await;
    let jobs: u64 = std::env::var("BENCH_JOBS").map_or(1_000_000, |n| n.parse().expect("BENCH_JOBS must be a number"));
    let producer = Producer::start(&platform.open_queue());
    let pushes = futures::stream::iter(0..jobs).map(|n| producer.enqueue(job(n))).buffer_unordered(256);
    pushes.for_each(|outcome| async { drop(outcome.unwrap()) }).await;
    let mut times = Vec::new();
    for _ in 0..200 {
        let begun = Instant::now();
        let (status, body) = platform.get_as(&platform.admin_token, "/api/performance/status").await;
        times.push(begun.elapsed().as_secs_f64() * 1e3);
        assert_eq!((status, body["systems"]["webhook_processing"]["queue_stats"]["waiting"].as_u64()), (200, Some(jobs)));
    }
    report.figure(&format!("ms for the status with {jobs} jobs waiting, median"), percentile(&mut times, 0.5));
    report.at_most(&format!("ms for the status with {jobs} jobs waiting, p99"), percentile(&mut times, 0.99), 20.0);
}
