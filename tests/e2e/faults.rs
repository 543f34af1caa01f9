//! What is killed or away, and what still holds.

use std::time::Duration;

use e2e::{
    Database, KEY, Platform, Postgres, Relay, Service,
    chaos::{Fault, Plan, Stores, chaos},
    eventually, new_directory,
};
use failpoints::Point;
use queue::{Enqueued, Lane, NewJob, Producer};
use uuid::Uuid;

async fn a_killed_worker_loses_and_doubles_nothing(database: Database) {
    let mut platform = Platform::prepare(database).await;
    platform.run(Service::Ingress).await;
    platform.run(Service::Api).await;
    let url = format!("{}/api/webhooks/netbanx/acme", platform.ingress_url());
    platform.netbanx(&["send", "--count", "5000", "--url", &url, "--key", KEY]);
    assert_eq!(platform.queue().await.waiting, 5000);

    platform.run(Service::Worker).await;
    eventually("the worker is in the middle", || async { (platform.events().await > 300).then_some(()) }).await;
    platform.kill(Service::Worker);
    let left = platform.queue().await.total;
    assert!(left > 0, "it was killed too late to be in the middle");

    platform.run(Service::Worker).await;
    platform.drained().await;
    assert_eq!(platform.events().await, 5000);
    assert_eq!(platform.get("/api/v1/transactions?limit=1").await["pagination"]["total"], 5000);
    assert_eq!(platform.queue().await.dead, 0);
}

#[tokio::test]
async fn a_killed_worker_loses_and_doubles_nothing_on_sqlite() {
    a_killed_worker_loses_and_doubles_nothing(Database::Sqlite).await;
}

#[tokio::test]
async fn a_killed_worker_loses_and_doubles_nothing_on_postgres() {
    a_killed_worker_loses_and_doubles_nothing(Database::Postgres).await;
}

#[tokio::test]
async fn without_redis_ingress_refuses_and_then_recovers() {
    let mut platform = Platform::start(Database::Sqlite).await;
    let path = "/api/webhooks/netbanx/acme";
    let body = |n: u32| format!(r#"{{"id":"e{n}","eventType":"PAYMENT_COMPLETED","eventData":{{"id":"p{n}"}}}}"#);
    assert_eq!(platform.send(path, body(1)).await.status(), 202);
    platform.drained().await;

    platform.kill_redis();
    let refused = platform.send(path, body(2)).await;
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key("retry-after"));
    assert!(platform.all_alive());

    platform.start_redis().await;
    // A try may have reached Redis although its answer was lost: then it is a duplicate of itself.
    eventually("ingress accepts again", || async { platform.send(path, body(2)).await.status().is_success().then_some(()) })
        .await;
    eventually("both are persisted", || async { (platform.events().await == 2).then_some(()) }).await;
    assert!(platform.all_alive(), "neither ingress nor the worker ended");
}

