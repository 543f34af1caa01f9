//! Each job is done, whatever becomes of those who hold it.

use std::time::{Duration, Instant};

use e2e::{Bench, Redis, WallClock, eventually, job, new_directory};
use queue::{DeadQuery, Enqueued, Lane, LeasedJob, NewJob, Packing, Producer, Queue, QueueSettings, Verdict};

/// Long enough that nothing but what a test is about can bring a job.
const NEVER: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn a_killed_workers_jobs_are_taken_over() {
    let bench = Bench::start(|settings| {
        settings.lease = Duration::from_secs(1);
        settings.idle_poll = NEVER;
    })
    .await;
    bench.push(Lane::High, 7, "a").await;
    let mut first = bench.worker();
    let held = first.next().await;
    let mut second = bench.worker();
    first.kill().await;
    drop(held);

    let again = second.next().await;
    assert_eq!((again.ids(), again.batch.jobs[0].takeovers, again.batch.jobs[0].failed_attempts), (vec!["a".to_owned()], 1, 0));
    again.all(&Verdict::Done);
    eventually("it is done", || async { (bench.queue.stats().await.unwrap().completed == 1).then_some(()) }).await;
}

/// The same job is in two hands; the late one neither undoes the other's work nor ends for it.
#[tokio::test]
async fn a_late_acknowledgement_is_harmless() {
    let bench = Bench::start(|_| ()).await;
    bench.push(Lane::High, 7, "a").await;
    let mut slow = bench.worker();
    let late = slow.next().await;
    bench.expire_leases();
    let mut quick = bench.worker();
    let taken = quick.next().await;
    assert_eq!(taken.ids(), ["a"], "it was delivered twice");
    taken.all(&Verdict::Done);
    eventually("it is done", || async { (bench.queue.stats().await.unwrap().completed == 1).then_some(()) }).await;
    late.all(&Verdict::Done);

    quick.stop().await;
    bench.push(Lane::High, 7, "b").await;
    let next = slow.next().await;
    assert_eq!(next.ids(), ["b"], "the late one works on");
    next.all(&Verdict::Done);
    eventually("both are done", || async { (bench.queue.stats().await.unwrap().completed == 2).then_some(()) }).await;
    let counts = bench.queue.stats().await.unwrap();
    assert_eq!((counts.total, counts.failed, counts.dead), (0, 0, 0));
}

/// It failed in the hand that had lost it, and was done in the other.
#[tokio::test]
async fn a_late_failure_does_not_bring_a_job_back() {
    let bench = Bench::start(|settings| settings.max_attempts = 1).await;
    bench.push(Lane::High, 7, "a").await;
    let mut slow = bench.worker();
    let late = slow.next().await;
    bench.expire_leases();
    let mut quick = bench.worker();
    let taken = quick.next().await;
    late.all(&Verdict::Failed("late".to_owned()));
    // Its verdict has been recorded, or not, once it takes the next job.
    bench.push(Lane::High, 7, "b").await;
    let other = slow.next().await;
    assert_eq!(other.ids(), ["b"]);
    assert_eq!(bench.queue.stats().await.unwrap().failed, 0, "the job is another's");
    other.all(&Verdict::Done);
    taken.all(&Verdict::Done);
    eventually("both are done", || async { (bench.queue.stats().await.unwrap().completed == 2).then_some(()) }).await;
    let counts = bench.queue.stats().await.unwrap();
    assert_eq!((counts.total, counts.failed, counts.dead), (0, 0, 0));
}

/// An acknowledgement that comes when the job is a dead letter already still counts: its rows stand.
#[tokio::test]
async fn a_job_that_was_done_is_no_dead_letter() {
    let bench = Bench::start(|settings| settings.max_attempts = 1).await;
    bench.push(Lane::High, 7, "a").await;
    let mut slow = bench.worker();
    let late = slow.next().await;
    bench.expire_leases();
    let mut quick = bench.worker();
    quick.next().await.all(&Verdict::Failed("no".to_owned()));
    eventually("it is dead", || async { (bench.queue.stats().await.unwrap().dead == 1).then_some(()) }).await;
    late.all(&Verdict::Done);
    eventually("it is done", || async { (bench.queue.stats().await.unwrap().completed == 1).then_some(()) }).await;
    assert_eq!(bench.queue.stats().await.unwrap().dead, 0);
}

