//! A person in a browser, as far as the API sees one: cookies, the session's CSRF token, and an app for codes.

use std::{collections::HashMap, sync::Mutex};

use reqwest::{Client, Method, Response, StatusCode, redirect};
use ring::hmac;
use serde_json::{Value, json};

use crate::Platform;

/// A browser with cookies of its own.
pub struct Person {
    http: Client,
    url: String,
    cookies: Mutex<HashMap<String, String>>,
    csrf: Mutex<Option<String>>,
}

impl Person {
    /// A new browser, at the dashboard of `platform`.
    pub fn at(platform: &Platform) -> Self {
        let builder = Client::builder().redirect(redirect::Policy::none()).user_agent("Browser/1 (a test)");
        let http = builder.pool_idle_timeout(std::time::Duration::from_secs(2)).build().unwrap();
        Self { http, url: platform.api_url(), cookies: Mutex::default(), csrf: Mutex::default() }
    }

    /// The same browser at another replica.
    pub fn goes_to(&mut self, url: String) {
        self.url = url;
    }

    pub fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.lock().unwrap().get(name).cloned()
    }

    pub fn set_cookie(&self, name: &str, value: &str) {
        self.cookies.lock().unwrap().insert(name.to_owned(), value.to_owned());
    }

    fn shows(&self) -> String {
        let cookies = self.cookies.lock().unwrap();
        cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    /// Asks an absolute or our own address; cookies that are set are kept, redirects not followed.
    pub async fn ask(&self, method: Method, place: &str, body: Option<Value>) -> Response {
        let url = if place.starts_with("http") { place.to_owned() } else { format!("{}{place}", self.url) };
        let mut request = self.http.request(method, url).header("cookie", self.shows());
        if let Some(csrf) = self.csrf.lock().unwrap().as_ref() {
            request = request.header("x-csrf-token", csrf);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        for cookie in answer.headers().get_all("set-cookie").iter().filter_map(|value| value.to_str().ok()) {
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            let mut cookies = self.cookies.lock().unwrap();
            if value.is_empty() || cookie.contains("Max-Age=0") {
                cookies.remove(name);
            } else {
                cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    /// Where a page that a browser asks for leads.
    pub async fn led_to(&self, place: &str) -> String {
        let asked = self.http.get(place).header("cookie", self.shows()).header("accept", "text/html,*/*;q=0.8");
        let answer = asked.send().await.unwrap();
        answer.headers()["location"].to_str().unwrap().to_owned()
    }

    /// The status and the body of an answer.
    pub async fn told(&self, method: Method, place: &str, body: Option<Value>) -> (u16, Value) {
        let answer = self.ask(method, place, body).await;
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }

    pub async fn get(&self, place: &str) -> (u16, Value) {
        self.told(Method::GET, place, None).await
    }

    pub async fn post(&self, place: &str, body: Value) -> (u16, Value) {
        self.told(Method::POST, place, Some(body)).await
    }

    pub async fn delete(&self, place: &str) -> (u16, Value) {
        self.told(Method::DELETE, place, None).await
    }

    /// Signs in; answers the status, and the problem's name where there is one.
    pub async fn sign_in(&self, email: &str, password: &str, code: Option<&str>) -> (u16, String) {
        let mut body = json!({"email": email, "password": password});
        if let Some(code) = code {
            body["code"] = code.into();
        }
        let (status, told) = self.post("/api/v1/session", body).await;
        if status == StatusCode::OK {
            *self.csrf.lock().unwrap() = told["data"]["csrfToken"].as_str().map(str::to_owned);
        }
        (status, problem_of(&told))
    }

    /// Who that is, with the CSRF token from now on.
    pub async fn learns_who(&self) -> (u16, Value) {
        let (status, told) = self.get("/api/v1/session").await;
        *self.csrf.lock().unwrap() = told["data"]["csrfToken"].as_str().map(str::to_owned);
        (status, told)
    }
}

/// The name of a problem: `urn:netbanx:problem:NAME`.
pub fn problem_of(told: &Value) -> String {
    told["type"].as_str().unwrap_or_default().rsplit(':').next().unwrap_or_default().to_owned()
}

/// Seconds for which a code that is shown is right at least.
const USE_SECS: u64 = 10;

/// An app that computes codes, by RFC 6238 alone. It never shows a code twice: the first is of the step before this, the next
/// of this step, the third of the step after.
pub struct App {
    key: hmac::Key,
    next: Mutex<u64>,
}

impl App {
    /// An app with that secret, base32.
    pub fn with(secret: &str) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &from_base32(secret));
        Self { key, next: Mutex::new(0) }
    }

    /// A code that was not shown before; waits for the time of one if need be.
    pub async fn code(&self) -> String {
        let step = {
            let mut next = self.next.lock().unwrap();
            // Not one that ends before a slow machine has looked at it.
            let step = (*next).max((clock::now_secs() + USE_SECS) / 30 - 1);
            *next = step + 1;
            step
        };
        crate::eventually("a step of which no code was used", || async { (this_step() + 1 >= step).then_some(()) }).await;
        self.of(step)
    }

    /// The code of that step.
    pub fn of(&self, step: u64) -> String {
        let digest = hmac::sign(&self.key, &step.to_be_bytes());
        let bytes = digest.as_ref();
        let offset = usize::from(bytes[19] & 15);
        let number = u32::from_be_bytes(bytes[offset..offset + 4].try_into().unwrap()) & 0x7fff_ffff;
        format!("{:06}", number % 1_000_000)
    }

    /// A code that is wrong for a minute around.
    pub fn wrong(&self) -> String {
        let right: Vec<String> = (this_step() - 3..this_step() + 4).map(|step| self.of(step)).collect();
        (0..10).map(|n| format!("00000{n}")).find(|code| !right.contains(code)).unwrap()
    }
}

/// The step of 30 seconds that is now.
fn this_step() -> u64 {
    clock::now_secs() / 30
}

fn from_base32(text: &str) -> Vec<u8> {
    let bits = text.bytes().flat_map(|letter| {
        let value = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".iter().position(|known| *known == letter).unwrap();
        (0..5).rev().map(move |bit| value >> bit & 1)
    });
    let bits: Vec<usize> = bits.collect();
    bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |value, bit| value << 1 | *bit) as u8).collect()
}