/// A batch holds two jobs that can never be written: one is no job at all, one is refused by the
/// database (its identity is longer than the column). They die by themselves after their attempts.
#[tokio::test]
async fn bad_jobs_die_alone() {
    let mut platform = Platform::prepare(Database::Postgres).await;
    platform.run(Service::Ingress).await;
    platform.run(Service::Api).await;
    let company = platform.netbanx(&["--json", "company", "list"]);
    let company: serde_json::Value = serde_json::from_str(&company).unwrap();
    let company: Uuid = company[0]["id"].as_str().unwrap().parse().unwrap();
    let producer = Producer::start(&platform.open_queue());
    let refused = format!(
        r#"{{"webhookId":"{}","endpoint":"netbanx","companyId":"{company}","identity":"{}","eventName":"PAYMENT_COMPLETED","receivedMs":1,"body":{{}}}}"#,
        Uuid::now_v7(),
        "f".repeat(100)
    );
    for payload in ["no job".to_owned(), refused] {
        let job = NewJob {
            id: Uuid::now_v7().to_string(),
            claim: Uuid::now_v7().to_string(),
            lane: Lane::High,
            flow: company.as_u64_pair().1,
            traceparent: None,
            payload: payload.into_bytes(),
        };
        assert_eq!(producer.enqueue(job).await.unwrap(), Enqueued::Accepted);
    }
    let url = format!("{}/api/webhooks/netbanx/acme", platform.ingress_url());
    platform.netbanx(&["send", "--count", "23", "--url", &url, "--key", KEY]);
    assert_eq!(platform.queue().await.waiting, 25);

    platform.run(Service::Worker).await;
    eventually("both are dead letters", || async { (platform.queue().await.dead == 2).then_some(()) }).await;
    platform.drained().await;
    let counts = platform.queue().await;
    assert_eq!((platform.events().await, counts.completed, counts.failed), (23, 23, 2));

    let dead: serde_json::Value = serde_json::from_str(&platform.netbanx(&["--json", "queue", "dead"])).unwrap();
    let mut errors: Vec<&str> = dead["deadLetters"].as_array().unwrap().iter().map(|d| d["error"].as_str().unwrap()).collect();
    errors.sort_unstable();
    assert!(errors[0].starts_with("not a job") && errors[1].contains("too long"), "{errors:?}");
    assert!(dead["deadLetters"].as_array().unwrap().iter().all(|d| d["attempts"] == 3), "{dead}");

    assert_eq!(platform.netbanx(&["queue", "retry", "--all"]), "2 waiting again");
    eventually("both died once more, after attempts again", || async { (platform.queue().await.failed == 4).then_some(()) })
        .await;
    let id = dead["deadLetters"][0]["id"].as_str().unwrap();
    assert_eq!(platform.netbanx(&["queue", "discard", "--id", id]), "1 discarded");
    let again = platform.netbanx_given(&["queue", "discard", "--id", id], b"");
    assert!(!again.status.success() && String::from_utf8_lossy(&again.stderr).contains("there is no dead letter"), "{again:?}");
    assert_eq!(platform.queue().await.dead, 1);
}

