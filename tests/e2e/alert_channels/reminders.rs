//! Chargebacks are told of, and told again while they stand; a channel by command; how often a test may be sent.

use e2e::{Customer, Database, Service, eventually};
use serde_json::{Value, json};

use super::{CHANNELS, add, ask, came, id, names, notice, prepare, start};

async fn told_again(database: Database) {
    let platform = start(database, &[Service::Ingress, Service::Worker, Service::Api]).await;
    let customer = Customer::start();
    let channel =
        json!({"company": "acme", "kind": "webhook", "url": customer.url("/"), "alerts": ["chargebacks"], "reminderHours": 1});
    let channel = add(&platform, channel).await;
    for n in 0..3 {
        let payload =
            json!({"id": format!("c{n}"), "accountId": "1", "amount": 500, "currencyCode": "EUR", "status": "RECEIVED"});
        let body = json!({"eventType": "CHARGEBACK_RECEIVED", "payload": payload}).to_string();
        assert!(platform.send("/api/webhooks/netbanx/acme", body).await.status().is_success());
    }
    let began = came(&customer, "chargebacks").await.json();
    assert_eq!(
        (&began["data"]["whose"], &began["data"]["began"][0]["alert"]),
        (&json!("Acme"), &json!("chargebacks")),
        "{began}"
    );
    let row = notice(&platform, &channel, "chargebacks", |notice| notice["toldAt"].is_string()).await;
    assert!(row["remindedAt"].is_null() && row["message"].as_str().unwrap().starts_with('3'), "{row}");

    // As if it had been told an hour ago.
    platform.execute("UPDATE alert_notices SET told_at = told_at - 3600000").await;
    let again = notice(&platform, &channel, "chargebacks", |notice| notice["remindedAt"].is_string()).await;
    assert_eq!((&again["id"], &again["endedAt"]), (&row["id"], &Value::Null), "the same alert, which stands: {again}");
    let told = customer.told();
    assert_eq!(
        (names(&told, "began").len(), names(&told, "stands"), names(&told, "ended").len()),
        (1, vec!["chargebacks".into()], 0)
    );

    let (status, rules) = ask(&platform, "PATCH", "/api/v1/alert-rules", &json!({"company": "acme", "chargebacks": 4})).await;
    assert_eq!(status, 200, "{rules}");
    eventually("its end is told", || async {
        Some(names(&customer.told(), "ended")).filter(|ended| *ended == ["chargebacks"]).map(drop)
    })
    .await;
}

#[tokio::test]
async fn chargebacks_are_told_again_while_they_stand_sqlite() {
    told_again(Database::Sqlite).await;
}

#[tokio::test]
async fn chargebacks_are_told_again_while_they_stand_postgres() {
    told_again(Database::Postgres).await;
}

#[tokio::test]
async fn a_channel_is_added_tested_and_removed_by_command() {
    let mut platform = prepare(Database::Sqlite).await;
    platform.run(Service::Api).await;
    let customer = Customer::start();
    let url = customer.url("/secret-path");
    let add = ["--json", "alert-channel", "add", "--company", "acme", "--kind", "webhook", "--name", "on call", "--url", &url];
    let more = ["--alert", "silence", "--quiet-hours", "22:00-07:00", "--zone", "Europe/Vienna", "--reminder-hours", "4"];
    let made: Value = serde_json::from_str(&platform.netbanx(&[&add[..], &more].concat())).unwrap();
    let channel = made["id"].as_str().unwrap();
    assert!(made["secret"].as_str().unwrap().starts_with("whsec_"), "{made}");
    let shown = platform.get(&format!("{CHANNELS}/{channel}")).await;
    assert_eq!((&shown["alerts"], &shown["reminderHours"]), (&json!(["silence"]), &json!(4)), "{shown}");
    assert_eq!(shown["quietHours"], json!({"from": "22:00", "until": "07:00", "zone": "Europe/Vienna"}));
    let listed = platform.netbanx(&["alert-channel", "list"]);
    assert!(listed.contains(channel) && listed.contains("acme") && !listed.contains("secret"), "{listed}");

    assert!(platform.netbanx(&["alert-channel", "test", "--id", channel]).contains("it arrived: 200"));
    assert_eq!(came(&customer, "alert.test").await.json()["data"]["whose"], "Acme");
    customer.script([(500, None, std::time::Duration::ZERO)]);
    let failed = platform.netbanx_given(&["alert-channel", "test", "--id", channel], b"");
    let said = String::from_utf8_lossy(&failed.stderr).into_owned();
    assert!(!failed.status.success() && said.contains("nothing arrived: 500"), "{said}");

    // What cannot be is named as it is by the API.
    for (bad, name) in [(["--alert", "sirens"], "alerts"), (["--reminder-hours", "721"], "reminderHours")] {
        let refused = platform.netbanx_given(&[&add[..], &bad].concat(), b"");
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && said.contains(name), "{said}");
    }
    platform.netbanx(&["alert-channel", "remove", "--id", channel]);
    assert_eq!(platform.netbanx(&["alert-channel", "list"]), "");
    let actions = platform.get("/api/v1/audit").await.to_string();
    for action in ["alert-channel.add", "alert-channel.test", "alert-channel.remove"] {
        assert!(actions.contains(action), "{action}: {actions}");
    }
}

#[tokio::test]
async fn tests_of_one_channel_or_endpoint_are_limited() {
    let platform = start(Database::Sqlite, &[Service::Api]).await;
    let customer = Customer::start();
    let channel = add(&platform, json!({"company": "acme", "kind": "webhook", "url": customer.url("/")})).await;
    let endpoint = json!({"company": "acme", "url": customer.url("/endpoint"), "eventTypes": ["*"]});
    let (status, endpoint) = ask(&platform, "POST", "/api/v1/endpoints", &endpoint).await;
    assert_eq!(status, 201, "{endpoint}");
    let other = add(&platform, json!({"company": "acme", "kind": "webhook", "url": customer.url("/other")})).await;
    for path in [format!("{CHANNELS}/{}/test", id(&channel)), format!("/api/v1/endpoints/{}/test", id(&endpoint))] {
        let mut refused = None;
        // Ten at once; slow ones give some back.
        for _ in 0..40 {
            let (status, told) = ask(&platform, "POST", &path, &Value::Null).await;
            if status == 429 {
                refused = Some(told);
                break;
            }
            assert!(status == 200 || status == 202, "{told}");
        }
        let refused = refused.expect("a flood is refused");
        assert_eq!(refused["type"], json!("urn:netbanx:problem:too-many-requests"), "{refused}");
    }
    let (status, told) = ask(&platform, "POST", &format!("{CHANNELS}/{}/test", id(&other)), &Value::Null).await;
    assert_eq!(status, 200, "another is not concerned: {told}");
}
