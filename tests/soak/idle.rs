//! How soon an idle worker begins, what it asks meanwhile, and how exact a retry's delay is.

use std::time::{Duration, Instant};

use e2e::{Bench, Database, Platform, Report, Service, eventually, median};
use queue::{Lane, Verdict};

pub async fn run(report: &mut Report) {
    let bench = Bench::start(|settings| {
        settings.name = "netbanx".to_owned();
        settings.shards = 1;
    })
    .await;
    let mut worker = bench.worker();
    let mut waits = Vec::new();
    for n in 0..200_u64 {
        let begun = Instant::now();
        bench.push(Lane::High, n, &format!("{n}")).await;
        let held = worker.next().await;
        waits.push(begun.elapsed().as_secs_f64() * 1e3);
        held.all(&Verdict::Done);
        eventually("it is idle", || async { (bench.queue.stats().await.unwrap().total == 0).then_some(()) }).await;
    }
    report.at_most("ms from push to work of an idle worker (median of 200)", median(&mut waits), 20.0);
    let span = Duration::from_secs(20);
    let rate = bench.redis.watch_commands(span).await.values().sum::<usize>() as f64 / span.as_secs_f64();
    report.at_most("commands per second of an idle worker", rate, 5.0);

    whole_process(report).await;

    let mut late = Vec::new();
    for n in 0..50 {
        bench.push(Lane::High, n, &format!("retry {n}")).await;
        worker.next().await.all(&Verdict::Failed("no".to_owned()));
        let due = eventually("it is scheduled", || async {
            let answer = bench.redis.ask(&["ZRANGE", "{netbanx:0}:scheduled", "0", "0", "WITHSCORES"]).remove(0);
            answer.lines().nth(1).and_then(|score| score.trim().parse::<f64>().ok())
        })
        .await;
        let held = worker.next().await;
        let now = clock::now_ms() as f64;
        late.push(now - due);
        held.all(&Verdict::Done);
        eventually("it is done", || async { (bench.queue.stats().await.unwrap().total == 0).then_some(()) }).await;
    }
    late.sort_by(f64::total_cmp);
    report.at_most("ms that a retry comes after its time (largest of 50)", late.last().copied().unwrap_or(f64::NAN), 250.0);
}

/// A worker as it is deployed, with all that it does beside its batches.
async fn whole_process(report: &mut Report) {
    let mut platform = Platform::prepare(Database::Sqlite).await;
    platform.run(Service::Worker).await;
    eventually("it lives", || async { (platform.queue().await.workers == 1).then_some(()) }).await;
    let span = Duration::from_secs(20);
    let rate = platform.redis.watch_commands(span).await.values().sum::<usize>() as f64 / span.as_secs_f64();
    report.at_most("commands per second of an idle worker process, four shards", rate, 5.0);
}