/// After a power cut services may be back before their database: they wait for it and need nobody to start them again.
#[tokio::test]
async fn services_that_start_before_their_database_wait_for_it() {
    let directory = new_directory();
    let postgres = Postgres::start(&directory);
    let mut platform = Platform::prepare_on(Database::Postgres, Some(postgres.url().to_owned())).await;
    postgres.stop();
    for service in [Service::Ingress, Service::Worker, Service::Api] {
        platform.spawn(service);
    }
    let body = r#"{"id":"e1","eventType":"PAYMENT_COMPLETED","eventData":{"id":"p1"}}"#;
    let readiness = async |url: &str, status: u16| {
        let url = format!("{url}/readyz");
        let answer = async || reqwest::get(&url).await.ok().filter(|answer| answer.status() == status);
        eventually("it tells how it stands", answer).await.text().await.unwrap()
    };
    let told = readiness(&platform.api_url(), 503).await;
    assert!(told.contains(r#""database":false"#), "{told}");
    // To accept a webhook Redis is enough.
    let told = readiness(&platform.ingress_url(), 200).await;
    assert!(told.contains(r#""receivers":true"#), "{told}");
    assert_eq!(platform.send("/api/webhooks/netbanx/acme", body).await.status(), 202);
    assert!(platform.all_alive());

    postgres.resume();
    eventually("it is stored", || async { (platform.events().await == 1).then_some(()) }).await;
    eventually("it is shown", || async {
        (platform.get("/api/v1/transactions?limit=1").await["pagination"]["total"] == 1).then_some(())
    })
    .await;
    drop(platform);
    drop(postgres);
    std::fs::remove_dir_all(directory).unwrap();
}

/// The database's host dies without a word and another takes its address.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_fall_silent_are_given_up() {
    let directory = new_directory();
    let postgres = Postgres::start(&directory);
    let (before, port) = postgres.url().split_once("127.0.0.1:").unwrap();
    let (port, name) = port.split_once('/').unwrap();
    let relay = Relay::start(port.parse().unwrap()).await;
    let server = format!("{before}127.0.0.1:{}/{name}", relay.port());
    let mut platform = Platform::prepare_on(Database::Postgres, Some(server)).await;
    for service in [Service::Ingress, Service::Worker, Service::Api] {
        platform.run(service).await;
    }
    let page = "/api/v1/transactions?limit=1";
    let probe = reqwest::Client::builder().timeout(Duration::from_millis(300)).build().unwrap();
    let ready = format!("{}/readyz", platform.api_url());
    let audit = async || platform.get_as(&platform.admin_token, "/api/v1/audit?limit=1").await;
    let total = async || platform.get_as(&platform.admin_token, page).await.1["data"]["pagination"]["total"].as_u64();
    for n in 1..=2 {
        let body = format!(r#"{{"id":"e{n}","eventType":"PAYMENT_COMPLETED","eventData":{{"id":"p{n}"}}}}"#);
        assert_eq!(platform.send("/api/webhooks/netbanx/acme", body).await.status(), 202);
        eventually("it is stored", || async { (platform.events().await == n).then_some(()) }).await;
        // Probes that give up leave their connections behind, too.
        eventually("it is ready", || async { probe.get(&ready).send().await.is_ok_and(|a| a.status() == 200).then_some(()) })
            .await;
        eventually("it is shown", || async { (total().await == Some(n)).then_some(()) }).await;
        // The second look knows who asks, and has the connection of the first.
        assert_eq!(audit().await.0, 200);
        relay.fall_silent();
        let (status, problem) = tokio::time::timeout(Duration::from_secs(40), audit()).await.expect("it is answered");
        assert!(status == 503 && problem["detail"].as_str().unwrap().contains("in time"), "{status}: {problem}");
    }
    assert!(platform.all_alive());
    assert_eq!(platform.queue().await.failed, 0);
    drop(platform);
    drop(postgres);
    std::fs::remove_dir_all(directory).unwrap();
}

/// One attempt is all that a webhook has here: none is taken from it while the database is not as it should be.
#[tokio::test]
async fn a_database_that_takes_no_writes_blames_no_webhook() {
    let mut platform = Platform::prepare(Database::Postgres).await;
    platform.variables.push(("MAX_ATTEMPTS", "1".to_owned()));
    platform.run(Service::Ingress).await;
    platform.run(Service::Worker).await;
    let name = platform.database_url.rsplit('/').next().unwrap().to_owned();
    let sessions = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let read_only = format!("ALTER DATABASE {name} SET default_transaction_read_only = on; {sessions}");
    let writable = format!("SET TRANSACTION READ WRITE; ALTER DATABASE {name} RESET default_transaction_read_only; {sessions}");
    let states = [
        ("ALTER TABLE webhook_events RENAME TO elsewhere", "ALTER TABLE elsewhere RENAME TO webhook_events"),
        ("ALTER TABLE rollup_deltas RENAME COLUMN series TO other", "ALTER TABLE rollup_deltas RENAME COLUMN other TO series"),
        (&read_only, &writable),
    ];
    for (n, (broken, fixed)) in (1..).zip(states) {
        platform.execute(broken).await;
        let rolled_back = "SELECT xact_rollback AS n FROM pg_stat_database WHERE datname = current_database()";
        let before = platform.count(rolled_back).await;
        let body = format!(r#"{{"id":"e{n}","eventType":"PAYMENT_COMPLETED","eventData":{{"id":"p{n}"}}}}"#);
        assert_eq!(platform.send("/api/webhooks/netbanx/acme", body).await.status(), 202);
        eventually("it is tried", || async { (platform.count(rolled_back).await > before + 3).then_some(()) }).await;
        assert_eq!(platform.queue().await.dead, 0, "{broken}");
        platform.execute(fixed).await;
        eventually("it is stored", || async { (platform.events().await == n).then_some(()) }).await;
    }
    platform.drained().await;
    let counts = platform.queue().await;
    assert_eq!((counts.completed, counts.failed, counts.dead), (3, 0, 0));
}

#[tokio::test]
async fn a_pause_holds_over_a_restart_of_redis() {
    let mut platform = Platform::start(Database::Sqlite).await;
    let event = |id: &str, name: &str| format!(r#"{{"id":"{id}","eventType":"{name}","account":{{"id":"7"}}}}"#);
    platform.netbanx(&["queue", "pause"]);
    platform.kill_redis();
    platform.start_redis().await;
    eventually("ingress accepts", || async {
        platform.send("/webhook", event("e1", "PAYMENT_COMPLETED")).await.status().is_success().then_some(())
    })
    .await;
    eventually("it waits", || async { (platform.queue().await.waiting == 1).then_some(()) }).await;
    assert!(platform.queue().await.paused);

    // One lane goes on, the other does not.
    platform.netbanx(&["queue", "resume"]);
    platform.netbanx(&["queue", "pause", "--lane", "others"]);
    assert_eq!(platform.send("/webhook", event("e2", "ACCT_ENABLED")).await.status(), 202);
    eventually("the payment is persisted", || async { (platform.events().await == 1).then_some(()) }).await;
    let counts = platform.queue().await;
    assert_eq!((counts.others.waiting, counts.others.paused, counts.paused), (1, true, false));
    platform.netbanx(&["queue", "resume", "--lane", "others"]);
    platform.drained().await;
    assert_eq!(platform.events().await, 2);
}

#[tokio::test]
async fn a_worker_that_is_told_to_stop_leaves_nothing_in_hand() {
    let mut platform = Platform::prepare(Database::Postgres).await;
    platform.run(Service::Ingress).await;
    platform.run(Service::Api).await;
    let url = format!("{}/api/webhooks/netbanx/acme", platform.ingress_url());
    platform.netbanx(&["send", "--count", "3000", "--url", &url, "--key", KEY]);
    platform.run(Service::Worker).await;
    eventually("the worker is in the middle", || async { (platform.events().await > 100).then_some(()) }).await;
    platform.terminate(Service::Worker).await;

    let counts = platform.queue().await;
    assert!(counts.waiting > 0, "it was told too late to be in the middle");
    assert_eq!((counts.active, counts.delayed), (0, 0), "what was fetched is done or released");
    assert_eq!(platform.events().await, counts.completed as u64, "what is committed is acknowledged");
    assert_eq!(counts.completed + counts.waiting, 3000);
}

/// The short form of `make chaos`.
#[tokio::test]
async fn nothing_is_lost_or_doubled_while_everything_dies() {
    chaos(Database::Postgres, &Plan::new(rand::random(), 8, Stores::with(Database::Postgres))).await;
}

#[tokio::test]
async fn nothing_is_lost_or_doubled_while_everything_dies_sqlite() {
    chaos(Database::Sqlite, &Plan::new(rand::random(), 6, Stores::with(Database::Sqlite))).await;
}

#[test]
fn a_seed_tells_its_plan_again() {
    let servers = Stores { has_database_server: true, has_cluster: false };
    let plan = Plan::new(7, 350, servers);
    assert_eq!(plan, Plan::new(7, 350, servers));
    assert_ne!(plan, Plan::new(8, 350, servers));
    assert!(plan.counts().into_values().all(|count| count == 10), "{plan}");
    for point in Point::ALL {
        assert_eq!(plan.counts()[&Fault::EndsAt(point)], 10);
    }
    let file = Plan::new(7, 28, Stores { has_database_server: false, ..servers });
    assert!(!file.counts().contains_key(&Fault::DatabaseKilled), "there is no server to kill");
    assert!(file.counts().into_values().all(|count| count == 1), "{file}");
}

/// A company's and a lane's backlog delay neither another company nor payments.
#[tokio::test]
async fn a_backlog_delays_only_its_own() {
    let mut platform = Platform::prepare(Database::Postgres).await;
    platform.netbanx(&["company", "add", "Other", "--slug", "other"]);
    platform.netbanx(&["secret", "set", "--endpoint", "netbanx", "--company", "other", "--key", KEY]);
    platform.run(Service::Ingress).await;
    platform.run(Service::Api).await;
    let url = format!("{}/api/webhooks/netbanx/acme", platform.ingress_url());
    platform.netbanx(&["send", "--count", "3000", "--url", &url, "--key", KEY]);
    let body = r#"{"id":"b","eventType":"PAYMENT_COMPLETED","eventData":{"id":"b"}}"#;
    assert_eq!(platform.send("/api/webhooks/netbanx/other", body).await.status(), 202);
    platform.run(Service::Worker).await;
    eventually("the other company's is there", || async {
        let found = platform.get("/api/v1/events?company=other&limit=1").await;
        (found["pagination"]["total"] == 1).then_some(())
    })
    .await;
    assert!(platform.queue().await.waiting > 0, "the backlog was gone before it");
}
