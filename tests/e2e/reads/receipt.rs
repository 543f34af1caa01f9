//! How late webhooks come, and how many come again.

use chrono::Duration;
use e2e::{Database, Platform, eventually};
use serde_json::{Value, json};

const HOUR_MS: i64 = 3_600_000;

/// A webhook that tells a time so many minutes ago, or none.
fn webhook(id: &str, minutes: Option<i64>, mode: &str) -> Value {
    let time = minutes.map(|ago| (clock::now() - Duration::minutes(ago)).to_rfc3339());
    let payload = json!({"id": id, "amount": 500, "currencyCode": "EUR", "status": "COMPLETED", "statusTime": time});
    json!({"eventType": "PAYMENT_COMPLETED", "mode": mode, "payload": payload})
}

async fn sent(platform: &Platform, body: &Value) {
    let answer = platform.send("/api/webhooks/netbanx/acme", body.to_string()).await;
    assert!(answer.status().is_success(), "{body}: {}", answer.status());
}

async fn lateness_and_redeliveries(database: Database) {
    let platform = Platform::start(database).await;
    let late = webhook("late", Some(60), "live");
    for body in [
        &late,
        &webhook("first", Some(1), "live"),
        &webhook("second", Some(1), "live"),
        // Their clock is ahead of ours.
        &webhook("ahead", Some(-5), "live"),
        &webhook("without", None, "live"),
        &webhook("test", Some(120), "test"),
        // The same as the first, as is; it is recognised at the door.
        &late,
    ] {
        sent(&platform, body).await;
    }
    // What was taken over is stored as this is: it came when somebody asked for it.
    let mut taken_over = webhook("taken over", Some(600), "live");
    taken_over["source"] = json!("report");
    sent(&platform, &taken_over).await;
    platform.drained().await;

    let receipt = eventually("the redelivery is counted", || async {
        let receipt = platform.get("/api/v1/receipt?company=acme").await;
        (receipt["hour"]["redeliveries"] == 1 && receipt["hour"]["received"] == 7).then_some(receipt)
    })
    .await;
    for span in ["hour", "day"] {
        let span = &receipt[span];
        assert_eq!((&span["timed"], &span["isSampled"]), (&json!(4), &json!(false)), "{receipt}");
        let [p50, p95, max] = ["delayP50Ms", "delayP95Ms", "delayMaxMs"].map(|name| span[name].as_i64().unwrap());
        assert!((HOUR_MS / 60..HOUR_MS / 2).contains(&p50), "{receipt}");
        assert!((HOUR_MS..2 * HOUR_MS).contains(&max) && p95 == max, "{receipt}");
    }
    assert_eq!(receipt["day"]["redeliveries"], 1);
    assert!(receipt["day"]["from"].as_str() < receipt["hour"]["from"].as_str(), "{receipt}");

    let test = platform.get("/api/v1/receipt?mode=test").await;
    let told = ["received", "redeliveries", "timed"].map(|name| test["hour"][name].as_i64().unwrap());
    assert_eq!(told, [1, 0, 1], "{test}");
    assert!(test["hour"]["delayP50Ms"].as_i64().unwrap() >= 2 * HOUR_MS, "{test}");

    // Nobody of another company sees any of it.
    platform.netbanx(&["company", "add", "Other", "--slug", "other"]);
    let other = platform.get("/api/v1/receipt?company=other").await;
    assert_eq!((&other["day"]["received"], &other["day"]["delayMaxMs"]), (&json!(0), &Value::Null), "{other}");
}

#[tokio::test]
async fn lateness_and_redeliveries_are_told_sqlite() {
    lateness_and_redeliveries(Database::Sqlite).await;
}

#[tokio::test]
async fn lateness_and_redeliveries_are_told_postgres() {
    lateness_and_redeliveries(Database::Postgres).await;
}
