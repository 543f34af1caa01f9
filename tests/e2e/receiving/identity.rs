use e2e::{Database, Platform, eventually};
use serde_json::{Value, json};

use super::{PATH, payment, transaction};

async fn duplicate(platform: &Platform, body: &Value) -> bool {
    let answer = platform.send(PATH, body.to_string()).await;
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["success"], true, "{body}: {answer}");
    answer["duplicate"] == true
}

async fn events_that_differ_are_two(database: Database) {
    let platform = Platform::start(database).await;
    let event = |id: Value, payment: &str, amount: i64| {
        json!({"id": id, "eventType": "PAYMENT_COMPLETED", "attemptNumber": 1,
               "eventData": {"id": payment, "status": "COMPLETED", "amount": amount, "currencyCode": "EUR"}})
    };
    let long = |end: &str| json!("a".repeat(255) + end);
    let events = [
        event(long("1"), "cut1", 1),
        event(long("2"), "cut2", 1),
        event(json!("x\u{1}y"), "control1", 1),
        event(json!("xy"), "control2", 1),
        event(json!(0), "zero1", 1),
        event(json!(0), "zero2", 1),
        event(json!("reused"), "reuse1", 1),
        event(json!("reused"), "reuse2", 2),
        event(json!("reused"), "reuse2", 3),
    ];
    for sent in &events {
        assert!(!duplicate(&platform, sent).await, "{sent}");
    }
    for mut sent in events.clone() {
        sent["attemptNumber"] = "2".into();
        assert!(duplicate(&platform, &sent).await, "a redelivery: {sent}");
    }
    platform.drained().await;
    assert_eq!(platform.events().await, events.len() as u64);
    // Two payments whose ids differ behind the 255th character are two as well.
    let same = "p".repeat(255);
    for end in ["1", "2"] {
        assert!(
            !duplicate(&platform, &json!({"eventType": "PAYMENT_COMPLETED", "payload": {"id": format!("{same}{end}")}})).await
        );
    }
    platform.drained().await;
    assert_eq!(platform.count("SELECT COUNT(*) AS n FROM transactions WHERE external_id LIKE 'pppp%'").await, 2);
}

#[tokio::test]
async fn events_that_differ_in_one_fact_are_two_on_sqlite() {
    events_that_differ_are_two(Database::Sqlite).await;
}

#[tokio::test]
async fn events_that_differ_in_one_fact_are_two_on_postgres() {
    events_that_differ_are_two(Database::Postgres).await;
}

#[tokio::test]
async fn a_time_far_ahead_does_not_pin_a_payment() {
    let platform = Platform::start(Database::Sqlite).await;
    let told = |status: &str, time: &str| json!({"eventType": format!("PAYMENT_{status}"), "payload": {"id": "future", "status": status, "statusTime": time, "txnTime": time}});
    assert!(!duplicate(&platform, &told("PENDING", "2099-01-01T00:00:00Z")).await);
    platform.drained().await;
    assert!(!duplicate(&platform, &told("COMPLETED", &clock::now().to_rfc3339())).await);
    platform.drained().await;
    let completed = async |id: &str| {
        eventually("it is completed", || async {
            transaction(&platform, id).await.filter(|row| row["status"] == "COMPLETED" && row["conflicting"] != true)
        })
        .await
    };
    let row = completed("future").await;
    assert!(!row["transactionTime"].as_str().unwrap().starts_with("2099"), "{row}");
    // In either order, at once, and told in whole seconds: before the other one's receipt.
    let now = clock::now().format("%FT%TZ").to_string();
    for (id, order) in [("seconds1", ["PENDING", "COMPLETED"]), ("seconds2", ["COMPLETED", "PENDING"])] {
        for status in order {
            let time = if status == "PENDING" { "2099-01-01T00:00:00Z" } else { &now };
            let mut body = told(status, time);
            body["payload"]["id"] = id.into();
            assert!(!duplicate(&platform, &body).await);
        }
    }
    platform.drained().await;
    for id in ["seconds1", "seconds2"] {
        completed(id).await;
    }
    let _ = payment;
}
