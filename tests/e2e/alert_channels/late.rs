//! A company is told when its webhooks come late, and when they come again and again.

use e2e::{Customer, Database, Service};
use serde_json::json;

use super::{add, ask, came, notice, start};

/// The least number of webhooks that says anything.
const LEAST: usize = 20;

async fn late_and_again(database: Database) {
    let platform = start(database, &[Service::Ingress, Service::Worker, Service::Api]).await;
    let customer = Customer::start();
    let channel = add(&platform, json!({"company": "acme", "kind": "webhook", "url": customer.url("/")})).await;
    let time = (clock::now() - chrono::Duration::hours(1)).to_rfc3339();
    let body = |n: usize| {
        let payload =
            json!({"id": format!("p{n}"), "amount": 500, "currencyCode": "EUR", "status": "COMPLETED", "statusTime": time});
        json!({"eventType": "PAYMENT_COMPLETED", "payload": payload}).to_string()
    };
    for n in 0..LEAST {
        assert_eq!(platform.send("/api/webhooks/netbanx/acme", body(n)).await.status(), 202);
    }
    let told = came(&customer, "late-webhooks").await.json()["data"].take();
    assert_eq!((&told["whose"], &told["began"][0]["severity"]), (&json!("Acme"), &json!("warning")), "{told}");
    assert!(!customer.told().iter().any(|told| told.body.contains("redeliveries")), "each of them came once");

    // Each of them once more and once more: now more than half of all are redeliveries.
    for n in (0..LEAST).chain(0..LEAST) {
        assert_eq!(platform.send("/api/webhooks/netbanx/acme", body(n)).await.status(), 200);
    }
    came(&customer, "redeliveries").await;

    // An hour is little to somebody; the other rule stays as it is.
    let change = json!({"company": "acme", "lateMinutes": 120});
    let (status, rules) = ask(&platform, "PATCH", "/api/v1/alert-rules", &change).await;
    let own = (&rules["lateMinutes"], &rules["redeliveryPercent"]);
    assert_eq!((status, own), (200, (&json!(120), &json!(50))), "{rules}");
    notice(&platform, &channel, "late-webhooks", |notice| notice["closedAt"].is_string()).await;
    let standing = platform.get("/api/v1/alerts?company=acme").await;
    assert_eq!(standing["alerts"][0]["alert"], "redeliveries", "{standing}");
}

#[tokio::test]
async fn late_webhooks_and_redeliveries_are_told_sqlite() {
    late_and_again(Database::Sqlite).await;
}

#[tokio::test]
async fn late_webhooks_and_redeliveries_are_told_postgres() {
    late_and_again(Database::Postgres).await;
}
