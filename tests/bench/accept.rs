//! Acceptance: webhooks per second and their times, at several numbers of connections and at a fixed rate, with
//! telemetry as in production, beside what the machine allows.

use e2e::{
    Database, Platform, Report, Service,
    http_load::{Answers, closed_loop, open_loop, post},
    median, median_ratio, percentile, sign,
    usage::cpu_seconds,
};
use uuid::Uuid;

use crate::limits::{Limit, Server};

/// Webhooks of one measurement.
const COUNT: usize = 40_000;
const ROUNDS: usize = 5;
pub const PATH: &str = "/api/webhooks/netbanx/acme";

/// A webhook of 826 bytes, like no other.
pub fn body() -> String {
    let id = Uuid::new_v4();
    let now = clock::now().format("%Y-%m-%dT%H:%M:%SZ");
    let body = format!(
        r#"{{"payload":{{"accountId":"1002786770","id":"{id}","merchantRefNum":"{id}","amount":300,"currencyCode":"EUR","status":"COMPLETED","paymentType":"CARD","statusTime":"{now}","txnTime":"{now}","note":""}},"eventType":"PAYMENT_COMPLETED","attemptNumber":"1","resourceId":"{id}","eventDate":"{now}","mode":"live","eventName":"PAYMENT_COMPLETED"}}"#
    );
    // As little alike within itself as a real one: a filling of one letter would be packed to nothing.
    let random: String = (0..3).map(|_| Uuid::new_v4().simple().to_string()).collect();
    let sample = include_str!("../payloads/payments_api_payment_completed.json");
    let text: String = random.chars().chain(sample.chars().filter(|c| c.is_alphanumeric())).take(826 - body.len()).collect();
    body.replace(r#""note":"""#, &format!(r#""note":"{text}""#))
}

/// Such webhooks, signed.
pub fn requests(count: usize, path: &str) -> Vec<Vec<u8>> {
    (0..count)
        .map(|_| {
            let body = body();
            post(path, &sign(body.as_bytes()), body.as_bytes())
        })
        .collect()
}

/// An ingress as in production but for what is said: a thread for each core, telemetry to nobody who listens or off,
/// Redis syncing `how`.
pub async fn ingress(with_telemetry: bool, how: &str) -> Platform {
    let mut platform = Platform::prepare(Database::Sqlite).await;
    platform.redis.sync(how);
    platform.as_in_production();
    platform.variables.push(("HTTP_WORKERS", "0".to_owned()));
    if !with_telemetry {
        platform.variables.push(("OTEL_SDK_DISABLED", "true".to_owned()));
    }
    platform.run(Service::Ingress).await;
    platform
}

/// One round of a limiting server.
async fn limit(limit: Limit, platform: &Platform, measured: &mut Measured) {
    let server = Server::start(limit, &platform.redis.url()).await;
    let answers = warmed(server.port, 64, COUNT).await;
    measured.add(answers, cpu_seconds(server.pid()));
}

/// The answers to `count` webhooks, after a quarter as many.
pub async fn warmed(port: u16, connections: usize, count: usize) -> Answers {
    closed_loop(port, connections, requests(count / 4, PATH)).await;
    let answers = closed_loop(port, connections, requests(count, PATH)).await;
    assert_eq!(answers.statuses.get(&202).copied(), Some(count as u64), "{:?}", answers.statuses);
    answers
}

/// Rates of a kind of server, its times in the last round, and what a webhook costs it in processor time.
#[derive(Default)]
struct Measured {
    rates: Vec<f64>,
    p99: Vec<f64>,
    micros: Vec<f64>,
}

impl Measured {
    fn add(&mut self, mut answers: Answers, cpu: f64) {
        self.rates.push(answers.rate());
        self.p99.push(percentile(&mut answers.ms, 0.99));
        self.micros.push(cpu * 1e6 / (1.25 * COUNT as f64));
    }

    fn rate(&self) -> f64 {
        median(&mut self.rates.clone())
    }

    /// Its rate as a share of another's.
    fn share_of(&self, other: &Self) -> f64 {
        median_ratio(&self.rates, &other.rates)
    }
}

pub async fn run(report: &mut Report) {
    let [mut with, mut without, mut synced, mut synced_limit]: [Measured; 4] = Default::default();
    let mut limits: [Measured; 3] = Default::default();
    let mut redis_micros = Vec::new();
    for round in 0..ROUNDS {
        let mut kinds = [(true, "everysec", &mut with), (false, "everysec", &mut without), (true, "always", &mut synced)];
        // Neither is always the first after what went before.
        kinds.rotate_left(round % 2);
        for (with_telemetry, how, measured) in kinds {
            let platform = ingress(with_telemetry, how).await;
            let (pid, redis) = (platform.pid(Service::Ingress), platform.redis.pid());
            let before = (cpu_seconds(pid), cpu_seconds(redis));
            let answers = warmed(platform.ingress_port, 64, COUNT).await;
            measured.add(answers, cpu_seconds(pid) - before.0);
            if how == "everysec" {
                redis_micros.push((cpu_seconds(redis) - before.1) * 1e6 / (1.25 * COUNT as f64));
            }
        }
        let platform = Platform::prepare(Database::Sqlite).await;
        limit(Limit::CallsRedis, &platform, &mut synced_limit).await;
        platform.redis.sync("everysec");
        for (kind, measured) in Limit::ALL.into_iter().zip(&mut limits) {
            limit(kind, &platform, measured).await;
        }
    }
    for (limit, measured) in Limit::ALL.into_iter().zip(&mut limits) {
        report.figure(&format!("limit: webhooks per second of a server that {}", limit.name()), measured.rate());
        report.figure(&format!("limit: µs of processor time for each, {}", limit.name()), median(&mut measured.micros));
    }
    let [ours, bare, redis, call] =
        [&mut with.micros, &mut without.micros, &mut redis_micros, &mut limits[2].micros].map(|micros| median(micros));
    report.figure("webhooks accepted a second at 64 connections, telemetry as in production", with.rate());
    report.figure("µs of processor time of ingress for each", ours);
    report.figure("µs of processor time of ingress for each, without telemetry", bare);
    report.figure("µs of processor time of Redis for each", redis);
    report.figure("ms to accept a webhook at 64 connections, p99", median(&mut with.p99));
    report.at_least("the rate as a share of the server that does one Redis call", with.share_of(&limits[2]), 0.9);
    report.bounded_by(&format!(
        "{ours:.1} µs of ingress and {redis:.1} of Redis for each, beside {call:.1} of the server that does one call"
    ));
    report.figure("the rate as a share of the server that only answers", with.share_of(&limits[0]));
    report.at_least("the rate with telemetry, as a share of that without", with.share_of(&without), 0.95);
    let pace = [0.0, 1.0].map(|part| percentile(&mut with.rates.clone(), part));
    report.bounded_by(&format!(
        "{ours:.1} µs of ingress for each with telemetry, {bare:.1} without; the machine's pace changed from round to round: {:.0} to {:.0} a second",
        pace[0], pace[1]
    ));
    report.figure("webhooks accepted a second at 64 connections, Redis syncing before it answers", synced.rate());
    report.at_most("ms to accept one so, p99", median(&mut synced.p99), 10.0);
    report.figure("that rate as a share of the server that does one such call", synced.share_of(&synced_limit));
    connections(report).await;
}

/// One ingress at other numbers of connections, and at a rate of its clients' choosing.
async fn connections(report: &mut Report) {
    let platform = ingress(true, "everysec").await;
    let port = platform.ingress_port;
    for connections in [1, 16, 64, 256] {
        let mut answers = warmed(port, connections, if connections == 1 { 8_000 } else { COUNT }).await;
        report.figure(&format!("webhooks accepted a second at {connections} connections"), answers.rate());
        for (name, part) in [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)] {
            report.figure(&format!("ms to accept one at {connections} connections, {name}"), percentile(&mut answers.ms, part));
        }
    }
    let mut answers = open_loop(port, 32, 1_000, requests(10_000, PATH)).await;
    assert_eq!(answers.statuses.get(&202).copied(), Some(10_000), "{:?}", answers.statuses);
    for (name, part, limit) in [("p50", 0.5, 10.0), ("p99", 0.99, 10.0), ("p99.9", 0.999, 50.0)] {
        report.at_most(&format!("ms to accept one at 1,000 a second, {name}"), percentile(&mut answers.ms, part), limit);
    }
}
