//! Transactions and figures as they were known at a moment.

use chrono::{DateTime, SecondsFormat, Utc};
use e2e::{Database, Platform, eventually};
use serde_json::{Value, json};

fn body(id: &str, name: &str, status: &str, second: u32) -> String {
    let time = (clock::now() - chrono::TimeDelta::minutes(5)).format("%Y-%m-%dT%H:%M");
    json!({"eventType": name, "payload": {"id": id, "status": status, "amount": 500 + second, "currencyCode": "EUR",
        "paymentType": "CARD", "statusReason": (status == "FAILED").then_some("funds"), "statusTime": format!("{time}:{second:02}Z")}})
    .to_string()
}

fn text(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Without what tells when it was asked.
fn timeless(mut answer: Value) -> Value {
    for name in ["asOf", "generatedAt"] {
        answer.as_object_mut().unwrap().remove(name);
    }
    answer
}

const FIGURES: &str = "/api/v1/analytics?timeRange=day&company=acme";

#[tokio::test]
async fn each_moment_is_told_as_the_api_told_it_then() {
    for database in [Database::Sqlite, Database::Postgres] {
        let platform = Platform::start(database).await;
        let story = [
            ("p1", "PAYMENT_PROCESSING", "PENDING"),
            ("p2", "PAYMENT_COMPLETED", "COMPLETED"),
            ("p1", "PAYMENT_FAILED", "FAILED"),
            ("p2", "PAYMENT_RETURNED_COMPLETED", "COMPLETED"),
            ("p1", "PAYMENT_COMPLETED", "COMPLETED"),
        ];
        let mut moments = Vec::new();
        for (n, (id, name, status)) in story.into_iter().enumerate() {
            let sent = platform.send("/api/webhooks/netbanx/acme", body(id, name, status, n as u32 + 1)).await;
            assert_eq!(sent.status(), 202);
            platform.drained().await;
            let (list, events) = ("/api/v1/transactions?company=acme", n as u64 + 1);
            let figures = || async {
                let figures = platform.get(FIGURES).await;
                (figures["webhooks"]["processed"] == events).then_some(figures)
            };
            let figures = eventually("the figures know of it", figures).await;
            let updated = || async {
                let page = platform.get(list).await;
                let rows = page["transactions"].as_array().unwrap().clone();
                let mut told = Vec::new();
                for row in &rows {
                    told.push(platform.get(&format!("/api/v1/transactions/{}", row["id"].as_str().unwrap())).await);
                }
                let seen: usize = told.iter().map(|detail| detail["events"].as_array().unwrap().len()).sum();
                (seen as u64 == events).then_some(told)
            };
            let transactions = eventually("the transactions know of it", updated).await;
            moments.push((clock::now(), figures, transactions));
            // What comes within the same millisecond is of the same moment.
            let known_ms = clock::now_ms();
            eventually("it is later", || async { (clock::now_ms() > known_ms).then_some(()) }).await;
        }
        for (at, figures, transactions) in &moments {
            let as_of = text(*at);
            let told = platform.get(&format!("{FIGURES}&asOf={as_of}")).await;
            assert_eq!(told["asOf"], as_of.as_str());
            assert_eq!(told["isApproximate"], Value::Null);
            if told["from"] == figures["from"] {
                assert_eq!(&timeless(told), &timeless(figures.clone()), "{database:?}");
            }
            for transaction in transactions {
                let path = format!("/api/v1/transactions/{}?asOf={as_of}", transaction["id"].as_str().unwrap());
                let told = platform.get(&path).await;
                assert_eq!(told["asOf"], as_of.as_str());
                assert_eq!(&timeless(told), transaction, "{database:?}");
            }
        }
        let first = moments[0].0 - chrono::TimeDelta::hours(1);
        let id = moments[0].2[0]["id"].as_str().unwrap();
        let one =
            async |at| platform.get_as(&platform.admin_token, &format!("/api/v1/transactions/{id}?asOf={}", text(at))).await;
        assert_eq!(one(first).await.0, 404);
        let (status, problem) = one(clock::now() + chrono::TimeDelta::hours(1)).await;
        assert_eq!((status, &problem["parameter"]), (400, &"asOf".into()), "{problem}");
        let now = text(clock::now());
        let today = clock::now().date_naive();
        for (query, status) in [
            (format!("timeRange=year&asOf={now}"), 400),
            (format!("from={}&to={today}&asOf={now}", today - chrono::Days::new(40)), 400),
            (format!("from={}&to={today}&asOf={now}&compare=previous&groupBy=account", today - chrono::Days::new(31)), 200),
            (format!("timeRange=month&timeZone=Europe/Berlin&asOf={now}&groupBy=failureReason"), 200),
        ] {
            let (told, problem) = platform.get_as(&platform.admin_token, &format!("/api/v1/analytics?{query}")).await;
            assert_eq!(told, status, "{query}: {problem}");
        }
    }
}
