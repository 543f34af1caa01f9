//! Answers: kept, fresh, conditional, and each company's own.

use std::time::{Duration, Instant};

use e2e::{Database, Platform, eventually};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

fn payment(id: &str) -> String {
    json!({"eventType": "PAYMENT_COMPLETED", "payload": {"id": id, "amount": 1, "currencyCode": "EUR", "status": "COMPLETED"}})
        .to_string()
}

async fn ask(platform: &Platform, method: Method, token: &str, path: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = platform.http.request(method, format!("{}{path}", platform.api_url())).bearer_auth(token);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

fn header(answer: &Response, name: &str) -> String {
    answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

async fn total(answer: Response) -> u64 {
    answer.json::<Value>().await.unwrap()["data"]["pagination"]["total"].as_u64().unwrap()
}

#[tokio::test]
async fn an_answer_is_kept_until_a_commit_makes_it_old() {
    let platform = Platform::start(Database::Sqlite).await;
    let (path, token) = ("/api/v1/transactions?limit=5", platform.admin_token.as_str());
    for n in 0..30 {
        assert_eq!(platform.send("/api/webhooks/netbanx/acme", payment(&format!("p{n}"))).await.status(), 202);
    }
    platform.drained().await;
    let get = |headers: Vec<(&'static str, String)>| {
        let platform = &platform;
        async move {
            let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            ask(platform, Method::GET, token, path, &headers).await
        }
    };

    let first = get(vec![]).await;
    assert_eq!((first.status(), header(&first, "x-cache").as_str()), (StatusCode::OK, "MISS"));
    assert_eq!(header(&first, "vary"), "Authorization, Cookie, Accept-Encoding");
    assert!(header(&first, "cache-control").starts_with("private"));
    assert_eq!(header(&first, "age"), "0");
    let plain_tag = header(&first, "etag");
    assert!(plain_tag.starts_with('"'), "a strong tag: {plain_tag}");
    let body = first.bytes().await.unwrap();

    let second = get(vec![]).await;
    assert_eq!((header(&second, "x-cache").as_str(), header(&second, "etag")), ("HIT", plain_tag.clone()));
    assert_eq!(second.bytes().await.unwrap(), body);
    // The same question in other words is the same question.
    let reordered = ask(&platform, Method::GET, token, "/api/v1/transactions?mode=live&limit=5&page=1", &[]).await;
    assert_eq!((header(&reordered, "x-cache").as_str(), header(&reordered, "etag")), ("HIT", plain_tag.clone()));

    let packed = get(vec![("accept-encoding", "gzip".to_owned())]).await;
    let packed_tag = header(&packed, "etag");
    assert_eq!(header(&packed, "content-encoding"), "gzip");
    assert_ne!(packed_tag, plain_tag);
    assert!(packed.bytes().await.unwrap().len() < body.len());

    for known in [plain_tag.clone(), format!("W/{plain_tag}"), format!("\"x\", {plain_tag}"), "*".to_owned()] {
        let same = get(vec![("if-none-match", known.clone())]).await;
        assert_eq!((same.status(), header(&same, "etag")), (StatusCode::NOT_MODIFIED, plain_tag.clone()), "{known}");
        assert_eq!(same.bytes().await.unwrap().len(), 0);
    }
    assert_eq!(get(vec![("if-none-match", packed_tag)]).await.status(), StatusCode::OK, "another form is another answer");
    let head = ask(&platform, Method::HEAD, token, path, &[]).await;
    assert_eq!((head.status(), header(&head, "etag")), (StatusCode::OK, plain_tag.clone()));
    assert_eq!(header(&head, "content-length"), body.len().to_string());
    assert_eq!(head.bytes().await.unwrap().len(), 0);

    // A commit: what is told is stale for two seconds at most, and says so; then it is new.
    platform.send("/api/webhooks/netbanx/acme", payment("new")).await;
    platform.drained().await;
    eventually("the new payment is told", || async { (total(get(vec![]).await).await == 31).then_some(()) }).await;
    let renewed = get(vec![("if-none-match", plain_tag)]).await;
    assert_eq!(renewed.status(), StatusCode::OK);
}

#[tokio::test]
async fn what_nobody_looked_at_for_long_is_not_given_as_if_it_were_only_just_old() {
    let platform = Platform::start(Database::Sqlite).await;
    let path = "/api/v1/transactions?limit=4";
    let look = async || ask(&platform, Method::GET, &platform.admin_token, path, &[]).await;
    assert_eq!(total(look().await).await, 0);
    // The first commit bumps the version, the others within a second of it owe a bump that a reader makes.
    for n in 0..6 {
        platform.send("/api/webhooks/netbanx/acme", payment(&format!("p{n}"))).await;
        platform.drained().await;
    }
    assert_eq!(platform.events().await, 6);
    // The promise's own time.
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(total(look().await).await, 6);
}

#[tokio::test]
async fn equal_requests_of_two_companies_share_nothing() {
    let platform = Platform::start(Database::Sqlite).await;
    platform.netbanx(&["company", "add", "Other", "--slug", "other"]);
    let acme = platform.netbanx(&["token", "add", "--company", "acme"]);
    let other: Value = serde_json::from_str(&platform.netbanx(&["--json", "token", "add", "--company", "other"])).unwrap();
    let other_token = other["token"].as_str().unwrap();
    // Both have nothing at all, and so the same rows: yet one's tag tells nothing of the other.
    let path = "/api/v1/transactions?limit=7";
    let own = ask(&platform, Method::GET, &acme, path, &[]).await;
    let tag = header(&own, "etag");
    let foreign = ask(&platform, Method::GET, other_token, path, &[("if-none-match", &tag)]).await;
    assert_eq!((foreign.status(), header(&foreign, "x-cache").as_str()), (StatusCode::OK, "MISS"));
    assert_ne!(header(&foreign, "etag"), tag);
    // A colleague with the same view shares the answer.
    let colleague = platform.netbanx(&["token", "add", "--company", "acme"]);
    assert_eq!(header(&ask(&platform, Method::GET, &colleague, path, &[]).await, "x-cache"), "HIT");

    // Who loses the permission loses the kept answers too, within a second.
    platform.netbanx(&["token", "revoke", "--id", other["id"].as_str().unwrap()]);
    eventually("the token is refused", || async {
        (ask(&platform, Method::GET, other_token, path, &[]).await.status() == 401).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_crowd_is_answered_by_one_query() {
    let platform = Platform::start(Database::Sqlite).await;
    let asks = (0..40).map(|_| ask(&platform, Method::GET, &platform.admin_token, "/api/v1/accounts?limit=3", &[]));
    let answers = futures::future::join_all(asks).await;
    let tags: std::collections::HashSet<String> = answers.iter().map(|answer| header(answer, "etag")).collect();
    assert_eq!(tags.len(), 1, "all were given the same answer");
    let figures = eventually("the figures are handed over", || async {
        let (_, status) = platform.get_as(&platform.admin_token, "/api/performance/status").await;
        let accounts = status["systems"]["api_cache"].as_array().unwrap().iter().find(|e| e["endpoint"] == "accounts").cloned();
        accounts.filter(|figures| figures["hits"].as_u64().unwrap() + figures["misses"].as_u64().unwrap() == 40)
    })
    .await;
    assert!(figures["missMs"]["p99"].is_number(), "{figures}");
}

#[tokio::test]
async fn without_redis_the_api_goes_on_and_says_so() {
    let mut platform = Platform::start(Database::Sqlite).await;
    platform.send("/api/webhooks/netbanx/acme", payment("a")).await;
    platform.drained().await;
    let status = async |platform: &Platform| platform.get_as(&platform.admin_token, "/api/performance/status").await.1;
    assert_eq!(status(&platform).await["systems"]["redis"]["health"], "healthy");

    platform.kill_redis();
    let answer = ask(&platform, Method::GET, &platform.admin_token, "/api/v1/transactions?limit=9", &[]).await;
    assert_eq!((answer.status(), total(answer).await), (StatusCode::OK, 1));
    let told = status(&platform).await;
    assert_eq!((&told["status"], &told["systems"]["redis"]["health"]), (&json!("critical"), &json!("away")));

    platform.start_redis().await;
    eventually("it is used again", || async {
        (status(&platform).await["systems"]["redis"]["health"] == "healthy").then_some(())
    })
    .await;
    eventually("ingress accepts", || async {
        platform.send("/api/webhooks/netbanx/acme", payment("b")).await.status().is_success().then_some(())
    })
    .await;
    let path = "/api/v1/transactions?limit=9";
    eventually("the new payment is told", || async {
        (total(ask(&platform, Method::GET, &platform.admin_token, path, &[]).await).await == 2).then_some(())
    })
    .await;
}

/// The short form of `make bench`'s: a stream of webhooks that never stops, and readers who never see
/// anything older than the promise, most of them from the cache.
#[tokio::test]
async fn under_a_stream_of_webhooks_answers_stay_fresh_and_mostly_kept() {
    let platform = Platform::start(Database::Postgres).await;
    let token = platform.netbanx(&["token", "add", "--company", "acme"]);
    let url = format!("{}/api/webhooks/netbanx/acme", platform.ingress_url());
    let sending = async {
        let mut seen = Vec::new();
        for n in 0..40 {
            let id = format!("s{n}");
            let accepted = platform.http.post(&url).header("Signature", e2e::sign(payment(&id).as_bytes())).body(payment(&id));
            assert_eq!(accepted.send().await.unwrap().status(), 202);
            seen.push(n);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        seen.len() as u64
    };
    let reading = async {
        let (mut kept, mut all, begun) = (0_u32, 0_u32, Instant::now());
        while begun.elapsed() < Duration::from_secs(4) {
            let answer = ask(&platform, Method::GET, &token, "/api/v1/transactions?limit=3", &[]).await;
            all += 1;
            kept += u32::from(header(&answer, "x-cache") != "MISS");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        (kept, all)
    };
    let (sent, (kept, all)) = tokio::join!(sending, reading);
    assert!(kept * 100 >= all * 90, "{kept} of {all} were kept answers");
    eventually("the last one is told", || async {
        (total(ask(&platform, Method::GET, &token, "/api/v1/transactions?limit=3", &[]).await).await == sent).then_some(())
    })
    .await;
}
