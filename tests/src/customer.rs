//! A customer's own system: a real HTTP server that keeps what it is told.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use serde_json::{Value, json};

use crate::{Platform, loopback::Loopback};

/// A message as it was received.
#[derive(Debug, Clone)]
pub struct Told {
    pub path: String,
    pub id: String,
    pub timestamp: String,
    pub signature: String,
    /// Empty where none was sent.
    pub traceparent: String,
    /// Byte for byte.
    pub body: String,
    /// What was answered.
    pub status: u16,
}

impl Told {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// The transaction that it tells of, by its id at Netbanx, and its status.
    pub fn transaction(&self) -> (String, String) {
        let body = self.json();
        let text = |name: &str| body["data"][name].as_str().unwrap_or_default().to_owned();
        (text("externalId"), text("status"))
    }
}

/// An answer: status, `Retry-After` (or where a redirect leads), and how long it takes.
pub type Scripted = (u16, Option<String>, Duration);

#[derive(Debug, Default)]
struct Kept {
    told: Mutex<Vec<Told>>,
    /// What the next requests are answered; 200 when it is used up.
    script: Mutex<VecDeque<Scripted>>,
}

/// The server; ends with its last use.
pub struct Customer {
    kept: Arc<Kept>,
    server: Loopback,
}

async fn receive(kept: web::Data<Kept>, request: HttpRequest, body: String) -> HttpResponse {
    let (status, after, pause) = kept.script.lock().unwrap().pop_front().unwrap_or((200, None, Duration::ZERO));
    // A path of its own for a server that never answers in time.
    let pause = if request.path().starts_with("/slow") { Duration::from_secs(30) } else { pause };
    let header = |name: &str| request.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
    kept.told.lock().unwrap().push(Told {
        path: request.path().to_owned(),
        id: header("webhook-id"),
        timestamp: header("webhook-timestamp"),
        signature: header("webhook-signature"),
        traceparent: header("traceparent"),
        body,
        status,
    });
    tokio::time::sleep(pause).await;
    let mut answer = HttpResponse::build(StatusCode::from_u16(status).unwrap());
    if let Some(after) = after {
        answer.insert_header((if (300..400).contains(&status) { "location" } else { "retry-after" }, after));
    }
    answer.body(format!("answer {status}"))
}

impl Customer {
    pub fn start() -> Self {
        let kept: Arc<Kept> = Arc::default();
        let data = web::Data::from(kept.clone());
        let server = Loopback::start(1, move |config| {
            config.app_data(data.clone()).default_service(web::to(receive));
        });
        Self { kept, server }
    }

    /// From now on it is told, at `/`, of acme's events of those types, by an API that may reach loopback.
    pub async fn subscribe(&self, platform: &Platform, types: &[&str]) {
        let endpoint = json!({"company": "acme", "url": self.url("/"), "eventTypes": types, "description": "test"});
        let post = platform.http.post(format!("{}/api/v1/endpoints", platform.api_url())).bearer_auth(&platform.admin_token);
        assert_eq!(post.json(&endpoint).send().await.unwrap().status(), 201);
        // So long after it was added (docs/endpoints.md).
        tokio::time::sleep(Duration::from_secs(2)).await;
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.server.port)
    }

    pub fn port(&self) -> u16 {
        self.server.port
    }

    /// The next requests are answered so.
    pub fn script(&self, answers: impl IntoIterator<Item = Scripted>) {
        self.kept.script.lock().unwrap().extend(answers);
    }

    /// All that it was told, in order.
    pub fn told(&self) -> Vec<Told> {
        self.kept.told.lock().unwrap().clone()
    }
}