#[tokio::test]
async fn what_is_given_back_comes_again_with_its_attempts_as_they_were() {
    let bench = Bench::start(|settings| settings.idle_poll = NEVER).await;
    bench.push(Lane::Normal, 7, "a").await;
    let mut worker = bench.worker();
    worker.next().await.all(&Verdict::Released);
    let again = worker.next().await;
    assert_eq!((again.ids(), again.batch.jobs[0].failed_attempts), (vec!["a".to_owned()], 0));
}

/// A job that ends each worker that takes it dies by itself; those beside it live.
#[tokio::test]
async fn a_poisoned_job_drags_nobody_along() {
    let bench = Bench::start(|settings| settings.shards = 2).await;
    for n in 0..20 {
        bench.push(Lane::High, n % 4, &format!("good {n}")).await;
    }
    bench.push(Lane::High, 1, "poison").await;
    let mut deaths = 0;
    let mut worker = bench.worker();
    let ended = || async {
        let counts = bench.queue.stats().await.unwrap();
        (counts.dead > 0 && counts.completed == 20).then_some(())
    };
    loop {
        // Nothing is fetched any more where the last fetch buried it.
        let held = tokio::select! {
            biased;
            held = worker.next() => held,
            () = eventually("it is buried and the others are done", ended) => break,
        };
        if held.ids().contains(&"poison".to_owned()) {
            worker.kill().await;
            drop(held);
            bench.expire_leases();
            worker = bench.worker();
            deaths += 1;
        } else {
            held.all(&Verdict::Done);
        }
    }
    assert_eq!(deaths, 6, "the first delivery and five take-overs");
    let letter = bench.queue.dead_letter("poison").await.unwrap().unwrap();
    assert!(letter.error.contains("its worker died"), "{}", letter.error);
}

#[tokio::test]
async fn a_failed_job_comes_again_after_its_delay_and_dies_with_its_history() {
    let bench = Bench::start(|settings| settings.idle_poll = NEVER).await;
    bench.push(Lane::High, 7, "a").await;
    let mut worker = bench.worker();
    for (attempt, least_ms) in [(0, 0), (1, 400), (2, 800)] {
        let begun = Instant::now();
        let held = worker.next().await;
        assert_eq!(held.batch.jobs[0].failed_attempts, attempt);
        assert!(begun.elapsed() >= Duration::from_millis(least_ms), "attempt {attempt} came after {:?}", begun.elapsed());
        held.all(&Verdict::Failed(format!("reason {attempt}")));
    }
    eventually("it is dead", || async { (bench.queue.stats().await.unwrap().dead == 1).then_some(()) }).await;
    let letter = bench.queue.dead_letter("a").await.unwrap().unwrap();
    assert_eq!((letter.attempts, letter.error.as_str(), &letter.payload[..]), (3, "reason 2", &b"payload of a"[..]));
    let errors: Vec<&str> = letter.history.iter().map(|attempt| attempt.error.as_str()).collect();
    assert_eq!(errors, ["reason 0", "reason 1", "reason 2"]);
    assert!(letter.history.is_sorted_by_key(|attempt| attempt.at_ms) && letter.history[0].at_ms >= letter.enqueued_ms);
}

/// Redis' clock is set back by an hour while a retry and a lease are under way: the retry comes
/// after its own delay, the lease ends after its own time, neither an hour late.
#[tokio::test]
async fn a_clock_that_goes_back_delays_nothing() {
    let mut clock = WallClock::at(clock::now());
    let directory = new_directory();
    let environment = clock.environment();
    let environment = environment.each_ref().map(|(name, value)| (*name, value.as_str()));
    let redis = Redis::one(&directory, &environment).await;
    let bench = Bench::on(redis, directory, |settings| {
        settings.shards = 1;
        settings.idle_poll = NEVER;
        settings.lease = Duration::from_secs(2);
    });
    bench.push(Lane::High, 1, "retried").await;
    let mut worker = bench.worker();
    worker.next().await.all(&Verdict::Failed("once".to_owned()));
    eventually("it is delayed", || async { (bench.queue.stats().await.unwrap().delayed == 1).then_some(()) }).await;
    let before: i64 = bench.redis.ask(&["TIME"])[0].lines().next().unwrap().parse().unwrap();
    clock.pass(-chrono::Duration::hours(1));
    let after: i64 = bench.redis.ask(&["TIME"])[0].lines().next().unwrap().parse().unwrap();
    assert!(before - after > 3000, "Redis' clock did not go back: {before} {after}");

    let held = worker.next().await;
    assert_eq!(held.ids(), ["retried"]);
    let mut second = bench.worker();
    worker.kill().await;
    drop(held);
    assert_eq!(second.next().await.ids(), ["retried"], "its lease ended too");
}

