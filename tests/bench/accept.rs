//! Acceptance: webhooks a second and their times, with telemetry as in production and without.

use e2e::{
    Database, Platform, Report, Service,
    http_load::{closed_loop, post},
    median, percentile, sign,
};
use uuid::Uuid;

/// Webhooks of one measurement.
const COUNT: usize = 40_000;
const ROUNDS: usize = 5;

/// Bodies of 826 bytes, each unique and signed.
fn requests(count: usize) -> Vec<Vec<u8>> {
    (0..count)
        .map(|_| {
            let id = Uuid::new_v4();
            let body = format!(
                r#"{{"payload":{{"accountId":"1002786770","id":"{id}","merchantRefNum":"{id}","amount":300,"currencyCode":"EUR","status":"COMPLETED","paymentType":"CARD","statusTime":"2025-03-24T15:33:40Z","txnTime":"2025-03-24T15:32:02Z","note":""}},"eventType":"PAYMENT_COMPLETED","attemptNumber":"1","resourceId":"{id}","eventDate":"2025-03-24T15:32:02Z","mode":"live","eventName":"PAYMENT_COMPLETED"}}"#
            );
            let body = body.replace(r#""note":"""#, &format!(r#""note":"{}""#, "x".repeat(826 - body.len())));
            post("/api/webhooks/netbanx/acme", &sign(body.as_bytes()), body.as_bytes())
        })
        .collect()
}

pub async fn run(report: &mut Report) {
    let mut rates = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (n, rates) in rates.iter_mut().enumerate() {
            let mut platform = Platform::prepare(Database::Sqlite).await;
            platform.variables.push(("APP_ENV", "production".to_owned()));
            if n == 0 {
                platform.variables.push(("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9".to_owned()));
            } else {
                platform.variables.push(("OTEL_SDK_DISABLED", "true".to_owned()));
            }
            platform.run(Service::Ingress).await;
            let port = platform.ingress_url().rsplit(':').next().unwrap().parse().unwrap();
            closed_loop(port, 64, requests(COUNT / 4)).await;
            let mut answers = closed_loop(port, 64, requests(COUNT)).await;
            assert_eq!(answers.statuses.get(&202).copied(), Some(COUNT as u64), "{:?}", answers.statuses);
            rates.push(answers.rate());
            if n == 0 && rates.len() == ROUNDS {
                report.figure("ms to accept a webhook at 64 connections, p50", percentile(&mut answers.ms, 0.5));
                report.at_most("ms to accept a webhook at 64 connections, p99", percentile(&mut answers.ms, 0.99), 10.0);
            }
        }
    }
    let [with, without] = rates.map(|mut rates| median(&mut rates));
    report.at_least("webhooks accepted a second at 64 connections, telemetry as in production", with, 1_000.0);
    report.figure("the same without telemetry", without);
    report.at_least("the rate with telemetry, as a share of that without", with / without, 0.95);
}
