//! Each way that an alert may go, with what is told there, and that no key is told anywhere.

use e2e::{Customer, Database, MAIL_PASSWORD, MailServer, Service, eventually};
use serde_json::{Value, json};

use super::{CHANNELS, add, ask, came, id, names, notice, prepare, start, tested};
use crate::endpoints::delivery::verifies;

/// A key of PagerDuty's form.
const ROUTING_KEY: &str = "0123456789abcdef0123456789abcdef";

async fn every_way(database: Database) {
    let (mail, customer) = (MailServer::start().await, Customer::start());
    let mut platform = prepare(database).await;
    for (name, value) in mail.settings(MAIL_PASSWORD) {
        platform.set(name, &value);
    }
    platform.set("RUST_LOG", "info,notify=debug,api=debug");
    platform.run(Service::Api).await;
    let mails = add(&platform, json!({"kind": "email", "to": ["ops@example.com", "night@example.com"]})).await;
    let slack = add(&platform, json!({"kind": "slack", "url": customer.url("/services/slack-secret")})).await;
    let url = customer.url("/v2/enqueue");
    let duty = add(&platform, json!({"kind": "pagerduty", "routingKey": ROUTING_KEY, "url": url})).await;
    let hook = add(&platform, json!({"kind": "webhook", "url": customer.url("/hook-secret")})).await;
    let secret = hook["secret"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("whsec_") && slack["secret"].is_null(), "{hook}");

    // No worker runs: that begins, and everyone is told.
    for channel in [&mails, &slack, &duty, &hook] {
        notice(&platform, channel, "no-live-worker", |notice| notice["toldAt"].is_string()).await;
    }
    platform.run(Service::Worker).await;
    for channel in [&mails, &slack, &duty, &hook] {
        notice(&platform, channel, "no-live-worker", |notice| notice["closedAt"].is_string()).await;
    }
    let mailed = eventually("both e-mails are kept", || async { Some(mail.kept()).filter(|kept| kept.len() >= 2) }).await;
    for (kept, subject) in mailed.iter().zip(["began", "is over"]) {
        assert_eq!((&kept["tls"], &kept["from"]), (&json!(true), &json!("alerts@platform.example")));
        assert_eq!(kept["to"], json!(["ops@example.com", "night@example.com"]));
        let content = kept["content"].as_str().unwrap();
        assert!(content.contains(&format!("Subject: [platform] Alerts: no-live-worker {subject}")), "{content}");
        assert!(content.contains("Auto-Submitted: auto-generated"), "{content}");
    }
    let told = |path: &str| customer.told().into_iter().filter(|told| told.path.starts_with(path)).collect::<Vec<_>>();
    let chat = told("/services");
    assert!(chat[0].json()["text"].as_str().unwrap().contains("no-live-worker"), "{chat:?}");
    let events: Vec<Value> = told("/v2/enqueue").iter().map(e2e::Told::json).collect();
    assert_eq!((events.len(), &events[0]["event_action"], &events[1]["event_action"]), (2, &json!("trigger"), &json!("resolve")));
    assert_eq!((&events[0]["dedup_key"], &events[0]["routing_key"]), (&events[1]["dedup_key"], &json!(ROUTING_KEY)));
    assert_eq!(events[0]["payload"]["severity"], "critical");
    let signed = told("/hook-secret");
    assert!(signed.len() == 2 && signed.iter().all(|told| verifies(told, &secret)), "{signed:?}");
    assert_eq!(
        (names(&signed, "began"), names(&signed, "ended")),
        (vec!["no-live-worker".into()], vec!["no-live-worker".into()])
    );
    assert_ne!(signed[0].id, signed[1].id);

    // What was entered is sealed, and told neither by answers nor by the log.
    let mut shown = platform.get(CHANNELS).await.to_string();
    for channel in [&mails, &slack, &duty, &hook] {
        shown += &platform.get(&format!("{CHANNELS}/{}", id(channel))).await.to_string();
        shown += &platform.get(&format!("{CHANNELS}/{}/notices", id(channel))).await.to_string();
    }
    shown += &platform.get("/api/v1/audit").await.to_string();
    shown += &platform.log();
    for secret in ["slack-secret", ROUTING_KEY, "hook-secret", &secret, MAIL_PASSWORD] {
        assert!(!shown.contains(secret), "{secret} is told");
    }
    assert_eq!(platform.count("SELECT COUNT(*) AS n FROM alert_channels WHERE configuration LIKE 'v2:%'").await, 4);
}

#[tokio::test]
async fn alerts_go_every_way_and_their_keys_nowhere_sqlite() {
    every_way(Database::Sqlite).await;
}

#[tokio::test]
async fn alerts_go_every_way_and_their_keys_nowhere_postgres() {
    every_way(Database::Postgres).await;
}

#[tokio::test]
async fn a_test_tells_what_the_other_end_said() {
    let (mail, customer) = (MailServer::start().await, Customer::start());
    let mut platform = prepare(Database::Sqlite).await;
    // Another password than the server's.
    for (name, value) in mail.settings("wrong-pass-word") {
        platform.set(name, &value);
    }
    platform.run(Service::Api).await;
    let hook = add(&platform, json!({"company": "acme", "kind": "webhook", "url": customer.url("/hook")})).await;
    assert_eq!(tested(&platform, &hook).await, json!({"delivered": true, "status": 200, "detail": "200 answer 200"}));
    let told = came(&customer, "alert.test").await;
    assert!(verifies(&told, hook["secret"].as_str().unwrap()));
    assert_eq!(told.json()["data"]["whose"], "Acme");
    customer.script([(500, None, std::time::Duration::ZERO)]);
    let refused = tested(&platform, &hook).await;
    assert_eq!((&refused["delivered"], &refused["status"]), (&json!(false), &json!(500)), "{refused}");

    let mails = add(&platform, json!({"company": "acme", "kind": "email", "to": ["ops@example.com"]})).await;
    let refused = tested(&platform, &mails).await;
    assert_eq!(refused["delivered"], json!(false), "{refused}");
    assert!(refused["detail"].as_str().unwrap().contains("535"), "{refused}");
    assert!(!refused.to_string().contains("wrong-pass-word") && !platform.log().contains("wrong-pass-word"));
    assert!(mail.kept().is_empty());
}