#[tokio::test]
async fn a_duplicate_is_told_the_first_jobs_id_and_trace_context_rides_along() {
    let bench = Bench::start(|_| ()).await;
    let traceparent = Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned());
    let job = |id: &str| queue::NewJob {
        id: id.to_owned(),
        claim: "the same".to_owned(),
        lane: Lane::High,
        flow: 3,
        traceparent: traceparent.clone(),
        payload: b"x".to_vec(),
    };
    // One call for all of them: who is first within it is first.
    let (a, b, c) =
        tokio::join!(bench.producer.enqueue(job("a")), bench.producer.enqueue(job("b")), bench.producer.enqueue(job("c")));
    assert_eq!(a.unwrap(), Enqueued::Accepted);
    assert_eq!((b.unwrap(), c.unwrap()), (Enqueued::DuplicateOf("a".to_owned()), Enqueued::DuplicateOf("a".to_owned())));
    let mut worker = bench.worker();
    let held = worker.next().await;
    assert_eq!((held.ids(), &held.batch.jobs[0].traceparent), (vec!["a".to_owned()], &traceparent));
}

/// Claims leave as a whole: none before its time, all after it.
#[tokio::test]
async fn a_claim_is_kept_for_its_time_and_not_for_ever() {
    const KEPT: Duration = Duration::from_secs(2);
    let bench = Bench::start(|settings| settings.claim_ttl = KEPT).await;
    let enqueue = |claim: &'static str, id: &str| {
        let (lane, payload) = (Lane::High, b"x".to_vec());
        bench.producer.enqueue(NewJob { id: id.to_owned(), claim: claim.to_owned(), lane, flow: 3, traceparent: None, payload })
    };
    // The second begins somewhere within the time of the others.
    for claim in ["first", "second", "third"] {
        let begun = Instant::now();
        assert_eq!(enqueue(claim, claim).await.unwrap(), Enqueued::Accepted);
        let second = format!("{claim}, again");
        eventually("the claim is free again", || async {
            match enqueue(claim, &second).await {
                Ok(Enqueued::DuplicateOf(id)) if id == claim => None,
                // What was not answered in time may have been taken all the same.
                Ok(Enqueued::DuplicateOf(id)) if id == second => Some(()),
                Ok(Enqueued::Accepted) => Some(()),
                Err(queue::Error::Redis(_)) => None,
                other => panic!("{other:?}"),
            }
        })
        .await;
        assert!(begun.elapsed() >= KEPT, "kept for {:?}", begun.elapsed());
    }
    eventually("nothing is kept of claims", || async {
        bench.redis.ask(&["KEYS", "*idempotency*"]).iter().all(|keys| keys.trim().is_empty()).then_some(())
    })
    .await;
}

/// Outcomes come while looks for more are under way; none waits for a timer, for there is none.
#[tokio::test]
async fn an_outcome_is_recorded_at_once_whatever_else_goes_on() {
    let bench = Bench::start(|settings| {
        (settings.lease, settings.idle_poll) = (NEVER, NEVER);
        (settings.batch_size, settings.fetch_batches) = (2, 3);
    })
    .await;
    let mut worker = e2e::Worker::start(&bench.queue, &bench.redis.url(), 2);
    for round in 1..=40_i64 {
        futures::future::join_all((0..7_u64).map(|n| {
            let (bench, id) = (&bench, format!("{round}.{n}"));
            async move { bench.push(Lane::High, n, &id).await }
        }))
        .await;
        let mut handed = 0;
        while handed < 7 {
            let batch = worker.next().await;
            assert!(batch.ids().len() <= 2);
            handed += batch.ids().len();
            batch.all(&Verdict::Done);
        }
        let done = || async { (bench.queue.stats().await.unwrap().completed == 7 * round).then_some(()) };
        eventually("all of the round are recorded", done).await;
    }
    worker.stop().await;
}

