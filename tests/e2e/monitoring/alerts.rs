//! Each alert is provoked, seen to rise, and seen to clear.

use e2e::{Database, Platform, Postgres, Service, eventually, new_directory};
use queue::{Lane, NewJob, Producer};
use serde_json::{Value, json};
use uuid::Uuid;

async fn status(platform: &Platform) -> Value {
    let (status, body) = platform.get_as(&platform.admin_token, "/api/performance/status").await;
    assert_eq!(status, 200, "{body}");
    body
}

async fn rises(platform: &Platform, name: &str) -> Value {
    eventually(&format!("{name} rises"), || async {
        status(platform).await["alerts"].as_array().unwrap().iter().find(|alert| alert["name"] == name).cloned()
    })
    .await
}

async fn clears(platform: &Platform, name: &str) {
    eventually(&format!("{name} clears"), || async {
        status(platform).await["alerts"].as_array().unwrap().iter().all(|alert| alert["name"] != name).then_some(())
    })
    .await;
}

fn payment(id: &str) -> String {
    json!({"eventType": "PAYMENT_COMPLETED", "payload": {"id": id, "amount": 1, "currencyCode": "EUR", "status": "COMPLETED"}})
        .to_string()
}

#[tokio::test]
async fn a_backlog_without_a_worker_rises_and_clears() {
    let mut platform = Platform::prepare(Database::Sqlite).await;
    platform.variables.push(("ALERT_OLDEST_SECS", "1".to_owned()));
    platform.run(Service::Ingress).await;
    platform.run(Service::Api).await;
    let alert = rises(&platform, "no-live-worker").await;
    assert_eq!(alert["severity"], "critical");
    assert!(alert["since"].is_string() && alert["action"].as_str().unwrap().contains("workers"));
    for n in 0..101 {
        assert_eq!(platform.send("/api/webhooks/netbanx/acme", payment(&n.to_string())).await.status(), 202);
    }
    let backlog = rises(&platform, "queue-backlog").await;
    assert_eq!((&backlog["figure"], &backlog["threshold"]), (&json!(101.0), &json!(100.0)));
    let first = rises(&platform, "oldest-job").await["since"].clone();
    assert_eq!(rises(&platform, "oldest-job").await["since"], first, "it stands since it rose");
    let told = status(&platform).await;
    assert_eq!((&told["status"], &told["systems"]["webhook_processing"]["health"]), (&json!("critical"), &json!("stalled")));
    assert_eq!(told["systems"]["webhook_processing"]["queue_stats"]["waiting"], 101);

    platform.run(Service::Worker).await;
    for name in ["no-live-worker", "queue-backlog", "oldest-job"] {
        clears(&platform, name).await;
    }
    // One after the other: what a process counts in one moment may go by two hand-overs.
    eventually("all figures are handed over", || async {
        let told = status(&platform).await;
        let minute = &told["performance"]["lastMinute"];
        let is_moving = |name| minute["throughput"][name].as_f64() > Some(1.0);
        let is_timed = |name| minute[name]["p99"].is_number();
        (["processed", "accepted"].iter().all(is_moving)
            && ["acceptMs", "queueWaitMs", "batchMs", "persistMs"].iter().all(is_timed))
        .then_some(())
    })
    .await;
    platform.kill(Service::Worker);
    rises(&platform, "no-live-worker").await;
}

#[tokio::test]
async fn a_cold_cache_rises_and_clears() {
    let mut platform = Platform::prepare(Database::Sqlite).await;
    platform.run(Service::Api).await;
    let get = async |limit: u32, account: u32| {
        drop(platform.get(&format!("/api/v1/transactions?limit={limit}&accountId={account}")).await);
    };
    for n in 0..30 {
        get(1, n).await;
    }
    let alert = rises(&platform, "cache-hit-rate").await;
    assert_eq!((&alert["severity"], alert["figure"].as_f64() < Some(0.8)), (&json!("warning"), true));
    for _ in 0..200 {
        get(1, 0).await;
    }
    clears(&platform, "cache-hit-rate").await;
    let told = status(&platform).await;
    let transactions = told["systems"]["api_cache"].as_array().unwrap().iter().find(|e| e["endpoint"] == "transactions").unwrap();
    assert!(transactions["hitRate"].as_f64().unwrap() > 0.8, "measured, not made up: {transactions}");
}

