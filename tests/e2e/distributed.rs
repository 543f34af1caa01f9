//! Databases that are spread over several servers by Citus. What needs Citus is run by `make distributed`.

use std::collections::BTreeSet;

use e2e::{Database, Distributed, KEY, OwnDirectory, Platform, Service, new_directory};
use serde_json::{Value, json};

const COMPANIES: [&str; 6] = ["acme", "bolt", "cask", "dune", "echo", "fern"];

fn payment(company: usize, n: usize, status: &str) -> String {
    let name = format!("PAYMENT_{status}");
    let payload = json!({"id": format!("{company}-{n}"), "amount": 100 + n, "currencyCode": "EUR", "status": status});
    json!({"eventType": name, "payload": payload}).to_string()
}

/// The companies but the first, which every platform has, each with its key.
fn more_companies(platform: &Platform) {
    for slug in &COMPANIES[1..] {
        platform.netbanx(&["company", "add", slug, "--slug", slug]);
        platform.netbanx(&["secret", "set", "--endpoint", "netbanx", "--company", slug, "--key", KEY]);
    }
}

/// Sends payments `range` of each company, each twice, and the second status of every third; answers how many events that makes.
async fn send(platform: &Platform, range: std::ops::Range<usize>) -> u64 {
    let mut events = 0;
    for n in range {
        for (company, slug) in COMPANIES.iter().enumerate() {
            let path = format!("/api/webhooks/netbanx/{slug}");
            let statuses: &[&str] = if n.is_multiple_of(3) { &["PENDING", "COMPLETED"] } else { &["COMPLETED"] };
            for status in statuses {
                for again in [false, true] {
                    let answer = platform.send(&path, payment(company, n, status)).await;
                    assert_eq!(answer.status(), if again { 200 } else { 202 }, "{slug} {n}");
                }
                events += 1;
            }
        }
    }
    events
}

async fn is_whole(platform: &Platform, payments: usize, events: u64) {
    platform.drained().await;
    assert_eq!(platform.queue().await.dead, 0);
    assert_eq!(platform.events().await, events);
    assert_eq!(platform.count("SELECT COUNT(*) AS n FROM event_identities").await, events);
    let all = payments as u64 * COMPANIES.len() as u64;
    for table in ["transactions WHERE status = 'COMPLETED'", "transaction_keys"] {
        assert_eq!(platform.count(&format!("SELECT COUNT(*) AS n FROM {table}")).await, all, "{table}");
    }
    let verified: Value = serde_json::from_str(&platform.netbanx(&["--json", "rollup", "verify"])).unwrap();
    assert_eq!(verified["differences"], 0, "{verified}");
}

async fn refusal(platform: &Platform) -> String {
    let output = platform.netbanx_given(&["distribute"], b"");
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

#[tokio::test]
async fn a_single_server_is_told_what_it_lacks() {
    let platform = Platform::prepare(Database::Sqlite).await;
    let told = refusal(&platform).await;
    assert!(told.contains("SQLite is one file on one machine and cannot be distributed"), "{told}");
    let platform = Platform::prepare(Database::Postgres).await;
    let told = refusal(&platform).await;
    assert!(told.contains("lacks the extension Citus") && told.contains("CREATE EXTENSION citus"), "{told}");
    assert_eq!(
        platform.count("SELECT COUNT(*) AS n FROM pg_index WHERE indexrelid = 'accounts_pkey'::regclass AND indnatts = 1").await,
        1
    );
}

#[tokio::test]
#[ignore = "needs Citus: make distributed"]
async fn a_database_with_rows_is_spread_while_webhooks_come() {
    let directory = OwnDirectory(new_directory());
    let nodes = Distributed::start(&directory.0);
    let mut platform = Platform::prepare_on(Database::Postgres, Some(nodes.url().to_owned())).await;
    more_companies(&platform);
    for service in [Service::Ingress, Service::Worker, Service::Api] {
        platform.run(service).await;
    }
    let mut events = send(&platform, 0..10).await;
    is_whole(&platform, 10, events).await;

    assert!(refusal(&platform).await.contains("lacks the extension"));
    nodes.join(&platform.database_url);
    let would: Value = serde_json::from_str(&platform.netbanx(&["--json", "distribute", "--dry-run"])).unwrap();
    assert_eq!((would["changed"].as_bool(), would["nodes"].as_u64()), (Some(false), Some(2)), "{would}");
    let tables: BTreeSet<&str> = would["steps"].as_array().unwrap().iter().map(|step| step["table"].as_str().unwrap()).collect();
    assert!(tables.contains("transactions") && tables.contains("rollups"), "{would}");

    // What comes while tables are moved waits in the queue.
    let spreading = platform.netbanx_running(&["--json", "distribute"]);
    events += send(&platform, 10..20).await;
    let spread = spreading.wait_with_output().unwrap();
    let spread: Value = serde_json::from_slice(&spread.stdout).unwrap();
    assert_eq!((spread["changed"].as_bool(), spread["distributed"].as_bool()), (Some(true), Some(true)), "{spread}");
    is_whole(&platform, 20, events).await;
    let again: Value = serde_json::from_str(&platform.netbanx(&["--json", "distribute"])).unwrap();
    assert_eq!((again["changed"].as_bool(), again["distributed"].as_bool()), (Some(false), Some(true)), "{again}");

    events += send(&platform, 20..25).await;
    is_whole(&platform, 25, events).await;
    e2e::eventually("the figures of all companies are told", || async {
        (platform.get("/api/v1/analytics?timeRange=day").await["transactions"]["total"] == 150).then_some(())
    })
    .await;
    // Each of them has rows, and no row of any is on the coordinator.
    let placed =
        "SELECT COUNT(DISTINCT nodename || nodeport) AS n FROM citus_shards WHERE table_name = 'transaction_keys'::regclass";
    assert_eq!(platform.count(placed).await, 2);
}

#[tokio::test]
#[ignore = "needs Citus: make distributed"]
async fn a_killed_worker_node_loses_and_doubles_nothing() {
    let directory = OwnDirectory(new_directory());
    let nodes = Distributed::start(&directory.0);
    let mut platform = Platform::prepare_at_url(nodes.database("killed")).await;
    more_companies(&platform);
    for service in [Service::Ingress, Service::Worker, Service::Api] {
        platform.run(service).await;
    }
    let (mut payments, mut events) = (0, 0);
    for node in ["worker1", "worker2", "worker1"] {
        // Some are stored, some are on their way when it goes, and some come while it is away.
        events += send(&platform, payments..payments + 5).await;
        nodes.stop(node);
        events += send(&platform, payments + 5..payments + 10).await;
        assert!(platform.queue().await.total > 0, "batches of companies there wait");
        payments += 10;
        nodes.resume(node);
        is_whole(&platform, payments, events).await;
    }
    assert!(platform.all_alive());
    // Nor is anything half done.
    e2e::eventually("what was prepared is settled", || async {
        (platform.count("SELECT COUNT(*) AS n FROM pg_dist_transaction").await == 0).then_some(())
    })
    .await;
}