#[tokio::test]
async fn what_cannot_be_a_channel_is_refused_by_its_parameter() {
    let platform = start(Database::Sqlite, &[Service::Api]).await;
    for (channel, parameter) in [
        (json!({"kind": "fax", "name": "a"}), "kind"),
        (json!({"kind": "email", "name": "a"}), "to"),
        (json!({"kind": "email", "name": "a", "to": ["ops"]}), "to"),
        (json!({"kind": "email", "name": "a", "to": ["a@b.example\r\nBcc: c@d.example"]}), "to"),
        (json!({"kind": "email", "name": "a", "to": ["ops@example.com"], "url": "https://8.8.8.8/"}), "url"),
        (json!({"kind": "slack", "name": "a", "url": "https://169.254.169.254/"}), "url"),
        (json!({"kind": "slack", "name": "", "url": "https://8.8.8.8/"}), "name"),
        (json!({"kind": "pagerduty", "name": "a", "routingKey": "no key"}), "routingKey"),
        (json!({"kind": "webhook", "name": "a", "url": "https://8.8.8.8/", "alerts": ["silence"]}), "alerts"),
        (json!({"kind": "webhook", "name": "a", "url": "https://8.8.8.8/", "minSeverity": "loud"}), "minSeverity"),
        (json!({"kind": "webhook", "name": "a", "url": "https://8.8.8.8/", "reminderHours": -1}), "reminderHours"),
        (
            json!({"kind": "webhook", "name": "a", "url": "https://8.8.8.8/",
                "quietHours": {"from": "22:00", "until": "07:00", "zone": "Europe/Nowhere"}}),
            "quietHours",
        ),
    ] {
        let (status, told) = ask(&platform, "POST", CHANNELS, &channel).await;
        assert_eq!((status, told["parameter"].as_str().unwrap_or_default()), (400, parameter), "{told}");
    }
}

#[tokio::test]
async fn what_nobody_can_mail_is_no_channel() {
    let platform = start(Database::Sqlite, &[Service::Api]).await;
    let channel = json!({"kind": "email", "name": "a", "to": ["ops@example.com"]});
    let (status, told) = ask(&platform, "POST", CHANNELS, &channel).await;
    assert_eq!((status, &told["parameter"]), (400, &json!("kind")), "{told}");
    assert!(told["detail"].as_str().unwrap().contains("SMTP_URL"), "{told}");
    // The command may run where no mail server is set: it warns.
    let args = ["alert-channel", "add", "--kind", "email", "--name", "a", "--to", "ops@example.com"];
    let added = platform.netbanx_given(&args, b"");
    assert!(added.status.success() && String::from_utf8_lossy(&added.stderr).contains("SMTP_URL"), "{added:?}");
}

#[tokio::test]
async fn null_clears_what_can_be_empty_and_what_is_absent_stays() {
    let platform = start(Database::Sqlite, &[Service::Api]).await;
    let quiet = json!({"from": "22:00", "until": "07:00", "zone": "Europe/Vienna"});
    let hook = add(&platform, json!({"kind": "webhook", "url": "https://8.8.8.8/", "quietHours": quiet})).await;
    let path = format!("{CHANNELS}/{}", id(&hook));
    let change = async |path: &str, body: Value| ask(&platform, "PATCH", path, &body).await;
    assert_eq!(change(&path, json!({"name": "other"})).await.1["quietHours"], quiet);
    assert_eq!(change(&path, json!({"quietHours": null})).await.1["quietHours"], Value::Null);
    for name in ["name", "to", "url", "routingKey", "alerts", "minSeverity", "reminderHours", "state"] {
        let (status, told) = change(&path, json!({name: null})).await;
        assert_eq!((status, &told["parameter"]), (400, &json!(name)), "{told}");
    }
    let (status, told) = change("/api/v1/alert-rules", json!({"company": "acme", "chargebacks": null})).await;
    assert_eq!((status, &told["parameter"]), (400, &json!("chargebacks")), "{told}");

    let new = json!({"company": "acme", "url": "https://8.8.8.8/", "eventTypes": ["*"], "description": "shop", "rate": 5});
    let (status, endpoint) = ask(&platform, "POST", "/api/v1/endpoints", &new).await;
    assert_eq!((status, &endpoint["rate"]), (201, &json!(5)));
    let path = format!("/api/v1/endpoints/{}", id(&endpoint));
    let (_, told) = change(&path, json!({"state": "enabled"})).await;
    assert_eq!((&told["rate"], &told["description"]), (&json!(5), &json!("shop")));
    let (_, told) = change(&path, json!({"rate": null, "description": null})).await;
    assert_eq!((&told["rate"], &told["description"]), (&Value::Null, &json!("")));
    for name in ["url", "eventTypes", "state"] {
        let (status, told) = change(&path, json!({name: null})).await;
        assert_eq!((status, &told["parameter"]), (400, &json!(name)), "{told}");
    }
}
