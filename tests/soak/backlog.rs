//! A million waiting jobs: as fast as none, and nothing left of them.

use std::time::{Duration, Instant};

use e2e::{Bench, Report, drain, eventually, median, push_many};

/// Jobs of one measurement.
const PROBE: u64 = 20_000;
/// Measurements of each kind.
const ROUNDS: usize = 5;

pub async fn run(jobs: u64, report: &mut Report) {
    let bench = Bench::start(|settings| {
        settings.name = "netbanx".to_owned();
        // Beyond the run's own length, so that claims are there to be counted.
        settings.claim_ttl = Duration::from_secs(3600);
        settings.lease = Duration::from_secs(60);
    })
    .await;
    push_many(&bench, PROBE).await;
    drain(&bench, 0).await;
    bench.redis.ask(&["EVAL", UNLINK_CLAIMS, "0"]);
    let start = settled(&bench).await;

    let (mut push_empty, mut fetch_empty) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        push_empty.push(seconds(push_many(&bench, PROBE)).await);
        fetch_empty.push(seconds(drain(&bench, 0)).await);
    }
    let before = bench.redis.info("memory", "used_memory");
    let took = seconds(push_many(&bench, jobs)).await;
    println!("{jobs} jobs pushed in {took:.1} s");
    let each = (bench.redis.info("memory", "used_memory") - before) as f64 / jobs as f64;
    report.at_most("bytes for each waiting job of an 826-byte body", each, 1500.0);

    rewrite_log(&bench).await;
    let (mut push_full, mut fetch_full) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        push_full.push(seconds(push_many(&bench, PROBE)).await);
        fetch_full.push(seconds(drain(&bench, jobs)).await);
    }
    let status = seconds(async { bench.queue.stats().await.unwrap() }).await;
    println!("statistics with {jobs} waiting took {:.2} ms", status * 1e3);
    let (pushed, fetched) =
        (median(&mut push_full) / median(&mut push_empty), median(&mut fetch_full) / median(&mut fetch_empty));
    report.at_most("time of a push before a full queue, as a ratio to an empty one", pushed, 1.3);
    report.at_most("time of a fetch before a full queue, as a ratio to an empty one", fetched, 1.3);

    let took = seconds(drain(&bench, 0)).await;
    println!("drained in {took:.1} s");
    let with_claims = bench.redis.info("memory", "used_memory");
    // Their time to live would end them; what is left then is what counts.
    let claims: u64 = bench.redis.ask(&["EVAL", UNLINK_CLAIMS, "0"]).iter().map(|n| n.trim().parse::<u64>().unwrap()).sum();
    let rest = settled(&bench).await;
    println!("{claims} claims took {} bytes until their time to live", with_claims.saturating_sub(rest));
    report.at_most("memory after the drain, claims apart, as a ratio to that before", rest as f64 / start as f64, 1.1);
}

/// Returns how many there were.
const UNLINK_CLAIMS: &str = "local cursor, claims = '0', 0 repeat local found = redis.call('SCAN', cursor, 'MATCH', '*idempotency*', \
    'COUNT', 1000) cursor = found[1] for _, key in ipairs(found[2]) do claims = claims + redis.call('HLEN', key) \
    redis.call('UNLINK', key) end until cursor == '0' return claims";

/// Redis' memory when it does not shrink any more: it frees and makes tables smaller by and by.
async fn settled(bench: &Bench) -> u64 {
    let mut last = u64::MAX;
    for _ in 0..60 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let now = bench.redis.info("memory", "used_memory");
        if now >= last {
            return now;
        }
        last = now;
    }
    last
}

/// Lets Redis rewrite its log now: otherwise it does so in the middle of what is measured next, which takes a processor
/// for seconds and is no matter of how much waits.
async fn rewrite_log(bench: &Bench) {
    let begun = Instant::now();
    bench.redis.ask(&["BGREWRITEAOF"]);
    eventually("the log is rewritten", || async {
        let left = ["aof_rewrite_in_progress", "aof_rewrite_scheduled"].map(|field| bench.redis.info("persistence", field));
        (left == [0, 0]).then_some(())
    })
    .await;
    println!("the log was rewritten in {:.1} s", begun.elapsed().as_secs_f64());
}

async fn seconds<T>(work: impl Future<Output = T>) -> f64 {
    let begun = Instant::now();
    work.await;
    begun.elapsed().as_secs_f64()
}
