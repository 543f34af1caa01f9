//! Events out: how many deliveries a second, how late after the commit, what endpoints cost acceptance and persistence, and
//! whether a dead endpoint delays another.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use actix_web::{HttpRequest, HttpResponse, web};
use e2e::{Database, KEY, Loopback, Platform, Report, Service, eventually, free_port, http_load, median, percentile};
use sea_orm::{ConnectionTrait, Database as Connector, DatabaseConnection, Statement};
use serde_json::{Value, json};

use crate::{
    accept::{PATH, requests},
    postgres::Server,
};

/// Deliveries that wait before the rate is measured.
const WAITING: usize = 30_000;
/// Seconds of the steady stream, and webhooks of each.
const STEADY: (usize, u32) = (12, 500);
/// Webhooks of a round with or without an endpoint, and rounds of each.
const BURST: usize = 20_000;
const ROUNDS: usize = 3;
/// What waits for an endpoint that nobody answers at.
const DEAD: usize = 100_000;
/// Webhooks a second for the other company meanwhile: delays are to come from waiting, not from a busy machine.
const BESIDE: u32 = 100;
/// From so long after it was added on an endpoint is told of everything.
const HEEDED: Duration = Duration::from_secs(3);

/// When each message came first, in milliseconds since 1970 UTC, by `webhook-id`.
type Arrived = Arc<Mutex<HashMap<String, f64>>>;

/// What the receiver's thread adds to its `nice` value: in life it is another's machine, here it takes what the platform leaves over.
const NICE: i32 = 15;

/// A receiver that does nothing but note what came.
struct Receiver {
    arrived: Arrived,
    server: Loopback,
}

