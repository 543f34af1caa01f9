//! An hour of steady traffic: what each process and store holds at its end is what it held after a quarter of it.

use std::{
    collections::BTreeMap,
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use e2e::{
    Database, OwnDirectory, Platform, Postgres, Report, Service, eventually, median, new_directory, sign,
    usage::{of_proc, resident_mb},
};
use tokio::task::JoinHandle;

const SERVICES: [Service; 3] = [Service::Ingress, Service::Worker, Service::Api];
/// Webhooks a second.
const RATE: u64 = 100;
/// Answers a second that merchants ask for.
const READS: u64 = 20;
/// How far apart two looks are.
const LOOKS: Duration = Duration::from_secs(5);

pub async fn run(minutes: u64, report: &mut Report) {
    let data = OwnDirectory(new_directory());
    let postgres = Postgres::start(&data.0);
    let mut platform = Platform::prepare_on(Database::Postgres, Some(postgres.url().to_owned())).await;
    // What is remembered for a time is full after a quarter.
    platform.set("DEDUP_TTL_SECS", "60");
    for service in SERVICES {
        platform.run(service).await;
    }
    let is_over = Arc::new(AtomicBool::new(false));
    let traffic =
        [tokio::spawn(send(platform.http.clone(), platform.ingress_url(), is_over.clone())), read(&platform, is_over.clone())];
    let mut figures: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(60 * minutes) {
        tokio::time::sleep(LOOKS).await;
        for (name, figure) in look(&platform).await {
            figures.entry(name).or_default().push(figure);
        }
    }
    is_over.store(true, Relaxed);
    for one in traffic {
        one.await.unwrap();
    }
    for (name, all) in figures {
        let quarter = all.len() / 4;
        let (mut early, mut late) = (all[quarter..2 * quarter].to_vec(), all[3 * quarter..].to_vec());
        let (early, late) = (median(&mut early), median(&mut late));
        report.figure(&format!("{name} in the second quarter"), early);
        // A few more are noise of a small number.
        report.at_most(&format!("{name} in the last quarter"), late, early * 1.1 + 3.0);
    }
    assert!(platform.all_alive());
    platform.drained().await;
    eventually("figures are those of the rows", || async { platform.doctor().0.then_some(()) }).await;
    drop(platform);
}

/// What each service and store holds now.
async fn look(platform: &Platform) -> Vec<(String, f64)> {
    let mut all = Vec::new();
    for service in SERVICES {
        let pid = platform.pid(service);
        all.push((format!("MB of {service:?}"), resident_mb(pid)));
        all.push((format!("files of {service:?}"), fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count() as f64));
        let threads = of_proc(&format!("/proc/{pid}/status"), "Threads").unwrap();
        all.push((format!("threads of {service:?}"), threads.parse().unwrap()));
    }
    all.push(("MB of Redis".to_owned(), platform.redis.info("memory", "used_memory") as f64 / 1e6));
    all.push(("connections to Redis".to_owned(), platform.redis.info("clients", "connected_clients") as f64));
    let sessions = "SELECT COUNT(*) AS n FROM pg_stat_activity WHERE backend_type = 'client backend'";
    all.push(("sessions of PostgreSQL".to_owned(), platform.count(sessions).await as f64));
    all
}

/// Payments at their time, one after the other.
async fn send(http: reqwest::Client, ingress: String, is_over: Arc<AtomicBool>) {
    let url = format!("{ingress}/api/webhooks/netbanx/acme");
    let mut ticks = tokio::time::interval(Duration::from_micros(1_000_000 / RATE));
    for n in 0_u64.. {
        if is_over.load(Relaxed) {
            break;
        }
        ticks.tick().await;
        let body = format!(
            r#"{{"eventType":"PAYMENT_COMPLETED","payload":{{"id":"hour{n}","status":"COMPLETED","amount":5,"currencyCode":"EUR"}}}}"#
        );
        // Sent again until it is taken, as Netbanx does: disks of small machines stand still at times.
        eventually("it is taken", || async {
            let post = http.post(&url).header("Signature", sign(body.as_bytes())).body(body.clone());
            post.send().await.is_ok_and(|answer| answer.status().is_success()).then_some(())
        })
        .await;
    }
}

/// Merchants look at lists and figures, and a fourth of the times for something that nobody asked for before.
fn read(platform: &Platform, is_over: Arc<AtomicBool>) -> JoinHandle<()> {
    let (http, url, token) = (platform.http.clone(), platform.api_url(), platform.admin_token.clone());
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(Duration::from_micros(1_000_000 / READS));
        for n in 0_u64.. {
            if is_over.load(Relaxed) {
                break;
            }
            ticks.tick().await;
            let path = match n % 4 {
                0 => "/api/v1/transactions?company=acme".to_owned(),
                1 => "/api/v1/analytics?timeRange=day&company=acme".to_owned(),
                2 => "/api/v1/events?company=acme&limit=5".to_owned(),
                _ => format!("/api/v1/transactions?company=acme&q=hour{n}"),
            };
            eventually("it is answered", || async {
                let answer = http.get(format!("{url}{path}")).bearer_auth(&token).send().await.ok()?;
                let is_well = answer.status() == 200;
                answer.bytes().await.ok().filter(|_| is_well)
            })
            .await;
        }
    })
}
