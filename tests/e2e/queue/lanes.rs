//! Who comes first.

use e2e::{Bench, eventually};
use queue::{Lane, Verdict};

#[tokio::test]
async fn payments_come_first_and_the_others_keep_their_share() {
    let bench = Bench::start(|settings| settings.shards = 1).await;
    for n in 0..60 {
        bench.push(Lane::Normal, 1, &format!("other {n}")).await;
        bench.push(Lane::High, 1, &format!("payment {n}")).await;
    }
    let mut worker = bench.worker();
    for round in 0..2 {
        let held = worker.next().await;
        let others = held.ids().iter().filter(|id| id.starts_with("other")).count();
        assert_eq!((held.ids().len(), others), (25, 2), "round {round}: one place in ten is the others'");
        held.all(&Verdict::Done);
    }
    // When payments run out, the others have all places.
    let held = worker.next().await;
    let others = held.ids().iter().filter(|id| id.starts_with("other")).count();
    assert_eq!((held.ids().len(), others), (25, 11));
}

/// In one shard, behind a long line of one company, another company's job is next but one.
#[tokio::test]
async fn a_companys_flood_delays_its_own_jobs_alone() {
    let bench = Bench::start(|settings| {
        settings.shards = 1;
        settings.batch_size = 10;
    })
    .await;
    bench.queue.pause(None).await.unwrap();
    for n in 0..500 {
        bench.push(Lane::High, 0xa, &format!("a{n:03}")).await;
    }
    let mut worker = bench.worker();
    bench.queue.resume(None).await.unwrap();
    for _ in 0..3 {
        worker.next().await.all(&Verdict::Done);
    }
    let held = worker.next().await;
    for n in 0..3 {
        bench.push(Lane::High, 0xb, &format!("b{n}")).await;
    }
    held.all(&Verdict::Done);
    // The worker may have fetched one batch ahead of the newcomers.
    let mut seen = Vec::new();
    for _ in 0..2 {
        let held = worker.next().await;
        seen.extend(held.ids());
        held.all(&Verdict::Done);
    }
    assert!((0..3).all(|n| seen.contains(&format!("b{n}"))), "{seen:?}");
    let own: Vec<&String> = seen.iter().filter(|id| id.starts_with('a')).collect();
    assert!(own.is_sorted(), "a company's jobs keep their order: {own:?}");
}

#[tokio::test]
async fn counts_are_told_by_lane() {
    let bench = Bench::start(|settings| settings.max_attempts = 1).await;
    for n in 0..5 {
        bench.push(Lane::High, n, &format!("p{n}")).await;
    }
    bench.push(Lane::Normal, 1, "o").await;
    bench.push(Lane::Normal, 1, "o").await;
    bench.queue.pause(Some(Lane::High)).await.unwrap();
    let mut worker = bench.worker();
    let held = worker.next().await;
    let counts = bench.queue.stats().await.unwrap();
    assert_eq!((counts.payments.waiting, counts.others.waiting, counts.others.active, counts.active), (5, 0, 1, 1));
    assert_eq!((counts.accepted, counts.duplicates, counts.workers, counts.total), (6, 1, 1, 6));
    assert!(counts.payments.paused && !counts.others.paused && !counts.paused);
    held.all(&Verdict::Failed("no".to_owned()));
    bench.queue.resume(Some(Lane::High)).await.unwrap();
    while bench.queue.stats().await.unwrap().total > 0 {
        if let Some(held) = worker.handed() {
            held.all(&Verdict::Done);
        }
        tokio::task::yield_now().await;
    }
    let counts = bench.queue.stats().await.unwrap();
    assert_eq!((counts.payments.completed, counts.others.completed, counts.completed), (5, 0, 5));
    assert_eq!((counts.payments.failed, counts.others.failed, counts.others.dead, counts.failed), (0, 1, 1, 1));
    worker.kill().await;
    eventually("a dead worker is not counted", || async { (bench.queue.stats().await.unwrap().workers == 0).then_some(()) })
        .await;
}
