//! The OpenAPI document is true: a tester that makes requests from it finds no answer that it does not
//! describe.

use std::process::Command;

use e2e::{Database, KEY, Platform};
use serde_json::json;

#[tokio::test]
async fn a_schema_driven_tester_finds_nothing_undocumented() {
    let tester = std::env::var("SCHEMATHESIS").expect("SCHEMATHESIS must name the tester: run `make test`");
    let platform = Platform::start(Database::Sqlite).await;
    let url = format!("{}/api/webhooks/netbanx/acme", platform.ingress_url());
    platform.netbanx(&["send", "--count", "30", "--url", &url, "--key", KEY]);
    let account = json!({"eventType": "ACCT_ENABLED", "account": {"id": "7", "status": "Enabled", "creditCardId": "cc"}});
    platform.send("/api/webhooks/account-status/acme", account.to_string()).await;
    platform.drained().await;

    let document = platform.http.get(format!("{}/api/openapi.json", platform.api_url())).send().await.unwrap();
    let document: serde_json::Value = document.json().await.unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    let directory = e2e::new_directory();
    let output = Command::new(tester)
        .args(["run", &format!("{}/api/openapi.json", platform.api_url())])
        .args(["--header", &format!("Authorization: Bearer {}", platform.admin_token)])
        .args(["--checks", "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"])
        // A stream that never ends is another test's.
        .args(["--exclude-path", "/api/v1/stream"])
        .args(["--max-examples", "25", "--seed", "7", "--no-color", "--suppress-health-check", "all"])
        .current_dir(&directory)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    drop(std::fs::remove_dir_all(directory));
}