#[tokio::test]
async fn what_was_fetched_ahead_is_given_back_by_a_worker_that_stops() {
    let bench = Bench::start(|settings| {
        (settings.lease, settings.idle_poll, settings.shards) = (NEVER, NEVER, 1);
        (settings.batch_size, settings.fetch_batches) = (2, 3);
    })
    .await;
    for n in 0..8 {
        bench.push(Lane::High, 1, &n.to_string()).await;
    }
    let mut worker = bench.worker();
    let first = worker.next().await;
    assert_eq!(first.ids(), ["0", "1"]);
    assert_eq!(bench.queue.stats().await.unwrap().active, 6, "three batches were fetched");
    worker.ask_to_stop();
    first.all(&Verdict::Done);
    let done = 2 + finished_until_it_ends(&mut worker).await;
    assert!(done <= 4, "one batch more, if it did not hear yet");
    let counts = bench.queue.stats().await.unwrap();
    assert_eq!((counts.completed as u64, counts.active, counts.waiting as u64), (done, 0, 8 - done));
    let mut next = bench.worker();
    assert_eq!(next.next().await.ids().len(), 2);
}

/// Before a backlog the next look is made while batches still wait for a place, and what it brings is
/// released as well by a worker that stops.
#[tokio::test]
async fn a_backlog_is_fetched_before_all_that_was_fetched_is_handed_out() {
    let bench = Bench::start(|settings| {
        (settings.lease, settings.idle_poll, settings.shards) = (NEVER, NEVER, 1);
        (settings.batch_size, settings.fetch_batches) = (2, 4);
    })
    .await;
    for n in 0..30 {
        bench.push(Lane::High, 1, &n.to_string()).await;
    }
    let mut worker = bench.worker();
    let (mut handed, mut most) = (0, 0);
    while handed < 12 {
        let batch = worker.next().await;
        handed += batch.ids().len() as u64;
        if handed == 6 {
            // Of the first look a batch is left at most: eight jobs more come while the third is in flight.
            let looked = || async { (bench.queue.stats().await.unwrap().active > 8).then_some(()) };
            eventually("the next look is made", looked).await;
        }
        most = most.max(bench.queue.stats().await.unwrap().active);
        batch.all(&Verdict::Done);
    }
    assert!(most <= 8 + 4 + 2, "{most} jobs were in flight: a look, half of one, and an outcome on its way");
    worker.ask_to_stop();
    handed += finished_until_it_ends(&mut worker).await;
    let counts = bench.queue.stats().await.unwrap();
    assert_eq!((counts.completed as u64, counts.active, counts.waiting as u64), (handed, 0, 30 - handed));
}

/// How many jobs a worker that was asked to stop still hands out; they are done.
async fn finished_until_it_ends(worker: &mut e2e::Worker) -> u64 {
    let mut done = 0;
    while worker.is_running() {
        if let Some(batch) = worker.handed() {
            done += batch.ids().len() as u64;
            batch.all(&Verdict::Done);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    done
}

/// A roll-out from a version that packs alone mixes both kinds.
#[tokio::test]
async fn jobs_of_either_packing_are_read() {
    let bench = Bench::start(|settings| {
        settings.packing = Packing::Alone;
        settings.max_attempts = 1;
    })
    .await;
    let settings = QueueSettings { packing: Packing::Dictionary, ..bench.queue.settings().clone() };
    let packing = Producer::start(&Queue::new(bench.queue.client().clone(), settings));
    let mut sent = Vec::new();
    for producer in [&bench.producer, &packing] {
        let job = job(1);
        sent.push(job.payload.clone());
        assert_eq!(producer.enqueue(job).await.unwrap(), Enqueued::Accepted);
    }
    let mut worker = bench.worker();
    let held = worker.next().await;
    let read = |job: &LeasedJob| job.payload.read(&mut Vec::new()).unwrap().to_vec();
    let got: Vec<Vec<u8>> = held.batch.jobs.iter().map(read).collect();
    assert_eq!(got, sent);
    held.all(&Verdict::Failed("of both kinds".to_owned()));
    eventually("both are dead", || async { (bench.queue.stats().await.unwrap().dead == 2).then_some(()) }).await;
    let dead = bench.queue.dead_letters(&DeadQuery { limit: 10, ..DeadQuery::default() }, |_| true).await.unwrap().letters;
    assert!(sent.iter().all(|payload| dead.iter().any(|letter| letter.payload == payload)));
}
