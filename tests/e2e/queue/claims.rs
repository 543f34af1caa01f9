//! Claims: kept at once with a dead letter, freed with it, shared with a version before, forgotten after a restore.

use std::time::Duration;

use e2e::{Bench, eventually};
use queue::{Claim, DeadQuery, Enqueued, Lane, NewJob, Verdict};
use redis_client::fred::interfaces::{HashesInterface, KeysInterface};

async fn bench() -> Bench {
    Bench::start(|settings| {
        settings.max_attempts = 1;
        settings.claims_of = |payload| {
            [std::str::from_utf8(payload).ok().and_then(|text| text.strip_prefix("payload of ")).map(str::to_owned), None]
        };
    })
    .await
}

fn job(id: &str, claim: &str) -> NewJob {
    let payload = format!("payload of {claim}").into_bytes();
    NewJob { id: id.to_owned(), claim: claim.to_owned(), lane: Lane::Normal, flow: 3, traceparent: None, payload }
}

#[tokio::test]
async fn a_job_can_be_a_dead_letter_at_once_and_wait_after_it_was_replaced() {
    let bench = bench().await;
    let dead = async |id: &str| bench.producer.enqueue_dead(job(id, "c"), None, "unreadable", "no JSON").await.unwrap();
    assert_eq!(dead("one").await, Enqueued::Accepted);
    assert_eq!(dead("one").await, Enqueued::Accepted, "sent again after a lost answer");
    assert_eq!(dead("two").await, Enqueued::DuplicateOf("one".to_owned()));
    assert_eq!(bench.producer.enqueue(job("three", "c")).await.unwrap(), Enqueued::DuplicateOf("one".to_owned()));
    let counts = bench.queue.stats().await.unwrap();
    assert_eq!((counts.accepted, counts.dead, counts.failed, counts.waiting, counts.duplicates), (1, 1, 1, 0, 2));
    let letter = bench.queue.dead_letter("one").await.unwrap().unwrap();
    assert_eq!((letter.kind.as_deref(), letter.error.as_str(), letter.attempts), (Some("unreadable"), "no JSON", 0));

    let other = NewJob { lane: Lane::High, payload: b"now it can be read".to_vec(), ..job("one", "c") };
    assert!(bench.queue.replace_dead(&other).await.unwrap());
    assert!(!bench.queue.replace_dead(&other).await.unwrap(), "it is none any more");
    let mut worker = bench.worker();
    let held = worker.next().await;
    assert_eq!(held.batch.jobs[0].lane, Lane::High);
    assert_eq!(held.batch.jobs[0].payload.read(&mut Vec::new()).unwrap(), b"now it can be read");
    // A job for which no attempt can succeed is spared them.
    held.all(&Verdict::Dead { kind: "unreadable", reason: "still not".to_owned() });
    let letter = eventually("it is dead again", || async { bench.queue.dead_letter("one").await.unwrap() }).await;
    assert_eq!((letter.kind.as_deref(), letter.error.as_str()), (Some("unreadable"), "still not"));
}

#[tokio::test]
async fn what_is_discarded_or_cleaned_is_accepted_again() {
    let bench = bench().await;
    for n in 0..3 {
        bench.producer.enqueue_dead(job(&format!("job {n}"), &format!("claim {n}")), None, "unreadable", "x").await.unwrap();
    }
    let again = async |n: u64| bench.producer.enqueue(job(&format!("again {n}"), &format!("claim {n}"))).await.unwrap();
    assert_eq!(bench.queue.discard(&["job 0".to_owned()]).await.unwrap(), 1);
    assert_eq!((again(0).await, again(1).await), (Enqueued::Accepted, Enqueued::DuplicateOf("job 1".to_owned())));
    // The claim is another job's by now, which keeps it.
    assert_eq!(again(0).await, Enqueued::Accepted, "the same job");
    assert_eq!(bench.queue.clean(Duration::ZERO).await.unwrap(), 2);
    assert_eq!((again(1).await, again(2).await), (Enqueued::Accepted, Enqueued::Accepted));
    let none = bench.queue.dead_letters(&DeadQuery { limit: 9, ..DeadQuery::default() }, |_| true).await.unwrap();
    assert!(none.letters.is_empty());
}

#[tokio::test]
async fn a_version_before_and_this_one_know_each_others_claims() {
    let bench = bench().await;
    let name = &bench.queue.settings().name;
    let key = format!("{{{name}:3}}:idempotency");
    let known_as = async |id: &str, legacy: &str| {
        bench.producer.enqueue_known_as(job(id, &format!("claim of {id}")), Some(legacy)).await.unwrap()
    };
    // Nobody of before: nothing is written for them.
    assert_eq!(known_as("a", "legacy a").await, Enqueued::Accepted);
    let client = bench.queue.client();
    assert_eq!(client.exists::<i64, _>(&key).await.unwrap(), 0);
    client.hset::<i64, _, _>(&key, ("legacy b", "b")).await.unwrap();
    client.expire::<i64, _>(&key, 100, None).await.unwrap();
    assert_eq!(known_as("second b", "legacy b").await, Enqueued::DuplicateOf("b".to_owned()));
    assert_eq!(known_as("c", "legacy c").await, Enqueued::Accepted);
    assert_eq!(client.hget::<String, _, _>(&key, "legacy c").await.unwrap(), "c");
    let left: i64 = client.ttl(&key).await.unwrap();
    assert!((1..=100).contains(&left), "it expires when nobody of before writes it");
}

#[tokio::test]
async fn claims_of_jobs_that_are_gone_are_found_and_forgotten() {
    let bench = bench().await;
    for n in 0..30 {
        bench.producer.enqueue(job(&format!("job {n}"), &format!("claim {n}"))).await.unwrap();
    }
    let mut worker = bench.worker();
    while bench.queue.stats().await.unwrap().completed < 30 {
        while let Some(held) = worker.handed() {
            held.all(&Verdict::Done);
        }
        tokio::task::yield_now().await;
    }
    worker.stop().await;
    eventually("its outcomes are recorded", || async { (bench.queue.stats().await.unwrap().active == 0).then_some(()) }).await;
    bench.producer.enqueue(job("waits", "claim of what waits")).await.unwrap();
    let mut gone: Vec<Claim> = Vec::new();
    for shard in 0..bench.queue.shard_count() {
        let note = async |page: Vec<Claim>| {
            gone.extend(page);
            Ok(())
        };
        bench.queue.claims(shard, note).await.unwrap();
    }
    gone.sort_by(|a, b| a.job.cmp(&b.job));
    gone.dedup();
    assert_eq!(gone.len(), 30, "{gone:?}");
    let shard = 3;
    let wrong = Claim { job: "another".to_owned(), ..gone[0].clone() };
    assert_eq!(bench.queue.forget_claims(shard, &[wrong]).await.unwrap(), 0);
    assert_eq!(bench.queue.forget_claims(shard, &gone[..10]).await.unwrap(), 10);
    let accepted =
        async |claim: &Claim| bench.producer.enqueue(job(&format!("new {}", claim.job), &claim.identity)).await.unwrap();
    assert_eq!(accepted(&gone[0]).await, Enqueued::Accepted);
    assert_eq!(accepted(&gone[10]).await, Enqueued::DuplicateOf(gone[10].job.clone()));
}
