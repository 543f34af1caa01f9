//! The audit log is a chain that shows what was changed in it.

use e2e::{Database, Platform, Service};
use serde_json::{Value, json};

use super::{add_boss, sign_in, verified};

#[tokio::test]
async fn an_entry_that_was_changed_or_removed_is_found() {
    for database in [Database::Sqlite, Database::Postgres] {
        let mut platform = Platform::prepare(database).await;
        platform.run(Service::Api).await;
        let password = add_boss(&platform);
        assert_eq!(sign_in(&platform, "a wrong password", &[]).await.status(), 401);
        assert_eq!(sign_in(&platform, &password, &[]).await.status(), 200);
        // Side by side, too, they follow each other.
        let url = format!("{}/api/v1/tokens", platform.api_url());
        let add = (0..8).map(|n| {
            let body = json!({"name": format!("token {n}"), "permissions": ["read:events"], "company": "acme"});
            platform.http.post(&url).bearer_auth(&platform.admin_token).json(&body).send()
        });
        for answer in futures::future::join_all(add).await {
            assert_eq!(answer.unwrap().status(), 201);
        }
        let (holds, told) = verified(&platform);
        assert!(holds, "{told}");
        let log = platform.get("/api/v1/audit").await;
        let entries = log["entries"].as_array().unwrap();
        let failed = entries.iter().find(|entry| entry["action"] == "session.sign-in-failed").unwrap();
        assert_eq!(failed["address"], "127.0.0.1");
        assert_ne!(failed["companyId"], Value::Null, "the company concerned sees it");
        let sequences: Vec<i64> = entries.iter().filter_map(|entry| entry["sequence"].as_i64()).collect();
        assert!(sequences.windows(2).all(|pair| pair[0] == pair[1] + 1), "{sequences:?}");

        platform.execute("UPDATE audit_log SET detail = '{\"permissions\":[]}' WHERE sequence = 3").await;
        let (holds, told) = verified(&platform);
        assert!(!holds && told.contains("number 3"), "{told}");
        platform.execute("DELETE FROM audit_log WHERE sequence = 3").await;
        let (holds, told) = verified(&platform);
        assert!(!holds && told.contains("number 3"), "{told}");
        platform.execute("DELETE FROM audit_log WHERE sequence >= 3").await;
        let (holds, told) = verified(&platform);
        assert!(!holds && told.contains("last entry"), "{told}");
    }
}

#[tokio::test]
async fn keys_open_under_a_new_master_key_and_the_old_one_can_go() {
    let mut platform = Platform::prepare(Database::Sqlite).await;
    let (old, new) = (e2e::MASTER_KEY, "ISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+P0A=");
    platform.set("MASTER_KEY", &format!("{new},{old}"));
    let rewrapped: Value = serde_json::from_str(&platform.netbanx(&["--json", "secret", "rewrap"])).unwrap();
    assert_eq!(rewrapped["rewrapped"], 8);
    let again: Value = serde_json::from_str(&platform.netbanx(&["--json", "secret", "rewrap"])).unwrap();
    assert_eq!(again["rewrapped"], 0);
    platform.set("MASTER_KEY", new);
    platform.run(Service::Ingress).await;
    let body = json!({"eventType": "PAYMENT_COMPLETED", "payload": {"id": "p"}}).to_string();
    assert_eq!(platform.send("/api/webhooks/netbanx/acme", body).await.status(), 202);
}
