//! A parameter that an operation does not have is refused, by each operation of the OpenAPI document.

use e2e::{Database, Platform};
use serde_json::Value;

async fn refusal(platform: &Platform, path: &str) -> (u16, Value) {
    let request = platform.http.get(format!("{}{path}", platform.api_url())).bearer_auth(&platform.admin_token);
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap_or_default())
}

#[tokio::test]
async fn a_misspelt_parameter_is_refused_everywhere_and_the_nearest_is_named() {
    let platform = Platform::start(Database::Sqlite).await;
    let document = platform.http.get(format!("{}/api/openapi.json", platform.api_url())).send().await.unwrap();
    let document: Value = document.json().await.unwrap();
    let mut asked = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        // A sign-in provider adds parameters of its own to what it answers.
        if item.get("get").is_none() || path == "/api/v1/session/oidc/callback" {
            continue;
        }
        let path = path.replace("{id}", "018f0000-0000-7000-8000-000000000000");
        let (status, problem) = refusal(&platform, &format!("{path}?limitt=1")).await;
        assert_eq!((status, &problem["parameter"]), (400, &"limitt".into()), "{path}: {problem}");
        asked += 1;
    }
    assert!(asked >= 12, "{asked}");
    for (query, parameter, told) in [
        ("startdate=2026-01-01", "startdate", "did you mean startDate?"),
        ("amountMn=5", "amountMn", "there is no parameter amountMn"),
        ("page=1&page=2", "page", "may be given once"),
    ] {
        let (status, problem) = refusal(&platform, &format!("/api/v1/transactions?{query}")).await;
        assert_eq!((status, &problem["parameter"]), (400, &parameter.into()), "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains(told), "{problem}");
    }
}
