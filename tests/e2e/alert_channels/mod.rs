//! Alerts reach people: a real mail server and real HTTP servers are told once when one begins and once when it is over.

mod business;
mod late;
mod reminders;
mod story;
mod ways;

use e2e::{Customer, Database, Platform, Service, Told, eventually};
use serde_json::{Value, json};

const CHANNELS: &str = "/api/v1/alert-channels";

/// A platform that may reach loopback and tells what has stood for a second, without services.
async fn prepare(database: Database) -> Platform {
    let mut platform = Platform::prepare(database).await;
    furnish(&mut platform);
    platform
}

fn furnish(platform: &mut Platform) {
    platform.may_reach_loopback();
    platform.set("ALERT_SETTLE_SECS", "2");
    platform.keep_log();
}

/// A change by the API: status and `data`, or the problem.
async fn ask(platform: &Platform, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let url = format!("{}{path}", platform.api_url());
    let request = platform.http.request(method.parse().unwrap(), url).bearer_auth(&platform.admin_token);
    let request = if body.is_null() { request } else { request.json(body) };
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let mut told: Value = answer.json().await.unwrap_or_default();
    (status, if told["data"].is_null() { told } else { told["data"].take() })
}

/// Adds a channel; answers it with its key, if it has one.
async fn add(platform: &Platform, channel: Value) -> Value {
    let mut body = json!({"name": "test"});
    body.as_object_mut().unwrap().extend(channel.as_object().unwrap().clone());
    let (status, made) = ask(platform, "POST", CHANNELS, &body).await;
    assert_eq!(status, 201, "{made}");
    made
}

fn id(channel: &Value) -> &str {
    channel["id"].as_str().unwrap()
}

/// What a channel was told, as the API shows it.
async fn notices(platform: &Platform, channel: &Value) -> Vec<Value> {
    let page = platform.get(&format!("{CHANNELS}/{}/notices", id(channel))).await;
    page["notices"].as_array().unwrap().clone()
}

/// The notice of that alert, once it is as `wanted`.
async fn notice(platform: &Platform, channel: &Value, alert: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    eventually(&format!("the notice of {alert}"), || async {
        let all = notices(platform, channel).await;
        all.into_iter().find(|notice| notice["alert"].as_str().unwrap().starts_with(alert) && wanted(notice))
    })
    .await
}

/// The names of alerts of one part (`began`, `stands`, `ended`) of all that a webhook was told.
fn names(told: &[Told], part: &str) -> Vec<String> {
    let entries = told.iter().flat_map(|told| told.json()["data"][part].as_array().unwrap().clone());
    entries.map(|entry| entry["alert"].as_str().unwrap().to_owned()).collect()
}

/// Waits until `count` messages came whose text holds `text`.
async fn came(customer: &Customer, text: &str) -> Told {
    eventually(text, || async { customer.told().into_iter().find(|told| told.body.contains(text)) }).await
}

/// Tests a channel; answers what came of it.
async fn tested(platform: &Platform, channel: &Value) -> Value {
    let (status, told) = ask(platform, "POST", &format!("{CHANNELS}/{}/test", id(channel)), &Value::Null).await;
    assert_eq!(status, 200, "{told}");
    told
}

async fn start(database: Database, services: &[Service]) -> Platform {
    let mut platform = prepare(database).await;
    for service in services {
        platform.run(*service).await;
    }
    platform
}
