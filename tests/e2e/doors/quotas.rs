//! How much one sender and one company may ask, as the answers tell it.

use e2e::{Database, Platform, Service};
use reqwest::{Response, StatusCode};

async fn with_quotas(sender: &str, company: &str) -> Platform {
    let mut platform = Platform::prepare(Database::Sqlite).await;
    platform.set("REQUESTS_PER_MINUTE", sender);
    platform.set("REQUESTS_PER_MINUTE_COMPANY", company);
    platform.run(Service::Api).await;
    platform
}

fn token(platform: &Platform, company: &str) -> String {
    platform.netbanx(&["token", "add", "--company", company, "--permission", "read:transactions"])
}

async fn ask(platform: &Platform, token: &str, path: &str) -> Response {
    platform.http.get(format!("{}{path}", platform.api_url())).bearer_auth(token).send().await.unwrap()
}

fn header<'r>(answer: &'r Response, name: &str) -> &'r str {
    answer.headers().get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
}

/// How many requests the answer says are left of that quota.
fn left(answer: &Response, quota: &str) -> u32 {
    let told = header(answer, "ratelimit");
    let part =
        told.split(", ").find_map(|part| part.strip_prefix(&format!("\"{quota}\";r="))).unwrap_or_else(|| panic!("{told}"));
    part.split(';').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_sender_and_a_company_have_their_quotas_of_requests() {
    let platform = with_quotas("5", "8").await;
    platform.netbanx(&["company", "add", "Other", "--slug", "other"]);
    let [first, second, other] = [token(&platform, "acme"), token(&platform, "acme"), token(&platform, "other")];
    const LIST: &str = "/api/v1/transactions";
    // Computed, cached, refused and not found: whatever the answer to a known sender is, it tells what is left.
    for (n, path, status) in [(4, LIST, 200), (3, LIST, 200), (2, "/api/v1/accounts", 403), (1, "/api/v1/transactions?x=1", 400)]
    {
        let answer = ask(&platform, &first, path).await;
        assert_eq!((answer.status().as_u16(), left(&answer, "default"), left(&answer, "company")), (status, n, n + 3), "{path}");
        assert_eq!(header(&answer, "ratelimit-policy"), "\"default\";q=5;w=60, \"company\";q=8;w=60");
    }
    let tag = header(&ask(&platform, &first, LIST).await, "etag").to_owned();
    assert!(!tag.is_empty());
    let refused = ask(&platform, &first, LIST).await;
    assert_eq!((refused.status(), left(&refused, "default")), (StatusCode::TOO_MANY_REQUESTS, 0));
    // A twelfth of a minute is the time of one.
    let wait: u64 = header(&refused, "retry-after").parse().unwrap();
    assert!((1..=12).contains(&wait), "{wait}");
    let problem: serde_json::Value = refused.json().await.unwrap();
    assert_eq!(problem["type"], "urn:netbanx:problem:too-many-requests");

    // The company has three left, for whichever of its tokens.
    for n in [2, 1, 0] {
        let answer = ask(&platform, &second, LIST).await;
        assert_eq!((answer.status().as_u16(), left(&answer, "company")), (200, n));
    }
    let refused = ask(&platform, &second, LIST).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.text().await.unwrap().contains("company"));
    // Others have their own.
    assert_eq!(left(&ask(&platform, &other, LIST).await, "company"), 7);
    let administrator = ask(&platform, &platform.admin_token, LIST).await;
    assert_eq!(header(&administrator, "ratelimit-policy"), "\"default\";q=5;w=60");
    // Who is not known has none to be told of.
    assert!(ask(&platform, "nonsense", LIST).await.headers().get("ratelimit").is_none());
}

#[tokio::test]
async fn a_stream_is_one_request_and_streams_have_their_places() {
    let platform = with_quotas("30", "60").await;
    let token = token(&platform, "acme");
    let mut streams = Vec::new();
    for _ in 0..25 {
        let mut stream = ask(&platform, &token, "/api/v1/stream").await;
        assert_eq!(stream.status(), 200);
        // The first news, and with them a further look at who follows.
        assert!(stream.chunk().await.unwrap().is_some());
        streams.push(stream);
    }
    let refused = ask(&platform, &token, "/api/v1/stream").await;
    assert_eq!((refused.status(), header(&refused, "retry-after")), (StatusCode::TOO_MANY_REQUESTS, "5"));
    // One each, or two where two seconds went by meanwhile and gave one back.
    assert!((4..=14).contains(&left(&refused, "default")), "{:?}", refused.headers());
    drop(streams);
}
