//! Who may do what, and where messages may go.

use std::time::Duration;

use e2e::{Customer, Database, Platform, Service, eventually};
use serde_json::{Value, json};

use super::{ENDPOINTS, HEEDED, add, ask, delivered, pay, prepare, start};

/// Adds an endpoint with that URL; answers the status and the parameter that is bad.
async fn enter(platform: &Platform, url: &str) -> (u16, String) {
    let body = json!({"company": "acme", "url": url, "eventTypes": ["*"]});
    let (status, told) = ask(platform, &platform.admin_token, "POST", ENDPOINTS, &body).await;
    (status, told["parameter"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn what_only_we_can_reach_is_refused_when_it_is_entered() {
    let mut platform = Platform::prepare(Database::Sqlite).await;
    platform.run(Service::Api).await;
    for url in [
        "",
        "example.com/hook",
        "ftp://example.com/",
        "file:///etc/passwd",
        "http://example.com/hook",
        "https://user:password@example.com/",
        "https://example.com/#x",
        "https://127.0.0.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0177.0.0.1/",
        "https://0.0.0.0/",
        "https://[::1]/",
        "https://[::]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::169.254.169.254]/",
        "https://[2002:7f00:1::]/",
        "https://10.0.0.1/",
        "https://172.16.0.1/",
        "https://192.168.1.1/",
        "https://100.64.0.1/",
        "https://169.254.169.254/latest",
        "https://[fe80::1]/",
        "https://[fd00:ec2::254]/",
        "https://224.0.0.1/",
        "https://255.255.255.255/",
        "https://localhost/",
        "https://localhost./",
        "https://a.localhost/",
        "https://redis/",
        "https://metadata.google.internal/",
    ] {
        assert_eq!(enter(&platform, url).await, (400, "url".to_owned()), "{url}");
    }
    assert_eq!(enter(&platform, "https://8.8.8.8/hook?source=netbanx").await.0, 201);
    for (bad, parameter) in [
        (json!({"company": "acme", "url": "https://8.8.8.8/", "eventTypes": ["payment.made"]}), "eventTypes"),
        (json!({"company": "acme", "url": "https://8.8.8.8/", "eventTypes": []}), "eventTypes"),
        (json!({"url": "https://8.8.8.8/", "eventTypes": ["*"]}), "company"),
        (json!({"company": "acme", "url": "https://8.8.8.8/", "eventTypes": ["*"], "rate": -1}), "rate"),
        (json!({"company": "acme", "url": "https://8.8.8.8/", "eventTypes": ["*"], "description": "a\u{0}"}), "description"),
    ] {
        let (status, told) = ask(&platform, &platform.admin_token, "POST", ENDPOINTS, &bad).await;
        assert_eq!((status, told["parameter"].as_str().unwrap_or_default()), (400, parameter), "{told}");
    }
}

/// Tests an endpoint; answers the attempt.
async fn tested(platform: &Platform, id: &str) -> Value {
    let path = format!("{ENDPOINTS}/{id}");
    let (status, sent) = ask(platform, &platform.admin_token, "POST", &format!("{path}/test"), &Value::Null).await;
    assert_eq!(status, 202, "{sent}");
    eventually("the attempt is noted", || async {
        let page = platform.get(&format!("{path}/attempts")).await;
        page["attempts"].as_array().unwrap().iter().find(|attempt| attempt["messageId"] == sent["messageId"]).cloned()
    })
    .await
}

#[tokio::test]
async fn what_is_connected_to_is_checked_too_and_redirects_are_not_followed() {
    let mut platform = prepare(Database::Sqlite).await;
    platform.run(Service::Api).await;
    let customer = Customer::start();
    // An address in the URL itself, and a name.
    let (literal, _) = add(&platform, &customer.url("/"), &["*"]).await;
    let (named, _) = add(&platform, &format!("http://localhost:{}/", customer.port()), &["*"]).await;
    customer.script([(302, Some(customer.url("/elsewhere")), Duration::ZERO)]);
    assert_eq!(tested(&platform, &literal).await["status"], 302);
    assert_eq!(customer.told().len(), 1, "the redirect is not followed");
    platform.terminate(Service::Api).await;
    let before = customer.told().len();
    // The networks are not allowed any more.
    platform.set("OUTBOUND_ALLOW_NETWORKS", "10.0.0.0/8");
    platform.run(Service::Api).await;
    for id in [&literal, &named] {
        let noted = tested(&platform, id).await;
        assert_eq!(noted["status"], Value::Null, "{noted}");
        assert!(noted["error"].as_str().unwrap().contains("allowed"), "{noted}");
    }
    assert_eq!(customer.told().len(), before, "nothing was sent");
}

#[tokio::test]
async fn companies_see_their_own_endpoints_and_are_told_of_their_own_payments() {
    let platform = start(Database::Sqlite).await;
    platform.netbanx(&["company", "add", "Other", "--slug", "other"]);
    let token = |slug: &str, permission: &str| platform.netbanx(&["token", "add", "--company", slug, "--permission", permission]);
    let (acme, other, reader) =
        (token("acme", "manage:secrets"), token("other", "manage:secrets"), token("acme", "read:transactions"));
    let (customer, stranger) = (Customer::start(), Customer::start());
    let body = |customer: &Customer| json!({"url": customer.url("/"), "eventTypes": ["*"]});
    let (status, made) = ask(&platform, &acme, "POST", ENDPOINTS, &body(&customer)).await;
    assert_eq!(status, 201, "{made}");
    let id = made["id"].as_str().unwrap();
    assert_eq!(ask(&platform, &other, "POST", ENDPOINTS, &body(&stranger)).await.0, 201);
    let mut foreign = body(&stranger);
    foreign["company"] = json!("acme");
    assert_eq!(ask(&platform, &other, "POST", ENDPOINTS, &foreign).await.0, 403);
    let path = format!("{ENDPOINTS}/{id}");
    for (method, path, body) in [
        ("GET", path.clone(), Value::Null),
        ("GET", format!("{path}/attempts"), Value::Null),
        ("PATCH", path.clone(), json!({"state": "disabled"})),
        ("POST", format!("{path}/rotate"), Value::Null),
        ("POST", format!("{path}/test"), Value::Null),
        ("POST", format!("{path}/resend"), json!({"failedSince": "2026-01-01T00:00:00Z"})),
        ("DELETE", path.clone(), Value::Null),
    ] {
        assert_eq!(ask(&platform, &other, method, &path, &body).await.0, 404, "{method} {path}");
        assert_eq!(ask(&platform, &reader, method, &path, &body).await.0, 403, "{method} {path}");
    }
    let listed = ask(&platform, &other, "GET", ENDPOINTS, &Value::Null).await.1;
    assert_eq!(listed["endpoints"].as_array().unwrap().len(), 1, "{listed}");
    tokio::time::sleep(HEEDED).await;
    pay(&platform, "p1", "COMPLETED", 1).await;
    let told = delivered(&customer, 1).await;
    assert_eq!(ask(&platform, &acme, "POST", &format!("{path}/rotate"), &Value::Null).await.0, 200);
    assert!(stranger.told().is_empty());
    // A message of another company is none.
    let strangers = listed["endpoints"][0]["id"].as_str().unwrap();
    let again = json!({"messageId": told[0].id});
    assert_eq!(ask(&platform, &other, "POST", &format!("{ENDPOINTS}/{strangers}/resend"), &again).await.0, 400);
    let audit = platform.get("/api/v1/audit").await;
    let actions: Vec<&str> = audit["entries"].as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert!(actions.contains(&"endpoint.add") && actions.contains(&"endpoint.rotate"), "{actions:?}");
    assert!(!audit.to_string().contains("whsec"));
}

#[tokio::test]
async fn the_command_adds_lists_tests_and_removes() {
    let platform = start(Database::Sqlite).await;
    let customer = Customer::start();
    let made = platform.netbanx(&["--json", "endpoint", "add", "--company", "acme", "--url", &customer.url("/")]);
    let made: Value = serde_json::from_str(&made).unwrap();
    let id = made["id"].as_str().unwrap();
    assert!(made["secret"].as_str().unwrap().starts_with("whsec_"));
    let listed = platform.netbanx(&["endpoint", "list"]);
    assert!(listed.contains(id) && listed.contains("acme") && !listed.contains("whsec"), "{listed}");
    platform.netbanx(&["endpoint", "test", "--id", id]);
    assert_eq!(delivered(&customer, 1).await[0].json()["type"], "endpoint.test");

    // A webhook that cannot be read is told, too.
    tokio::time::sleep(HEEDED).await;
    let answer = platform.send("/api/webhooks/netbanx/acme", r#"{"no": "name"}"#).await;
    assert_eq!(answer.status(), 202);
    let sent: Value = answer.json().await.unwrap();
    let told = delivered(&customer, 2).await[1].json();
    assert_eq!((&told["type"], &told["data"]["webhookId"]), (&json!("webhook.unreadable"), &sent["webhookId"]), "{told}");

    platform.netbanx(&["endpoint", "remove", "--id", id]);
    assert_eq!(platform.netbanx(&["endpoint", "list"]), "");
}

#[tokio::test]
async fn what_is_asked_of_messages_is_checked_and_takes_dates() {
    let mut platform = Platform::prepare(Database::Sqlite).await;
    platform.run(Service::Api).await;
    assert_eq!(enter(&platform, "https://8.8.8.8:0/").await, (400, "url".to_owned()));
    let body = json!({"company": "acme", "url": "https://8.8.8.8/", "eventTypes": ["*"]});
    let (_, made) = ask(&platform, &platform.admin_token, "POST", ENDPOINTS, &body).await;
    let path = format!("{ENDPOINTS}/{}", made["id"].as_str().unwrap());
    for (query, status) in [
        ("from=2026-01-02&until=2026-01-01", 400),
        ("from=2026-01-01&until=2026-01-01", 400),
        ("from=2026-01-01&until=2026-01-02T12:00:00Z", 200),
    ] {
        let (found, told) = platform.get_as(&platform.admin_token, &format!("{path}/attempts?{query}")).await;
        assert_eq!(found, status, "{query}: {told}");
        assert_eq!(told["parameter"].as_str(), Some("until").filter(|_| status == 400));
    }
    let resend = async |asked: Value| {
        let (status, told) = ask(&platform, &platform.admin_token, "POST", &format!("{path}/resend"), &asked).await;
        (status, told["parameter"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(resend(json!({"from": "2026-01-01", "until": "2026-01-02"})).await.0, 202);
    assert_eq!(resend(json!({"failedSince": "2026-01-01"})).await.0, 202);
    assert_eq!(resend(json!({"from": "2026-01-01", "until": "soon"})).await, (400, "until".to_owned()));
    assert_eq!(resend(json!({"from": "2026-01-01", "until": "2026-01-01"})).await, (400, "until".to_owned()));

    // Each key that was replaced within a day signs beside the current one: there may be four.
    let rotate = async || ask(&platform, &platform.admin_token, "POST", &format!("{path}/rotate"), &Value::Null).await;
    for n in 0..4 {
        assert_eq!(rotate().await.0, 200, "{n}");
    }
    let (status, told) = rotate().await;
    assert_eq!((status, told["detail"].as_str().unwrap().contains("within a day")), (409, true), "{told}");
}
