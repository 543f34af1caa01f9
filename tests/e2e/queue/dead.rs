//! Dead letters: found, shown, driven again, dropped, bounded.

use std::{collections::HashSet, time::Duration};

use e2e::{Bench, eventually};
use queue::{DeadQuery, Lane, Verdict};

/// A queue with that many dead letters, from several companies and lanes.
async fn with_dead(count: u64, change: impl FnOnce(&mut queue::QueueSettings)) -> Bench {
    let bench = Bench::start(|settings| {
        settings.max_attempts = 1;
        change(settings);
    })
    .await;
    for n in 0..count {
        let lane = if n % 3 == 0 { Lane::Normal } else { Lane::High };
        bench.push(lane, n % 5, &format!("{n:03}")).await;
    }
    let mut worker = bench.worker();
    while bench.queue.stats().await.unwrap().failed < count as i64 {
        while let Some(held) = worker.handed() {
            held.all(&Verdict::Failed("reason".to_owned()));
        }
        tokio::task::yield_now().await;
    }
    worker.stop().await;
    bench
}

#[tokio::test]
async fn a_list_goes_through_all_of_them_by_cursor() {
    let bench = with_dead(250, |_| ()).await;
    let mut query = DeadQuery { limit: 17, ..DeadQuery::default() };
    let mut seen = Vec::new();
    loop {
        let page = bench.queue.dead_letters(&query, |_| true).await.unwrap();
        assert!(page.letters.len() <= 17);
        seen.extend(page.letters.into_iter().map(|letter| (letter.died_ms, letter.id)));
        match page.next {
            Some(next) => query.after = Some(next),
            None => break,
        }
    }
    assert_eq!(seen.len(), 250);
    assert!(seen.is_sorted_by(|a, b| a >= b), "the latest first");
    assert_eq!(seen.iter().collect::<HashSet<_>>().len(), 250, "none twice");
}

#[tokio::test]
async fn filters_choose_and_a_redriven_job_keeps_its_identity() {
    let bench = with_dead(60, |_| ()).await;
    let others = DeadQuery { lane: Some(Lane::Normal), limit: 100, ..DeadQuery::default() };
    assert_eq!(bench.queue.dead_letters(&others, |_| true).await.unwrap().letters.len(), 20);
    let all = DeadQuery { limit: 100, ..DeadQuery::default() };
    let few = bench.queue.dead_letters(&all, |letter| letter.id.ends_with('7')).await.unwrap();
    assert_eq!((few.letters.len(), few.next), (6, None));
    let first = bench.queue.dead_letters(&all, |_| true).await.unwrap().letters.pop().unwrap();
    let later = DeadQuery { from_ms: Some(first.died_ms + 3_600_000), limit: 100, ..DeadQuery::default() };
    assert_eq!(bench.queue.dead_letters(&later, |_| true).await.unwrap().letters.len(), 0);
    let before = DeadQuery { until_ms: Some(first.died_ms), limit: 100, ..DeadQuery::default() };
    assert_eq!(bench.queue.dead_letters(&before, |_| true).await.unwrap().letters.len(), 0);

    assert_eq!(bench.queue.redrive_matching(&others, |_| true).await.unwrap(), 20);
    let counts = bench.queue.stats().await.unwrap();
    assert_eq!((counts.others.waiting, counts.dead, counts.payments.dead), (20, 40, 40));
    // Its claim is still its own.
    let again = bench.producer.enqueue(queue::NewJob {
        id: "another".to_owned(),
        claim: "000".to_owned(),
        lane: Lane::Normal,
        flow: 0,
        traceparent: None,
        payload: Vec::new(),
    });
    assert_eq!(again.await.unwrap(), queue::Enqueued::DuplicateOf("000".to_owned()));
    let mut worker = bench.worker();
    let held = worker.next().await;
    assert!(held.batch.jobs.iter().all(|job| job.failed_attempts == 0 && job.lane == Lane::Normal));
    held.all(&Verdict::Done);
    eventually("they are done", || async { (bench.queue.stats().await.unwrap().completed >= 5).then_some(()) }).await;

    assert_eq!(bench.queue.discard_matching(&all, |letter| letter.id.ends_with('7')).await.unwrap(), 4);
    assert_eq!(bench.queue.stats().await.unwrap().dead, 36);
    assert!(bench.queue.dead_letter("007").await.unwrap().is_none());
}

#[tokio::test]
async fn they_are_bounded_by_number_and_age() {
    let bench = with_dead(100, |settings| {
        settings.shards = 2;
        settings.dead_max_count = 10;
        settings.lease = Duration::from_secs(1);
    })
    .await;
    // A worker's heartbeats do the trimming.
    let worker = bench.worker();
    eventually("few are left", || async { (bench.queue.stats().await.unwrap().dead <= 20).then_some(()) }).await;
    worker.stop().await;
    let counts = bench.queue.stats().await.unwrap();
    assert_eq!(counts.dropped, 100 - counts.dead);
    let left = bench.queue.dead_letters(&DeadQuery { limit: 100, ..DeadQuery::default() }, |_| true).await.unwrap().letters;
    assert_eq!(left.len() as i64, counts.dead);

    assert_eq!(bench.queue.clean(Duration::from_secs(3600)).await.unwrap(), 0, "none is an hour old");
    bench.push(Lane::High, 1, "waits").await;
    assert_eq!(bench.queue.clean(Duration::ZERO).await.unwrap() as i64, counts.dead);
    let after = bench.queue.stats().await.unwrap();
    assert_eq!((after.dead, after.waiting, bench.queue.recent().await.unwrap().len()), (0, 1, 0), "what waits stays");
}
