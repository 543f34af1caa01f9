//! What is killed or away, and what still holds.

use e2e::{Database, KEY, Platform, Service, eventually};

async fn a_killed_worker_loses_and_doubles_nothing(database: Database) {
    let mut platform = Platform::prepare(database).await;
    platform.run(Service::Ingress).await;
    platform.run(Service::Api).await;
    let url = format!("{}/api/webhooks/netbanx/acme", platform.ingress_url());
    platform.netbanx(&["send", "--count", "5000", "--url", &url, "--key", KEY]);
    assert_eq!(platform.queue().await.waiting, 5000);

    platform.run(Service::Worker).await;
    eventually("the worker is in the middle", || async { (platform.events().await > 300).then_some(()) }).await;
    platform.kill(Service::Worker);
    let left = platform.queue().await.total;
    assert!(left > 0, "it was killed too late to be in the middle");

    platform.run(Service::Worker).await;
    platform.drained().await;
    assert_eq!(platform.events().await, 5000);
    assert_eq!(platform.get("/api/v1/transactions?limit=1").await["pagination"]["total"], 5000);
    assert_eq!(platform.queue().await.dead, 0);
}

#[tokio::test]
async fn a_killed_worker_loses_and_doubles_nothing_on_sqlite() {
    a_killed_worker_loses_and_doubles_nothing(Database::Sqlite).await;
}

#[tokio::test]
async fn a_killed_worker_loses_and_doubles_nothing_on_postgres() {
    a_killed_worker_loses_and_doubles_nothing(Database::Postgres).await;
}

#[tokio::test]
async fn without_redis_ingress_refuses_and_then_recovers() {
    let mut platform = Platform::start(Database::Sqlite).await;
    let path = "/api/webhooks/netbanx/acme";
    let body = |n: u32| format!(r#"{{"id":"e{n}","eventType":"PAYMENT_COMPLETED","eventData":{{"id":"p{n}"}}}}"#);
    assert_eq!(platform.send(path, body(1)).await.status(), 202);
    platform.drained().await;

    platform.kill_redis();
    let refused = platform.send(path, body(2)).await;
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key("retry-after"));
    assert!(platform.all_alive());

    platform.start_redis().await;
    // A try may have reached Redis although its answer was lost: then it is a duplicate of itself.
    eventually("ingress accepts again", || async { platform.send(path, body(2)).await.status().is_success().then_some(()) })
        .await;
    eventually("both are persisted", || async { (platform.events().await == 2).then_some(()) }).await;
    assert!(platform.all_alive(), "neither ingress nor the worker ended");
}
