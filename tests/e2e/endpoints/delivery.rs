//! What is delivered, and how it is signed.

use std::process::Command;

use e2e::{Customer, Database, Service, Told, eventually};
use serde_json::{Value, json};

use super::{ENDPOINTS, HEEDED, add, ask, delivered, pay, start};

/// Whether the standard's own Python library accepts the message under that key.
pub(crate) fn verifies(told: &Told, secret: &str) -> bool {
    let python = std::env::var("STANDARD_WEBHOOKS").expect("STANDARD_WEBHOOKS must name a Python that has it: run `make test`");
    let code = "import sys\nfrom standardwebhooks import Webhook\n\
        Webhook(sys.argv[1]).verify(sys.argv[2], {'webhook-id': sys.argv[3], 'webhook-timestamp': sys.argv[4], \
        'webhook-signature': sys.argv[5]})";
    let output =
        Command::new(python).args(["-c", code, secret, &told.body, &told.id, &told.timestamp, &told.signature]).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() || error.contains("WebhookVerificationError"), "{error}");
    output.status.success()
}

async fn a_payment_is_told(database: Database) {
    let platform = start(database).await;
    let customer = Customer::start();
    let (id, secret) = add(&platform, &customer.url("/hook"), &["*"]).await;
    assert!(secret.starts_with("whsec_"));
    for path in [ENDPOINTS.to_owned(), format!("{ENDPOINTS}/{id}")] {
        let shown = platform.get(&path).await.to_string();
        assert!(shown.contains(&id) && !shown.contains("secret") && !shown.contains("whsec"), "{shown}");
    }
    assert_eq!(platform.count("SELECT COUNT(*) AS n FROM endpoints WHERE secret LIKE 'v2:%'").await, 1, "it is sealed");
    tokio::time::sleep(HEEDED).await;

    pay(&platform, "p1", "PROCESSING", 1).await;
    delivered(&customer, 1).await;
    pay(&platform, "p1", "COMPLETED", 2).await;
    delivered(&customer, 2).await;
    // The same again, and something of an account.
    pay(&platform, "p1", "COMPLETED", 2).await;
    let path = format!("{}/payloads/accounts_acct_enabled.json", env!("CARGO_MANIFEST_DIR"));
    let account = std::fs::read_to_string(path).unwrap();
    assert!(platform.send("/api/webhooks/account-status/acme", account.trim_end()).await.status().is_success());
    let told = delivered(&customer, 3).await;

    let types: Vec<String> = told.iter().map(|told| told.json()["type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(types, ["transaction.created", "transaction.updated", "account.updated"]);
    let statuses: Vec<String> = told.iter().map(|told| told.transaction().1).take(2).collect();
    assert_eq!(statuses, ["PENDING", "COMPLETED"]);
    for message in &told {
        assert!(verifies(message, &secret), "{message:?}");
        assert_eq!(message.json()["version"], 1);
    }
    let mut forged = told[0].clone();
    forged.body = forged.body.replace("500", "501");
    assert!(!verifies(&forged, &secret));

    // What is told is what the API shows.
    let shown = platform.get("/api/v1/transactions").await["transactions"][0].clone();
    assert_eq!(told[1].json()["data"], shown);
    let attempts = platform.get(&format!("{ENDPOINTS}/{id}/attempts?state=delivered")).await;
    assert_eq!(attempts["attempts"].as_array().unwrap().len(), 3, "{attempts}");
    assert_eq!((&attempts["attempts"][0]["status"], &attempts["attempts"][0]["excerpt"]), (&json!(200), &json!("answer 200")));
    let detail = platform.get(&format!("{ENDPOINTS}/{id}")).await;
    assert_eq!((&detail["pending"], &detail["successRate"]), (&json!(0), &json!(1.0)), "{detail}");
}

#[tokio::test]
async fn a_payment_is_told_once_signed_and_in_order_sqlite() {
    a_payment_is_told(Database::Sqlite).await;
}

#[tokio::test]
async fn a_payment_is_told_once_signed_and_in_order_postgres() {
    a_payment_is_told(Database::Postgres).await;
}

#[tokio::test]
async fn while_a_key_is_replaced_both_verify() {
    let platform = start(Database::Sqlite).await;
    let customer = Customer::start();
    let (id, old) = add(&platform, &customer.url("/"), &["*"]).await;
    let (status, rotated) =
        ask(&platform, &platform.admin_token, "POST", &format!("{ENDPOINTS}/{id}/rotate"), &Value::Null).await;
    assert_eq!(status, 200, "{rotated}");
    let new = rotated["secret"].as_str().unwrap();
    assert!(new != old && rotated["previousKeyUntil"].is_string(), "{rotated}");
    tokio::time::sleep(HEEDED).await;
    let (status, sent) = ask(&platform, &platform.admin_token, "POST", &format!("{ENDPOINTS}/{id}/test"), &Value::Null).await;
    assert_eq!(status, 202, "{sent}");
    let told = delivered(&customer, 1).await;
    assert_eq!(
        (&told[0].id, &told[0].json()["type"]),
        (&sent["messageId"].as_str().unwrap().to_owned(), &json!("endpoint.test"))
    );
    assert!(verifies(&told[0], &old) && verifies(&told[0], new));
}

#[tokio::test]
async fn who_wants_nothing_gets_nothing_and_costs_nothing() {
    let platform = start(Database::Sqlite).await;
    let customer = Customer::start();
    let (id, _) = add(&platform, &customer.url("/"), &["account.updated"]).await;
    tokio::time::sleep(HEEDED).await;
    pay(&platform, "p1", "COMPLETED", 1).await;
    platform.drained().await;
    assert_eq!(platform.count("SELECT COUNT(*) AS n FROM outbound_messages").await, 0, "no message is made that nobody wants");
    let change = json!({"eventTypes": ["transaction.created"], "rate": 50});
    let (status, changed) = ask(&platform, &platform.admin_token, "PATCH", &format!("{ENDPOINTS}/{id}"), &change).await;
    assert_eq!((status, &changed["rate"]), (200, &json!(50)), "{changed}");
    tokio::time::sleep(HEEDED).await;
    pay(&platform, "p2", "COMPLETED", 1).await;
    assert_eq!(delivered(&customer, 1).await[0].transaction().0, "p2");
    let (status, _) = ask(&platform, &platform.admin_token, "DELETE", &format!("{ENDPOINTS}/{id}"), &Value::Null).await;
    assert_eq!(status, 204);
    for table in ["endpoints", "deliveries", "delivery_attempts"] {
        assert_eq!(platform.count(&format!("SELECT COUNT(*) AS n FROM {table}")).await, 0, "{table}");
    }
}

/// Whatever is killed: each payment is told, and of each the states in their order.
async fn nothing_is_lost(database: Database) {
    const PAYMENTS: usize = 60;
    let mut platform = start(database).await;
    let customer = Customer::start();
    add(&platform, &customer.url("/"), &["transaction.created", "transaction.updated"]).await;
    tokio::time::sleep(HEEDED).await;
    for n in 0..PAYMENTS {
        pay(&platform, &format!("p{n}"), "PROCESSING", 1).await;
        if n == 20 {
            platform.kill(Service::Worker);
        }
        if n == 40 {
            platform.run(Service::Worker).await;
            platform.kill(Service::Api);
        }
    }
    platform.run(Service::Api).await;
    // The killed worker's jobs come back when its lease ends: a state that is overtaken by a later one changes nothing.
    platform.drained().await;
    for n in 0..PAYMENTS {
        pay(&platform, &format!("p{n}"), "COMPLETED", 2).await;
        if n == 20 {
            platform.kill(Service::Worker);
            platform.run(Service::Worker).await;
        }
    }
    let told = eventually("all is told", || async {
        let told: Vec<(String, String)> = customer.told().iter().map(Told::transaction).collect();
        let is_complete = |n: usize| told.iter().any(|(id, status)| *id == format!("p{n}") && status == "COMPLETED");
        (0..PAYMENTS).all(is_complete).then_some(told)
    })
    .await;
    for n in 0..PAYMENTS {
        let mut own: Vec<&str> =
            told.iter().filter(|(id, _)| *id == format!("p{n}")).map(|(_, status)| status.as_str()).collect();
        // At least once: a message whose delivery was not noted comes again.
        own.dedup();
        assert_eq!(own, ["PENDING", "COMPLETED"], "p{n}");
    }
}

#[tokio::test]
async fn whatever_is_killed_all_is_told_in_order_sqlite() {
    nothing_is_lost(Database::Sqlite).await;
}

#[tokio::test]
async fn whatever_is_killed_all_is_told_in_order_postgres() {
    nothing_is_lost(Database::Postgres).await;
}

/// Thousands, so that looks for what is due and notes of what was delivered go on at the same time, over and over.
#[tokio::test]
async fn while_nothing_fails_each_message_comes_once() {
    const COUNT: usize = 3_000;
    let platform = start(Database::Postgres).await;
    let customer = Customer::start();
    add(&platform, &customer.url("/"), &["*"]).await;
    tokio::time::sleep(HEEDED).await;
    let url = format!("{}/api/webhooks/netbanx/acme", platform.ingress_url());
    platform.netbanx(&["send", "--count", &COUNT.to_string(), "--url", &url, "--key", e2e::KEY]);
    let due = "SELECT COUNT(*) AS n FROM deliveries WHERE state <> 'delivered'";
    eventually("all are told", || async { (customer.told().len() >= COUNT && platform.count(due).await == 0).then_some(()) })
        .await;
    let told = customer.told();
    let ids: std::collections::HashSet<&str> = told.iter().map(|told| told.id.as_str()).collect();
    assert_eq!((ids.len(), told.len()), (COUNT, COUNT));
}
