//! Companies' own systems are told of what changed: a real server on loopback, verified by the standard's own library.

pub(crate) mod delivery;
mod doors;
mod examples;
mod listen;
mod occasions;
mod order;

use std::time::Duration;

use e2e::{Customer, Database, Platform, Service, eventually};
use serde_json::{Value, json};

const ENDPOINTS: &str = "/api/v1/endpoints";
/// From so long after it was added on an endpoint is told of everything: the contract says two seconds.
const HEEDED: Duration = Duration::from_millis(2000);

/// A platform that may reach loopback, without services.
async fn prepare(database: Database) -> Platform {
    let mut platform = Platform::prepare(database).await;
    platform.may_reach_loopback();
    platform
}

async fn start(database: Database) -> Platform {
    let mut platform = prepare(database).await;
    for service in [Service::Ingress, Service::Worker, Service::Api] {
        platform.run(service).await;
    }
    platform
}

/// A change by the API under that token: status and `data`, or the problem.
async fn ask(platform: &Platform, token: &str, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let url = format!("{}{path}", platform.api_url());
    let request = platform.http.request(method.parse().unwrap(), url).bearer_auth(token);
    let request = if body.is_null() { request } else { request.json(body) };
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let mut told: Value = answer.json().await.unwrap_or_default();
    (status, if told["data"].is_null() { told } else { told["data"].take() })
}

/// Adds an endpoint of acme; answers its id and its key.
async fn add(platform: &Platform, url: &str, types: &[&str]) -> (String, String) {
    let body = json!({"company": "acme", "url": url, "eventTypes": types, "description": "test"});
    let (status, made) = ask(platform, &platform.admin_token, "POST", ENDPOINTS, &body).await;
    assert_eq!(status, 201, "{made}");
    (made["id"].as_str().unwrap().to_owned(), made["secret"].as_str().unwrap().to_owned())
}

/// Sends a payment in that state; the later the second, the later the status.
async fn pay(platform: &Platform, id: &str, status: &str, second: u32) {
    let time = format!("2026-01-01T00:00:{second:02}Z");
    let payload = json!({"id": id, "accountId": "1", "amount": 500, "currencyCode": "EUR", "status": status, "statusTime": time});
    let body = json!({"eventType": format!("PAYMENT_{status}"), "payload": payload}).to_string();
    assert!(platform.send("/api/webhooks/netbanx/acme", body).await.status().is_success());
}

/// Waits until the customer was told of so many messages with success.
async fn delivered(customer: &Customer, count: usize) -> Vec<e2e::Told> {
    eventually("the customer is told", || async {
        let told: Vec<_> = customer.told().into_iter().filter(|told| told.status == 200).collect();
        (told.len() >= count).then_some(told)
    })
    .await
}
