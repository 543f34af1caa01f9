//! `make hostile`: strangers write to ingress what no honest sender does, while honest ones are served. Tells its memory and how long
//! the honest wait, beside what they wait when it is quiet.

use std::time::{Duration, Instant};

use clap::Parser;
use e2e::{
    Database, Platform, Report, Service, percentile,
    usage::resident_mb,
    wire::{SlowConnections, TELLTALE, floods, raw, smuggling},
};

const PATH: &str = "/api/webhooks/netbanx/acme";

/// Tries what strangers can do to ingress.
#[derive(Debug, Parser)]
#[command(name = "hostile")]
struct Options {
    /// Connections that are slow on purpose; this process and ingress need a file for each.
    #[arg(long, env = "CONNECTIONS", default_value_t = 15_000)]
    connections: usize,
    /// For how many seconds the honest are measured, quiet and beside each attack.
    #[arg(long, env = "SECONDS_EACH", default_value_t = 20)]
    seconds: u64,
}

/// What the honest met.
struct Honest {
    p50_ms: f64,
    p99_ms: f64,
    refused: u64,
    memory_mb: f64,
}

#[tokio::main]
async fn main() -> std::process::ExitCode {
    let options = Options::parse();
    let mut report = Report::default();
    let mut platform = Platform::prepare(Database::Sqlite).await;
    // As many as there may be, and two threads as on two cores.
    platform.set("HTTP_WORKERS", "2");
    platform.run(Service::Ingress).await;
    let server = platform.ingress_address();
    let span = Duration::from_secs(options.seconds);

    let mut passed = 0;
    for (name, bytes) in smuggling(PATH) {
        let answer = raw(server, &bytes).await;
        assert!(!answer.contains(TELLTALE), "{name}: {answer}");
        passed += 1;
    }
    println!("       {passed} forms of smuggling: none got through");

    let quiet = honest(&platform, span).await;
    report.figure("ms that the honest wait when it is quiet, median", quiet.p50_ms);
    report.figure("ms that the honest wait when it is quiet, p99", quiet.p99_ms);

    let flooding = tokio::spawn(async move {
        loop {
            for (_, bytes) in floods(PATH) {
                let _ = raw(server, &bytes).await;
            }
        }
    });
    told(&mut report, "floods of headers and chunks", &quiet, &honest(&platform, span).await);
    flooding.abort();

    let slow = SlowConnections::open(server, options.connections);
    tokio::time::sleep(Duration::from_secs(5)).await;
    let what = format!("{} slow connections", options.connections);
    report.figure("of them open", slow.open_now() as f64);
    told(&mut report, &what, &quiet, &honest(&platform, span).await);
    drop(slow);
    assert!(platform.all_alive());
    report.end()
}

fn told(report: &mut Report, what: &str, quiet: &Honest, met: &Honest) {
    report.at_most(&format!("MB of ingress beside {what}"), met.memory_mb, 200.0);
    report.figure(&format!("ms that the honest wait beside {what}, median"), met.p50_ms);
    report.figure(&format!("ms that the honest wait beside {what}, p99"), met.p99_ms);
    report.at_most(&format!("p99 beside {what}, in multiples of the quiet one"), met.p99_ms / quiet.p99_ms, 2.0);
    report.at_most(&format!("honest webhooks refused beside {what}"), met.refused as f64, 0.0);
}

/// A hundred webhooks a second for that long.
async fn honest(platform: &Platform, span: Duration) -> Honest {
    let (mut waits, mut refused, mut memory_mb) = (Vec::new(), 0, 0.0_f64);
    let begun = Instant::now();
    let mut ticks = tokio::time::interval(Duration::from_millis(10));
    for n in 0.. {
        if begun.elapsed() > span {
            break;
        }
        ticks.tick().await;
        let body = format!(
            r#"{{"eventType":"PAYMENT_COMPLETED","payload":{{"id":"{n}-{}","status":"COMPLETED","amount":1,"currencyCode":"EUR"}}}}"#,
            begun.elapsed().as_nanos()
        );
        let asked = Instant::now();
        let status = platform.send(PATH, body).await.status();
        waits.push(asked.elapsed().as_secs_f64() * 1e3);
        refused += u64::from(!status.is_success());
        if n % 20 == 0 {
            memory_mb = memory_mb.max(resident_mb(platform.pid(Service::Ingress)));
        }
    }
    Honest { p50_ms: percentile(&mut waits, 0.5), p99_ms: percentile(&mut waits, 0.99), refused, memory_mb }
}
