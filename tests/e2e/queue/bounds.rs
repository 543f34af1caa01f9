//! What it costs, and that nothing stays.

use std::time::Duration;

use e2e::{Bench, drain, eventually, job, push_many};
use queue::{Error, Lane, Verdict};

#[tokio::test]
async fn a_waiting_job_takes_little_memory_and_a_finished_one_none() {
    const JOBS: u64 = 10_000;
    let bench = Bench::start(|settings| {
        settings.name = "netbanx".to_owned();
        settings.claim_ttl = Duration::from_secs(10);
    })
    .await;
    // What a server takes once, for scripts and connections, is no job's.
    push_many(&bench, 10).await;
    drain(&bench, 0).await;
    let before = bench.redis.info("memory", "used_memory");
    push_many(&bench, JOBS).await;
    let each = (bench.redis.info("memory", "used_memory") - before) / JOBS;
    assert!(each <= 1500, "{each} bytes for each waiting job, its claim included");

    drain(&bench, 0).await;
    eventually("the claims are gone", || async {
        let keys: u64 = bench.redis.ask(&["DBSIZE"]).iter().map(|n| n.trim().parse::<u64>().unwrap()).sum();
        // At most the counters and the list of recent jobs of each shard, and the workers.
        (keys <= 9).then_some(())
    })
    .await;
    // One in ten of what waited is for the servers' own buffers.
    eventually("memory is back", || async {
        (bench.redis.info("memory", "used_memory") < before + JOBS * each / 10).then_some(())
    })
    .await;
}

/// A fetch of 25 makes Redis do the same work before 25 jobs and before 20,000.
#[tokio::test]
async fn a_fetch_costs_the_same_before_a_long_line() {
    /// From one moment at which the worker rests, with a batch in flight, to the next.
    async fn commands_of_a_fetch(bench: &Bench) -> u64 {
        let mut worker = bench.worker();
        let held = worker.next().await;
        assert_eq!(held.ids().len(), 25);
        let before = commands_at_rest(bench).await;
        held.all(&Verdict::Done);
        let next = worker.next().await;
        let after = commands_at_rest(bench).await;
        assert_eq!(next.ids().len(), 25);
        next.all(&Verdict::Done);
        worker.stop().await;
        after - before
    }
    async fn commands_at_rest(bench: &Bench) -> u64 {
        eventually("nothing is asked of Redis for a while", || async {
            let before = calls(bench);
            tokio::time::sleep(Duration::from_millis(100)).await;
            Some(before).filter(|before| *before == calls(bench))
        })
        .await
    }
    /// Those inside scripts too; not those that ask for this.
    fn calls(bench: &Bench) -> u64 {
        let of = |text: &String| -> u64 {
            let others = text.lines().filter(|line| !line.starts_with("cmdstat_info"));
            others.filter_map(|line| line.split_once("calls=")?.1.split(',').next()?.parse::<u64>().ok()).sum()
        };
        bench.redis.ask(&["INFO", "commandstats"]).iter().map(of).sum()
    }
    let bench = Bench::start(|settings| {
        settings.shards = 1;
        settings.lease = Duration::from_secs(600);
        settings.idle_poll = Duration::from_secs(600);
    })
    .await;
    push_many(&bench, 100).await;
    let short = commands_of_a_fetch(&bench).await;
    push_many(&bench, 20_000).await;
    let long = commands_of_a_fetch(&bench).await;
    assert!(short > 0 && long <= short + 20, "{short} commands before a short line, {long} before a long one");
}

#[tokio::test]
async fn an_idle_worker_is_woken_and_asks_little() {
    let bench = Bench::start(|_| ()).await;
    let mut worker = bench.worker();
    bench.push(Lane::High, 1, "a").await;
    worker.next().await.all(&Verdict::Done);
    eventually("it is done", || async { (bench.queue.stats().await.unwrap().completed == 1).then_some(()) }).await;

    let span = Duration::from_secs(10);
    let commands = bench.redis.watch_commands(span).await;
    let count: usize = commands.values().sum();
    assert!(count > 0 && count as u64 <= 5 * span.as_secs(), "{count} in {span:?}: {commands:?}");
}

#[tokio::test]
async fn a_new_job_wakes_a_worker_that_would_not_look_by_itself() {
    let bench = Bench::start(|settings| settings.idle_poll = Duration::from_secs(3600)).await;
    let mut worker = bench.worker();
    for n in 0..5 {
        eventually("the worker listens", || async {
            bench.push(Lane::High, n, &format!("{n}")).await;
            worker_is_heard(&bench).await
        })
        .await;
        worker.next().await.all(&Verdict::Done);
        eventually("it is idle", || async { (bench.queue.stats().await.unwrap().total == 0).then_some(()) }).await;
    }
}

async fn worker_is_heard(bench: &Bench) -> Option<()> {
    (bench.queue.stats().await.unwrap().waiting == 0).then_some(())
}

/// Redis has no memory left (`noeviction`): new jobs are refused, those that wait are worked off, and
/// with that there is room again.
#[tokio::test]
async fn a_full_redis_refuses_jobs_and_lets_workers_make_room() {
    let bench = Bench::start(|settings| settings.claim_ttl = Duration::from_secs(1)).await;
    push_many(&bench, 3000).await;
    let limit = bench.redis.info("memory", "used_memory") / bench.redis.ask(&["PING"]).len() as u64;
    bench.redis.ask(&["CONFIG", "SET", "maxmemory", &(limit / 2).to_string()]);
    for n in 0..20 {
        let refused = bench.producer.enqueue(job(n)).await;
        assert!(matches!(refused, Err(Error::Redis(redis_client::Error::Full))), "{refused:?}");
    }
    drain(&bench, 0).await;
    assert_eq!(bench.queue.stats().await.unwrap().completed, 3000);
    bench.redis.ask(&["CONFIG", "SET", "maxmemory", &(limit * 2).to_string()]);
    assert!(bench.producer.enqueue(job(1)).await.is_ok());
}
