//! Answers: computed once, shared, never older than a commit allows.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use cache::{Bounds, Found, Outcome, Plan, ResponseCache, response::STALE_FOR};
use shared_stats::Meter;

use crate::{Redis, eventually};

const TAG: &str = "acme:transactions";
const BOUNDS: Bounds = Bounds { memory_bytes: 1 << 20, entry_bytes: 1 << 16, owner_bytes: 1 << 20 };
const PLAN: Plan = Plan { endpoint: "list", ttl: Duration::from_secs(60), local: Duration::from_secs(60) };

/// One process with its cache, and how often anything was computed.
struct Process {
    cache: ResponseCache,
    computed: Arc<AtomicU64>,
}

impl Process {
    async fn start(redis: &Redis, bounds: Bounds) -> Self {
        Self::of("t", redis, bounds).await
    }

    /// The same of the platform of that name.
    async fn of(platform: &str, redis: &Redis, bounds: Bounds) -> Self {
        let client = redis.client().await;
        let meter = Meter::start(client.clone(), platform);
        let wrap = |data: &[u8]| [b"<", data, b">"].concat();
        Self { cache: ResponseCache::new(client, platform, meter, bounds, wrap), computed: Arc::default() }
    }

    fn computed(&self) -> u64 {
        self.computed.load(Ordering::SeqCst)
    }

    /// The answer of `key`, computed as `data` where it is not there.
    async fn get(&self, plan: Plan, key: &str, data: &'static str) -> Found {
        let computed = self.computed.clone();
        let compute = move || async move {
            computed.fetch_add(1, Ordering::SeqCst);
            Ok::<_, ()>(data.as_bytes().to_vec())
        };
        self.cache.get(plan, TAG, key, compute).await.unwrap()
    }

    async fn told(&self, plan: Plan, key: &str, data: &'static str) -> (Outcome, String) {
        let found = self.get(plan, key, data).await;
        (found.outcome, String::from_utf8(found.entry.plain.to_vec()).unwrap())
    }
}

#[tokio::test]
async fn an_answer_is_computed_once_for_all_processes() {
    let redis = Redis::start();
    let (here, there) = (Process::start(&redis, BOUNDS).await, Process::start(&redis, BOUNDS).await);
    assert_eq!(here.told(PLAN, "a", "one").await, (Outcome::Miss, "<one>".to_owned()));
    assert_eq!(here.told(PLAN, "a", "two").await, (Outcome::Hit, "<one>".to_owned()));
    assert_eq!(there.told(PLAN, "a", "two").await, (Outcome::Hit, "<one>".to_owned()));
    assert_eq!(there.told(PLAN, "b", "two").await, (Outcome::Miss, "<two>".to_owned()));
    assert_eq!((here.computed(), there.computed()), (1, 1));
    let (same, other) = (here.get(PLAN, "a", "").await.entry, there.get(PLAN, "a", "").await.entry);
    assert_eq!((same.etag(false), same.version), (other.etag(false), other.version));
    assert!(!here.cache.is_away());
}

#[tokio::test]
async fn those_who_ask_meanwhile_wait_for_one_computation() {
    let redis = Redis::start();
    let (here, there) = (Process::start(&redis, BOUNDS).await, Process::start(&redis, BOUNDS).await);
    // It takes a while, so that all of them ask before it is done.
    let get = |process: &Process| {
        let (cache, computed) = (process.cache.clone(), process.computed.clone());
        let compute = move || async move {
            computed.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(500)).await;
            Ok::<_, ()>(b"one".to_vec())
        };
        async move { cache.get(PLAN, TAG, "a", compute).await.unwrap() }
    };
    let asked = (0..20).map(|n| get(if n % 2 == 0 { &here } else { &there }));
    let found = futures::future::join_all(asked).await;
    assert!(found.iter().all(|found| found.entry.plain == b"<one>"[..]));
    assert_eq!(here.computed() + there.computed(), 1);
}

#[tokio::test]
async fn a_commit_makes_an_answer_stale_and_then_it_is_gone() {
    let redis = Redis::start();
    let (here, there) = (Process::start(&redis, BOUNDS).await, Process::start(&redis, BOUNDS).await);
    here.get(PLAN, "a", "one").await;
    here.cache.tags().touch([TAG.to_owned()]).await.unwrap();
    // The first who learns of it is given the one before, and the new one is on its way.
    let (outcome, body) = eventually("somebody learns of the commit", async || {
        Some(here.told(PLAN, "a", "two").await).filter(|(outcome, _)| *outcome != Outcome::Hit)
    })
    .await;
    assert_eq!((outcome, body.as_str()), (Outcome::Stale, "<one>"));
    for process in [&here, &there] {
        let new = async || (process.told(PLAN, "a", "three").await.1 == "<two>").then_some(());
        eventually("the new answer", new).await;
    }
    assert_eq!((here.computed(), there.computed()), (2, 0));
}

#[tokio::test]
async fn what_another_process_computed_after_a_commit_is_not_computed_again() {
    let redis = Redis::start();
    let (here, there) = (Process::start(&redis, BOUNDS).await, Process::start(&redis, BOUNDS).await);
    here.get(PLAN, "a", "one").await;
    assert_eq!(there.told(PLAN, "a", "one").await.0, Outcome::Hit, "both have an answer of before");
    here.cache.tags().touch([TAG.to_owned()]).await.unwrap();
    let new = async |process: &Process| (process.told(PLAN, "a", "two").await.1 == "<two>").then_some(());
    eventually("the new answer here", async || new(&here).await).await;
    eventually("the new answer there", async || new(&there).await).await;
    assert_eq!((here.computed(), there.computed()), (2, 0));
}

