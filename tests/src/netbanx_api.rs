//! Netbanx' look-ups as Paysafe documents them: a real HTTP server with records of its own, and answers out of order where a test
//! asks for them.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use serde_json::{Value, json};

use crate::{listens, loopback::Loopback};

/// An answer that is not the documented one.
#[derive(Debug, Clone)]
pub enum Oddity {
    /// A status, with `Retry-After` in seconds.
    Status(u16, Option<u64>),
    /// A redirect.
    Redirect(String),
    /// Nothing for so long.
    Slow(Duration),
    /// 200 with that content type and body.
    Content(&'static str, String),
}

#[derive(Default)]
struct Kept {
    /// By list (`payments`, …) and id.
    records: Mutex<BTreeMap<(String, String), Value>>,
    oddities: Mutex<VecDeque<Oddity>>,
    asked: Mutex<Vec<String>>,
}

/// The server; ends with its last use.
pub struct NetbanxApi {
    kept: Arc<Kept>,
    server: Loopback,
}

impl NetbanxApi {
    /// The user that it knows, and its password.
    pub const USER: (&'static str, &'static str) = ("merchant-user", "pass: wörd of the merchant");

    pub async fn start() -> Self {
        let kept: Arc<Kept> = Arc::default();
        let data = web::Data::from(kept.clone());
        let server = Loopback::start(2, move |config| {
            config.app_data(data.clone()).default_service(web::to(answer));
        });
        listens("Netbanx", server.port).await;
        Self { kept, server }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.server.port)
    }

    /// It has this from now on, under `payments`, `settlements`, `refunds` or `accounts`.
    pub fn put(&self, list: &str, record: Value) {
        let id = record["id"].as_str().unwrap().to_owned();
        self.kept.records.lock().unwrap().insert((list.to_owned(), id), record);
    }

    /// The next requests are answered so.
    pub fn script(&self, oddities: impl IntoIterator<Item = Oddity>) {
        self.kept.oddities.lock().unwrap().extend(oddities);
    }

    /// Paths and queries of the requests, in order.
    pub fn asked(&self) -> Vec<String> {
        self.kept.asked.lock().unwrap().clone()
    }
}

async fn answer(kept: web::Data<Kept>, request: HttpRequest) -> HttpResponse {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let path = request.uri().path_and_query().map_or("", |path| path.as_str());
    kept.asked.lock().unwrap().push(path.to_owned());
    let (user, password) = NetbanxApi::USER;
    let expected = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
    if request.headers().get("authorization").is_none_or(|value| value.as_bytes() != expected.as_bytes()) {
        return HttpResponse::Unauthorized().json(json!({"error": {"code": "5279", "message": "Invalid credentials"}}));
    }
    let oddity = kept.oddities.lock().unwrap().pop_front();
    match oddity {
        Some(Oddity::Status(status, after)) => {
            let mut answer = HttpResponse::build(StatusCode::from_u16(status).unwrap());
            if let Some(after) = after {
                answer.insert_header(("retry-after", after.to_string()));
            }
            return answer.json(json!({"error": {"code": status.to_string(), "message": "not now"}}));
        }
        Some(Oddity::Redirect(to)) => return HttpResponse::Found().insert_header(("location", to)).finish(),
        Some(Oddity::Content(kind, body)) => return HttpResponse::Ok().content_type(kind).body(body),
        Some(Oddity::Slow(pause)) => tokio::time::sleep(pause).await,
        None => {}
    }
    let parts: Vec<&str> = request.path().split('/').skip(1).collect();
    let records = kept.records.lock().unwrap();
    match parts.as_slice() {
        [.., "forbidden"] => HttpResponse::Forbidden().json(json!({"error": {"code": "5270", "message": "no permission"}})),
        ["paymenthub" | "accountmanagement", "v1", list, id] => match records.get(&((*list).to_owned(), (*id).to_owned())) {
            Some(record) => HttpResponse::Ok().json(record),
            None => HttpResponse::NotFound().json(json!({"error": {"code": "5269", "message": "The ID was not found"}})),
        },
        ["paymenthub", "v1", list] => HttpResponse::Ok().json(page(&records, list, request.query_string())),
        _ => HttpResponse::NotFound().finish(),
    }
}

/// A page of those that have the merchant's reference.
fn page(records: &BTreeMap<(String, String), Value>, list: &str, query: &str) -> Value {
    let query = web::Query::<BTreeMap<String, String>>::from_query(query).unwrap();
    let number = |name: &str, default| query.get(name).map_or(default, |text| text.parse::<usize>().unwrap());
    let (limit, offset) = (number("limit", 10).min(50), number("offset", 0));
    let own = |(key, record): &(&(String, String), &Value)| key.0 == list && record["merchantRefNum"] == query["merchantRefNum"];
    let all: Vec<&Value> = records.iter().filter(own).map(|(_, record)| record).collect();
    let some: Vec<&&Value> = all.iter().skip(offset).take(limit).collect();
    json!({list: some, "meta": {"numberOfRecords": all.len(), "limit": limit, "page": offset / limit + 1}})
}
