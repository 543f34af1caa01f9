//! A master of a Redis Cluster dies and its replica takes its place.

use std::time::{Duration, Instant};

use e2e::{Bench, Redis, eventually, new_directory};
use queue::{Enqueued, Error, Lane, NewJob, Verdict};

#[tokio::test]
async fn what_was_accepted_survives_a_failover() {
    let directory = new_directory();
    let bench = Bench::on(Redis::cluster(&directory, 1), directory, |settings| {
        settings.shards = 16;
        settings.min_replicas = 1;
    });
    let mut bench = bench;
    for n in 0..200 {
        assert_eq!(bench.push(Lane::High, n, &format!("before {n}")).await, Enqueued::Accepted);
    }
    bench.redis.kill_first_master();
    its_replica_serves(&bench).await;
    // The place of the dead one is filled again, as an orchestrator does: without a second copy
    // nothing counts as accepted.
    bench.redis.resume().await;
    for n in 0..100 {
        bench.push_until_accepted(n, &format!("after {n}")).await;
    }
    let mut worker = bench.worker();
    let mut done = std::collections::HashSet::new();
    while done.len() < 300 {
        let held = worker.next().await;
        done.extend(held.ids());
        held.all(&Verdict::Done);
    }
    assert!(worker.is_running());
    eventually("nothing is left", || async { bench.queue.stats().await.ok().filter(|s| s.total == 0 && s.completed == 300) })
        .await;
}

/// Waits until the replica of the master that died has taken its slots.
async fn its_replica_serves(bench: &Bench) {
    eventually("its replica has taken its slots", || async {
        let nodes = bench.redis.ask(&["CLUSTER", "NODES"]).pop()?;
        let serving =
            nodes.lines().filter(|node| node.contains("master") && !node.contains("fail") && node.contains("connected "));
        (nodes.contains("master,fail ") && serving.count() == 3).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_master_that_died_holds_up_no_shard_of_others() {
    let directory = new_directory();
    let mut bench = Bench::on(Redis::cluster(&directory, 1), directory, |settings| {
        settings.shards = 16;
        settings.min_replicas = 1;
    });
    for flow in 0..16 {
        bench.push(Lane::High, flow, &format!("before {flow}")).await;
    }
    let (dying, others): (Vec<u64>, Vec<u64>) = (0..16).partition(|shard| is_on_first_master(&bench, *shard));
    assert!(!dying.is_empty() && !others.is_empty());
    bench.redis.kill_first_master();
    // What the dead one had is asked for all the while, as webhooks do.
    let (producer, asked) = (bench.producer.clone(), dying.clone());
    let asking = tokio::spawn(async move {
        for round in 0.. {
            let jobs = asked.iter().map(|flow| producer.enqueue(job(*flow, &format!("lost {round}"))));
            futures::future::join_all(jobs).await;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    let mut slowest = Duration::ZERO;
    let mut served = Box::pin(its_replica_serves(&bench));
    for round in 0.. {
        for flow in &others {
            let begin = Instant::now();
            let result = bench.producer.enqueue(job(*flow, &format!("meanwhile {round}"))).await;
            assert_eq!(result.ok(), Some(Enqueued::Accepted), "shard {flow}, round {round}");
            slowest = slowest.max(begin.elapsed());
        }
        if futures::poll!(&mut served).is_ready() {
            break;
        }
    }
    asking.abort();
    drop(served);
    // Anyone who waits for the dead one waits for a command's time limit.
    assert!(slowest < redis_client::COMMAND_TIMEOUT / 2, "{slowest:?}");
    bench.redis.resume().await;
    for flow in dying {
        eventually("it is accepted", || async { bench.producer.enqueue(job(flow, "again")).await.ok() }).await;
    }
}

/// Whether that shard's slot is of the third of slots that the first master has.
fn is_on_first_master(bench: &Bench, shard: u64) -> bool {
    let tag = format!("{{{}:{shard}}}", bench.queue.settings().name);
    bench.redis.ask(&["CLUSTER", "KEYSLOT", &tag])[0].trim().parse::<u16>().unwrap() <= 5460
}

fn job(flow: u64, turn: &str) -> NewJob {
    let id = format!("{turn} {flow}");
    NewJob { id: id.clone(), claim: id, lane: Lane::High, flow, traceparent: None, payload: Vec::new() }
}

#[tokio::test]
async fn without_its_replicas_a_queue_refuses_at_once_and_takes_again_when_they_come() {
    let directory = new_directory();
    let bench = Bench::on(Redis::one(&directory, &[]).await, directory, |settings| {
        settings.shards = 1;
        settings.min_replicas = 1;
    });
    let first = bench.producer.enqueue(job(0, "first")).await;
    assert!(matches!(first, Err(Error::NotReplicated { reached: 0, wanted: 1 })), "{first:?}");
    for n in 0..200 {
        let result = bench.producer.enqueue(job(0, &format!("while {n}"))).await;
        assert!(matches!(result, Err(Error::Degraded)), "{result:?}");
    }
    let copies = new_directory();
    let mut copy = Redis::one(&copies, &[]).await;
    copy.follow(&bench.redis);
    // The first one's claim is in Redis: only now that a replica has it, it is told to be a duplicate or its own.
    eventually("it is accepted", || async { bench.producer.enqueue(job(0, "first")).await.ok() }).await;
    copy.kill();
    drop(std::fs::remove_dir_all(copies));
}

#[tokio::test]
async fn a_burst_before_the_outage_is_known_does_not_wait_for_a_timeout_each() {
    let directory = new_directory();
    let bench = Bench::on(Redis::one(&directory, &[]).await, directory, |settings| {
        settings.shards = 1;
        settings.min_replicas = 1;
    });
    let turns: Vec<String> = (0..2000).map(|n| format!("at once {n}")).collect();
    let results = futures::future::join_all(turns.iter().map(|turn| bench.producer.enqueue(job(0, turn)))).await;
    let degraded = results.iter().filter(|result| matches!(result, Err(Error::Degraded))).count();
    assert!(results.iter().all(Result::is_err));
    // Only the calls that were under way waited for replicas.
    assert!(degraded >= 1800, "{degraded}");
}