async fn receive(arrived: web::Data<Mutex<HashMap<String, f64>>>, request: HttpRequest, _body: web::Bytes) -> HttpResponse {
    let at = clock::now().timestamp_micros() as f64 / 1e3;
    let id = request.headers().get("webhook-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
    arrived.lock().unwrap().entry(id.to_owned()).or_insert(at);
    HttpResponse::NoContent().finish()
}

impl Receiver {
    fn start() -> Self {
        let arrived = Arrived::default();
        let data = web::Data::from(arrived.clone());
        let server = Loopback::start(1, move |config| {
            // Called by the thread that will serve.
            rustix::process::setpriority_process(None, NICE).expect("a thread may lower its own priority");
            config.app_data(data.clone()).default_service(web::to(receive));
        });
        Self { arrived, server }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.server.port)
    }

    fn count(&self) -> usize {
        self.arrived.lock().unwrap().len()
    }

    async fn reaches(&self, count: usize) {
        let begun = Instant::now();
        while self.count() < count {
            assert!(begun.elapsed() < Duration::from_secs(300), "{} of {count} came", self.count());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

struct Bench {
    platform: Platform,
    _postgres: Server,
}

impl Bench {
    async fn start() -> Self {
        let postgres = Server::start().await;
        let mut platform = Platform::prepare_on(Database::Postgres, Some(postgres.url().to_owned())).await;
        platform.may_reach_loopback();
        platform.set("HTTP_WORKERS", "0");
        platform.redis.sync("everysec");
        for service in [Service::Ingress, Service::Worker, Service::Api] {
            platform.run(service).await;
        }
        Self { platform, _postgres: postgres }
    }

    async fn add(&self, company: &str, url: &str) -> String {
        let made = self.platform.netbanx(&["--json", "endpoint", "add", "--company", company, "--url", url]);
        let made: Value = serde_json::from_str(&made).unwrap();
        made["id"].as_str().unwrap().to_owned()
    }

    async fn db(&self) -> DatabaseConnection {
        Connector::connect(&self.platform.database_url).await.unwrap()
    }

    /// Milliseconds from the commit of each message that came to its arrival, by PostgreSQL's own times.
    async fn delays(&self, receiver: &Receiver) -> Vec<f64> {
        let sql = "SELECT id::text AS id, (extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000)::float8 AS at FROM outbound_messages";
        let db = self.db().await;
        let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await.unwrap();
        db.close().await.unwrap();
        let arrived = receiver.arrived.lock().unwrap();
        let delay = |row: sea_orm::QueryResult| {
            let (id, committed): (String, f64) = (row.try_get("", "id").unwrap(), row.try_get("", "at").unwrap());
            arrived.get(&id).map(|at| at - committed)
        };
        rows.into_iter().filter_map(delay).collect()
    }
}

pub async fn run(report: &mut Report) {
    rate(report).await;
    steady(report).await;
    burst(report).await;
    dead(report).await;
}

/// What waits is delivered by an API that starts.
async fn rate(report: &mut Report) {
    let mut bench = Bench::start().await;
    let receiver = Receiver::start();
    bench.add("acme", &receiver.url()).await;
    tokio::time::sleep(HEEDED).await;
    bench.platform.kill(Service::Api);
    http_load::closed_loop(bench.platform.ingress_port, 32, requests(WAITING, PATH)).await;
    bench.platform.drained().await;
    receiver.arrived.lock().unwrap().clear();
    let waiting = bench.platform.count("SELECT COUNT(*) AS n FROM deliveries WHERE state = 'pending'").await as usize;
    bench.platform.run(Service::Api).await;
    receiver.reaches(1).await;
    let (begun, before) = (Instant::now(), receiver.count());
    receiver.reaches(waiting * 9 / 10).await;
    let a_second = (receiver.count() - before) as f64 / begun.elapsed().as_secs_f64();
    report.at_least("deliveries a second to one local receiver", a_second, 3_000.0);
    eventually("all are noted as delivered", || async {
        (bench.platform.count("SELECT COUNT(*) AS n FROM deliveries WHERE state = 'pending'").await == 0).then_some(())
    })
    .await;
}

/// At 500 webhooks a second, from the commit to the arrival.
async fn steady(report: &mut Report) {
    let bench = Bench::start().await;
    let receiver = Receiver::start();
    bench.add("acme", &receiver.url()).await;
    tokio::time::sleep(HEEDED).await;
    let (seconds, a_second) = STEADY;
    let count = seconds * a_second as usize;
    http_load::open_loop(bench.platform.ingress_port, 16, a_second, requests(count, PATH)).await;
    receiver.reaches(count).await;
    let mut delays = bench.delays(&receiver).await;
    assert_eq!(delays.len(), count, "each was told");
    for (name, part, limit) in [("p50", 0.5, 50.0), ("p99", 0.99, 300.0)] {
        report.at_most(
            &format!("ms from commit to delivery at {a_second} a second, {name}"),
            percentile(&mut delays, part),
            limit,
        );
    }
}

/// Webhooks accepted and stored a second, with and without an endpoint that is told of each, in turns.
async fn burst(report: &mut Report) {
    let (mut ratios, mut stored_only) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let without = stored(false, true).await;
        ratios.push(stored(true, true).await / without);
        // Messages are written and delivered afterwards: what the outbox alone costs.
        stored_only.push(stored(true, false).await / without);
    }
    report
        .figure("accepted and stored a second, messages written and delivered later, to those without", median(&mut stored_only));
    report.at_least(
        "accepted and stored a second while each is told to an endpoint, to those without",
        median(&mut ratios),
        0.85,
    );
    report.bounded_by(
        "a delivery is a request of its own, and sender, receiver, Redis and PostgreSQL share the machine's processors",
    );
}

async fn stored(has_endpoint: bool, is_delivered: bool) -> f64 {
    let mut bench = Bench::start().await;
    let receiver = Receiver::start();
    if has_endpoint {
        bench.add("acme", &receiver.url()).await;
    }
    tokio::time::sleep(HEEDED).await;
    if !is_delivered {
        bench.platform.kill(Service::Api);
    }
    http_load::closed_loop(bench.platform.ingress_port, 64, requests(2_000, PATH)).await;
    bench.platform.drained().await;
    let load = requests(BURST, PATH);
    let begun = Instant::now();
    http_load::closed_loop(bench.platform.ingress_port, 64, load).await;
    bench.platform.drained().await;
    BURST as f64 / begun.elapsed().as_secs_f64()
}

/// A company's delays beside another's endpoint that nobody answers at.
async fn dead(report: &mut Report) {
    let bench = Bench::start().await;
    bench.platform.netbanx(&["company", "add", "Other", "--slug", "other"]);
    bench.platform.netbanx(&["secret", "set", "--endpoint", "netbanx", "--company", "other", "--key", KEY]);
    let receiver = Receiver::start();
    bench.add("other", &receiver.url()).await;
    tokio::time::sleep(HEEDED).await;
    // The first are slower: connections and plans are new.
    beside(&bench, &receiver, 5).await;
    let quiet = beside(&bench, &receiver, 15).await;
    let endpoint = bench.add("acme", &format!("http://127.0.0.1:{}/", free_port())).await;
    let db = bench.db().await;
    for statement in waiting_for(&endpoint) {
        db.execute_unprepared(&statement).await.unwrap();
    }
    // What many rows at once leave to be done later is not what is asked for here.
    for statement in ["VACUUM ANALYZE outbound_messages", "VACUUM ANALYZE deliveries", "CHECKPOINT"] {
        db.execute_unprepared(statement).await.unwrap();
    }
    db.close().await.unwrap();
    tokio::time::sleep(HEEDED).await;
    let loud = beside(&bench, &receiver, 15).await;
    let failed = bench.platform.count("SELECT COUNT(*) AS n FROM delivery_attempts WHERE state = 'failed'").await;
    assert!(failed > 0, "the dead endpoint was tried");
    report.figure("ms from commit to delivery, p99", quiet);
    report.at_most(&format!("the same beside a dead endpoint with {DEAD} waiting, as a ratio"), loud / quiet, 1.1);
}

/// The 99th percentile of the delays of so many seconds of the other company's payments.
async fn beside(bench: &Bench, receiver: &Receiver, seconds: usize) -> f64 {
    receiver.arrived.lock().unwrap().clear();
    let count = seconds * BESIDE as usize;
    let load = requests(count, "/api/webhooks/netbanx/other");
    http_load::open_loop(bench.platform.ingress_port, 8, BESIDE, load).await;
    receiver.reaches(count).await;
    percentile(&mut bench.delays(receiver).await, 0.99)
}

/// Statements that let messages wait for an endpoint, as if it had been told of as many payments.
fn waiting_for(endpoint: &str) -> [String; 2] {
    let body = json!({"type": "transaction.created", "version": 1, "data": {}});
    let own = format!("(SELECT company_id FROM endpoints WHERE id = '{endpoint}')");
    [
        format!(
            "INSERT INTO outbound_messages (company_id, id, sequence, event_type, subject, payload, created_at)
             SELECT {own}, gen_random_uuid(), nextval('outbound_sequence'), 'transaction.created', gen_random_uuid(), '{body}',
                    (extract(epoch FROM now()) * 1000)::bigint FROM generate_series(1, {DEAD})"
        ),
        format!(
            "INSERT INTO deliveries (company_id, endpoint_id, message_id, sequence, subject, state, attempts, next_at, created_at)
             SELECT company_id, '{endpoint}', id, sequence, subject, 'pending', 0, created_at, created_at FROM outbound_messages
             WHERE company_id = {own}"
        ),
    ]
}
