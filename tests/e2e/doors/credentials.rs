//! Credentials are found among whatever else a browser or a proxy sends, and end when they are revoked.

use std::time::{Duration, Instant};

use e2e::{Database, Platform, Postgres, Service, eventually, new_directory};
use serde_json::{Value, json};

use super::{EMAIL, SESSION, add_boss, cookie, get, sign_in};

async fn with_api() -> Platform {
    let mut platform = Platform::prepare(Database::Sqlite).await;
    platform.run(Service::Api).await;
    platform
}

#[tokio::test]
async fn a_session_counts_whatever_stands_beside_it() {
    let platform = with_api().await;
    let password = add_boss(&platform);
    let session = cookie(&sign_in(&platform, &password, &[]).await, "netbanx_session").unwrap();
    let own = format!("netbanx_session={session}");
    let status = async |headers: &[(&'static str, &[u8])]| get(&platform, "/api/v1/transactions", headers).await;
    assert_eq!(status(&[("cookie", own.as_bytes())]).await, 200);
    // A proxy's own sign-in.
    assert_eq!(status(&[("authorization", b"Basic Zm9vOmJhcg=="), ("cookie", own.as_bytes())]).await, 200);
    // One that an earlier installation left, before and after.
    assert_eq!(status(&[("cookie", format!("netbanx_session=old; {own}").as_bytes())]).await, 200);
    assert_eq!(status(&[("cookie", format!("{own}; netbanx_session=old").as_bytes())]).await, 200);
    assert_eq!(status(&[("cookie", b"netbanx_session=old"), ("cookie", own.as_bytes())]).await, 200);
    let stale: String = (0..10).map(|n| format!("netbanx_session=old{n}; ")).collect();
    assert_eq!(status(&[("cookie", format!("{stale}{own}").as_bytes())]).await, 200);
    // Bytes that are no text.
    assert_eq!(status(&[("cookie", &[b"x=\xe9; ", own.as_bytes()].concat())]).await, 200);
    // A token is looked at before a session, and does not fall back on it.
    assert_eq!(status(&[("authorization", b"Bearer wrong"), ("cookie", own.as_bytes())]).await, 401);
    assert_eq!(status(&[("cookie", b"netbanx_session=old")]).await, 401);
    assert_eq!(status(&[("authorization", b"Basic Zm9vOmJhcg==")]).await, 401);
}

#[tokio::test]
async fn nul_and_other_control_characters_are_refused_and_fail_nothing() {
    let platform = with_api().await;
    let url = |path: &str| format!("{}{path}", platform.api_url());
    for email in ["a\u{0}@b.cd", "\u{0}", "a@b\u{0}.cd"] {
        let body = json!({"email": email, "password": "x"});
        let status = platform.http.post(url(SESSION)).json(&body).send().await.unwrap().status().as_u16();
        assert!([400, 401].contains(&status), "{status}");
        let user = json!({"email": email, "password": "a long enough one", "role": "administrator"});
        let answer =
            platform.http.post(url("/api/v1/users")).bearer_auth(&platform.admin_token).json(&user).send().await.unwrap();
        assert_eq!(answer.status(), 400);
    }
    let token = json!({"name": "n\u{0}", "permissions": ["read:events"]});
    let answer = platform.http.post(url("/api/v1/tokens")).bearer_auth(&platform.admin_token).json(&token).send().await.unwrap();
    assert_eq!(answer.status(), 400);
    assert_eq!(answer.json::<Value>().await.unwrap()["parameter"], "name");
}

#[tokio::test]
async fn a_key_that_can_be_guessed_is_refused() {
    let platform = with_api().await;
    let url = format!("{}/api/v1/receivers/netbanx/keys", platform.api_url());
    for (key, encoding, expected) in [
        ("a", "utf8", 400),
        ("fifteen--bytes-", "utf8", 400),
        ("sixteen--bytes--", "utf8", 201),
        ("AAECAwQFBgcICQoLDA0O", "base64", 400),
        ("AAECAwQFBgcICQoLDA0ODw==", "base64", 201),
        ("000102030405060708090a0b0c0d0e", "hex", 400),
    ] {
        let body = json!({"company": "acme", "key": key, "encoding": encoding});
        let answer = platform.http.post(&url).bearer_auth(&platform.admin_token).json(&body).send().await.unwrap();
        assert_eq!(answer.status(), expected, "{key}");
        if expected == 400 {
            assert_eq!(answer.json::<Value>().await.unwrap()["parameter"], "key");
        }
    }
}

#[tokio::test]
async fn a_stream_ends_within_a_second_of_its_tokens_end() {
    let platform = with_api().await;
    let made = platform.netbanx(&["--json", "token", "add", "--company", "acme", "--permission", "read:transactions"]);
    let made: Value = serde_json::from_str(&made).unwrap();
    let token = made["token"].as_str().unwrap();
    let url = format!("{}/api/v1/stream", platform.api_url());
    let mut stream = platform.http.get(url).bearer_auth(token).send().await.unwrap();
    assert_eq!(stream.status(), 200);
    assert!(stream.chunk().await.unwrap().is_some());
    let id = made["id"].as_str().unwrap();
    let revoke = format!("{}/api/v1/tokens/{id}", platform.api_url());
    assert_eq!(platform.http.delete(revoke).bearer_auth(&platform.admin_token).send().await.unwrap().status(), 204);
    let revoked = Instant::now();
    let ended = async { while let Ok(Some(_)) = stream.chunk().await {} };
    // Far below the ten seconds between two heartbeats; the figure itself is the benchmark's.
    tokio::time::timeout(Duration::from_secs(5), ended).await.expect("the stream ends");
    println!("the stream ended after {:?}", revoked.elapsed());
}

#[tokio::test]
async fn who_signed_out_stays_out_while_the_database_is_away() {
    let directory = new_directory();
    let postgres = Postgres::start(&directory);
    let mut platform = Platform::prepare_on(Database::Postgres, Some(postgres.url().to_owned())).await;
    // Two replicas: the one that is not told by the sign-out itself is asked.
    platform.run(Service::Api).await;
    let first = platform.api_port;
    platform.api_port = e2e::free_port();
    platform.run(Service::Api).await;
    let password = add_boss(&platform);
    let [out, stays] = [sign_in(&platform, &password, &[]).await, sign_in(&platform, &password, &[]).await];
    let csrf =
        async |answer: reqwest::Response| answer.json::<Value>().await.unwrap()["data"]["csrfToken"].as_str().unwrap().to_owned();
    let (out_cookie, stays_cookie) = (cookie(&out, "netbanx_session").unwrap(), cookie(&stays, "netbanx_session").unwrap());
    let csrf = csrf(out).await;
    let status = async |session: &str| {
        get(&platform, "/api/v1/transactions", &[("cookie", format!("netbanx_session={session}").as_bytes())]).await
    };
    assert_eq!((status(&out_cookie).await, status(&stays_cookie).await), (200, 200));
    let signed_out = platform
        .http
        .delete(format!("http://127.0.0.1:{first}{SESSION}"))
        .header("cookie", format!("netbanx_session={out_cookie}"))
        .header("x-csrf-token", csrf)
        .send()
        .await
        .unwrap();
    assert_eq!(signed_out.status(), 204);
    postgres.stop();
    // As soon as it asks the database again it finds that it is away.
    eventually("the one who signed out is refused", || async { (status(&out_cookie).await != 200).then_some(()) }).await;
    assert_eq!(status(&stays_cookie).await, 200, "whoever is known goes on");
    assert_ne!(status(&out_cookie).await, 200, "{EMAIL}");
    drop(platform);
    drop(postgres);
    std::fs::remove_dir_all(directory).unwrap();
}

#[tokio::test]
async fn changes_at_once_wait_for_each_other() {
    let platform = with_api().await;
    let added = async |path: &str, body: Value| {
        let url = format!("{}{path}", platform.api_url());
        platform.http.post(url).bearer_auth(&platform.admin_token).json(&body).send().await.unwrap().status().as_u16()
    };
    // A password takes its time between what is read and what is written.
    let user = async || {
        let user = json!({"email": "late@acme.example", "role": "member", "company": "acme", "password": "a long enough one"});
        added("/api/v1/users", user).await
    };
    let tokens = async || {
        for n in 0..20 {
            let token = json!({"name": format!("t{n}"), "company": "acme", "permissions": ["read:events"]});
            assert_eq!(added("/api/v1/tokens", token).await, 201, "{n}");
        }
    };
    let (status, ()) = tokio::join!(user(), tokens());
    assert_eq!(status, 201);
}

/// A change by the API: its status and the parameter that is bad.
async fn entered(platform: &Platform, path: &str, body: Value) -> (u16, String) {
    let url = format!("{}{path}", platform.api_url());
    let answer = platform.http.post(url).bearer_auth(&platform.admin_token).json(&body).send().await.unwrap();
    let status = answer.status().as_u16();
    let told: Value = answer.json().await.unwrap_or_default();
    (status, told["parameter"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn who_is_added_badly_is_told_which_parameter() {
    let platform = with_api().await;
    let good = json!({"email": "new@acme.example", "role": "member", "company": "acme", "password": "a long enough one"});
    let with = |name: &str, value: Value| {
        let mut user = good.clone();
        user[name] = value;
        user
    };
    for (user, parameter) in [
        (with("email", json!("nobody")), "email"),
        (with("email", json!("new user@acme.example")), "email"),
        (with("email", json!("<new@acme.example>")), "email"),
        (with("password", json!("short")), "password"),
        (with("password", json!(" ".repeat(20))), "password"),
        (with("password", json!("x".repeat(201))), "password"),
        (with("role", json!("king")), "role"),
        (with("role", json!("administrator")), "company"),
        (with("company", Value::Null), "company"),
    ] {
        assert_eq!(entered(&platform, "/api/v1/users", user.clone()).await, (400, parameter.to_owned()), "{user}");
    }
    assert_eq!(entered(&platform, "/api/v1/users", good.clone()).await.0, 201);
    assert_eq!(entered(&platform, "/api/v1/users", good).await, (409, String::new()), "there is one already");
}

/// The command takes what the API takes, and nothing else.
#[tokio::test]
async fn commands_refuse_what_the_api_refuses() {
    let platform = Platform::prepare(Database::Sqlite).await;
    let long = "x".repeat(300);
    let password = platform.file("password", " ".repeat(20).as_bytes());
    let url = "https://8.8.8.8/";
    for (args, told) in [
        (vec!["token", "add", "--company", "acme", "--name", ""], "name must have"),
        (vec!["token", "add", "--company", "acme", "--name", "a\tb"], "name must have"),
        (vec!["token", "add", "--company", "acme", "--name", &long], "name must have"),
        (vec!["endpoint", "add", "--company", "acme", "--url", url, "--description", "a\nb"], "description must have"),
        (vec!["endpoint", "add", "--company", "acme", "--url", url, "--description", &long], "description must have"),
        (vec!["endpoint", "add", "--company", "acme", "--url", "https://8.8.8.8:0/"], "port"),
        (vec!["account", "assign", "--company", "acme", "--account-id", ""], "accountId must have"),
        (vec!["account", "assign", "--company", "acme", "--account-id", " \n"], "accountId must have"),
        (vec!["account", "assign", "--company", "acme", "--account-id", &long], "accountId must have"),
        (vec!["company", "add", "", "--slug", "new"], "name must have"),
        (vec!["company", "add", "a\nb", "--slug", "new"], "name must have"),
        (vec!["company", "add", "\u{1b}[2J", "--slug", "new"], "name must have"),
        (vec!["company", "add", &long, "--slug", "new"], "name must have"),
        (vec!["company", "add", "New", "--slug", "a/b"], "slug must be"),
        (vec!["user", "add", "--email", "a b@acme.example", "--role", "administrator", "--generate"], "email must be"),
        (
            vec!["user", "add", "--email", "a@acme.example", "--role", "administrator", "--password-file", &password],
            "a password must have",
        ),
        (
            vec!["user", "add", "--email", "a@acme.example", "--role", "administrator", "--password-file", "/nonexistent"],
            "/nonexistent: ",
        ),
        (vec!["secret", "set", "--endpoint", "netbanx", "--company", "acme", "--key-file", "/nonexistent"], "/nonexistent: "),
        (vec!["dev", "--port", "0"], "--port"),
        (vec!["dev", "--port", "65535"], "--port"),
    ] {
        let ended = platform.netbanx_given(&args, b"");
        let error = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(!ended.status.success() && error.contains(told), "{args:?}: {error}");
    }
    assert_eq!(platform.netbanx(&["company", "list"]).lines().count(), 1, "nothing was added");
}
