//! Netbanx itself is asked for what a comparison found; how reports are read is kept by name.

use e2e::{Database, NetbanxApi, Oddity, Platform, Service};
use serde_json::{Value, json};

use crate::{
    lookups::configure,
    reconciliation_over_http::{HEADER, PATH, compared, items, post},
};

const MAPPINGS: &str = "/api/v1/reconciliation-mappings";

/// A platform that may reach loopback, and a Netbanx that acme's look-ups go to. It asks nothing by itself.
async fn prepare(database: Database) -> (Platform, NetbanxApi) {
    let mut platform = Platform::prepare(database).await;
    platform.may_reach_loopback();
    platform.set("LOOKUP_TIMEOUT_SECS", "1");
    let netbanx = NetbanxApi::start().await;
    configure(&platform, &netbanx);
    platform.execute("UPDATE lookup_configurations SET next_round_at = 9000000000000").await;
    for service in [Service::Ingress, Service::Worker, Service::Api] {
        platform.run(service).await;
    }
    (platform, netbanx)
}

async fn netbanx_is_asked_for_what_was_found(database: Database) {
    let (platform, netbanx) = prepare(database).await;
    let token = platform.admin_token.clone();
    let payload = json!({"id": "p1", "status": "PROCESSING", "amount": 100, "currencyCode": "EUR", "merchantRefNum": "r1",
        "txnTime": "2025-03-01T00:01:00Z", "statusTime": "2025-03-01T00:01:00Z"});
    let webhook = json!({"eventType": "PAYMENT_PROCESSING", "mode": "live", "payload": payload});
    assert!(platform.send("/api/webhooks/netbanx/acme", webhook.to_string()).await.status().is_success());
    platform.drained().await;
    // One differs, three are missing here, of which one is a payout and one has a reference alone; a row is broken.
    let rows = "p1,r1,PAYMENT,COMPLETED,100,EUR,2025-03-01T00:01:00Z\n\
        p2,r2,PAYMENT,COMPLETED,100,EUR,2025-03-01T00:02:00Z\n\
        p3,r3,PAYOUT,COMPLETED,100,EUR,2025-03-01T00:03:00Z\n\
        ,r4,PAYMENT,COMPLETED,100,EUR,2025-03-01T00:04:00Z\n\
        ,r5\n";
    let run = compared(&platform, &token, "company=acme", format!("{HEADER}{rows}")).await;
    let found = items(&platform, &token, &run, "").await;
    let path = |what: &str| {
        let number = found.iter().find(|item| item["detail"].to_string().contains(what)).map(|item| &item["number"]).unwrap();
        format!("{PATH}/{}/items/{number}/ask", run["id"].as_str().unwrap())
    };
    let refused = async |what: &str, expected: u16, detail: &str| {
        let (status, told) = post(&platform, &token, &path(what), "").await;
        assert_eq!(status, expected, "{what}: {told}");
        assert!(told["detail"].as_str().unwrap().contains(detail), "{what}: {told}");
    };
    refused("has 2 fields", 409, "neither an id nor a reference").await;
    refused("\"p3\"", 409, "payments, settlements and refunds alone").await;
    let record = |id: &str, reference: &str| {
        json!({"id": id, "merchantRefNum": reference, "status": "COMPLETED", "amount": 100, "currencyCode": "EUR",
            "statusTime": "2025-03-01T00:05:00Z", "liveMode": true})
    };
    // It knows nothing of it; then what it says is stored, once.
    let asked = async |what: &str| {
        let (status, told) = post(&platform, &token, &path(what), "").await;
        assert_eq!(status, 200, "{what}: {told}");
        (told["data"]["outcome"].as_str().unwrap().to_owned(), told["data"]["found"].clone())
    };
    assert_eq!(asked("\"p2\"").await, ("unknown".to_owned(), json!([])));
    netbanx.put("payments", record("p1", "r1"));
    netbanx.put("payments", record("p2", "r2"));
    netbanx.put("payments", record("p4", "r4"));
    let (outcome, told) = asked("\"p1\"").await;
    assert_eq!(
        (&*outcome, &told[0]["status"], &told[0]["statusTime"]),
        ("stored", &json!("COMPLETED"), &json!("2025-03-01T00:05:00.000Z"))
    );
    assert_eq!(asked("\"p1\"").await.0, "unchanged");
    assert_eq!((asked("\"p2\"").await.0, asked("\"r4\"").await.0), ("stored".to_owned(), "stored".to_owned()));
    let done = "SELECT COUNT(*) AS n FROM transactions WHERE external_id IN ('p1', 'p2', 'p4') AND status = 'COMPLETED'";
    assert_eq!(platform.count(done).await, 3);
    let of_lookup = "SELECT COUNT(*) AS n FROM webhook_events WHERE payload LIKE '%\"source\":\"lookup\"%'";
    assert_eq!(platform.count(of_lookup).await, 3);
    assert_eq!(
        items(&platform, &token, &run, "state=open").await.len(),
        found.len(),
        "the next comparison tells what is settled"
    );
    let again = compared(&platform, &token, "company=acme", format!("{HEADER}{rows}")).await;
    assert_eq!((&again["matched"], &again["gone"]), (&json!(3), &json!(3)), "{again}");

    // Credentials that are refused do not pass by themselves; what Netbanx asks patience for does, and nobody asks meanwhile.
    netbanx.script([Oddity::Status(401, None)]);
    refused("\"p1\"", 409, "refuses the credentials").await;
    netbanx.script([Oddity::Status(503, Some(3600))]);
    refused("\"p1\"", 503, "Netbanx is asked not before 3600 s").await;
    let before = netbanx.asked().len();
    refused("\"p2\"", 503, "Netbanx is asked not before").await;
    assert_eq!(netbanx.asked().len(), before, "the breaker is open");
    platform.netbanx(&["lookup", "remove", "--company", "acme"]);
    refused("\"p1\"", 409, "no look-ups configured").await;

    let audit = platform.get("/api/v1/audit?limit=100").await;
    let asks = audit["entries"].as_array().unwrap().iter().filter(|entry| entry["action"] == "reconciliation.ask");
    let outcomes: Vec<Value> = asks.map(|entry| entry["detail"]["outcome"].clone()).collect();
    assert_eq!(outcomes, ["stored", "stored", "unchanged", "stored", "unknown"]);
    platform.netbanx(&["audit", "verify"]);
    platform.netbanx(&["rollup", "verify"]);
}

