//! Receivers are known without the database: from the directory in Redis.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use e2e::{Database, KEY, Platform, Postgres, Service, eventually, new_directory, sign};
use redis_client::fred::interfaces::{HashesInterface, KeysInterface};
use serde_json::{Value, json};

fn payment(n: u64) -> String {
    json!({"eventType": "PAYMENT_COMPLETED", "payload": {"id": format!("away{n}"), "status": "COMPLETED", "amount": 5, "currencyCode": "EUR"}})
        .to_string()
}

/// Sends payments, each until it is accepted. A refusal is counted; a closed port is none.
async fn send_steadily(http: reqwest::Client, url: String, is_over: Arc<AtomicBool>, refused: Arc<AtomicU64>) -> u64 {
    for n in 0.. {
        if is_over.load(Ordering::Relaxed) {
            return n;
        }
        let body = payment(n);
        loop {
            let request = http.post(&url).header("Signature", sign(body.as_bytes())).body(body.clone());
            match request.send().await {
                Ok(answer) if answer.status().is_success() => break,
                Ok(_) => drop(refused.fetch_add(1, Ordering::Relaxed)),
                // Ingress is being restarted.
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_refused_while_the_database_is_away_and_ingress_is_restarted() {
    let directory = new_directory();
    let postgres = Postgres::start(&directory);
    let mut platform = Platform::prepare_on(Database::Postgres, Some(postgres.url().to_owned())).await;
    for service in [Service::Ingress, Service::Worker] {
        platform.run(service).await;
    }
    let url = format!("{}/api/webhooks/netbanx/acme", platform.ingress_url());
    let (is_over, refused) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let sending = tokio::spawn(send_steadily(platform.http.clone(), url, is_over.clone(), refused.clone()));
    eventually("webhooks are stored", || async { (platform.events().await > 20).then_some(()) }).await;
    postgres.stop();
    let accepted = async |platform: &Platform| platform.queue().await.accepted;
    for _ in 0..2 {
        let before = accepted(&platform).await;
        eventually("webhooks are accepted", || async { (accepted(&platform).await > before + 50).then_some(()) }).await;
        platform.terminate(Service::Ingress).await;
        // Ends only once it is ready, without the database.
        platform.run(Service::Ingress).await;
    }
    let before = accepted(&platform).await;
    eventually("webhooks are accepted", || async { (accepted(&platform).await > before + 50).then_some(()) }).await;
    postgres.resume();
    is_over.store(true, Ordering::Relaxed);
    let sent = sending.await.unwrap();
    assert_eq!(refused.load(Ordering::Relaxed), 0);
    platform.drained().await;
    assert_eq!(platform.events().await, sent);
    drop(platform);
    drop(postgres);
    std::fs::remove_dir_all(directory).unwrap();
}

#[tokio::test]
async fn whoever_proves_nothing_costs_the_database_nothing() {
    let directory = new_directory();
    let postgres = Postgres::start(&directory);
    let mut platform = Platform::prepare_on(Database::Postgres, Some(postgres.url().to_owned())).await;
    platform.run(Service::Ingress).await;
    postgres.stop();
    for n in 0..100 {
        let answer = platform.send(&format!("/api/webhooks/netbanx/nobody{n}"), payment(n)).await;
        assert!([404, 429].contains(&answer.status().as_u16()), "{}", answer.status());
    }
    assert_eq!(platform.send("/api/webhooks/netbanx/acme", payment(1)).await.status(), 202);
    drop(platform);
    drop(postgres);
    std::fs::remove_dir_all(directory).unwrap();
}

#[tokio::test]
async fn a_change_is_known_within_a_moment_and_a_lost_directory_is_made_anew() {
    let platform = Platform::start(Database::Sqlite).await;
    let status = async |path: &str, n: u64| platform.send(path, payment(n)).await.status().as_u16();
    let becomes = async |path: &str, wanted: u16| {
        let n = AtomicU64::new(0);
        eventually("the change is known", || async {
            (status(path, n.fetch_add(1, Ordering::Relaxed)).await == wanted).then_some(())
        })
        .await;
    };
    let beta = "/api/webhooks/netbanx/beta";
    assert_eq!(status(beta, 0).await, 404);
    platform.netbanx(&["company", "add", "Beta", "--slug", "beta"]);
    becomes(beta, 401).await;
    platform.netbanx(&["secret", "set", "--endpoint", "netbanx", "--company", "beta", "--key", KEY]);
    becomes(beta, 202).await;
    platform.netbanx(&["secret", "revoke", "--endpoint", "netbanx", "--company", "beta", "--version", "1"]);
    becomes(beta, 401).await;

    // What Redis loses a worker brings back, and what a version before 1.0 changed it finds.
    let redis = redis_client::connect(&platform.redis.url()).unwrap();
    let meta = "{netbanx:receivers}:meta";
    let directory = ["companies", "keys", "accounts", "meta"].map(|part| format!("{{netbanx:receivers}}:{part}"));
    let published = async || {
        let version: Option<i64> = redis.hget(meta, "version").await.unwrap();
        version
    };
    redis.del::<i64, _>(directory.to_vec()).await.unwrap();
    assert_eq!(status("/api/webhooks/netbanx/acme", 1000).await, 202, "what was known goes on");
    eventually("it is there again", || async { published().await }).await;
    let before = published().await;
    redis.incr::<i64, _>("netbanx:receivers:version").await.unwrap();
    eventually("it is published again", || async { (published().await > before).then_some(()) }).await;
    assert_eq!(status("/api/webhooks/netbanx/acme", 1001).await, 202);
    let stated: Value = json!(redis.hgetall::<std::collections::HashMap<String, i64>, _>(meta).await.unwrap());
    assert_eq!(stated["legacy"], redis.get::<i64, _>("netbanx:receivers:version").await.unwrap(), "{stated}");
}

/// As before a backup is read into it: what ingress knows stays.
#[tokio::test]
async fn an_empty_database_takes_no_receivers_away() {
    let mut platform = Platform::prepare(Database::Sqlite).await;
    platform.set("INGRESS_DATABASE_FALLBACK", "false");
    platform.run(Service::Ingress).await;
    let send = async |platform: &Platform, n| platform.send("/api/webhooks/netbanx/acme", payment(n)).await.status().as_u16();
    assert_eq!(send(&platform, 1).await, 202);
    let fresh = format!("sqlite://{}/fresh.db?mode=rwc", new_directory().display());
    let restored = std::mem::replace(&mut platform.database_url, fresh);
    let said = platform.netbanx(&["--json", "migrate"]);
    assert!(serde_json::from_str::<Value>(&said).unwrap()["applied"].as_u64() > Some(20), "{said}");
    // One that remembers nothing reads what Redis has.
    platform.kill(Service::Ingress);
    platform.run(Service::Ingress).await;
    assert_eq!(send(&platform, 2).await, 202, "ingress still knows its receivers");
    platform.database_url = restored;
    assert!(platform.netbanx(&["migrate"]).contains("up to date"));
    assert_eq!(send(&platform, 3).await, 202);
}
