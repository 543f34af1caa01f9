//! Who comes in, and what they find.

mod account;
mod audit;
mod credentials;
mod doctor;
mod oidc;
mod quotas;
mod second_factor;
mod sharing;
mod sign_in;
mod tls;

use std::process::Command;

use e2e::{Platform, binary};
use reqwest::{
    Response,
    header::{HeaderMap, HeaderValue},
};
use serde_json::json;

const SESSION: &str = "/api/v1/session";
const EMAIL: &str = "boss@acme.example";

/// Adds a company's administrator; returns their password.
fn add_boss(platform: &Platform) -> String {
    let role = ["--role", "company-administrator", "--company", "acme", "--generate"];
    platform.netbanx(&[&["user", "add", "--email", EMAIL], &role[..]].concat())
}

/// Signs in with further headers.
async fn sign_in(platform: &Platform, password: &str, headers: &[(&'static str, &str)]) -> Response {
    let mut request = platform.http.post(format!("{}{SESSION}", platform.api_url()));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.json(&json!({"email": EMAIL, "password": password})).send().await.unwrap()
}

/// The value of a cookie that an answer sets.
fn cookie(answer: &Response, name: &str) -> Option<String> {
    let set = answer.headers().get_all("set-cookie").iter().filter_map(|value| value.to_str().ok());
    let mut values = set.filter_map(|set| set.split(';').next()?.strip_prefix(name)?.strip_prefix('='));
    values.next().map(str::to_owned)
}

/// The status of a GET with these headers, byte by byte.
async fn get(platform: &Platform, path: &str, headers: &[(&'static str, &[u8])]) -> u16 {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(*name, HeaderValue::from_bytes(value).unwrap());
    }
    platform.http.get(format!("{}{path}", platform.api_url())).headers(map).send().await.unwrap().status().as_u16()
}

/// Proves the chain of the audit log; returns whether it holds, and what was printed.
fn verified(platform: &Platform) -> (bool, String) {
    let output = Command::new(binary("netbanx"))
        .args(["audit", "verify"])
        .env("DATABASE_URL", &platform.database_url)
        .env("REDIS_URL", platform.redis.url())
        .output()
        .unwrap();
    (output.status.success(), format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)))
}