#[tokio::test]
async fn netbanx_is_asked_for_what_a_reconciliation_found_on_sqlite() {
    netbanx_is_asked_for_what_was_found(Database::Sqlite).await;
}

#[tokio::test]
async fn netbanx_is_asked_for_what_a_reconciliation_found_on_postgres() {
    netbanx_is_asked_for_what_was_found(Database::Postgres).await;
}

#[tokio::test]
async fn mappings_of_a_reconciliation_are_listed_and_removed() {
    let (platform, _netbanx) = prepare(Database::Sqlite).await;
    platform.netbanx(&["company", "add", "Other", "--slug", "other"]);
    let all = ["--permission", "read:transactions", "--permission", "manage:secrets"];
    let token =
        |company: &str, permissions: &[&str]| platform.netbanx(&[&["token", "add", "--company", company], permissions].concat());
    let (own, foreign, reader) = (token("acme", &all), token("other", &all), token("acme", &all[..2]));
    let reconcile = |args: &[&str]| platform.netbanx_given(&[&["reconcile", "--company", "acme"], args].concat(), b"");
    assert!(reconcile(&["--save-mapping", "bank", "--map", "id=Nr", "--amounts", "major"]).status.success());
    compared(&platform, &own, "saveMapping=a%2Fb%20%C3%BC", "id\n").await;

    let listed = async |token: &str| {
        let (status, told) = platform.get_as(token, MAPPINGS).await;
        assert_eq!(status, 200, "{told}");
        let names = told["data"]["mappings"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap().to_owned());
        names.collect::<Vec<_>>()
    };
    assert_eq!((listed(&reader).await, listed(&foreign).await), (vec!["a/b ü".to_owned(), "bank".to_owned()], vec![]));
    let bank = platform.get(&format!("{MAPPINGS}?company=acme")).await["mappings"][1]["mapping"].clone();
    assert_eq!((&bank["columns"]["id"], &bank["amounts"]), (&json!("Nr"), &json!("major")), "{bank}");
    let told = reconcile(&["--mappings", "--json"]);
    let told: Value = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!((&told["mappings"][1]["name"], &told["mappings"][1]["mapping"]), (&json!("bank"), &bank));
    assert!(String::from_utf8_lossy(&reconcile(&["--mappings"]).stdout).contains("bank\t{"));

    // Nobody removes what is not theirs, nor twice.
    let remove = async |token: &str, name: &str| {
        let url = format!("{}{MAPPINGS}/{name}", platform.api_url());
        platform.http.delete(url).bearer_auth(token).send().await.unwrap().status().as_u16()
    };
    assert_eq!((remove(&foreign, "bank").await, remove(&reader, "bank").await), (404, 403));
    assert_eq!(remove(&platform.admin_token, "bank").await, 400, "whose?");
    let odd = "a%2Fb%20%C3%BC";
    assert_eq!((remove(&own, odd).await, remove(&own, odd).await), (204, 404));
    assert_eq!(listed(&own).await, ["bank"]);
    assert!(reconcile(&["--remove-mapping", "bank"]).status.success());
    assert_eq!(reconcile(&["--remove-mapping", "bank"]).status.code(), Some(2));
    assert_eq!(listed(&own).await, Vec::<String>::new());
    let audit = platform.get("/api/v1/audit").await;
    let removed = audit["entries"].as_array().unwrap().iter().filter(|entry| entry["action"] == "reconciliation.removeMapping");
    assert_eq!(removed.count(), 2);

    // A company keeps a hundred at most; one of them may change.
    for number in 0..100 {
        platform
            .execute(&format!(
                "INSERT INTO reconciliation_mappings SELECT id, 'm{number}', '{{}}' FROM companies WHERE slug = 'acme'"
            ))
            .await;
    }
    assert!(reconcile(&["--save-mapping", "m7", "--map", "id=Nr"]).status.success());
    let refused = reconcile(&["--save-mapping", "bank", "--map", "id=Nr"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("100 mappings at most"), "{refused:?}");
}
