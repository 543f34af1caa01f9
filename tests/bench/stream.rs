//! Reads while webhooks never stop: 300 a second over 20 companies.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use e2e::{Database, KEY, Platform, Postgres, Report, Service, new_directory, percentile, sign};
use sea_orm::{ConnectionTrait, Database as Connector, Statement};
use serde_json::Value;
use tokio::sync::Semaphore;

const COMPANIES: usize = 20;
const SPAN: Duration = Duration::from_secs(30);
const READS_A_SECOND: u64 = 300;
/// What each company's dashboard asks for.
const PATHS: [&str; 4] = [
    "/api/v1/transactions?limit=20",
    "/api/v1/analytics?timeRange=hour",
    "/api/v1/transactions?limit=20&status=COMPLETED",
    "/api/v1/accounts?limit=20",
];

/// When the database was seen to hold how many transactions of each company.
type Committed = Arc<Mutex<Vec<(Instant, HashMap<String, u64>)>>>;

#[derive(Default)]
struct Seen {
    outcomes: HashMap<String, u64>,
    hit_ms: Vec<f64>,
    not_modified_ms: Vec<f64>,
    /// Company, when it was asked, and how many transactions were told.
    told: Vec<(String, Instant, u64)>,
    /// The same of the webhooks in the hour's figures.
    counted: Vec<(usize, Instant, u64)>,
}

impl Seen {
    fn note(&mut self, path: &str, company: usize, asked: Instant, total: u64) {
        if path == PATHS[0] {
            self.told.push((format!("c{company}"), asked, total));
        } else if path == PATHS[1] {
            self.counted.push((company, asked, total));
        }
    }
}

/// When each company's webhooks were accepted.
type Accepted = Arc<Mutex<Vec<Vec<Instant>>>>;

pub async fn run(report: &mut Report) {
    measure(1_000, report).await;
    measure(100, report).await;
}

/// At the promised rate the hit rate and the freshness count; at a tenth of it, which with the reads and
/// their client loads two cores by about half, the times.
async fn measure(webhooks_a_second: u64, report: &mut Report) {
    println!("       {webhooks_a_second} webhooks/s, {READS_A_SECOND} reads/s:");
    let is_full = webhooks_a_second == 1_000;
    let directory = new_directory();
    let postgres = Postgres::start(&directory);
    let mut platform = Platform::prepare_on(Database::Postgres, Some(postgres.url().to_owned())).await;
    let mut tokens = Vec::new();
    for n in 0..COMPANIES {
        let slug = format!("c{n}");
        platform.netbanx(&["company", "add", &slug, "--slug", &slug]);
        platform.netbanx(&["secret", "set", "--endpoint", "netbanx", "--company", &slug, "--key", KEY]);
        tokens.push(platform.netbanx(&["token", "add", "--company", &slug]));
    }
    // One thread for each core, as in production.
    platform.variables.push(("HTTP_WORKERS", "0".to_owned()));
    for service in [Service::Ingress, Service::Worker, Service::Api] {
        platform.run(service).await;
    }
    let stop = Arc::new(AtomicBool::new(false));
    let (committed, seen): (Committed, _) = (Arc::default(), Arc::new(Mutex::new(Seen::default())));
    let watcher = tokio::spawn(watch(platform.database_url.clone(), committed.clone(), stop.clone()));
    let arrivals: Accepted = Arc::new(Mutex::new(vec![Vec::new(); COMPANIES]));
    let busy = processors();
    let accepted = tokio::join!(send(&platform, &arrivals, webhooks_a_second), read(&platform, &tokens, &seen)).0;
    let (busy, all) = (processors().0 - busy.0, processors().1 - busy.1);
    let used = 100.0 * busy / all;
    report.figure("% of the processors' time that was used, client included", used);
    stop.store(true, Ordering::Relaxed);
    watcher.await.unwrap();

    let committed = committed.lock().unwrap();
    let mut seen = seen.lock().unwrap();
    let Seen { outcomes, hit_ms, not_modified_ms, told, counted } = &mut *seen;
    println!("       accepted {accepted} webhooks; answers: {outcomes:?}");
    let count = |name: &str| outcomes.get(name).copied().unwrap_or(0);
    let all: u64 = outcomes.values().sum();
    report.at_least(
        "webhooks accepted a second beside it",
        accepted as f64 / SPAN.as_secs_f64(),
        0.97 * webhooks_a_second as f64,
    );
    report.at_least("% of answers that were HIT, STALE or 304", 100.0 * (all - count("MISS")) as f64 / all as f64, 95.0);
    let stale = told.iter().map(|(company, asked, total)| behind(&committed, company, *asked, *total));
    report.at_most("s that the stalest answer was behind a commit", stale.fold(0.0, f64::max), 2.0);
    let mut arrivals = arrivals.lock().unwrap();
    arrivals.iter_mut().for_each(|times| times.sort());
    let late = counted.iter().map(|(company, asked, total)| {
        let first = arrivals[*company].get(*total as usize);
        first.map_or(0.0, |at| asked.saturating_duration_since(*at).as_secs_f64())
    });
    report.at_most("s that the hour's figures were behind an acceptance", late.fold(0.0, f64::max), 2.0);
    let (hit, not_modified) = (percentile(hit_ms, 0.99), percentile(not_modified_ms, 0.99));
    if is_full {
        report.figure("ms for a cached hit, p99", hit);
        report.figure("ms for a 304, p99", not_modified);
    } else {
        let why = format!("turns for the processors, of which writes, reads and their clients used {used:.0} %");
        report.at_most("ms for a cached hit, p99", hit, 5.0);
        report.bounded_by(&why);
        report.at_most("ms for a 304, p99", not_modified, 3.0);
        report.bounded_by(&why);
    }
    drop(platform);
    drop(postgres);
    drop(std::fs::remove_dir_all(directory));
}

