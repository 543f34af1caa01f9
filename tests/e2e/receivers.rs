//! Ingress knows receivers from the directory in Redis: the database may be away, and nothing that is unproven reaches it.

use std::time::{Duration, Instant};

use e2e::{Database, KEY, Platform, Postgres, Service, eventually, new_directory, sign_with};

const PATH: &str = "/api/webhooks/netbanx/acme";
const META: &str = "{netbanx:receivers}:meta";
/// An address at which no database is.
const NOWHERE: &str = "postgres://nobody@127.0.0.1:9/none";

fn body(n: u32) -> Vec<u8> {
    format!(r#"{{"id":"e{n}","eventType":"PAYMENT_COMPLETED","eventData":{{"id":"p{n}"}}}}"#).into_bytes()
}

async fn signed(platform: &Platform, n: u32, key: &str) -> u16 {
    let body = body(n);
    platform.send_signed(PATH, "Signature", &sign_with(key, &body), body).await.status().as_u16()
}

fn without_database(platform: &mut Platform) {
    platform.variables.push(("INGRESS_DATABASE_FALLBACK", "false".to_owned()));
}

/// The short form of the soak's `database-away`: no webhook is refused, although ingress is started anew meanwhile.
#[tokio::test]
async fn webhooks_are_accepted_while_the_database_is_away() {
    let directory = new_directory();
    let postgres = Postgres::start(&directory);
    let mut platform = Platform::prepare_on(Database::Postgres, Some(postgres.url().to_owned())).await;
    platform.run(Service::Ingress).await;
    platform.run(Service::Worker).await;
    assert_eq!(signed(&platform, 0, KEY).await, 202);
    platform.drained().await;
    postgres.stop();

    let mut sent = 1;
    for _ in 0..3 {
        platform.terminate(Service::Ingress).await;
        platform.run(Service::Ingress).await;
        for n in sent..sent + 100 {
            let begun = Instant::now();
            assert_eq!(signed(&platform, n, KEY).await, 202);
            assert!(begun.elapsed() < Duration::from_secs(1), "it waited for the database");
        }
        sent += 100;
    }
    let url = format!("{}/readyz", platform.ingress_url());
    assert_eq!(reqwest::get(url).await.unwrap().status(), 200);
    assert_eq!(signed(&platform, sent, "another").await, 401);

    postgres.resume();
    platform.drained().await;
    assert_eq!(platform.events().await, u64::from(sent));
    assert_eq!(platform.queue().await.dead, 0);
    drop(platform);
    drop(postgres);
    std::fs::remove_dir_all(directory).unwrap();
}

/// With an address at which no database is, each of these would be 503 if it were asked.
#[tokio::test]
async fn what_proves_nothing_never_reaches_the_database() {
    let mut platform = Platform::prepare(Database::Sqlite).await;
    without_database(&mut platform);
    let url = std::mem::replace(&mut platform.database_url, NOWHERE.to_owned());
    platform.run(Service::Ingress).await;
    platform.database_url = url;
    for n in 0..50 {
        assert_eq!(platform.send(&format!("/api/webhooks/netbanx/nobody-{n}"), body(n)).await.status(), 404);
        assert_eq!(signed(&platform, n, "another").await, 401);
    }
    assert_eq!(signed(&platform, 1, KEY).await, 202);
    // A company that is new is known at once, although it was asked for before.
    platform.netbanx(&["company", "add", "Nobody", "--slug", "nobody-1"]);
    platform.netbanx(&["secret", "set", "--endpoint", "netbanx", "--company", "nobody-1", "--key", KEY]);
    eventually("the new company is known", || async {
        (platform.send("/api/webhooks/netbanx/nobody-1", body(2)).await.status() == 202).then_some(())
    })
    .await;
}

#[tokio::test]
async fn with_the_fallback_an_unknown_company_costs_one_look_up_at_most() {
    let mut platform = Platform::prepare(Database::Postgres).await;
    platform.run(Service::Ingress).await;
    let work = "SELECT xact_commit + xact_rollback AS n FROM pg_stat_database WHERE datname = current_database()";
    let before = platform.count(work).await;
    for n in 0..300 {
        assert_eq!(platform.send(&format!("/api/webhooks/netbanx/nobody-{n}"), body(n)).await.status(), 404);
    }
    let done = platform.count(work).await - before;
    assert!(done < 30, "{done} transactions for 300 webhooks of nobody");
}

#[tokio::test]
async fn a_revoked_key_stops_working_within_a_second() {
    let mut platform = Platform::prepare(Database::Sqlite).await;
    without_database(&mut platform);
    platform.run(Service::Ingress).await;
    assert_eq!(signed(&platform, 1, KEY).await, 202);
    platform.netbanx(&["secret", "revoke", "--endpoint", "netbanx", "--company", "acme", "--version", "1"]);
    let revoked = Instant::now();
    eventually("it is refused", || async { (signed(&platform, 2, KEY).await == 401).then_some(()) }).await;
    assert!(revoked.elapsed() < Duration::from_secs(1), "{:?}", revoked.elapsed());
}

/// The window of a key is known to ingress: nobody has to tell it that it is over.
#[tokio::test]
async fn a_key_whose_time_is_over_verifies_nothing() {
    let mut platform = Platform::prepare(Database::Sqlite).await;
    without_database(&mut platform);
    platform.run(Service::Ingress).await;
    assert_eq!(signed(&platform, 1, KEY).await, 202);
    let soon = store::now_ms() + 2_000;
    platform.execute(&format!("UPDATE receiver_secrets SET active_until = {soon}")).await;
    platform.netbanx(&["migrate"]);
    eventually("it is over", || async { (signed(&platform, 2, KEY).await == 401).then_some(()) }).await;
    assert!(store::now_ms() >= soon, "it was refused too early");
}

#[tokio::test]
async fn a_flushed_directory_is_built_anew_and_what_is_known_serves_meanwhile() {
    let mut platform = Platform::prepare(Database::Sqlite).await;
    without_database(&mut platform);
    platform.run(Service::Ingress).await;
    assert_eq!(signed(&platform, 1, KEY).await, 202);
    for key in ["meta", "companies", "keys", "accounts"] {
        platform.redis.ask(&["DEL", &format!("{{netbanx:receivers}}:{key}")]);
    }
    assert_eq!(signed(&platform, 2, KEY).await, 202, "it is known");
    let begun = Instant::now();
    assert_eq!(platform.send("/api/webhooks/direct-debit", body(3)).await.status(), 503, "nobody knows its key now");
    assert!(begun.elapsed() < Duration::from_secs(1));
    platform.run(Service::Worker).await;
    eventually("the worker has built it", || async {
        (platform.send("/api/webhooks/direct-debit", body(4)).await.status() == 202).then_some(())
    })
    .await;
}

/// A change whose publication was lost, and one by a version that knows no directory.
#[tokio::test]
async fn what_was_not_published_is_repaired_by_the_worker() {
    let mut platform = Platform::prepare(Database::Sqlite).await;
    without_database(&mut platform);
    platform.run(Service::Ingress).await;
    platform.run(Service::Worker).await;
    assert_eq!(signed(&platform, 1, KEY).await, 202);
    let revoke = |company: &str| format!("UPDATE receiver_secrets SET active_until = 1 WHERE {company}");

    let known = platform.redis.ask(&["HGET", META, "version"]);
    platform.execute(&revoke("company_id IN (SELECT id FROM companies)")).await;
    platform.redis.ask(&["INCR", "netbanx:receivers:version"]);
    eventually("the older version's change is known", || async { (signed(&platform, 2, KEY).await == 401).then_some(()) }).await;
    assert_ne!(platform.redis.ask(&["HGET", META, "version"]), known);

    platform.redis.ask(&["HSET", META, "stamp", "of a change that was lost"]);
    platform.execute(&revoke("endpoint = 'direct-debit'")).await;
    eventually("what was lost is published", || async {
        (platform.send("/api/webhooks/direct-debit", body(3)).await.status() == 401).then_some(())
    })
    .await;
}
