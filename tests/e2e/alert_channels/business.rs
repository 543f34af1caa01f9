//! A company's own alerts, by its rules, to its own channels alone.

use e2e::{Customer, Database, Service, eventually};
use serde_json::{Value, json};

use super::{add, ask, came, names, notice, start};

/// Sends a payment of now in that state.
async fn pay(platform: &e2e::Platform, id: &str, status: &str) {
    let time = clock::now().to_rfc3339();
    let payload = json!({"id": id, "accountId": "1", "amount": 500, "currencyCode": "EUR", "status": status, "statusTime": time});
    let body = json!({"eventType": format!("PAYMENT_{status}"), "payload": payload}).to_string();
    assert!(platform.send("/api/webhooks/netbanx/acme", body).await.status().is_success());
}

async fn rules(platform: &e2e::Platform, change: Value) -> Value {
    let mut body = json!({"company": "acme"});
    body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    let (status, told) = ask(platform, "PATCH", "/api/v1/alert-rules", &body).await;
    assert_eq!(status, 200, "{told}");
    told
}

async fn own(database: Database) {
    let mut platform = start(database, &[Service::Ingress, Service::Worker, Service::Api]).await;
    let (customer, operator) = (Customer::start(), Customer::start());
    let channel = add(&platform, json!({"company": "acme", "kind": "webhook", "url": customer.url("/")})).await;
    add(&platform, json!({"kind": "webhook", "url": operator.url("/")})).await;
    assert_eq!(platform.get("/api/v1/alert-rules?company=acme").await["failurePercent"], 30);

    let set = rules(&platform, json!({"failureAttempts": 3, "failurePercent": 50, "endpointMinutes": 0})).await;
    assert_eq!((&set["failureAttempts"], &set["chargebacks"]), (&json!(3), &json!(3)));
    for n in 0..3 {
        pay(&platform, &format!("p{n}"), "FAILED").await;
    }
    let told = came(&customer, "failure-rate").await;
    assert_eq!(
        (&told.json()["data"]["whose"], &told.json()["data"]["began"][0]["severity"]),
        (&json!("Acme"), &json!("critical"))
    );
    // Half of them would still be so many.
    for n in 3..7 {
        pay(&platform, &format!("p{n}"), "COMPLETED").await;
    }
    notice(&platform, &channel, "failure-rate", |notice| notice["closedAt"].is_string()).await;

    // Nothing for two hours, and something in the same hours of two weeks: as the roll-ups have it.
    platform.kill(Service::Ingress);
    platform.kill(Service::Worker);
    let company = platform.get("/api/v1/companies").await["companies"][0]["id"].as_str().unwrap().to_owned();
    platform.execute("DELETE FROM rollup_deltas").await;
    platform.execute("DELETE FROM rollups").await;
    let hour = clock::now_ms().div_euclid(3_600_000) * 3_600_000;
    let whose = match database {
        Database::Sqlite => format!("X'{}'", company.replace('-', "")),
        Database::Postgres => format!("'{company}'"),
    };
    for week in [1, 2] {
        let bucket = hour - 3_600_000 - week * 7 * 86_400_000;
        let row = format!(
            "INSERT INTO rollups (company_id, grain, mode, bucket, series, count, amount)
             VALUES ({whose}, 'hour', 'live', {bucket}, 'w|processed', 3, 0)"
        );
        platform.execute(&row).await;
    }
    came(&customer, "silence").await;
    // The dashboard's banner says the same, whether or not anybody has a channel.
    let standing = platform.get("/api/v1/alerts?company=acme").await["alerts"].take();
    assert_eq!((&standing[0]["alert"], &standing[0]["severity"]), (&json!("silence"), &json!("critical")), "{standing}");
    rules(&platform, json!({"silenceHours": 0})).await;
    assert_eq!(platform.get("/api/v1/alerts?company=acme").await["alerts"], json!([]));
    notice(&platform, &channel, "silence", |notice| notice["closedAt"].is_string()).await;

    // An endpoint that was disabled because it failed.
    let endpoint = json!({"company": "acme", "url": customer.url("/endpoint"), "eventTypes": ["*"]});
    assert_eq!(ask(&platform, "POST", "/api/v1/endpoints", &endpoint).await.0, 201);
    rules(&platform, json!({"endpointMinutes": 1})).await;
    platform.execute("UPDATE endpoints SET state = 'disabled', reason = 'it failed for days'").await;
    came(&customer, "endpoint-failing:").await;

    let began = eventually("the platform's channel is told", || async {
        Some(names(&operator.told(), "began")).filter(|began| began.iter().any(|name| name == "no-live-worker"))
    })
    .await;
    assert!(!began.iter().any(|name| name == "silence" || name.starts_with("endpoint")), "{began:?}");
    assert!(!names(&customer.told(), "began").iter().any(|name| name == "no-live-worker"));
}

#[tokio::test]
async fn a_companys_own_alerts_reach_its_own_channels_sqlite() {
    own(Database::Sqlite).await;
}

#[tokio::test]
async fn a_companys_own_alerts_reach_its_own_channels_postgres() {
    own(Database::Postgres).await;
}
