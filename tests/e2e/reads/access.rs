//! People sign in; who may not do a thing is refused.

use e2e::{Database, Platform, Service, eventually};
use reqwest::{Client, Response};
use serde_json::{Value, json};

const SESSION: &str = "/api/v1/session";

struct Browser<'p> {
    platform: &'p Platform,
    http: Client,
    cookie: String,
    csrf: String,
}

impl<'p> Browser<'p> {
    fn new(platform: &'p Platform) -> Self {
        Self { platform, http: Client::new(), cookie: String::new(), csrf: String::new() }
    }

    async fn sign_in(&mut self, email: &str, password: &str) -> Response {
        let url = format!("{}{SESSION}", self.platform.api_url());
        let answer = self.http.post(url).json(&json!({"email": email, "password": password})).send().await.unwrap();
        let cookies = answer.headers().get_all("set-cookie").iter().map(|set| set.to_str().unwrap());
        if let Some(set) = cookies.into_iter().find(|set| set.starts_with("netbanx_session=")) {
            assert!(set.contains("HttpOnly") && set.contains("SameSite=Strict") && set.contains("Path=/"), "{set}");
            self.cookie = set.split(';').next().unwrap().to_owned();
            let identity = self.call("GET", SESSION, None).await.json::<Value>().await.unwrap();
            self.csrf = identity["data"]["csrfToken"].as_str().unwrap().to_owned();
        }
        answer
    }

