//! PostgreSQL is away for minutes while webhooks come, and both replicas of ingress are restarted meanwhile.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use e2e::{Database, Platform, Postgres, Report, Service, eventually, free_port, new_directory, percentile, sign};
use tokio::sync::{Semaphore, mpsc};

/// Webhooks a second.
const RATE: u64 = 500;
/// Webhooks under way at most.
const UNDER_WAY: usize = 1000;

pub async fn run(minutes: u64, report: &mut Report) {
    let directory = new_directory();
    let postgres = Postgres::start(&directory);
    let mut platform = Platform::prepare_on(Database::Postgres, Some(postgres.url().to_owned())).await;
    // Two replicas, as a deployment has them: the first is restarted twice.
    let first = platform.ingress_port;
    platform.ingress_port = free_port();
    platform.run(Service::Ingress).await;
    let second = platform.ingress_port;
    platform.ingress_port = first;
    platform.run(Service::Worker).await;
    platform.run(Service::Ingress).await;

    let (sender, mut results) = mpsc::unbounded_channel();
    let (sent, refused) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let span = Duration::from_secs(60 * minutes);
    let sending = tokio::spawn(send(platform.http.clone(), [first, second], span, sent.clone(), refused.clone(), sender));
    eventually("webhooks are stored", || async { (platform.events().await > RATE).then_some(()) }).await;
    postgres.stop();
    let away = Instant::now();
    for part in 1..=2 {
        tokio::time::sleep_until((away + span * part / 3).into()).await;
        platform.terminate_latest(Service::Ingress).await;
        platform.run(Service::Ingress).await;
    }
    sending.await.unwrap();
    println!("       PostgreSQL was away for {:.0} s", away.elapsed().as_secs_f64());
    let mut ms = Vec::new();
    while let Ok(one) = results.try_recv() {
        ms.push(one);
    }
    postgres.resume();
    let drained = Instant::now();
    eventually_long("all are stored", || async { platform.queue().await.total == 0 }).await;
    println!("       the backlog was stored in {:.1} s", drained.elapsed().as_secs_f64());
    let sent = sent.load(Ordering::Relaxed);
    report.at_least("webhooks sent while PostgreSQL was away", sent as f64, (RATE * 60 * minutes) as f64 * 0.95);
    report.at_most("of them refused", refused.load(Ordering::Relaxed) as f64, 0.0);
    report.at_most("p99 of accepting, PostgreSQL away (ms)", percentile(&mut ms, 0.99), 10.0);
    report.at_most("webhooks missing or doubled afterwards", (platform.events().await as i64 - sent as i64).abs() as f64, 0.0);
    drop(platform);
    drop(postgres);
    drop(std::fs::remove_dir_all(directory));
}

/// Sends payments at their time, each until one of both takes it. An answer that is no success is a refusal; a port that is
/// closed is a replica that is being restarted, and the other one is asked.
async fn send(
    http: reqwest::Client,
    ports: [u16; 2],
    span: Duration,
    sent: Arc<AtomicU64>,
    refused: Arc<AtomicU64>,
    took: mpsc::UnboundedSender<f64>,
) {
    let (begun, places) = (Instant::now(), Arc::new(Semaphore::new(UNDER_WAY)));
    for n in 0.. {
        let due = begun + Duration::from_micros(n * 1_000_000 / RATE);
        // A moment longer than the database is away: it went after the first webhooks were stored.
        if due > begun + span + Duration::from_secs(5) {
            break;
        }
        tokio::time::sleep_until(due.into()).await;
        let place = places.clone().acquire_owned().await.unwrap();
        sent.fetch_add(1, Ordering::Relaxed);
        let (http, refused, took) = (http.clone(), refused.clone(), took.clone());
        tokio::spawn(async move {
            let body = format!(
                r#"{{"eventType":"PAYMENT_COMPLETED","payload":{{"id":"away{n}","status":"COMPLETED","amount":5,"currencyCode":"EUR"}}}}"#
            );
            for turn in n.. {
                let url = format!("http://127.0.0.1:{}/api/webhooks/netbanx/acme", ports[turn as usize % 2]);
                let asked = Instant::now();
                match http.post(url).header("Signature", sign(body.as_bytes())).body(body.clone()).send().await {
                    Ok(answer) if answer.status().is_success() => {
                        let _ = took.send(asked.elapsed().as_secs_f64() * 1e3);
                        break;
                    }
                    Ok(_) => drop(refused.fetch_add(1, Ordering::Relaxed)),
                    Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
                }
            }
            drop(place);
        });
    }
    drop(places.acquire_many(UNDER_WAY as u32).await);
}

/// Waits for longer than a test would.
async fn eventually_long<F: Future<Output = bool>>(what: &str, is_so: impl Fn() -> F) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < Duration::from_secs(900), "{what}: not yet");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
