//! Stored webhooks interpreted anew, by the command, while the services run.

use e2e::{Database, Platform, eventually};
use serde_json::{Value, json};

fn payment(n: usize, status: &str) -> String {
    json!({"eventType": format!("PAYMENT_{status}"), "payload": {"id": format!("p{n}"), "status": status, "amount": 100 + n,
        "currencyCode": "EUR", "paymentType": "CARD", "statusTime": format!("2026-01-02T03:{n:02}:05Z")}})
    .to_string()
}

async fn send(platform: &Platform, bodies: impl IntoIterator<Item = String>) {
    for body in bodies {
        assert!(platform.send("/api/webhooks/netbanx/acme", body).await.status().is_success());
    }
    platform.drained().await;
}

fn lines(output: &str) -> Vec<Value> {
    output.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn a_replay_mends_what_older_rules_stored() {
    for database in [Database::Sqlite, Database::Postgres] {
        let platform = Platform::start(database).await;
        send(&platform, (0..30).flat_map(|n| [payment(n, "PENDING"), payment(n, "COMPLETED")])).await;
        send(&platform, ["no JSON at all".to_owned()]).await;
        // As a version would have left them that knew no such family: kept as events, and in no figure.
        for sql in [
            "UPDATE webhook_events SET category = 'other', kind = NULL WHERE resource_id IN ('p3', 'p4')",
            "DELETE FROM transactions WHERE external_id IN ('p3', 'p4')",
            "DELETE FROM transaction_keys WHERE external_id IN ('p3', 'p4')",
            "UPDATE transactions SET rules_version = 0",
        ] {
            platform.execute(sql).await;
        }
        platform.netbanx(&["rollup", "rebuild"]);
        platform.netbanx(&["rollup", "verify"]);

        let told = lines(&platform.netbanx(&["replay", "--company", "acme", "--dry-run", "--json"]));
        let counts = json!({"events": 60, "changed": 2, "unchanged": 28, "kept": 0, "unreadable": 1});
        assert_eq!(told.last(), Some(&counts));
        let status = told.iter().find(|change| change["of"] == "transaction" && change["field"] == "status").unwrap();
        assert_eq!((&status["before"], &status["after"]), (&Value::Null, &"COMPLETED".into()), "{status}");
        assert_eq!(platform.count("SELECT COUNT(*) AS n FROM transactions").await, 28, "a dry run changes nothing");

        let path = "/api/v1/transactions?company=acme";
        assert_eq!(platform.get(path).await["pagination"]["total"], 28);
        let told = lines(&platform.netbanx(&["replay", "--company", "acme", "--json"]));
        assert_eq!(told, [counts]);
        platform.netbanx(&["rollup", "verify"]);
        platform.netbanx(&["audit", "verify"]);
        let shown = || async { Some(platform.get(path).await).filter(|page| page["pagination"]["total"] == 30) };
        eventually("the API shows what the replay made", shown).await;
        assert_eq!(platform.count("SELECT COUNT(*) AS n FROM transactions WHERE rules_version > 0").await, 30);
        assert_eq!(platform.count("SELECT COUNT(*) AS n FROM audit_log WHERE action = 'replay'").await, 1);

        let again = lines(&platform.netbanx(&["replay", "--json"]));
        assert_eq!(again.last().unwrap()["changed"], 0, "{again:?}");
        // More of them come, and a range that ends before them has nothing to do.
        send(&platform, [payment(40, "COMPLETED")]).await;
        let none = lines(&platform.netbanx(&["replay", "--until", "2026-01-01", "--json"]));
        assert_eq!(none.last().unwrap()["events"], 0);
    }
}