#[tokio::test]
async fn an_answer_that_lacks_an_old_commit_is_not_given() {
    let redis = Redis::start();
    let here = Process::start(&redis, BOUNDS).await;
    here.get(PLAN, "a", "one").await;
    here.cache.tags().touch([TAG.to_owned()]).await.unwrap();
    let committed = Instant::now();
    eventually("it is too old to be given", async || (committed.elapsed() > STALE_FOR).then_some(())).await;
    assert_eq!(here.told(PLAN, "a", "two").await, (Outcome::Miss, "<two>".to_owned()));
}

#[tokio::test]
async fn an_answer_whose_time_is_over_is_given_once_more_while_it_is_computed() {
    let redis = Redis::start();
    let here = Process::start(&redis, BOUNDS).await;
    let plan = Plan { ttl: Duration::from_millis(400), ..PLAN };
    assert_eq!(here.told(plan, "a", "one").await.0, Outcome::Miss);
    let after = eventually("its time is over", async || {
        Some(here.told(plan, "a", "two").await).filter(|(outcome, _)| *outcome != Outcome::Hit)
    })
    .await;
    assert_eq!(after, (Outcome::Stale, "<one>".to_owned()));
    eventually("the new answer", async || (here.told(plan, "a", "three").await.1 == "<two>").then_some(())).await;
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_given_and_not_kept() {
    let redis = Redis::start();
    let small = Bounds { entry_bytes: 64, ..BOUNDS };
    let (here, there) = (Process::start(&redis, small).await, Process::start(&redis, small).await);
    for _ in 0..2 {
        assert_eq!(here.told(PLAN, "a", "one").await, (Outcome::Miss, "<one>".to_owned()));
    }
    assert_eq!(there.told(PLAN, "a", "two").await, (Outcome::Miss, "<two>".to_owned()));
    assert_eq!((here.computed(), there.computed()), (2, 1));
}

#[tokio::test]
async fn a_failure_is_told_and_the_next_computes_at_once() {
    let redis = Redis::start();
    let here = Process::start(&redis, BOUNDS).await;
    let failed = here.cache.get(PLAN, TAG, "a", || async { Err::<Vec<u8>, _>("away") }).await;
    assert_eq!(*failed.unwrap_err(), "away");
    let begun = Instant::now();
    assert_eq!(here.told(PLAN, "a", "one").await, (Outcome::Miss, "<one>".to_owned()));
    // The lease of the one that failed would have lasted for three seconds.
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn an_answer_is_made_ready_before_anybody_asks() {
    let redis = Redis::start();
    let (here, there) = (Process::start(&redis, BOUNDS).await, Process::start(&redis, BOUNDS).await);
    let data = |data: &'static str| move || async move { Ok::<_, ()>(data.as_bytes().to_vec()) };
    let version = here.cache.tags().version(TAG).await.unwrap().current;
    assert_eq!(Box::pin(here.cache.ensure(PLAN, TAG, "a", data("one"))).await, Ok(version));
    assert_eq!(Box::pin(here.cache.ensure(PLAN, TAG, "a", data("two"))).await, Ok(version));
    assert_eq!(there.told(PLAN, "a", "three").await, (Outcome::Hit, "<one>".to_owned()));
    assert_eq!(here.cache.refresh(PLAN, TAG, "a", data("four")).await, Ok(version));
    let last = Process::start(&redis, BOUNDS).await;
    assert_eq!(last.told(PLAN, "a", "five").await, (Outcome::Hit, "<four>".to_owned()));
    assert_eq!((there.computed(), last.computed()), (0, 0));
    // What is kept under a version that is over is made again.
    here.cache.tags().touch([TAG.to_owned()]).await.unwrap();
    let next = Box::pin(here.cache.ensure(PLAN, TAG, "a", data("six"))).await.unwrap();
    assert!(next > version);
    assert_eq!(Process::start(&redis, BOUNDS).await.told(PLAN, "a", "seven").await, (Outcome::Hit, "<six>".to_owned()));
}

#[tokio::test]
async fn platforms_and_places_share_nothing() {
    let redis = Redis::start();
    let (here, other) = (Process::start(&redis, BOUNDS).await, Process::of("u", &redis, BOUNDS).await);
    let first = here.get(PLAN, "a", "one").await.entry;
    assert_eq!(other.told(PLAN, "a", "two").await, (Outcome::Miss, "<two>".to_owned()));
    // Equal bodies of two places have two ETags: what one holds tells nothing of another.
    let second = here.get(PLAN, "b", "one").await.entry;
    assert!(first.plain == second.plain && first.etag(false) != second.etag(false));
}

#[tokio::test]
async fn without_redis_answers_are_computed_and_kept_for_a_moment() {
    let mut redis = Redis::start();
    let here = Process::start(&redis, BOUNDS).await;
    redis.kill();
    let (outcome, body) = here.told(PLAN, "a", "one").await;
    assert_eq!((outcome, body.as_str()), (Outcome::Miss, "<one>"));
    assert!(here.cache.is_away());
    eventually("it is not kept for long", async || (here.told(PLAN, "a", "two").await.1 == "<two>").then_some(())).await;
}