/// For how long before `asked` the database had held more than was told.
fn behind(committed: &[(Instant, HashMap<String, u64>)], company: &str, asked: Instant, told: u64) -> f64 {
    let first = committed.iter().find(|(_, counts)| counts.get(company).is_some_and(|count| *count > told));
    first.map_or(0.0, |(at, _)| asked.saturating_duration_since(*at).as_secs_f64())
}

/// Time that the processors worked, and all time, since the machine's start.
fn processors() -> (f64, f64) {
    let stat = std::fs::read_to_string("/proc/stat").unwrap();
    let times: Vec<f64> = stat.lines().next().unwrap().split_whitespace().skip(1).map(|n| n.parse().unwrap()).collect();
    let all: f64 = times.iter().take(8).sum();
    (all - times[3] - times[4], all)
}

async fn watch(url: String, committed: Committed, stop: Arc<AtomicBool>) {
    let db = Connector::connect(&url).await.unwrap();
    // Counted first and named then: the look itself is to cost little.
    let sql = "SELECT c.slug AS slug, t.n AS n FROM (SELECT company_id, COUNT(*) AS n FROM transactions GROUP BY 1) t
               JOIN companies c ON c.id = t.company_id";
    while !stop.load(Ordering::Relaxed) {
        let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await.unwrap();
        let counts = rows.iter().map(|row| (row.try_get("", "slug").unwrap(), row.try_get::<i64>("", "n").unwrap() as u64));
        let counts = counts.collect();
        // After the answer: what it tells was committed before.
        committed.lock().unwrap().push((Instant::now(), counts));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Calls `work` so many times a second for the span, at most 64 under way; each at its own time,
/// however long others take.
async fn at_rate<F: Future<Output = ()> + Send + 'static>(rate: u64, mut work: impl FnMut(u64) -> F) {
    let (begun, places) = (tokio::time::Instant::now(), Arc::new(Semaphore::new(64)));
    for n in 0..rate * SPAN.as_secs() {
        tokio::time::sleep_until(begun + Duration::from_micros(n * 1_000_000 / rate)).await;
        let place = places.clone().acquire_owned().await.unwrap();
        let call = work(n);
        tokio::spawn(async move {
            call.await;
            drop(place);
        });
    }
    drop(places.acquire_many(64).await);
}

async fn send(platform: &Platform, arrivals: &Accepted, rate: u64) -> u64 {
    let accepted = Arc::new(AtomicU64::new(0));
    at_rate(rate, |n| {
        let (http, accepted, arrivals) = (platform.http.clone(), accepted.clone(), arrivals.clone());
        let url = format!("{}/api/webhooks/netbanx/c{}", platform.ingress_url(), n as usize % COMPANIES);
        async move {
            let body = format!(
                r#"{{"eventType":"PAYMENT_COMPLETED","resourceId":"p{n}","payload":{{"id":"p{n}","amount":100,"currencyCode":"EUR","status":"COMPLETED"}}}}"#
            );
            let answer = http.post(url).header("Signature", sign(body.as_bytes())).body(body).send().await;
            if answer.is_ok_and(|a| a.status() == 202) {
                accepted.fetch_add(1, Ordering::Relaxed);
                arrivals.lock().unwrap()[n as usize % COMPANIES].push(Instant::now());
            }
        }
    })
    .await;
    accepted.load(Ordering::Relaxed)
}

async fn read(platform: &Platform, tokens: &[String], seen: &Arc<Mutex<Seen>>) {
    // What each dashboard has: the tag, and how many transactions it told.
    let tags: Arc<Mutex<HashMap<String, (String, u64)>>> = Arc::default();
    at_rate(READS_A_SECOND, |n| {
        let company = n as usize % COMPANIES;
        let path = PATHS[n as usize / COMPANIES % PATHS.len()];
        let (http, seen, tags) = (platform.http.clone(), seen.clone(), tags.clone());
        let (url, token) = (format!("{}{path}", platform.api_url()), tokens[company].clone());
        async move {
            let place = format!("{company}{path}");
            // Every other dashboard remembers what it has.
            let known = tags.lock().unwrap().get(&place).cloned().filter(|_| n % 2 == 0);
            let mut request = http.get(url).bearer_auth(token);
            if let Some((tag, _)) = &known {
                request = request.header("if-none-match", tag);
            }
            let asked = Instant::now();
            let answer = request.send().await.unwrap();
            let header = |name: &str| answer.headers().get(name).map(|v| v.to_str().unwrap().to_owned()).unwrap_or_default();
            let (status, outcome, tag) = (answer.status().as_u16(), header("x-cache"), header("etag"));
            let body = answer.bytes().await.unwrap();
            let ms = asked.elapsed().as_secs_f64() * 1e3;
            let mut seen = seen.lock().unwrap();
            if status == 304 {
                // Computed again and found the same is a 304 that was a miss.
                if outcome == "MISS" {
                    *seen.outcomes.entry("MISS".to_owned()).or_default() += 1;
                } else {
                    *seen.outcomes.entry("304".to_owned()).or_default() += 1;
                    seen.not_modified_ms.push(ms);
                }
                if let Some((_, total)) = known {
                    seen.note(path, company, asked, total);
                }
                return;
            }
            if outcome == "HIT" {
                seen.hit_ms.push(ms);
            }
            *seen.outcomes.entry(outcome).or_default() += 1;
            let data = serde_json::from_slice::<Value>(&body).unwrap()["data"].take();
            let total = data["pagination"]["total"].as_u64().or(data["webhooks"]["processed"].as_u64()).unwrap();
            tags.lock().unwrap().insert(place, (tag, total));
            seen.note(path, company, asked, total);
        }
    })
    .await;
}