#[tokio::test]
async fn failing_writes_rise_and_clear() {
    let mut platform = Platform::prepare(Database::Postgres).await;
    platform.variables.push(("MAX_ATTEMPTS", "1".to_owned()));
    for service in [Service::Ingress, Service::Worker, Service::Api] {
        platform.run(service).await;
    }
    let producer = Producer::start(&platform.open_queue());
    for _ in 0..12 {
        // Its identity is longer than the column.
        let job = json!({"webhookId": Uuid::now_v7(), "endpoint": "netbanx", "companyId": Uuid::nil(), "identity": "f".repeat(100),
            "eventName": "PAYMENT_FAILED", "receivedMs": 1, "body": {}});
        let id = Uuid::now_v7().to_string();
        let payload = job.to_string().into_bytes();
        let job = NewJob { id: id.clone(), claim: id, lane: Lane::High, flow: 1, traceparent: None, payload };
        producer.enqueue(job).await.unwrap();
    }
    rises(&platform, "failure-rate").await;
    rises(&platform, "dead-letters").await;
    platform.netbanx(&["queue", "discard", "--all"]);
    clears(&platform, "dead-letters").await;
    for n in 0..150 {
        platform.send("/api/webhooks/netbanx/acme", payment(&n.to_string())).await;
    }
    clears(&platform, "failure-rate").await;
}

#[tokio::test]
async fn a_database_that_takes_no_writes_rises_and_clears() {
    let mut platform = Platform::prepare(Database::Postgres).await;
    for service in [Service::Ingress, Service::Worker, Service::Api] {
        platform.run(service).await;
    }
    platform.execute("ALTER TABLE webhook_events RENAME TO elsewhere").await;
    assert_eq!(platform.send("/api/webhooks/netbanx/acme", payment("1")).await.status(), 202);
    let alert = rises(&platform, "database-writes").await;
    assert_eq!(
        (&alert["severity"], status(&platform).await["systems"]["database"]["health"].as_str()),
        (&json!("critical"), Some("healthy"))
    );
    platform.execute("ALTER TABLE elsewhere RENAME TO webhook_events").await;
    clears(&platform, "database-writes").await;
    assert_eq!(platform.events().await, 1);
}

#[tokio::test]
async fn what_is_away_is_told_and_comes_back() {
    let directory = new_directory();
    let postgres = Postgres::start(&directory);
    let mut platform = Platform::prepare_on(Database::Postgres, Some(postgres.url().to_owned())).await;
    platform.run(Service::Worker).await;
    platform.run(Service::Api).await;
    eventually("all is well", || async { (status(&platform).await["status"] == "operational").then_some(()) }).await;
    platform.kill_redis();
    let alert = rises(&platform, "redis-away").await;
    assert_eq!(alert["severity"], "critical");
    assert_eq!(status(&platform).await["systems"]["redis"]["health"], "away");
    platform.start_redis().await;
    clears(&platform, "redis-away").await;

    // Known to the API a moment ago: an operator can look although the token itself is in the database.
    postgres.stop();
    assert_eq!(rises(&platform, "database-away").await["severity"], "critical");
    let (code, _) = platform.get_as("nobody", "/api/performance/status").await;
    assert_eq!(code, 503, "who is not known must wait");
    postgres.resume();
    clears(&platform, "database-away").await;
    drop(platform);
    drop(postgres);
    drop(std::fs::remove_dir_all(directory));
}

#[tokio::test]
async fn a_full_redis_is_told_before_it_refuses() {
    let mut platform = Platform::prepare(Database::Sqlite).await;
    platform.run(Service::Api).await;
    platform.redis.ask(&["CONFIG", "SET", "maxmemory", "1mb"]);
    rises(&platform, "redis-memory").await;
    platform.redis.ask(&["CONFIG", "SET", "maxmemory", "0"]);
    clears(&platform, "redis-memory").await;
}

async fn history(platform: &Platform, query: &str) -> (u16, serde_json::Value) {
    platform.get_as(&platform.admin_token, &format!("/api/performance/history{query}")).await
}

