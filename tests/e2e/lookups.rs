//! Netbanx is asked what it has: by the command, and by the platform itself.

use std::time::Duration;

use e2e::{Database, NetbanxApi, Oddity, Platform, Service, eventually};
use serde_json::{Value, json};

/// A platform with ingress and worker that may reach loopback, and a Netbanx that acme's look-ups go to.
async fn prepare(database: Database) -> (Platform, NetbanxApi) {
    let mut platform = Platform::prepare(database).await;
    platform.may_reach_loopback();
    platform.set("LOOKUP_TIMEOUT_SECS", "1");
    for service in [Service::Ingress, Service::Worker] {
        platform.run(service).await;
    }
    (platform, NetbanxApi::start().await)
}

pub(crate) fn configure(platform: &Platform, netbanx: &NetbanxApi) {
    let (user, password) = NetbanxApi::USER;
    let args = ["lookup", "configure", "--company", "acme", "--url", &netbanx.url(), "--username", user, "--password-file", "-"];
    let output = platform.netbanx_given(&args, format!("{password}\n").as_bytes());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Whether the command succeeds, and what it answers or why not.
fn look_up(platform: &Platform, args: &[&str]) -> Result<Value, String> {
    let output = platform.netbanx_given(&[&["--json", "lookup"], args].concat(), b"");
    if output.status.success() {
        return Ok(serde_json::from_slice(&output.stdout).unwrap());
    }
    Err(String::from_utf8_lossy(&output.stderr).into_owned())
}

fn payment(id: &str, status: &str, second: u32) -> Value {
    json!({"id": id, "merchantRefNum": format!("ref-{id}"), "status": status, "amount": 500, "currencyCode": "EUR",
        "paymentType": "CARD", "txnTime": "2026-01-01T00:00:00Z", "statusTime": format!("2026-01-01T00:00:{second:02}Z"),
        "liveMode": true})
}

/// A webhook that tells what `payment` does.
async fn send(platform: &Platform, payment: Value) {
    let name = format!("PAYMENT_{}", payment["status"].as_str().unwrap());
    let body = json!({"eventType": name, "payload": payment}).to_string();
    assert!(platform.send("/api/webhooks/netbanx/acme", body).await.status().is_success());
    platform.drained().await;
}

/// How many of acme's transactions are so.
async fn transactions(platform: &Platform, condition: &str) -> u64 {
    platform.count(&format!("SELECT COUNT(*) AS n FROM transactions WHERE {condition}")).await
}

async fn what_netbanx_says_is_stored_beside_webhooks(database: Database) {
    let (mut platform, netbanx) = prepare(database).await;
    let told = look_up(&platform, &["p1", "--company", "acme"]).unwrap_err();
    assert!(told.contains("netbanx lookup configure"), "{told}");
    configure(&platform, &netbanx);
    let shown = look_up(&platform, &["show", "--company", "acme"]).unwrap();
    assert_eq!((&shown["url"], &shown["version"]), (&json!(netbanx.url()), &json!(1)), "{shown}");
    assert!(!shown.to_string().contains("wörd"));
    let sealed = "SELECT COUNT(*) AS n FROM lookup_configurations WHERE password LIKE 'v2:%'";
    assert_eq!(platform.count(sealed).await, 1, "it is sealed");

    let old =
        json!({"id": "p1", "status": "PROCESSING", "amount": 499, "currencyCode": "EUR", "statusTime": "2026-01-01T00:00:01Z"});
    send(&platform, old).await;
    netbanx.put("payments", payment("p1", "COMPLETED", 5));
    let found = look_up(&platform, &["p1"]).unwrap()["found"][0].clone();
    assert_eq!((&found["netbanx"]["status"], &found["here"]["status"]), (&json!("COMPLETED"), &json!("PENDING")), "{found}");
    assert_eq!((&found["differs"], &found["stored"]), (&json!(true), &json!(false)));
    assert_eq!(platform.events().await, 1, "nothing is stored unless it is asked for");

    let found = look_up(&platform, &["p1", "--store"]).unwrap()["found"][0].clone();
    assert_eq!(found["stored"], json!(true), "{found}");
    let done = "external_id = 'p1' AND status = 'COMPLETED' AND amount = 499 AND merchant_ref_num = 'ref-p1'";
    assert_eq!(
        transactions(&platform, done).await,
        1,
        "the status counts; what the webhook said stays; what it did not say comes"
    );
    let again = look_up(&platform, &["p1", "--store"]).unwrap()["found"][0].clone();
    assert_eq!((&again["stored"], platform.events().await), (&json!(false), 2), "{again}");

    // The same by a webhook, something older, something later.
    let before = "SELECT COUNT(*) AS n FROM transactions WHERE status = 'COMPLETED' AND status_time = 1767225605000";
    let mut same = payment("p1", "COMPLETED", 5);
    same["amount"] = json!(499);
    send(&platform, same).await;
    send(&platform, json!({"id": "p1", "status": "HELD", "statusTime": "2026-01-01T00:00:03Z"})).await;
    assert_eq!(platform.count(before).await, 1);
    send(&platform, json!({"id": "p1", "status": "CANCELLED", "statusTime": "2026-01-01T00:00:09Z"})).await;
    assert_eq!(transactions(&platform, "external_id = 'p1' AND status = 'CANCELLED'").await, 1);

    // What nobody told of: a refund, and an account.
    netbanx.put("refunds", json!({"id": "r1", "status": "COMPLETED", "amount": 100, "currencyCode": "EUR"}));
    netbanx.put("accounts", json!({"id": "1001", "status": "Enabled"}));
    look_up(&platform, &["r1", "--kind", "refund", "--store", "--company", "acme"]).unwrap();
    look_up(&platform, &["1001", "--kind", "account", "--store"]).unwrap();
    assert_eq!(transactions(&platform, "external_id = 'r1' AND kind = 'REFUND' AND status = 'COMPLETED'").await, 1);
    assert_eq!(platform.count("SELECT COUNT(*) AS n FROM accounts WHERE status = 'ENABLED'").await, 1);
    assert!(platform.netbanx(&["rollup", "verify"]).len() < 10_000, "the figures are those of the rows");

    platform.run(Service::Api).await;
    let audit = platform.get("/api/v1/audit").await;
    let actions: Vec<&str> = audit["entries"].as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert!(actions.contains(&"lookup.configure") && actions.contains(&"lookup.store"), "{actions:?}");
    assert!(!audit.to_string().contains("wörd"));
    look_up(&platform, &["remove", "--company", "acme"]).unwrap();
    assert!(look_up(&platform, &["show", "--company", "acme"]).is_err());
}

#[tokio::test]
async fn what_netbanx_says_is_stored_beside_webhooks_sqlite() {
    what_netbanx_says_is_stored_beside_webhooks(Database::Sqlite).await;
}

#[tokio::test]
async fn what_netbanx_says_is_stored_beside_webhooks_postgres() {
    what_netbanx_says_is_stored_beside_webhooks(Database::Postgres).await;
}

/// Money that cannot be read is not stored as none, a test stays a test, and no time is made up that takes a payment back.
#[tokio::test]
async fn what_netbanx_does_not_say_clearly_changes_no_payment() {
    let (platform, netbanx) = prepare(Database::Sqlite).await;
    configure(&platform, &netbanx);
    let body = json!({"eventType": "PAYMENT_COMPLETED", "mode": "test", "payload":
        {"id": "p1", "status": "COMPLETED", "statusTime": "2026-01-01T00:00:05Z"}});
    assert!(platform.send("/api/webhooks/netbanx/acme", body.to_string()).await.status().is_success());
    platform.drained().await;
    let asks = async |answer: Value| {
        netbanx.put("payments", answer);
        look_up(&platform, &["p1", "--store"]).map(|found| found["found"][0]["stored"].clone())
    };
    for bad in [
        json!({"id": "p1", "status": "COMPLETED", "amount": 12.34, "currencyCode": "EUR"}),
        json!({"id": "p1", "status": "COMPLETED", "amount": 500, "currencyCode": "Euro"}),
        json!({"id": "p1", "status": "WOBBLY"}),
        json!({"id": "p1", "status": "COMPLETED", "liveMode": "perhaps"}),
    ] {
        let error = asks(bad.clone()).await.unwrap_err();
        assert!(error.contains("the answer cannot be used"), "{bad}: {error}");
    }
    assert_eq!(asks(json!({"id": "p1", "status": "PENDING"})).await, Ok(json!(false)), "it has no time");
    assert_eq!(asks(json!({"id": "p1", "status": "COMPLETED", "amount": 500})).await, Ok(json!(false)), "of no currency");
    let whole = json!({"id": "p1", "status": "COMPLETED", "amount": "500", "currencyCode": "EUR", "txnTime": "2025-12-31T00:00:00Z",
        "updatedTime": "2026-02-01T00:00:00Z", "liveMode": true});
    assert_eq!(asks(whole.clone()).await, Ok(json!(true)));
    assert_eq!(asks(whole).await, Ok(json!(false)), "it is known by now");
    let row = "external_id = 'p1' AND status = 'COMPLETED' AND mode = 'test' AND amount = 500 AND currency = 'EUR'
               AND status_time = 1767225605000 AND transaction_time = 1767139200000";
    assert_eq!((transactions(&platform, row).await, platform.events().await), (1, 2));
    platform.netbanx(&["rollup", "verify"]);
}

#[tokio::test]
async fn a_reference_has_as_many_pages_as_it_has() {
    let (platform, netbanx) = prepare(Database::Sqlite).await;
    configure(&platform, &netbanx);
    for number in 0..120 {
        let mut one = payment(&format!("p{number:03}"), "COMPLETED", 1);
        one["merchantRefNum"] = json!("order/7 & more");
        netbanx.put("payments", one);
    }
    let found = look_up(&platform, &["order/7 & more", "--reference", "--store"]).unwrap();
    assert_eq!(found["found"].as_array().unwrap().len(), 120);
    assert_eq!((netbanx.asked().len(), transactions(&platform, "status = 'COMPLETED'").await), (3, 120));
    let none = look_up(&platform, &["order/8", "--reference"]).unwrap_err();
    assert!(none.contains("Netbanx has no payment order/8"), "{none}");
}

#[tokio::test]
async fn whatever_netbanx_answers_is_told_and_nothing_else_is_asked() {
    let (platform, netbanx) = prepare(Database::Sqlite).await;
    let elsewhere = NetbanxApi::start().await;
    configure(&platform, &netbanx);
    netbanx.put("payments", payment("p1", "COMPLETED", 1));
    let content = |kind, body: &str| Oddity::Content(kind, body.to_owned());
    let large = format!("{{\"id\": \"p1\", \"x\": \"{}\"}}", "x".repeat(300 * 1024));
    // Answers that are out of order, how often was asked, and what is told.
    for (oddities, requests, told) in [
        (vec![Oddity::Status(500, None), Oddity::Status(503, None)], 3, Ok(())),
        (vec![Oddity::Status(429, Some(1))], 2, Ok(())),
        (vec![Oddity::Slow(Duration::from_secs(3))], 2, Ok(())),
        (vec![Oddity::Status(429, Some(3600))], 1, Err("not before 3600 s")),
        (vec![Oddity::Status(502, None); 4], 4, Err("Netbanx answers 502")),
        (vec![Oddity::Status(401, None)], 1, Err("refuses the credentials (401)")),
        (vec![Oddity::Status(404, None)], 1, Err("Netbanx has no payment p1")),
        (vec![Oddity::Status(418, None)], 1, Err("Netbanx answers 418")),
        (vec![Oddity::Redirect(elsewhere.url())], 1, Err("a redirect, which is not followed")),
        (vec![content("text/html", "<html>")], 1, Err("content type")),
        (vec![content("application/json", "{\"id\":")], 1, Err("it is no JSON")),
        (vec![content("application/json", "{\"id\": \"p2\", \"status\": \"COMPLETED\"}")], 1, Err("of another id")),
        (vec![content("application/json", "[]")], 1, Err("it has no id")),
        (vec![content("application/json", &large)], 1, Err("larger than 256 kB")),
    ] {
        let (case, before) = (format!("{oddities:?}").chars().take(80).collect::<String>(), netbanx.asked().len());
        netbanx.script(oddities);
        match (look_up(&platform, &["p1"]), told) {
            (Ok(found), Ok(())) => assert_eq!(found["found"][0]["netbanx"]["status"], "COMPLETED", "{case}"),
            (Err(error), Err(told)) => assert!(error.contains(told), "{case}: {error}"),
            (answer, _) => panic!("{case}: {answer:?}"),
        }
        assert_eq!(netbanx.asked().len() - before, requests, "{case}");
    }
    assert!(elsewhere.asked().is_empty());
    // A wrong password, and addresses that may not be asked.
    let set = |url: &str| {
        let args = ["lookup", "configure", "--company", "acme", "--url", url, "--username", "u", "--password", "wrong"];
        platform.netbanx_given(&args, b"").status.success()
    };
    assert!(set(&netbanx.url()));
    let told = look_up(&platform, &["p1"]).unwrap_err();
    assert!(told.contains("refuses the credentials") && !told.contains("wrong"), "{told}");
    for url in
        ["http://10.0.0.1/", "https://169.254.169.254/", "ftp://example.com/", "https://8.8.8.8/?x=1", "https://u:p@8.8.8.8/"]
    {
        assert!(!set(url), "{url}");
    }
    assert!(look_up(&platform, &[".."]).is_err());
}

async fn the_platform_asks_by_itself(database: Database) {
    let (mut platform, netbanx) = prepare(database).await;
    platform.set("LOOKUP_PENDING_FLOOR_SECS", "1");
    configure(&platform, &netbanx);
    // Overdue when the first round begins: the next one is a minute later.
    let now = (clock::now() - chrono::TimeDelta::minutes(1)).to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    // The first that is asked for is forbidden: the others are asked for all the same.
    for id in ["forbidden", "overdue", "unknown"] {
        send(&platform, json!({"id": id, "status": "PROCESSING", "txnTime": now, "statusTime": now})).await;
    }
    let mut failed = payment("overdue", "FAILED", 1);
    failed["statusTime"] = json!(now);
    netbanx.put("payments", failed);
    // A report names what never came.
    netbanx.put("payments", payment("never-came", "COMPLETED", 1));
    let report = format!("id,merchantRefNum,kind,status,amount,currency,time\nnever-came,r,PAYMENT,COMPLETED,500,EUR,{now}\n");
    platform.netbanx_given(&["reconcile", "--company", "acme", "-"], report.as_bytes());
    platform.run(Service::Api).await;
    eventually("what is overdue and what is missing is looked up", || async {
        let done = transactions(&platform, "external_id = 'overdue' AND status = 'FAILED'").await
            + transactions(&platform, "external_id = 'never-came' AND status = 'COMPLETED'").await;
        (done == 2).then_some(())
    })
    .await;
    let audit = eventually("the round is in the audit log", || async {
        let audit = platform.get("/api/v1/audit").await;
        let entries = audit["entries"].as_array().unwrap().clone();
        entries.into_iter().find(|entry| entry["action"] == "lookup.automatic")
    })
    .await
    .to_string();
    assert!(audit.contains("pending") && audit.contains("missingHere") && audit.contains("unknown"), "{audit}");
    let asked = |id: &str| netbanx.asked().iter().filter(|path| path.ends_with(id)).count();
    let each = ["forbidden", "overdue", "never-came", "unknown"];
    assert_eq!(each.map(asked), [1; 4], "each once for now");
    assert_eq!(platform.count("SELECT COUNT(*) AS n FROM looked_up").await, 4);
}

#[tokio::test]
async fn the_platform_asks_for_what_is_overdue_and_for_what_is_missing_sqlite() {
    the_platform_asks_by_itself(Database::Sqlite).await;
}

#[tokio::test]
async fn the_platform_asks_for_what_is_overdue_and_for_what_is_missing_postgres() {
    the_platform_asks_by_itself(Database::Postgres).await;
}
