//! What the machine allows: the same server without what ours does beyond it. Each runs as a process of its
//! own, this program started again.

use std::{
    process::{Child, Command},
    sync::Arc,
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use base64::{Engine, engine::general_purpose::STANDARD};
use redis_client::{
    Script,
    fred::{clients::Client, types::Value},
};
use ring::hmac;
use serde_json::Value as Json;

use e2e::{KEY, free_port, listens};

/// Claims an identity and pushes a job: the least that a receiver must do.
const CLAIM_AND_PUSH: &str = "if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'EX', 3600) then
    redis.call('HSET', KEYS[2], ARGV[1], ARGV[2]) redis.call('RPUSH', KEYS[3], ARGV[1]) return 1 end return 0";

/// What a limiting server does with a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Reads the body and answers.
    Answers,
    /// Verifies and parses it as well.
    Verifies,
    /// And claims and pushes it by one Redis call.
    CallsRedis,
}

impl Limit {
    pub const ALL: [Self; 3] = [Self::Answers, Self::Verifies, Self::CallsRedis];

    pub fn name(self) -> &'static str {
        match self {
            Self::Answers => "answers",
            Self::Verifies => "verifies",
            Self::CallsRedis => "calls-redis",
        }
    }
}

/// A limiting server that runs.
pub struct Server {
    child: Child,
    pub port: u16,
}

impl Server {
    pub async fn start(limit: Limit, redis: &str) -> Self {
        let port = free_port();
        let program = std::env::current_exe().unwrap();
        let child = Command::new(program).args(["serve", limit.name(), &port.to_string(), redis]).spawn().unwrap();
        listens("the limiting server", port).await;
        Self { child, port }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct State {
    limit: Limit,
    key: hmac::Key,
    redis: Option<(Client, Script)>,
}

/// The server's own life: `serve LIMIT PORT REDIS`.
pub async fn serve(args: &[String]) {
    let limit = Limit::ALL.into_iter().find(|limit| limit.name() == args[0]).unwrap();
    let port: u16 = args[1].parse().unwrap();
    let redis = (limit == Limit::CallsRedis).then(|| (redis_client::connect(&args[2]).unwrap(), Script::new(CLAIM_AND_PUSH)));
    let state = Arc::new(State { limit, key: hmac::Key::new(hmac::HMAC_SHA256, KEY.as_bytes()), redis });
    let server = HttpServer::new(move || App::new().app_data(web::Data::from(state.clone())).default_service(web::to(receive)));
    server.bind(("127.0.0.1", port)).unwrap().run().await.unwrap();
}

async fn receive(state: web::Data<State>, request: HttpRequest, body: web::Bytes) -> HttpResponse {
    if state.limit != Limit::Answers {
        let signature = STANDARD.decode(request.headers().get("signature").unwrap().as_bytes()).unwrap();
        hmac::verify(&state.key, &body, &signature).unwrap();
        let envelope: Json = serde_json::from_slice(&body).unwrap();
        let id = envelope["resourceId"].as_str().unwrap().to_owned();
        if let Some((client, script)) = &state.redis {
            let keys = vec![format!("{{q}}:claim:{id}"), "{q}:data".to_owned(), "{q}:list".to_owned()];
            let _: i64 = script.call(client, keys, vec![id.into(), Value::Bytes(body)]).await.unwrap();
        }
    }
    HttpResponse::Accepted().body(r#"{"success":true}"#)
}
