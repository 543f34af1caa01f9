//! What reads may take: of the cache's Redis, and of the database's time.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use e2e::{Database, Platform, Service, eventually};
use rand::RngCore;
use serde_json::json;

/// A payment whose body hardly can be compressed below a third of its size.
fn large(n: usize, bytes: usize) -> String {
    let mut noise = vec![0; bytes / 2];
    rand::rng().fill_bytes(&mut noise);
    json!({"eventType": "PAYMENT_COMPLETED", "payload":
        {"id": format!("p{n}"), "amount": 1, "currencyCode": "EUR", "status": "COMPLETED", "note": hex::encode(noise)}})
    .to_string()
}

/// The answers in Redis: each key with its bytes. Every key of the cache has an end.
fn kept(platform: &Platform) -> Vec<(String, u64)> {
    let number = |command: &[&str]| platform.redis.ask(command).iter().find_map(|answer| answer.trim().parse::<i64>().ok());
    let keys = platform.redis.ask(&["KEYS", "*:answers:*"]).concat();
    let mut answers = Vec::new();
    for key in keys.lines().map(str::trim).filter(|key| !key.is_empty()) {
        // One that ended meanwhile is told as -2.
        assert_ne!(number(&["PTTL", key]), Some(-1), "{key} has no end");
        if !["ends", "sizes"].iter().any(|kind| key.ends_with(kind)) && !key.contains(":lease:") {
            answers.push((key.to_owned(), number(&["STRLEN", key]).unwrap().unsigned_abs()));
        }
    }
    answers
}

async fn outcome(platform: &Platform, token: &str, limit: u32) -> String {
    let url = format!("{}/api/v1/events?include=payload&limit={limit}", platform.api_url());
    let answer = platform.http.get(url).bearer_auth(token).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let outcome = answer.headers()["x-cache"].to_str().unwrap().to_owned();
    assert_eq!(answer.json::<serde_json::Value>().await.unwrap()["data"]["events"].as_array().unwrap().len(), limit as usize);
    outcome
}

#[tokio::test]
async fn forty_pages_of_large_events_stay_within_a_companys_room() {
    let mut platform = Platform::prepare(Database::Sqlite).await;
    platform.set("CACHE_COMPANY_MAX_MIB", "1");
    platform.set("CACHE_ENTRY_MAX_BYTES", "262144");
    for service in [Service::Ingress, Service::Worker, Service::Api] {
        platform.run(service).await;
    }
    platform.netbanx(&["company", "add", "Other", "--slug", "other"]);
    for n in 0..40 {
        assert_eq!(platform.send("/api/webhooks/netbanx/acme", large(n, 40_000)).await.status(), 202);
    }
    platform.drained().await;
    let [acme, other] =
        ["acme", "other"].map(|company| platform.netbanx(&["token", "add", "--company", company, "--permission", "read:events"]));
    let url = format!("{}/api/v1/events?limit=1", platform.api_url());
    assert_eq!(platform.http.get(url).bearer_auth(&other).send().await.unwrap().status(), 200);
    // Figures of all companies and of each are computed ahead; the last to come is the answer that was asked for.
    let before = kept(&platform);
    for limit in 1..=40 {
        assert_eq!(outcome(&platform, &acme, limit).await, "MISS");
    }
    let after = kept(&platform);
    let mut by_owner: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for (key, bytes) in &after {
        by_owner.entry(key.split('}').next().unwrap()).or_default().push(*bytes);
    }
    let fullest = by_owner.values().map(|answers| answers.iter().sum::<u64>()).max().unwrap();
    println!("answers by owner: {by_owner:?}; {fullest} bytes at most");
    assert!((512 * 1024..=1024 * 1024).contains(&fullest), "{by_owner:?}");
    assert!(after.iter().all(|(_, bytes)| *bytes <= 262_144), "{after:?}");
    assert!(before.iter().all(|(key, _)| after.iter().any(|(still, _)| still == key)), "nobody else's answer had to go");
    // One that is too large is computed each time, at once also where another replica computes it.
    let begun = Instant::now();
    assert_eq!(outcome(&platform, &acme, 40).await, "MISS");
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    // Another replica finds what is kept, unfolded to the same. A commit may owe a bump for a second, which makes it old.
    eventually("it is kept", || async { (outcome(&platform, &acme, 10).await == "HIT").then_some(()) }).await;
    platform.terminate(Service::Api).await;
    platform.run(Service::Api).await;
    assert_eq!(outcome(&platform, &acme, 10).await, "HIT");
}
