//! Bad input: each kind has its own problem document, none reaches the queue, nothing falls over.

use e2e::{Database, Platform, sign};
use serde_json::Value;

async fn problem(answer: reqwest::Response) -> (u16, String) {
    let status = answer.status().as_u16();
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["status"], status);
    assert!(body["title"].is_string() && body["detail"].is_string(), "{body}");
    (status, body["type"].as_str().unwrap().trim_start_matches("urn:netbanx:problem:").to_owned())
}

#[tokio::test]
async fn each_bad_webhook_has_its_own_problem() {
    let mut platform = Platform::start(Database::Sqlite).await;
    let path = "/api/webhooks/netbanx/acme";
    let large = format!(r#"{{"eventType":"PAYMENT_COMPLETED","a":"{}"}}"#, "x".repeat(257 * 1024));
    assert_eq!(problem(platform.send(path, large).await).await, (413, "too-large".to_owned()));

    let body = br#"{"eventType":"PAYMENT_COMPLETED"}"#.to_vec();
    let wrong = platform.send_signed(path, "Signature", &sign(b"another"), body.clone()).await;
    assert_eq!(problem(wrong).await, (401, "signature-invalid".to_owned()));
    let misshapen = platform.send_signed(path, "Signature", "abc", body.clone()).await;
    assert_eq!(problem(misshapen).await, (401, "signature-invalid".to_owned()));
    let unsigned = platform.send_signed(path, "X-Other", "abc", body.clone()).await;
    assert_eq!(problem(unsigned).await, (401, "signature-missing".to_owned()));
    assert_eq!(problem(platform.send("/api/webhooks/nothing", body.clone()).await).await, (404, "unknown-endpoint".to_owned()));
    assert_eq!(
        problem(platform.send("/api/webhooks/netbanx/nobody", body.clone()).await).await,
        (404, "unknown-company".to_owned())
    );
    platform.netbanx(&["company", "add", "Keyless"]);
    e2e::eventually("a company without a secret is known and refused", || async {
        let answer = platform.send("/api/webhooks/netbanx/keyless", body.clone()).await;
        (problem(answer).await == (401, "no-secret".to_owned())).then_some(())
    })
    .await;

    assert_eq!(platform.queue().await.total, 0);
    assert_eq!(platform.events().await, 0);
    assert!(platform.all_alive());
    assert_eq!(platform.send(path, body).await.status(), 202);
    platform.drained().await;
    assert_eq!(platform.events().await, 1);
}
