//! Versions of tags, and leases.

use std::time::Duration;

use cache::{Lease, Tags, tags::BUMP_GAP};
use redis_client::fred::interfaces::KeysInterface;

use crate::{Redis, eventually};

const TAG: &str = "acme:transactions";

async fn touch(tags: &Tags) {
    tags.touch([TAG.to_owned()]).await.unwrap();
}

#[tokio::test]
async fn a_commit_makes_a_version_old_and_those_that_follow_it_share_the_next_one() {
    let redis = Redis::start();
    let (here, there) = (Tags::new(redis.client().await, "t"), Tags::new(redis.client().await, "t"));
    let first = here.version(TAG).await.unwrap();
    assert_eq!(there.version(TAG).await.unwrap().current, first.current);
    touch(&here).await;
    let second = there.version(TAG).await.unwrap();
    assert!(second.current > first.current);
    assert_eq!(second.previous, first.current);
    // Within the gap a further commit owes a bump, which the next who reads makes when the gap is over.
    touch(&there).await;
    touch(&here).await;
    assert_eq!(here.version(TAG).await.unwrap().current, second.current);
    let third = eventually("the bump that is owed", async || {
        here.version(TAG).await.ok().filter(|version| version.current != second.current)
    })
    .await;
    assert_eq!(third.previous, second.current);
    // What the one before lacks was committed right behind the second bump, about a gap ago, and gets older.
    let behind = third.behind();
    assert!(behind > BUMP_GAP / 2 && behind < BUMP_GAP * 20, "{behind:?}");
    eventually("it falls further behind", async || (third.behind() > behind + Duration::from_millis(50)).then_some(())).await;
    assert_ne!(here.version("other:transactions").await.unwrap().current, third.current);
}

#[tokio::test]
async fn what_is_owed_already_is_not_noted_again() {
    let redis = Redis::start();
    let (client, tags) = (redis.client().await, Tags::new(redis.client().await, "t"));
    touch(&tags).await;
    touch(&tags).await;
    let owed = "{t:cache:acme:transactions}:owed";
    assert!(client.exists::<bool, _>(owed).await.unwrap());
    // Taken away behind its back: while the note covers it, nobody asks Redis again, and then one does.
    client.del::<i64, _>(owed).await.unwrap();
    touch(&tags).await;
    assert!(!client.exists::<bool, _>(owed).await.unwrap());
    let before = tags.version(TAG).await.unwrap().current;
    eventually("a later commit is noted", async || {
        touch(&tags).await;
        (tags.version(TAG).await.unwrap().current != before).then_some(())
    })
    .await;
}

#[tokio::test]
async fn one_holds_a_lease_and_the_next_has_a_higher_number() {
    let redis = Redis::start();
    let client = redis.client().await;
    let lease = || Lease::new(client.clone(), "{t}:right", Duration::from_secs(60));
    let (first, second) = (lease(), lease());
    let number = first.hold().await.unwrap().unwrap();
    assert_eq!(first.hold().await.unwrap(), Some(number));
    assert_eq!(second.hold().await.unwrap(), None);
    second.release().await;
    assert_eq!(second.hold().await.unwrap(), None);
    first.release().await;
    assert!(second.hold().await.unwrap() > Some(number));
    assert_eq!(first.hold().await.unwrap(), None);
}
