//! A company with one of everything, another without, and everyone who may ask.

use std::sync::atomic::{AtomicUsize, Ordering};

use e2e::{Database, Platform, Service, eventually};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::table::Row;

const PERMISSIONS: [&str; 7] =
    ["read:transactions", "read:accounts", "read:analytics", "read:events", "manage:queue", "manage:secrets", "admin"];
/// What a member has: see `store::users::Role`.
const MEMBER: [&str; 5] = ["read:transactions", "read:accounts", "read:analytics", "read:events", "manage:queue"];
const EMAIL: &str = "member@acme.example";

/// What somebody shows.
enum Shown {
    Nothing,
    Token(String),
    /// A session; a new one where the operation ends it.
    SignIn,
}

/// Somebody who asks.
pub struct Asker {
    pub name: String,
    shown: Shown,
    permissions: Vec<&'static str>,
}

impl Asker {
    pub fn may(&self, permission: &str) -> bool {
        self.permissions.contains(&permission)
    }

    pub fn is_person(&self) -> bool {
        matches!(self.shown, Shown::SignIn)
    }

    pub fn is_known(&self) -> bool {
        !matches!(self.shown, Shown::Nothing)
    }
}

pub struct World {
    platform: Platform,
    /// The first company's id.
    pub company: String,
    pub askers: Vec<Asker>,
    /// Has all permissions of a company in another one.
    pub foreigner: Asker,
    /// What only the first company's answers hold.
    pub marks: Vec<String>,
    password: String,
    transaction: String,
    account: String,
    event: String,
    dead: String,
    /// A comparison with items to settle.
    reconciliation: String,
    settled: AtomicUsize,
    count: AtomicUsize,
    session: OnceCell<(String, String)>,
}

impl World {
    pub async fn new() -> Self {
        let mut platform = Platform::prepare(Database::Sqlite).await;
        // A mail server that is never there: channels of e-mail can be added, and their tests fail at once.
        platform.set("SMTP_URL", "smtp://127.0.0.1:1?tls=none");
        platform.set("ALERT_MAIL_FROM", "alerts@platform.example");
        platform.may_reach_loopback();
        for service in [Service::Ingress, Service::Worker, Service::Api] {
            platform.run(service).await;
        }
        platform.netbanx(&["company", "add", "Other", "--slug", "other"]);
        let (dead, id) = (receive(&platform).await, |row: &Value| row["id"].as_str().unwrap().to_owned());
        let transaction = id(&platform.get("/api/v1/transactions").await["transactions"][0]);
        let account = id(&platform.get("/api/v1/accounts").await["accounts"][0]);
        let event = id(&platform.get("/api/v1/events?limit=100").await["events"][0]);
        let companies = platform.get("/api/v1/companies").await;
        let company = companies["companies"].as_array().unwrap().iter().find(|row| row["slug"] == "acme").map(id).unwrap();
        let member = ["user", "add", "--email", EMAIL, "--role", "member", "--company", "acme", "--generate"];
        let password = platform.netbanx(&member);
        let marks = [
            "mark-of-a-payment",
            "mark-of-an-account",
            "mark-of-a-dead-letter",
            "mark-of-an-endpoint",
            "mark-of-a-channel",
            "mark-of-a-report",
            "mark-of-a-mapping",
            EMAIL,
        ];
        let marks = marks.into_iter().chain([&*transaction, &account, &event, &company, &dead]).map(str::to_owned).collect();
        let reconciliation = compare(&platform);
        let askers = askers(&platform);
        let foreigner = of_token(&platform, "a foreigner", "other", &PERMISSIONS[..6]);
        let (count, settled, session) = (AtomicUsize::new(0), AtomicUsize::new(0), OnceCell::new());
        Self {
            platform,
            company,
            askers,
            foreigner,
            marks,
            password,
            transaction,
            account,
            event,
            dead,
            reconciliation,
            settled,
            count,
            session,
        }
    }

    pub async fn get(&self, path: &str) -> Value {
        self.platform.get_as(&self.platform.admin_token, path).await.1
    }

    /// The dead letter, once it is one again: other rows have it retried, and it takes the worker a moment to give it up anew.
    async fn dead_again(&self) -> String {
        let path = format!("/api/webhooks/queue/dead/{}", self.dead);
        eventually("what was retried is a dead letter again", || async {
            (self.platform.get_as(&self.platform.admin_token, &path).await.0 == 200).then_some(())
        })
        .await;
        self.dead.clone()
    }

