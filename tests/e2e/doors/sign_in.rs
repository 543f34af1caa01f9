//! Sign-in: from our own page alone, within bounds, and open to honest people.

use std::time::Duration;

use e2e::{Database, Platform, Service, usage};
use serde_json::json;
use tokio::{io::AsyncWriteExt, net::TcpStream};

use super::{EMAIL, SESSION, add_boss, cookie, sign_in};

async fn with_boss() -> (Platform, String) {
    let mut platform = Platform::prepare(Database::Sqlite).await;
    platform.run(Service::Api).await;
    let password = add_boss(&platform);
    (platform, password)
}

#[tokio::test]
async fn a_form_of_another_site_signs_nobody_in() {
    let (platform, password) = with_boss().await;
    let body = json!({"email": EMAIL, "password": password}).to_string();
    let url = format!("{}{SESSION}", platform.api_url());
    let post = async |headers: &[(&str, &str)]| {
        let mut request = platform.http.post(&url).body(body.clone());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), cookie(&answer, "netbanx_session"))
    };
    for headers in [
        &[("content-type", "text/plain"), ("sec-fetch-site", "cross-site")][..],
        &[("content-type", "text/plain")],
        &[("content-type", "application/x-www-form-urlencoded")],
        &[("content-type", "application/json"), ("sec-fetch-site", "cross-site")],
        &[("content-type", "application/json"), ("sec-fetch-site", "same-site")],
        &[("content-type", "application/json"), ("origin", "https://evil.example")],
        &[("content-type", "application/json"), ("origin", "null")],
    ] {
        let (status, session) = post(headers).await;
        assert!([403, 415].contains(&status) && session.is_none(), "{headers:?}: {status}");
    }
    assert_eq!(post(&[("content-type", "application/json; charset=utf-8"), ("sec-fetch-site", "same-origin")]).await.0, 200);
}

#[tokio::test]
async fn guesses_side_by_side_get_no_more_tries_than_one_after_the_other() {
    let (platform, _) = with_boss().await;
    let guesses = (0..12).map(|_| sign_in(&platform, "a wrong password", &[]));
    let answers = futures::future::join_all(guesses.map(|guess| async { guess.await.status().as_u16() })).await;
    assert!(answers.iter().all(|status| [200, 401, 429].contains(status)), "{answers:?}");
    let checked = platform.count("SELECT COUNT(*) AS n FROM audit_log WHERE action = 'session.sign-in-failed'").await;
    assert!(checked <= 5, "{checked} guesses were checked");
}

#[tokio::test]
async fn a_browser_that_is_known_is_not_locked_out_by_strangers() {
    let (platform, password) = with_boss().await;
    let device = cookie(&sign_in(&platform, &password, &[]).await, "netbanx_device").unwrap();
    for _ in 0..5 {
        assert_eq!(sign_in(&platform, "a wrong password", &[]).await.status(), 401);
    }
    assert_eq!(sign_in(&platform, &password, &[]).await.status(), 401, "strangers are locked out");
    let known = [("cookie", format!("netbanx_device={device}"))];
    let known: Vec<(&'static str, &str)> = known.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(sign_in(&platform, &password, &known).await.status(), 200);
    // It has a count of its own.
    for _ in 0..5 {
        assert_eq!(sign_in(&platform, "a wrong password", &known).await.status(), 401);
    }
    assert_eq!(sign_in(&platform, &password, &known).await.status(), 401);
}

#[tokio::test]
async fn a_password_that_is_too_long_tells_nothing() {
    let (platform, _) = with_boss().await;
    for email in [EMAIL, "nobody@acme.example"] {
        let body = json!({"email": email, "password": "x".repeat(201)});
        let answer = platform.http.post(format!("{}{SESSION}", platform.api_url())).json(&body).send().await.unwrap();
        assert_eq!(answer.status(), 400);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_cut_off_take_no_memory_and_honest_people_get_in() {
    let (platform, password) = with_boss().await;
    let body = json!({"email": EMAIL, "password": "a wrong password"}).to_string();
    let head = "POST /api/v1/session HTTP/1.1\r\nHost: l\r\nContent-Type: application/json\r\n";
    let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
    let (port, pid) = (platform.api_port, platform.pid(Service::Api));
    // What its own code takes in memory is of the build. Two checks at once take 38 MB, and the allocator keeps some more for a
    // moment; one for each of these connections would take gigabytes.
    let before = usage::anonymous_mb(pid);
    let mut most = 0.0_f64;
    for _ in 0..200 {
        let cut = (0..8).map(|_| async {
            let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)).await else { return };
            let _ = stream.write_all(request.as_bytes()).await;
            tokio::time::sleep(Duration::from_millis(2)).await;
            // Its end resets what is not answered yet.
            let _ = stream.set_zero_linger();
        });
        futures::future::join_all(cut).await;
        most = most.max(usage::anonymous_mb(pid) - before);
    }
    assert!(most < 400.0, "{most} MB more than {before}");
    // Somebody else's account: this one was guessed at until it was locked.
    let other = platform.netbanx(&[
        "user",
        "add",
        "--email",
        "reader@acme.example",
        "--role",
        "read-only",
        "--company",
        "acme",
        "--generate",
    ]);
    let honest = json!({"email": "reader@acme.example", "password": other});
    let url = format!("{}{SESSION}", platform.api_url());
    e2e::eventually("an honest person gets in", || async {
        let status = platform.http.post(&url).json(&honest).send().await.unwrap().status().as_u16();
        (status == 200).then_some(())
    })
    .await;
    drop(password);
}

#[tokio::test]
async fn in_production_the_cookie_is_the_hosts_own_and_browsers_stay_with_tls() {
    let mut platform = Platform::prepare(Database::Sqlite).await;
    platform.as_in_production();
    platform.run(Service::Api).await;
    let password = add_boss(&platform);
    let answer = sign_in(&platform, &password, &[]).await;
    let set: Vec<&str> = answer.headers().get_all("set-cookie").iter().filter_map(|value| value.to_str().ok()).collect();
    let own = set.iter().find(|set| set.starts_with("__Host-netbanx_session=")).unwrap();
    assert!(own.contains("Secure") && own.contains("HttpOnly") && own.contains("Path=/") && !own.contains("Domain"), "{own}");
    let session = cookie(&answer, "__Host-netbanx_session").unwrap();
    assert_eq!(
        super::get(&platform, "/api/v1/transactions", &[("cookie", format!("__Host-netbanx_session={session}").as_bytes())])
            .await,
        200
    );
    let page = platform.http.get(platform.api_url()).send().await.unwrap();
    assert!(page.headers()["strict-transport-security"].to_str().unwrap().contains("max-age="));
    for path in ["/", "/api/v1/transactions", "/api/openapi.json", "/nowhere"] {
        let answer = platform.http.get(format!("{}{path}", platform.api_url())).send().await.unwrap();
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff", "{path}");
    }
}
