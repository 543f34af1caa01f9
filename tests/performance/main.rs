//! The requirements' own test of a running deployment: `performance --ingress URL --api URL --token T --key K`.
//! Prints a table of target, figure and whether it is met; ends with a failure where one is missed.
//!
//! What it sends is of mode `test` and belongs to one purchase, so that it changes no live figure and can be
//! found again.

use std::{
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use clap::Parser;
use e2e::{percentile, sign_with};
use reqwest::{Client, Response};
use serde_json::Value;
use uuid::Uuid;

/// How long what was accepted may take until it is stored.
const PATIENCE: Duration = Duration::from_secs(60);

/// Test a running deployment against what it promises.
#[derive(Debug, Clone, Parser)]
#[command(name = "performance", version)]
struct Options {
    /// Where webhooks are sent: the receiver's whole URL, such as `https://HOST/api/webhooks/netbanx/acme`.
    #[arg(long, env = "INGRESS_URL")]
    ingress: String,
    /// Where the API is.
    #[arg(long, env = "API_URL")]
    api: String,
    /// A token that may read transactions and events.
    #[arg(long, env = "API_TOKEN", hide_env_values = true)]
    token: String,
    /// The receiver's key, as UTF-8 text.
    #[arg(long, env = "WEBHOOK_KEY", hide_env_values = true)]
    key: String,
    /// How long each load goes on.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=300))]
    seconds: u64,
    /// Requests under way at once while the throughput is measured.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1024))]
    connections: u16,
}

/// A deployment under test.
#[derive(Clone)]
struct Target {
    options: Arc<Options>,
    http: Client,
    /// The purchase that everything of this run belongs to.
    run: Arc<str>,
}

/// What was promised beside what was found.
#[derive(Default)]
struct Table(Vec<(String, String, bool)>);

impl Table {
    fn line(&mut self, target: &str, figure: String, met: bool) {
        println!("{:<46} {:>14}  {}", target, figure, if met { "met" } else { "MISSED" });
        self.0.push((target.to_owned(), figure, met));
    }
}

impl Target {
    fn body(&self, id: Uuid) -> String {
        let now = clock::now().to_rfc3339();
        format!(
            r#"{{"eventType":"PAYMENT_COMPLETED","mode":"test","resourceId":"{id}","payload":{{"id":"{id}","merchantRefNum":"{}","amount":100,"currencyCode":"EUR","status":"COMPLETED","paymentType":"CARD","txnTime":"{now}","statusTime":"{now}"}}}}"#,
            self.run
        )
    }

    async fn send(&self, body: String) -> Result<Response, reqwest::Error> {
        let signature = sign_with(&self.options.key, body.as_bytes());
        let post =
            self.http.post(&self.options.ingress).header("signature", signature).header("content-type", "application/json");
        post.body(body).send().await
    }

    async fn read(&self, path: &str) -> Result<Response, reqwest::Error> {
        self.http.get(format!("{}{path}", self.options.api)).bearer_auth(&self.options.token).send().await
    }

    /// How many webhooks the API has, once they are as many as `wanted` or no more come in time.
    async fn stored_in_time(&self, filter: &str, wanted: u64) -> u64 {
        let begun = Instant::now();
        loop {
            let stored = self.stored(filter).await.unwrap_or(0);
            if stored >= wanted || begun.elapsed() > PATIENCE {
                return stored;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// How many webhooks the API has, counted up to 10,000.
    async fn stored(&self, filter: &str) -> Option<u64> {
        let answer = self.read(&format!("/api/v1/events?limit=1&mode=test&{filter}")).await.ok()?;
        let body: Value = answer.error_for_status().ok()?.json().await.ok()?;
        body["data"]["pagination"]["total"].as_u64()
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Arc::new(Options::parse());
    let http = Client::builder().timeout(Duration::from_secs(10)).build().expect("an HTTP client");
    let target = Target { options, http, run: format!("performance-{}", Uuid::new_v4().simple()).into() };
    let mut table = Table::default();
    println!("{:<46} {:>14}", "target", "figure");
    let mut sent = first(&target).await;
    sent += acceptance(&target, &mut table).await;
    sent += deduplication(&target, &mut table).await;
    sent += throughput(&target, &mut table).await;
    // The API counts no further.
    let wanted = sent.min(10_000);
    let stored = target.stored_in_time(&format!("merchantRefNum={}", target.run), wanted).await;
    table.line("and stored, counted up to 10,000", format!("{stored} of {wanted}"), sent > 0 && stored >= wanted);
    reads(&target, &mut table).await;
    if table.0.iter().all(|(.., met)| *met) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// One webhook, before any clock runs. Where it is not accepted nothing else can be: then it tells why.
async fn first(target: &Target) -> u64 {
    let url = &target.options.ingress;
    match target.send(target.body(Uuid::new_v4())).await {
        Ok(answer) if answer.status() == 202 => return 1,
        Ok(answer) => {
            let (status, text) = (answer.status(), answer.text().await.unwrap_or_default());
            eprintln!("{url} refused a webhook: {status} {text}");
        }
        Err(error) => eprintln!("{url} did not answer a webhook: {error}"),
    }
    0
}

/// At 200 a second, each due at its time whatever became of those before.
async fn acceptance(target: &Target, table: &mut Table) -> u64 {
    let count = target.options.seconds * 200;
    let begun = Instant::now();
    let mut tasks = Vec::new();
    for n in 0..count {
        let target = target.clone();
        tasks.push(tokio::spawn(async move {
            let due = begun + Duration::from_millis(n * 5);
            tokio::time::sleep_until(due.into()).await;
            let answer = target.send(target.body(Uuid::new_v4())).await;
            (answer.is_ok_and(|answer| answer.status() == 202), due.elapsed().as_secs_f64() * 1e3)
        }));
    }
    let (mut ms, mut accepted) = (Vec::new(), 0);
    for task in tasks {
        let (is_accepted, took) = task.await.expect("a request ends");
        accepted += u64::from(is_accepted);
        ms.push(took);
    }
    table.line("webhooks accepted, of those sent", format!("{accepted} of {count}"), accepted == count);
    let p95 = percentile(&mut ms, 0.95);
    table.line("acceptance below 10 ms (p95, 200 a second)", format!("{p95:.2} ms"), p95 < 10.0);
    accepted
}

/// The same webhook many times at once.
async fn deduplication(target: &Target, table: &mut Table) -> u64 {
    let id = Uuid::new_v4();
    let body = target.body(id);
    let sends = (0..50).map(|_| target.send(body.clone()));
    let statuses: Vec<u16> = futures::future::join_all(sends)
        .await
        .into_iter()
        .map(|answer| answer.map_or(0, |answer| answer.status().as_u16()))
        .collect();
    let count = |status: u16| statuses.iter().filter(|own| **own == status).count();
    let is_once = count(202) == 1 && count(200) == 49;
    table.line("one webhook sent 50 times: accepted, duplicates", format!("{}, {}", count(202), count(200)), is_once);
    let accepted = count(202) as u64;
    let stored = target.stored_in_time(&format!("resourceId={id}"), accepted).await;
    table.line("and stored", format!("{stored}"), stored == 1);
    accepted
}

/// As many as so many connections can send.
async fn throughput(target: &Target, table: &mut Table) -> u64 {
    let (begun, span) = (Instant::now(), Duration::from_secs(target.options.seconds));
    let accepted = Arc::new(AtomicU64::new(0));
    let tasks: Vec<_> = (0..target.options.connections)
        .map(|_| {
            let (target, accepted) = (target.clone(), accepted.clone());
            tokio::spawn(async move {
                while begun.elapsed() < span {
                    if target.send(target.body(Uuid::new_v4())).await.is_ok_and(|answer| answer.status() == 202) {
                        accepted.fetch_add(1, Ordering::Relaxed);
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("a connection ends");
    }
    let accepted = accepted.load(Ordering::Relaxed);
    let rate = accepted as f64 / begun.elapsed().as_secs_f64();
    table.line("throughput over 1,000 webhooks per second", format!("{rate:.0}/s"), rate > 1_000.0);
    accepted
}

/// Pages of a dashboard, read again and again.
async fn reads(target: &Target, table: &mut Table) {
    let paths = ["/api/v1/transactions?limit=20", "/api/v1/analytics?timeRange=day", "/api/v1/accounts?limit=20"];
    let (mut ms, mut kept, mut all) = (Vec::new(), 0_u64, 0_u64);
    for n in 0..300 {
        let begun = Instant::now();
        let Ok(answer) = target.read(paths[n % paths.len()]).await else { continue };
        let outcome = answer.headers().get("x-cache").and_then(|value| value.to_str().ok()).unwrap_or("none").to_owned();
        let is_good = answer.status().is_success() && answer.bytes().await.is_ok();
        all += 1;
        if is_good && matches!(outcome.as_str(), "HIT" | "STALE") {
            kept += 1;
            ms.push(begun.elapsed().as_secs_f64() * 1e3);
        }
    }
    let p95 = percentile(&mut ms, 0.95);
    table.line("cached answers below 100 ms (p95)", format!("{p95:.2} ms"), p95 < 100.0);
    let rate = 100.0 * kept as f64 / all.max(1) as f64;
    table.line("hit rate over 90 %", format!("{rate:.1} %"), rate > 90.0);
}
