//! The doctor names what is wrong, and nothing else.

use e2e::{Database, Platform, Service, eventually};
use serde_json::{Value, json};

fn of<'v>(found: &'v Value, check: &str) -> &'v Value {
    found["checks"].as_array().unwrap().iter().find(|own| own["check"] == check).unwrap()
}

#[tokio::test]
async fn the_doctor_finds_what_was_lost() {
    let mut platform = Platform::prepare(Database::Sqlite).await;
    platform.run(Service::Worker).await;
    platform.run(Service::Ingress).await;
    for n in 0..5 {
        let body =
            json!({"eventType": "PAYMENT_COMPLETED", "payload": {"id": n.to_string(), "amount": 1, "currencyCode": "EUR"}});
        assert_eq!(platform.send("/api/webhooks/netbanx/acme", body.to_string()).await.status(), 202);
    }
    platform.drained().await;
    let found = eventually("all is well", || async { Some(platform.doctor()).filter(|(healthy, _)| *healthy) }).await.1;
    assert_eq!(found["healthy"], true, "{found}");

    // As a backup has it that lacks the last webhook, and a figure that somebody changed.
    platform.execute("DELETE FROM event_identities WHERE event_id = (SELECT MAX(id) FROM webhook_events)").await;
    platform.execute("DELETE FROM webhook_events WHERE id = (SELECT MAX(id) FROM webhook_events)").await;
    platform.execute("UPDATE audit_log SET actor = 'nobody' WHERE sequence = 1").await;
    let (healthy, found) = platform.doctor();
    assert!(!healthy);
    assert_eq!(of(&found, "received webhooks")["healthy"], false, "{found}");
    assert!(of(&found, "received webhooks")["advice"].as_str().unwrap().contains("netbanx queue forget"));
    assert_eq!(of(&found, "figures")["healthy"], false, "{found}");
    assert_eq!(of(&found, "audit log")["healthy"], false, "{found}");
    assert_eq!(of(&found, "workers")["healthy"], true, "{found}");
}
