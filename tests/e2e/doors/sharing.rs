//! What a company, a thin token and a stranger do not see.

use e2e::{Database, Platform, Service};
use serde_json::{Value, json};

fn payment(id: &str) -> String {
    json!({"id": format!("event-{id}"), "eventType": "PAYMENT_COMPLETED",
        "payload": {"id": id, "amount": 1, "currencyCode": "EUR", "status": "COMPLETED"}})
    .to_string()
}

#[tokio::test]
async fn bodies_of_webhooks_are_for_those_who_may_read_events() {
    let platform = Platform::start(Database::Sqlite).await;
    assert_eq!(platform.send("/api/webhooks/netbanx/acme", payment("p1")).await.status(), 202);
    platform.drained().await;
    let token = |permissions: &[&str]| {
        let flags = permissions.iter().flat_map(|permission| ["--permission", permission]);
        platform.netbanx(&["token", "add", "--company", "acme"].into_iter().chain(flags).collect::<Vec<_>>())
    };
    let (thin, full) = (token(&["read:transactions"]), token(&["read:transactions", "read:events"]));
    let id = platform.get("/api/v1/transactions").await["transactions"][0]["id"].as_str().unwrap().to_owned();
    let body = async |token: &str| {
        let (status, answer) = platform.get_as(token, &format!("/api/v1/transactions/{id}")).await;
        assert_eq!(status, 200);
        let events = answer["data"]["events"].as_array().unwrap();
        assert_eq!(events.len(), 1);
        events[0]["payload"].clone()
    };
    // In both orders: what is cached for one is not shown to the other.
    assert_eq!(body(&thin).await, Value::Null);
    assert_eq!(body(&full).await["payload"]["id"], "p1");
    assert_eq!(body(&thin).await, Value::Null);
    assert_eq!(platform.get_as(&thin, "/api/v1/events").await.0, 403);
}

#[tokio::test]
async fn the_platforms_volume_is_for_its_administrators() {
    let mut platform = Platform::prepare(Database::Sqlite).await;
    platform.run(Service::Ingress).await;
    platform.run(Service::Api).await;
    for n in 0..7 {
        assert_eq!(platform.send("/api/webhooks/netbanx", payment(&n.to_string())).await.status(), 202);
    }
    let company = platform.netbanx(&["token", "add", "--company", "acme", "--permission", "manage:queue"]);
    let (status, seen) = platform.get_as(&company, "/api/webhooks/queue").await;
    assert_eq!(status, 200);
    for name in ["waiting", "active", "completed", "failed", "total", "accepted", "duplicates", "recent", "workers"] {
        assert!(seen["queue"].get(name).is_none(), "{name}: {seen}");
    }
    assert_eq!((&seen["queue"]["dead"], &seen["queue"]["paused"]), (&json!(0), &json!(false)));
    let url = format!("{}/api/webhooks/queue", platform.api_url());
    let posted = platform.http.post(url).bearer_auth(&company).json(&json!({"action": "stats"})).send().await.unwrap();
    assert!(posted.json::<Value>().await.unwrap()["queue"].get("waiting").is_none());
    assert_eq!(platform.get_as(&platform.admin_token, "/api/webhooks/queue").await.1["queue"]["waiting"], 7);
    // A stranger learns that it works, and nothing more.
    let open: Value =
        platform.http.get(format!("{}/api/webhooks/netbanx", platform.ingress_url())).send().await.unwrap().json().await.unwrap();
    assert_eq!(
        (&open["status"], &open["endpoint"], &open["processing"]),
        (&json!("operational"), &json!("netbanx"), &json!("async"))
    );
    assert!(!open["stats"].to_string().contains(|c: char| c.is_ascii_digit()), "{open}");
    assert!(!open["queue"].to_string().contains(|c: char| c.is_ascii_digit()), "{open}");
}

#[tokio::test]
async fn one_token_does_not_take_all_streams() {
    let mut platform = Platform::prepare(Database::Sqlite).await;
    platform.run(Service::Api).await;
    let (greedy, other) =
        (platform.netbanx(&["token", "add", "--company", "acme"]), platform.netbanx(&["token", "add", "--company", "acme"]));
    let open = async |token: &str| {
        platform.http.get(format!("{}/api/v1/stream", platform.api_url())).bearer_auth(token).send().await.unwrap()
    };
    let mut held = Vec::new();
    let refused = loop {
        let answer = open(&greedy).await;
        if answer.status() != 200 {
            break answer;
        }
        held.push(answer);
        assert!(held.len() < 100);
    };
    assert_eq!(refused.status(), 429);
    assert!(refused.headers().contains_key("retry-after"));
    assert_eq!(open(&other).await.status(), 200);
}