    /// The path of an operation with ids of the first company; of something new where it is to be changed.
    pub async fn path(&self, row: &Row, is_changed: bool) -> String {
        let (kind, is_fresh) = (row.path.split('/').nth(3).unwrap_or_default(), is_changed && row.method != "GET");
        let id = match kind {
            "alert-rules" | "alerts" if row.method == "GET" => return row.path.to_owned() + "?company=acme",
            "reconciliations" if row.path == "/api/v1/reconciliations" && row.method == "POST" => {
                return row.path.to_owned() + "?company=acme";
            }
            _ if !row.path.contains('{') => return row.path.to_owned(),
            "reconciliations" => {
                let is_ignored = is_fresh && row.path.ends_with("/ignore");
                let number = if is_ignored { self.settled.fetch_add(1, Ordering::Relaxed) + 1 } else { 1 };
                let number = if row.path.ends_with("/take-over") { "all".to_owned() } else { number.to_string() };
                return row.path.replace("{id}", &self.reconciliation).replace("{number}", &number);
            }
            "reconciliation-mappings" => {
                self.platform.netbanx(&["reconcile", "--company", "acme", "--save-mapping", "mark-of-a-mapping"]);
                return row.path.replace("{name}", "mark-of-a-mapping") + "?company=acme";
            }
            "companies" => self.company.clone(),
            "transactions" => self.transaction.clone(),
            "accounts" => self.account.clone(),
            "events" => self.event.clone(),
            "queue" => self.dead_again().await,
            "receivers" => {
                let version = if is_fresh { self.new_key().await } else { "1".to_owned() };
                let path = row.path.replace("{endpoint}", "direct-debit").replace("{version}", &version);
                return if path.contains("/keys/") { path + "?company=acme" } else { path };
            }
            // Of each company there may be few endpoints.
            "endpoints" if is_fresh || row.method == "GET" => self.new_endpoint().await,
            "alert-channels" if is_fresh || row.method == "GET" => self.new_channel().await,
            "alert-channels" => "00000000-0000-7000-8000-000000000000".to_owned(),
            "endpoints" => "00000000-0000-7000-8000-000000000000".to_owned(),
            "tokens" => {
                self.new_of("/api/v1/tokens", json!({"company": "acme", "name": "gone", "permissions": ["read:events"]})).await
            }
            "users" => self.new_user().await,
            "account" if is_fresh => self.new_session().await,
            "account" => "00000000-0000-7000-8000-000000000000".to_owned(),
            _ => panic!("{}: no such thing is made for the test", row.path),
        };
        row.path.replace("{id}", &id)
    }