#[tokio::test]
async fn the_last_hours_are_told_minute_by_minute() {
    let mut platform = Platform::prepare(Database::Sqlite).await;
    platform.run(Service::Ingress).await;
    let body = json!({"eventType": "PAYMENT_COMPLETED", "payload": {"id": "h1", "status": "COMPLETED"}}).to_string();
    assert_eq!(platform.send("/api/webhooks/netbanx/acme", body).await.status(), 202);
    platform.run(Service::Api).await;
    // Another replica measures the same minute: it is told once.
    platform.api_port = e2e::free_port();
    platform.run(Service::Api).await;
    let samples = eventually("a minute is measured", || async {
        let (status, told) = history(&platform, "").await;
        assert_eq!(status, 200, "{told}");
        Some(told["data"]["samples"].as_array().unwrap().clone()).filter(|samples| !samples.is_empty())
    })
    .await;
    let first = &samples[0];
    assert_eq!((&first["waiting"], &first["workers"], &first["dead"]), (&json!(1), &json!(0), &json!(0)), "{first}");
    assert!(first["oldestWaitingMs"].as_i64().unwrap() > 0 && first["hitRate"].is_null(), "{first}");
    let minute = |sample: &serde_json::Value| sample["at"].as_str().unwrap()[..16].to_owned();
    let minutes: Vec<String> = samples.iter().map(minute).collect();
    let mut each = minutes.clone();
    each.dedup();
    assert_eq!(minutes, each, "two replicas, one sample of each minute");
    // Its hours are kept for a day.
    let keys = platform.redis.ask(&["KEYS", "*:history}:*"]);
    let key = keys.iter().flat_map(|found| found.lines()).find(|key| !key.is_empty()).unwrap();
    // Of a cluster one node has it.
    let lives = platform.redis.ask(&["TTL", key]);
    let left = lives.iter().filter_map(|left| left.trim().parse().ok()).max().unwrap_or(0);
    assert!((80_000..=90_000).contains(&left), "{left}");

    for (query, wanted) in [("?hours=24", 200), ("?hours=25", 400), ("?hours=0", 400), ("?days=1", 400)] {
        assert_eq!(history(&platform, query).await.0, wanted, "{query}");
    }
    platform.kill_redis();
    eventually("without Redis it says so", || async { (history(&platform, "").await.0 == 503).then_some(()) }).await;
}

#[tokio::test]
async fn a_receiver_whose_key_changed_at_the_portal_is_told() {
    let platform = Platform::start(Database::Sqlite).await;
    let path = "/api/webhooks/netbanx/acme";
    let body = |n: u64| json!({"eventType": "PAYMENT_COMPLETED", "payload": {"id": format!("k{n}")}}).to_string();
    assert_eq!(platform.send(path, body(0)).await.status(), 202);
    for n in 1..=6 {
        let forged = platform.send_signed(path, "Signature", &e2e::sign(b"under another key"), body(n).into_bytes()).await;
        assert_eq!(forged.status(), 401);
    }
    let refusals = eventually("the alert rises", || async {
        let (_, status) = platform.get_as(&platform.admin_token, "/api/performance/status").await;
        let alerts = status["alerts"].as_array()?;
        let is_raised = alerts.iter().any(|alert| alert["name"] == "receiver-failing");
        is_raised.then(|| status["systems"]["webhook_processing"]["refusals"].clone())
    })
    .await;
    assert_eq!(refusals["byReason"]["signature-invalid"], 6, "{refusals}");
    let receiver = &refusals["byReceiver"][0];
    assert_eq!(
        (&receiver["endpoint"], &receiver["failed"], &receiver["isFailing"]),
        (&"netbanx".into(), &6.into(), &true.into())
    );
}

/// A day's figure that no row stands for is found by the worker itself; when it is gone, and a pass later, so is the alert.
#[tokio::test]
async fn figures_that_differ_from_their_rows_are_told() {
    let mut platform = Platform::prepare(Database::Postgres).await;
    let yesterday = clock::now_ms().div_euclid(86_400_000) * 86_400_000 - 86_400_000;
    let all = store::rollups::ALL.0;
    let bucket = format!(
        "INSERT INTO rollups (company_id, grain, mode, bucket, series, count, amount)
         VALUES ('{all}', 'day', 'live', {yesterday}, 'w|processed', 3, 0)"
    );
    platform.execute(&bucket).await;
    for service in [Service::Api, Service::Worker] {
        platform.run(service).await;
    }
    let alert = rises(&platform, "figures-differ").await;
    assert_eq!((&alert["severity"], &alert["figure"]), (&json!("critical"), &json!(1.0)));
    platform.kill(Service::Worker);
    platform.netbanx(&["rollup", "rebuild"]);
    // A worker of the next night.
    platform.execute("DELETE FROM platform_state WHERE name = 'figure_check.place'").await;
    platform.execute(&bucket.replace("'w|processed', 3", "'w|duplicate', 3")).await;
    platform.run(Service::Worker).await;
    clears(&platform, "figures-differ").await;
}