    async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Response {
        let url = format!("{}{path}", self.platform.api_url());
        let mut request = self.http.request(method.parse().unwrap(), url).header("cookie", &self.cookie);
        if !self.csrf.is_empty() {
            request = request.header("x-csrf-token", &self.csrf);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        request.send().await.unwrap()
    }

    async fn status(&self, method: &str, path: &str, body: Option<Value>) -> u16 {
        self.call(method, path, body).await.status().as_u16()
    }
}

fn add_user(platform: &Platform, email: &str, role: &str, company: &[&str]) -> String {
    let args = ["user", "add", "--email", email, "--role", role, "--generate"];
    platform.netbanx(&[&args[..], company].concat())
}

async fn with_api() -> Platform {
    let mut platform = Platform::prepare(Database::Sqlite).await;
    platform.netbanx(&["company", "add", "Other", "--slug", "other"]);
    platform.run(Service::Api).await;
    platform
}

#[tokio::test]
async fn a_person_signs_in_works_and_signs_out() {
    let platform = with_api().await;
    let password = add_user(&platform, "Boss@Acme.example", "company-administrator", &["--company", "acme"]);
    let mut boss = Browser::new(&platform);
    let answer = boss.sign_in("boss@acme.example", &password).await;
    assert_eq!(answer.status(), 200);
    let identity = answer.json::<Value>().await.unwrap()["data"].take();
    assert_eq!((&identity["role"], &identity["email"]), (&json!("company-administrator"), &json!("boss@acme.example")));
    assert!(!identity["permissions"].as_array().unwrap().contains(&json!("admin")));
    assert_eq!(boss.status("GET", "/api/v1/transactions", None).await, 200);
    assert_eq!(boss.status("GET", "/api/v1/transactions?company=other", None).await, 403);
    assert_eq!(boss.status("GET", "/api/performance/status", None).await, 403);

    // Without the CSRF token nothing is changed.
    let token = json!({"name": "till", "permissions": ["read:transactions"], "expiresDays": 1});
    let mut forger = Browser { cookie: boss.cookie.clone(), ..Browser::new(&platform) };
    assert_eq!(forger.status("POST", "/api/v1/tokens", Some(token.clone())).await, 403);
    forger.csrf = "guessed".to_owned();
    assert_eq!(forger.status("DELETE", SESSION, None).await, 403);

    // Tokens and users of one's own company, and no more than one has.
    let made = boss.call("POST", "/api/v1/tokens", Some(token)).await;
    assert_eq!(made.status(), 201);
    let made = made.json::<Value>().await.unwrap()["data"].take();
    let program = made["token"].as_str().unwrap();
    assert_eq!(platform.get_as(program, "/api/v1/transactions").await.0, 200);
    assert_eq!(platform.get_as(program, "/api/v1/accounts").await.0, 403);
    let listed = boss.call("GET", "/api/v1/tokens", None).await.text().await.unwrap();
    assert!(listed.contains("till") && !listed.contains(program) && !listed.contains(&platform.admin_token));
    for (body, status) in [
        (json!({"name": "x", "permissions": ["admin"]}), 403),
        (json!({"name": "x", "permissions": ["fly"]}), 403),
        (json!({"name": "x", "permissions": []}), 400),
        (json!({"name": "", "permissions": ["read:events"]}), 400),
        (json!({"name": "x", "permissions": ["read:events"], "company": "other"}), 403),
        (json!({"name": "x", "permissions": ["read:events"], "forever": true}), 400),
    ] {
        assert_eq!(boss.status("POST", "/api/v1/tokens", Some(body.clone())).await, status, "{body}");
    }
    let user = |role: &str, email: &str| json!({"email": email, "role": role, "password": "a long enough one"});
    assert_eq!(boss.status("POST", "/api/v1/users", Some(user("administrator", "x@acme.example"))).await, 403);
    let member = boss.call("POST", "/api/v1/users", Some(user("member", "m@acme.example"))).await;
    assert_eq!(member.status(), 201);
    let member_id = member.json::<Value>().await.unwrap()["data"]["id"].as_str().unwrap().to_owned();
    assert_eq!(boss.status("POST", "/api/v1/users", Some(user("member", "m@acme.example"))).await, 409);
    let mut member = Browser::new(&platform);
    assert_eq!(member.sign_in("m@acme.example", "a long enough one").await.status(), 200);
    assert_eq!(member.status("GET", "/api/v1/users", None).await, 403);
    assert_eq!(boss.status("DELETE", &format!("/api/v1/users/{member_id}"), None).await, 204);
    eventually("the removed user is out", || async { (member.status("GET", SESSION, None).await == 401).then_some(()) }).await;

    let revoked = format!("/api/v1/tokens/{}", made["id"].as_str().unwrap());
    assert_eq!(boss.status("DELETE", &revoked, None).await, 204);
    assert_eq!(boss.status("DELETE", &revoked, None).await, 404);
    eventually("the token is out", || async { (platform.get_as(program, "/api/v1/transactions").await.0 == 401).then_some(()) })
        .await;
    let log = boss.call("GET", "/api/v1/audit", None).await.json::<Value>().await.unwrap()["data"].take();
    let actions: Vec<&str> = log["entries"].as_array().unwrap().iter().map(|e| e["action"].as_str().unwrap()).collect();
    for action in ["token.add", "token.revoke", "user.add", "user.remove", "session.sign-in"] {
        assert!(actions.contains(&action), "{action}: {actions:?}");
    }
    assert!(!log.to_string().contains(program), "no secret is in it");
    // Who it was is told by name, as long as they are there; nobody of another company is named.
    let entry = |action: &str| log["entries"].as_array().unwrap().iter().find(|e| e["action"] == action).unwrap().clone();
    assert_eq!(entry("token.add")["actorName"], "boss@acme.example");
    let (newest, gone) = (entry("session.sign-in"), format!("user:{member_id}"));
    assert_eq!((newest["actor"].as_str(), newest.get("actorName")), (Some(gone.as_str()), None), "{newest}");
    let all = platform.get("/api/v1/audit?limit=100").await;
    let made = all["entries"].as_array().unwrap().iter().find(|e| e["actor"] == entry("token.add")["actor"]).unwrap();
    assert_eq!(made["actorName"], "boss@acme.example", "also for those who see all companies");

    assert_eq!(boss.status("DELETE", SESSION, None).await, 204);
    assert_eq!(boss.status("GET", "/api/v1/transactions", None).await, 401);
}

#[tokio::test]
async fn guesses_lock_a_user_out_and_a_new_password_lets_them_in() {
    let platform = with_api().await;
    let password = add_user(&platform, "reader@acme.example", "read-only", &["--company", "acme"]);
    let mut reader = Browser::new(&platform);
    let mut wrong = Vec::new();
    for email in ["reader@acme.example", "nobody@acme.example"] {
        for _ in 0..5 {
            let answer = reader.sign_in(email, "a wrong password").await;
            assert_eq!(answer.status(), 401);
            wrong.push(answer.json::<Value>().await.unwrap());
        }
    }
    let locked = reader.sign_in("reader@acme.example", &password).await;
    assert_eq!(locked.status(), 401, "the right password comes too late");
    let locked = locked.json::<Value>().await.unwrap();
    assert!(wrong.iter().all(|answer| *answer == locked), "one cannot tell which addresses there are");

    let renewed = platform.netbanx(&["user", "password", "--email", "reader@acme.example", "--generate"]);
    assert_eq!(reader.sign_in("reader@acme.example", &renewed).await.status(), 200);
    assert_eq!(reader.status("GET", "/api/v1/accounts", None).await, 200);
    assert_eq!(reader.status("GET", "/api/webhooks/queue", None).await, 403);
    assert_eq!(reader.status("POST", "/api/v1/tokens", Some(json!({"name": "x", "permissions": ["read:events"]}))).await, 403);
    for bad in [json!({}), json!([]), json!({"email": 1, "password": "x"}), json!({"email": "a@b.c", "password": "x", "more": 1})]
    {
        let url = format!("{}{SESSION}", platform.api_url());
        assert_eq!(platform.http.post(url).json(&bad).send().await.unwrap().status(), 400, "{bad}");
    }
    assert!(platform.netbanx(&["user", "list"]).contains("reader@acme.example\tread-only"));
    platform.netbanx(&["user", "remove", "--email", "reader@acme.example"]);
    eventually("they are out", || async { (reader.status("GET", SESSION, None).await == 401).then_some(()) }).await;
}