    /// Status and body of an operation; of a stream no body.
    pub async fn ask(&self, row: &Row, path: &str, asker: &Asker) -> (u16, String) {
        let mut request = self.platform.http.request(row.method.parse().unwrap(), format!("{}{path}", self.platform.api_url()));
        request = match &asker.shown {
            Shown::Nothing => request,
            Shown::Token(token) => request.bearer_auth(token),
            Shown::SignIn => {
                let ends_it = (row.method, row.path) == ("DELETE", "/api/v1/session");
                let (cookie, csrf) =
                    if ends_it { &self.sign_in().await } else { self.session.get_or_init(|| self.sign_in()).await };
                request.header("cookie", cookie).header("x-csrf-token", csrf)
            }
        };
        if let Some(body) = row.body {
            if body.contains("DEAD") {
                self.dead_again().await;
            }
            let n = self.count.fetch_add(1, Ordering::Relaxed).to_string();
            let filled = [("{n}", &*n), ("DEAD", &self.dead), ("EMAIL", EMAIL), ("PASSWORD", &self.password)];
            let body = filled.into_iter().fold(body.to_owned(), |body, (name, value)| body.replace(name, value));
            request = request.header("content-type", "application/json").body(body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let is_stream = answer.headers().get("content-type").is_some_and(|kind| kind == "text/event-stream");
        (status, if is_stream { String::new() } else { answer.text().await.unwrap() })
    }

    async fn sign_in(&self) -> (String, String) {
        let body = json!({"email": EMAIL, "password": self.password});
        let url = format!("{}/api/v1/session", self.platform.api_url());
        // A busy machine may check few passwords at once.
        let signed_in = || async {
            Some(self.platform.http.post(&url).json(&body).send().await.unwrap()).filter(|answer| answer.status() == 200)
        };
        let answer = eventually("the member signs in", signed_in).await;
        let set = answer.headers().get_all("set-cookie").iter().map(|set| set.to_str().unwrap());
        let cookie =
            set.into_iter().find(|set| set.starts_with("netbanx_session=")).unwrap().split(';').next().unwrap().to_owned();
        let told: Value = answer.json().await.unwrap();
        (cookie, told["data"]["csrfToken"].as_str().unwrap().to_owned())
    }

    /// Another session of the member.
    async fn new_session(&self) -> String {
        let (cookie, _) = self.sign_in().await;
        let url = format!("{}/api/v1/account/sessions", self.platform.api_url());
        let told: Value = self.platform.http.get(url).header("cookie", cookie).send().await.unwrap().json().await.unwrap();
        let sessions = told["data"]["sessions"].as_array().unwrap();
        sessions.iter().find(|session| session["isThis"] == true).unwrap()["id"].as_str().unwrap().to_owned()
    }

    async fn new_of(&self, path: &str, body: Value) -> String {
        self.made(path, body).await["id"].as_str().unwrap().to_owned()
    }

    async fn made(&self, path: &str, body: Value) -> Value {
        let url = format!("{}{path}", self.platform.api_url());
        let answer = self.platform.http.post(url).bearer_auth(&self.platform.admin_token).json(&body).send().await.unwrap();
        let (status, told): (u16, Value) = (answer.status().as_u16(), answer.json().await.unwrap());
        assert_eq!(status, 201, "{path}: {told}");
        told["data"].clone()
    }

    async fn new_user(&self) -> String {
        let email = format!("gone{}@acme.example", self.count.fetch_add(1, Ordering::Relaxed));
        let body = json!({"company": "acme", "email": email, "role": "read-only", "password": "a long enough one"});
        self.new_of("/api/v1/users", body).await
    }

    async fn new_key(&self) -> String {
        let made = self.made("/api/v1/receivers/direct-debit/keys", json!({"company": "acme", "graceHours": 0})).await;
        made["version"].to_string()
    }

    /// Removes the oldest of the resources that are listed as `name` at `path`, since a company may have few.
    async fn make_room(&self, path: &str, name: &str) {
        let listed = self.platform.get(path).await[name].take();
        let listed = listed.as_array().unwrap();
        if listed.len() > 10 {
            let oldest = format!("{}{path}/{}", self.platform.api_url(), listed[0]["id"].as_str().unwrap());
            let removed = self.platform.http.delete(oldest).bearer_auth(&self.platform.admin_token).send().await.unwrap();
            assert_eq!(removed.status(), 204);
        }
    }

    async fn new_channel(&self) -> String {
        self.make_room("/api/v1/alert-channels", "channels").await;
        let to = json!(["ops@example.com"]);
        let body = json!({"company": "acme", "kind": "email", "name": "mark-of-a-channel", "to": to});
        self.new_of("/api/v1/alert-channels", body).await
    }

    async fn new_endpoint(&self) -> String {
        self.make_room("/api/v1/endpoints", "endpoints").await;
        let body = json!({"company": "acme", "url": "http://127.0.0.1:9/mark-of-an-endpoint", "eventTypes": ["*"]});
        self.new_of("/api/v1/endpoints", body).await
    }
}

/// Receives a payment, an account and something unreadable for the first company; returns the dead letter's id.
async fn receive(platform: &Platform) -> String {
    let payment = r#"{"eventType":"PAYMENT_COMPLETED","payload":{"id":"mark-of-a-payment","accountId":"1","status":"COMPLETED","amount":1250,"currencyCode":"EUR"}}"#;
    let account = r#"{"eventType":"ACCT_ENABLED","account":{"id":"mark-of-an-account","status":"Enabled","creditCardId":"cc"}}"#;
    for (path, body) in [
        ("/api/webhooks/netbanx/acme", payment),
        ("/api/webhooks/account-status/acme", account),
        ("/api/webhooks/netbanx/acme", r#"{"mark-of-a-dead-letter":1}"#),
    ] {
        assert_eq!(platform.send(path, body).await.status(), 202, "{body}");
    }
    platform.drained().await;
    eventually("the dead letter is shown", || async {
        platform.get("/api/webhooks/queue/dead").await["deadLetters"][0]["id"].as_str().map(str::to_owned)
    })
    .await
}

/// A comparison of the first company's, whose items say too little to be taken over; returns its id.
fn compare(platform: &Platform) -> String {
    let rows = (0..40).map(|number| format!("mark-of-a-report-{number}\n"));
    let report: String = std::iter::once("id\n".to_owned()).chain(rows).collect();
    let output = platform.netbanx_given(&["reconcile", "--company", "acme", "--json", "--summary", "-"], report.as_bytes());
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    told["reconciliation"].as_str().unwrap().to_owned()
}

/// Nobody, a token of each permission, one of all, an administrator's, and a person.
fn askers(platform: &Platform) -> Vec<Asker> {
    let mut askers = vec![Asker { name: "nobody".to_owned(), shown: Shown::Nothing, permissions: Vec::new() }];
    for permission in &PERMISSIONS[..6] {
        askers.push(of_token(platform, permission, "acme", &[permission]));
    }
    askers.push(of_token(platform, "a company's token of all permissions", "acme", &PERMISSIONS[..6]));
    let administrator = Shown::Token(platform.admin_token.clone());
    askers.push(Asker { name: "an administrator".to_owned(), shown: administrator, permissions: PERMISSIONS.to_vec() });
    askers.push(Asker { name: "a member".to_owned(), shown: Shown::SignIn, permissions: MEMBER.to_vec() });
    askers
}

fn of_token(platform: &Platform, name: &str, company: &str, permissions: &[&'static str]) -> Asker {
    let mut args = vec!["token", "add", "--company", company];
    args.extend(permissions.iter().flat_map(|permission| ["--permission", permission]));
    let token = platform.netbanx(&args);
    Asker { name: name.to_owned(), shown: Shown::Token(token), permissions: permissions.to_vec() }
}
