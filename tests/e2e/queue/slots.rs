//! A cluster's slots move while the queue is used, as when a node is added.

use e2e::{Bench, OwnDirectory, Redis, eventually, new_directory};
use queue::Verdict;
use redis_client::fred::interfaces::{ClientLike, KeysInterface};
use tokio::runtime::Handle;

/// Jobs between two moves.
const JOBS: u64 = 60;

async fn push(bench: &Bench, name: &str) {
    for n in 0..JOBS {
        bench.push_until_accepted(n, &format!("{name} {n}")).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slots_move_and_nothing_is_lost() {
    let directory = new_directory();
    let mut bench = Bench::on(Redis::cluster(&directory, 0), directory, |settings| settings.shards = 4);
    push(&bench, "before").await;
    for (n, shard) in [0, 1, 0, 2].into_iter().enumerate() {
        let (key, name) = (format!("{{{}:{shard}}}", bench.queue.settings().name), format!("move {n}"));
        tokio::task::block_in_place(|| {
            std::thread::scope(|scope| {
                scope.spawn(|| bench.redis.move_slot_of(&key));
                Handle::current().block_on(push(&bench, &name));
            });
        });
    }
    bench.redis.kill();
    bench.redis.resume().await;
    push(&bench, "when all were killed").await;
    let mut worker = bench.worker();
    let mut done = std::collections::HashSet::new();
    while done.len() < 6 * JOBS as usize {
        let held = worker.next().await;
        done.extend(held.ids());
        held.all(&Verdict::Done);
    }
    eventually("nothing is left", || async { bench.queue.stats().await.ok().filter(|s| s.total == 0) }).await;
}

/// Who knows an old place of a slot is sent on twice while it moves again, which ends fred's connection for good.
#[tokio::test]
async fn who_is_sent_on_twice_is_answered_again_soon() {
    let directory = OwnDirectory(new_directory());
    let redis = Redis::cluster(&directory.0, 0);
    let client = redis_client::connect(&redis.url()).unwrap();
    let set = || async { client.set::<(), _, _>("{slot}:there", 1, None, None, false).await.ok() };
    eventually("the cluster is known", set).await;
    redis.move_slot_of("{slot}");
    let moving = redis.begin_move("{slot}");
    let absent: Result<Option<i64>, _> = client.get("{slot}:absent").await;
    assert!(absent.is_err(), "it was sent on too often: {absent:?}");
    redis.end_move(&moving);
    eventually("it is answered again", || async { client.get::<Option<i64>, _>("{slot}:there").await.ok().flatten() }).await;
    client.quit().await.unwrap();
}
