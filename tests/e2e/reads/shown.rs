//! What answers show can be asked for: each value finds its rows, no group is missing, and a cursor goes on where it came from.

use e2e::{Database, Platform};
use futures::StreamExt;
use serde_json::{Value, json};

/// Payments, each of an account of its own.
const COUNT: usize = 110;

fn payment(n: usize) -> Value {
    let method = ["käse", "CARD,ACH", "order-1", "UNKNOWN", "Apple Pay"].get(n % 7);
    // What fails says why in words, by a code, by a number, by a text; blanks say nothing.
    let error = [
        json!({"code": "3022", "message": ""}),
        json!({"code": 3022, "message": "  "}),
        json!({"message": null, "code": " 3022 "}),
        json!("Declined by bank"),
        json!({"code": "3022", "message": "The card has been declined"}),
        json!({"code": "", "message": ""}),
    ];
    let currency = ["EUR", "USD", "XXX"].get(n % 4);
    let status = if n < error.len() { "FAILED" } else { "COMPLETED" };
    json!({"eventType": format!("PAYMENT_{status}"), "payload": {"id": format!("shown{n}"), "status": status, "amount": 100 + n,
        "currencyCode": currency, "paymentType": method, "accountId": format!("account{n}"),
        "error": error.get(n)}})
}

async fn furnished(database: Database) -> Platform {
    let platform = Platform::start(database).await;
    let sent = futures::stream::iter(0..COUNT).map(|n| {
        let platform = &platform;
        async move {
            assert_eq!(platform.send("/api/webhooks/netbanx/acme", payment(n).to_string()).await.status(), 202);
        }
    });
    sent.buffer_unordered(8).for_each(|()| async {}).await;
    platform.drained().await;
    platform
}

/// A file of the API's.
async fn file(platform: &Platform, name: &str, query: &[(&str, &str)]) -> String {
    let request = platform.http.get(format!("{}/api/v1/{name}", platform.api_url())).query(query);
    let answer = request.bearer_auth(&platform.admin_token).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{name} {query:?}");
    answer.text().await.unwrap()
}

/// How many transactions a filter finds, and how many the totals tell.
async fn found(platform: &Platform, name: &str, value: &str) -> (usize, i64) {
    let rows = file(platform, "transactions.jsonl", &[(name, value)]).await.lines().count();
    let totals: Value = serde_json::from_str(&file(platform, "transactions/totals", &[(name, value)]).await).unwrap();
    (rows, totals["data"]["count"].as_i64().unwrap())
}

async fn groups_are_found(platform: &Platform) {
    for by in ["paymentMethod", "currency", "status"] {
        let figures = platform.get(&format!("/api/v1/analytics?groupBy={by}")).await;
        let groups = figures["groups"].as_array().unwrap();
        let mut all = 0;
        for group in groups {
            let (key, total) = (group["key"].as_str().unwrap(), group["transactions"]["total"].as_i64().unwrap());
            assert_eq!(found(platform, by, key).await, (total as usize, total), "{by}={key}");
            all += total as usize;
        }
        assert_eq!(all, COUNT, "{groups:?}");
        assert_eq!(figures["moreGroups"], Value::Null);
    }
    let methods = platform.get("/api/v1/analytics").await["paymentMethods"].clone();
    let unknown = methods.as_array().unwrap().iter().filter(|method| method["paymentMethod"] == "UNKNOWN").count();
    assert_eq!(unknown, 1, "{methods}");
}

async fn no_group_is_missing(platform: &Platform) {
    let figures = platform.get("/api/v1/analytics?groupBy=account").await;
    assert_eq!((figures["groups"].as_array().unwrap().len(), &figures["moreGroups"]), (100, &json!(COUNT - 100)));
    for (name, lines) in [("analytics.jsonl", COUNT), ("analytics.csv", COUNT + 1)] {
        assert_eq!(file(platform, name, &[("groupBy", "account")]).await.lines().count(), lines, "{name}");
    }
}

async fn reasons_are_told(platform: &Platform) {
    let figures = platform.get("/api/v1/analytics").await;
    assert_eq!(
        figures["failureReasons"],
        json!([{"reason": "3022", "count": 3}, {"reason": "Declined by bank", "count": 1},
            {"reason": "The card has been declined", "count": 1}])
    );
    assert_eq!(found(platform, "failureReason", "3022").await, (3, 3));
}

async fn cursors_go_on_where_they_came_from(platform: &Platform) {
    let next = async |path: &str| platform.get(path).await["pagination"]["nextCursor"].as_str().unwrap().to_owned();
    let newest = next("/api/v1/transactions?limit=5").await;
    let largest = next("/api/v1/transactions?limit=5&sort=-amount").await;
    let events = next("/api/v1/events?limit=5").await;
    for (query, parameter) in [
        (format!("transactions?sort=-amount&cursor={newest}"), "cursor"),
        (format!("transactions?sort=transactionTime&cursor={newest}"), "cursor"),
        (format!("transactions?sort=amount&cursor={largest}"), "cursor"),
        (format!("transactions?cursor={largest}"), "cursor"),
        (format!("transactions?cursor={events}"), "cursor"),
        (format!("accounts?cursor={events}"), "cursor"),
        (format!("events?cursor={newest}"), "cursor"),
        (format!("transactions?page=2&cursor={newest}"), "page"),
    ] {
        let (status, problem) = platform.get_as(&platform.admin_token, &format!("/api/v1/{query}")).await;
        assert_eq!((status, &problem["parameter"]), (400, &json!(parameter)), "{query}: {problem}");
    }
    let rows = platform.get(&format!("/api/v1/transactions?limit=5&sort=-transactionTime&cursor={newest}")).await;
    assert_eq!(rows["transactions"].as_array().unwrap().len(), 5);
}

async fn bodies_are_in_files_that_ask_for_them(platform: &Platform) {
    let body = r#"{"eventType":"PAYMENT_COMPLETED","payload":{"id":"exact","large":123456789012345678901234567890}}"#;
    assert_eq!(platform.send("/api/webhooks/netbanx/acme", body.to_owned()).await.status(), 202);
    platform.drained().await;
    let (own, bodies) = (("resourceId", "exact"), ("include", "payload"));
    let plain = file(platform, "events.csv", &[own]).await;
    let with_bodies = file(platform, "events.csv", &[own, bodies]).await;
    assert!(plain.lines().next().unwrap().ends_with(",statusTime") && !plain.contains("large"), "{plain}");
    assert!(with_bodies.lines().next().unwrap().ends_with(",statusTime,payload"), "{with_bodies}");
    assert!(with_bodies.contains(r#""{""eventType"":""PAYMENT_COMPLETED"",""#), "{with_bodies}");
    assert!(with_bodies.contains("123456789012345678901234567890"), "{with_bodies}");
    let lines = file(platform, "events.jsonl", &[own]).await;
    assert!(lines.contains(r#""large":123456789012345678901234567890"#), "{lines}");
}

async fn what_is_shown_can_be_asked_for(database: Database) {
    let platform = furnished(database).await;
    groups_are_found(&platform).await;
    no_group_is_missing(&platform).await;
    reasons_are_told(&platform).await;
    cursors_go_on_where_they_came_from(&platform).await;
    bodies_are_in_files_that_ask_for_them(&platform).await;
}

#[tokio::test]
async fn what_is_shown_can_be_asked_for_sqlite() {
    what_is_shown_can_be_asked_for(Database::Sqlite).await;
}

#[tokio::test]
async fn what_is_shown_can_be_asked_for_postgres() {
    what_is_shown_can_be_asked_for(Database::Postgres).await;
}
