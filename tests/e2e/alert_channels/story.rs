//! Once at the beginning and once at the end, whoever else is told, whatever is away.

use chrono::{Duration, Timelike};
use e2e::{Customer, Database, Platform, Postgres, Service, eventually, free_port, new_directory};
use serde_json::{Value, json};

use super::{CHANNELS, add, ask, came, furnish, id, names, notice, prepare, start};

async fn once(database: Database) {
    let mut platform = start(database, &[Service::Api]).await;
    let customer = Customer::start();
    let hook = add(&platform, json!({"kind": "webhook", "url": customer.url("/hook")})).await;
    // Another replica, which has the same to tell.
    platform.api_port = free_port();
    platform.run(Service::Api).await;
    notice(&platform, &hook, "no-live-worker", |notice| notice["toldAt"].is_string()).await;
    platform.run(Service::Worker).await;
    notice(&platform, &hook, "no-live-worker", |notice| notice["closedAt"].is_string()).await;
    let told = customer.told();
    assert_eq!((names(&told, "began"), names(&told, "ended")), (vec!["no-live-worker".into()], vec!["no-live-worker".into()]));

    // Without Redis nobody knows whose turn it is: the rows keep it to once.
    platform.kill_redis();
    let away = notice(&platform, &hook, "redis-away", |notice| notice["toldAt"].is_string()).await;
    platform.start_redis().await;
    notice(&platform, &hook, "redis-away", |notice| notice["closedAt"].is_string() && notice["id"] == away["id"]).await;
    let told = customer.told();
    for part in ["began", "ended"] {
        assert_eq!(names(&told, part).iter().filter(|name| *name == "redis-away").count(), 1, "{part}: {told:?}");
    }
}

#[tokio::test]
async fn an_alert_is_told_once_at_each_end_by_two_replicas_sqlite() {
    once(Database::Sqlite).await;
}

#[tokio::test]
async fn an_alert_is_told_once_at_each_end_by_two_replicas_postgres() {
    once(Database::Postgres).await;
}

fn payment(id: usize) -> String {
    json!({"eventType": "PAYMENT_COMPLETED", "payload": {"id": id.to_string(), "amount": 1, "status": "COMPLETED"}}).to_string()
}

#[tokio::test]
async fn quiet_hours_hold_back_what_is_not_critical() {
    let mut platform = prepare(Database::Sqlite).await;
    platform.set("ALERT_BACKLOG", "1");
    for service in [Service::Ingress, Service::Api] {
        platform.run(service).await;
    }
    let (quiet, loud) = (Customer::start(), Customer::start());
    // Around now, wherever the day ends.
    let minute = |shift| {
        let at = clock::now() + Duration::hours(shift);
        format!("{:02}:{:02}", at.hour(), at.minute())
    };
    let hours = json!({"from": minute(-3), "until": minute(3), "zone": "UTC"});
    let channel = add(&platform, json!({"kind": "slack", "url": quiet.url("/"), "quietHours": hours})).await;
    let other = add(&platform, json!({"kind": "slack", "url": loud.url("/")})).await;
    for n in 0..3 {
        assert_eq!(platform.send("/api/webhooks/netbanx/acme", payment(n)).await.status(), 202);
    }
    notice(&platform, &other, "queue-backlog", |notice| notice["toldAt"].is_string()).await;
    notice(&platform, &channel, "no-live-worker", |notice| notice["toldAt"].is_string()).await;
    let held = notice(&platform, &channel, "queue-backlog", |_| true).await;
    assert!(held["toldAt"].is_null(), "{held}");
    assert!(quiet.told().iter().all(|told| !told.body.contains("queue-backlog")));

    // The hours are over.
    let never = json!({"quietHours": {"from": "00:00", "until": "00:00", "zone": "UTC"}});
    let (status, changed) = ask(&platform, "PATCH", &format!("{CHANNELS}/{}", id(&channel)), &never).await;
    assert_eq!((status, &changed["quietHours"]), (200, &Value::Null), "{changed}");
    came(&quiet, "queue-backlog").await;
}

#[tokio::test]
async fn a_channel_that_fails_delays_no_other() {
    let platform = start(Database::Sqlite, &[Service::Api]).await;
    let customer = Customer::start();
    let slow = add(&platform, json!({"kind": "slack", "url": customer.url("/slow/hook-secret")})).await;
    let nobody = add(&platform, json!({"kind": "slack", "url": format!("http://127.0.0.1:{}/", free_port())})).await;
    let quick = add(&platform, json!({"kind": "slack", "url": customer.url("/quick")})).await;
    notice(&platform, &quick, "no-live-worker", |notice| notice["toldAt"].is_string()).await;
    let waits = notice(&platform, &slow, "no-live-worker", |_| true).await;
    assert!(waits["toldAt"].is_null(), "{waits}");
    for channel in [&nobody, &slow] {
        let failed = notice(&platform, channel, "no-live-worker", |notice| notice["attempts"].as_i64() > Some(0)).await;
        assert!(failed["error"].as_str().unwrap().contains("no ") && failed["toldAt"].is_null(), "{failed}");
        assert!(!failed.to_string().contains("hook-secret"));
    }
    // Once it is well again it is told: its next try is due.
    let change = json!({"url": customer.url("/well")});
    assert_eq!(ask(&platform, "PATCH", &format!("{CHANNELS}/{}", id(&nobody)), &change).await.0, 200);
    notice(&platform, &nobody, "no-live-worker", |notice| notice["toldAt"].is_string() && notice["error"].is_null()).await;
    // One that is disabled is told nothing, and one that is gone leaves nothing.
    assert_eq!(ask(&platform, "PATCH", &format!("{CHANNELS}/{}", id(&slow)), &json!({"state": "disabled"})).await.0, 200);
    notice(&platform, &slow, "no-live-worker", |notice| notice["closedAt"].is_string()).await;
    assert_eq!(ask(&platform, "DELETE", &format!("{CHANNELS}/{}", id(&slow)), &Value::Null).await.0, 204);
    let sql = "SELECT COUNT(*) AS n FROM alert_notices WHERE alert = 'no-live-worker'";
    eventually("its notices are gone", || async { (platform.count(sql).await == 2).then_some(()) }).await;
}

#[tokio::test]
async fn that_the_database_is_away_is_told_too() {
    let directory = new_directory();
    let postgres = Postgres::start(&directory);
    let mut platform = Platform::prepare_on(Database::Postgres, Some(postgres.url().to_owned())).await;
    furnish(&mut platform);
    let customer = Customer::start();
    platform.run(Service::Api).await;
    let alerts = ["database-away", "no-live-worker"];
    let hook = add(&platform, json!({"kind": "webhook", "url": customer.url("/hook"), "alerts": alerts})).await;
    // Whoever tells knows the channel.
    notice(&platform, &hook, "no-live-worker", |notice| notice["toldAt"].is_string()).await;
    postgres.stop();
    came(&customer, "database-away").await;
    postgres.resume();
    notice(&platform, &hook, "database-away", |notice| notice["closedAt"].is_string()).await;
    let told = customer.told();
    assert_eq!(names(&told, "began"), ["no-live-worker", "database-away"]);
    assert_eq!(names(&told, "ended"), ["database-away"], "what could not be measured has not ended");
    drop(platform);
    drop(postgres);
    drop(std::fs::remove_dir_all(directory));
}
