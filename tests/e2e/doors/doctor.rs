//! The doctor names what is wrong, and nothing else.

use e2e::{Database, Platform, Service, eventually};
use serde_json::{Value, json};

fn of<'v>(found: &'v Value, check: &str) -> &'v Value {
    found["checks"].as_array().unwrap().iter().find(|own| own["check"] == check).unwrap()
}

/// Five webhooks, each accepted and stored.
async fn send(platform: &Platform) {
    for n in 0..5 {
        let body =
            json!({"eventType": "PAYMENT_COMPLETED", "payload": {"id": n.to_string(), "amount": 1, "currencyCode": "EUR"}});
        assert_eq!(platform.send("/api/webhooks/netbanx/acme", body.to_string()).await.status(), 202);
    }
    platform.drained().await;
}

#[tokio::test]
async fn the_doctor_finds_what_was_lost() {
    let mut platform = Platform::prepare(Database::Sqlite).await;
    platform.run(Service::Worker).await;
    platform.run(Service::Ingress).await;
    platform.balanced().await;
    send(&platform).await;
    // Once more, when Redis has forgotten them: the database recognises them, and nothing is missing.
    let claims = platform.redis.ask(&["KEYS", "*idempotency*"]);
    for key in claims.iter().flat_map(|of_server| of_server.lines()) {
        platform.redis.ask(&["DEL", key]);
    }
    send(&platform).await;
    assert_eq!(platform.queue().await.completed, 10, "each was accepted twice");
    assert_eq!(platform.events().await, 5);
    let found = eventually("all is well", || async { Some(platform.doctor()).filter(|(healthy, _)| *healthy) }).await.1;
    assert_eq!(found["healthy"], true, "{found}");
    assert!(of(&found, "counters")["found"].as_str().unwrap().starts_with("0 of 5 webhooks"), "{found}");

    eventually("all is folded", || async {
        (platform.count("SELECT COUNT(*) AS n FROM rollup_deltas").await == 0).then_some(())
    })
    .await;
    // As a backup has it that lacks the last webhook, and a figure that somebody changed.
    platform.execute("DELETE FROM event_identities WHERE event_id = (SELECT MAX(id) FROM webhook_events)").await;
    platform.execute("DELETE FROM webhook_events WHERE id = (SELECT MAX(id) FROM webhook_events)").await;
    platform.execute("UPDATE rollups SET count = count - 2 WHERE series = 'w|processed' AND grain = 'day'").await;
    platform.execute("UPDATE audit_log SET actor = 'nobody' WHERE sequence = 1").await;
    let (healthy, found) = platform.doctor();
    assert!(!healthy);
    assert_eq!(of(&found, "received webhooks")["healthy"], false, "{found}");
    assert!(of(&found, "received webhooks")["advice"].as_str().unwrap().contains("netbanx queue forget"));
    let counters = of(&found, "counters");
    assert_eq!(counters["found"], "2 of 5 webhooks that the queue had stored are missing in the database's figures");
    assert_eq!(counters["healthy"], false, "{found}");
    assert_eq!(of(&found, "figures")["healthy"], false, "{found}");
    assert_eq!(of(&found, "audit log")["healthy"], false, "{found}");
    assert_eq!(of(&found, "workers")["healthy"], true, "{found}");
}

#[tokio::test]
async fn the_doctor_tells_another_master_key_and_a_database_that_is_away() {
    let mut platform = Platform::prepare(Database::Sqlite).await;
    platform.run(Service::Worker).await;
    platform.balanced().await;
    let (_, found) = platform.doctor();
    assert_eq!(of(&found, "master key")["healthy"], true, "{found}");
    assert!(of(&found, "master key")["found"].as_str().unwrap().starts_with("all 8 secrets"), "{found}");
    platform.set("MASTER_KEY", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    let (healthy, found) = platform.doctor();
    assert!(!healthy && of(&found, "master key")["healthy"] == false, "{found}");
    assert!(of(&found, "master key")["found"].as_str().unwrap().contains("8 of 8 receivers' keys"), "{found}");
    assert!(of(&found, "master key")["advice"].as_str().unwrap().contains("MASTER_KEY"), "{found}");

    platform.set("DATABASE_URL", "postgres://u:hunter2@127.0.0.1:1/none");
    let (healthy, found) = platform.doctor();
    let database = of(&found, "database");
    assert!(!healthy && database["found"].as_str().unwrap().contains("cannot be reached"), "{found}");
    assert!(database["advice"].as_str().unwrap().contains("DATABASE_URL") && !found.to_string().contains("migrate"), "{found}");
    assert!(!found.to_string().contains("hunter2"), "{found}");
    assert_eq!(of(&found, "workers")["healthy"], true, "the queue is looked at all the same: {found}");
    // An address that cannot be read is no answer of the doctor: no command tells it.
    platform.set("DATABASE_URL", "postgres://u:hunter2@127.0.0.1:port/none");
    let ended = platform.netbanx_given(&["doctor"], b"");
    let told = String::from_utf8_lossy(&[ended.stdout, ended.stderr].concat()).into_owned();
    assert!(!ended.status.success() && told.contains("DATABASE_URL: cannot be read") && !told.contains("hunter2"), "{told}");
}
