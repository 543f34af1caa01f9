//! Figures: what a refresh costs as the history grows, what they cost the worker.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use common::{CompanyId, Grain, Mode};
use e2e::{Database, Platform, Report, Service, median, percentile};
use sea_orm::{ConnectionTrait, DatabaseConnection};
use store::{
    Scope,
    batch::{self, NewEvent},
    rollups,
};
use uuid::Uuid;

use crate::{alone::fold_on, history, postgres::Server};

const SMALL: u32 = 100_000;
const LARGE: u32 = 1_000_000;
/// How often every range is read on each.
const ROUNDS: usize = 50;
/// Each range as it is read: grain and buckets, the period before included.
const RANGES: [(&str, Grain, i64); 4] =
    [("hour", Grain::Minute, 120), ("day", Grain::Hour, 48), ("week", Grain::Hour, 336), ("month", Grain::Day, 60)];

pub async fn run(report: &mut Report) {
    let postgres = Server::start().await;
    let rows = std::env::var("BENCH_ROWS").map_or(LARGE, |n| n.parse().expect("BENCH_ROWS must be a number"));
    let small = filled(&postgres, SMALL).await;
    let mut large = filled(&postgres, rows).await;
    let [in_small, in_large] = refreshes([(&small, SMALL), (&large, rows)], report).await;
    report.at_most(
        &format!("cost of a refresh at {rows} transactions (the same traffic for longer), as a ratio to {SMALL}"),
        in_large / in_small,
        1.3,
    );
    answers(&mut large, report).await;
    cost(postgres.url(), report).await;
}

async fn filled(postgres: &Server, count: u32) -> Platform {
    let platform = Platform::prepare_on(Database::Postgres, Some(postgres.url().to_owned())).await;
    history::fill(&platform, Database::Postgres, count).await;
    roll_up(&platform, count).await;
    platform
}

/// The roll-ups of a history that is moved so that it ends now.
async fn roll_up(platform: &Platform, rows: u32) {
    let db = store::connect(&platform.database_url, 1).await.unwrap();
    let shift = "(SELECT (extract(epoch FROM now()) * 1000)::bigint - max(transaction_time) FROM transactions)";
    // The same traffic for a longer time: two months for every 100,000.
    let minutes = (u64::from(rows) * 86_400 / u64::from(SMALL)).max(1);
    let spread = format!(
        "UPDATE transactions SET transaction_time = 1700000000000 + (abs(hashtext(external_id)) % {minutes}) * 60000::bigint"
    );
    db.execute_unprepared(&spread).await.unwrap();
    db.execute_unprepared(&format!("UPDATE transactions SET transaction_time = transaction_time + {shift}")).await.unwrap();
    let mut parts = Vec::new();
    for (grain, ms) in [("minute", 60_000_i64), ("hour", 3_600_000), ("day", 86_400_000)] {
        for whose in ["company_id", "'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid"] {
            parts.push(format!(
                "SELECT {whose}, '{grain}', mode, transaction_time - transaction_time % {ms} AS bucket,
                 't|' || kind || '|' || status || '|' || currency || '|' || payment_method || '|', count(*), sum(amount)
                 FROM transactions GROUP BY 1, 3, 4, 5"
            ));
        }
    }
    // A bucket's row is written when its time comes: they are in that order.
    db.execute_unprepared(&format!("INSERT INTO rollups {} ORDER BY bucket", parts.join(" UNION ALL "))).await.unwrap();
    // Nothing of it is still to be written out while it is read.
    for sql in ["VACUUM ANALYZE", "CHECKPOINT"] {
        db.execute_unprepared(sql).await.unwrap();
    }
}

/// Milliseconds of a refresh on each of two platforms that have so many transactions, as medians of rounds that
/// take turns: what else the machine does then is the same for both.
async fn refreshes(platforms: [(&Platform, u32); 2], report: &mut Report) -> [f64; 2] {
    let [small, large] = platforms.map(|(platform, _)| platform);
    let small = store::connect(&small.database_url, 1).await.unwrap();
    let large = store::connect(&large.database_url, 1).await.unwrap();
    let mut means = [Vec::new(), Vec::new()];
    let mut slowest = [0.0_f64; 2];
    for _ in 0..ROUNDS {
        for (n, db) in [&small, &large].into_iter().enumerate() {
            let times = round(db).await;
            means[n].push(times.iter().sum::<f64>() / times.len() as f64);
            slowest[n] = times.into_iter().fold(slowest[n], f64::max);
        }
    }
    let medians = means.map(|mut means| median(&mut means));
    for (((_, count), middle), slowest) in platforms.into_iter().zip(medians).zip(slowest) {
        report.figure(&format!("ms for a refresh at {count} transactions, median"), middle);
        report.at_most(&format!("ms for a refresh at {count} transactions, slowest of a company and range"), slowest, 30.0);
    }
    medians
}

/// Milliseconds of each read of every range, of three companies and of all.
async fn round(db: &DatabaseConnection) -> Vec<f64> {
    let company = |n: u128| Scope::Company(Uuid::from_u128(0x0000_0000_0000_7000_8000_0000_0000_0000 + n));
    let mut times = Vec::new();
    for scope in [Scope::All, company(1), company(7), company(9)] {
        for (_, grain, buckets) in RANGES {
            let until = grain.bucket(clock::now_ms()) + grain.ms();
            let begun = Instant::now();
            let points = rollups::read(db, scope, Mode::Live, grain, until - buckets * grain.ms(), until).await.unwrap();
            assert!(!points.is_empty());
            times.push(begun.elapsed().as_secs_f64() * 1e3);
        }
    }
    times
}

/// Answers over HTTP: what nobody has computed, and what is ready.
async fn answers(platform: &mut Platform, report: &mut Report) {
    platform.run(Service::Api).await;
    // A first request opens the connections.
    platform.get("/api/v1/accounts").await;
    let (mut cold, mut warm) = (Vec::new(), Vec::new());
    for round in 0..20 {
        for company in (1..=20).rev() {
            let range = RANGES[company % 4].0;
            let url = format!("{}/api/v1/analytics?timeRange={range}&company=c{company}", platform.api_url());
            let begun = Instant::now();
            let answer = platform.http.get(url).bearer_auth(&platform.admin_token).send().await.unwrap();
            let outcome = answer.headers()["x-cache"].to_str().unwrap().to_owned();
            assert!(!answer.bytes().await.unwrap().is_empty());
            let ms = begun.elapsed().as_secs_f64() * 1e3;
            match outcome.as_str() {
                "MISS" => cold.push(ms),
                _ if round > 0 => warm.push(ms),
                _ => {}
            }
        }
    }
    report.figure("answers that were computed for their request", cold.len() as f64);
    report.at_most("ms for a cold GET of figures (slowest)", percentile(&mut cold, 1.0), 100.0);
    report.at_most("ms for a warm GET of figures, p99", percentile(&mut warm, 0.99), 5.0);
}

fn event(n: u64, now: DateTime<Utc>) -> NewEvent {
    let id = Uuid::now_v7();
    let (name, status) = [("PAYMENT_COMPLETED", "COMPLETED"), ("PAYMENT_FAILED", "FAILED")][usize::from(n.is_multiple_of(11))];
    let currency = ["EUR", "USD", "GBP"][n as usize % 3];
    let body = format!(
        r#"{{"eventType":"{name}","resourceId":"{id}","payload":{{"id":"{id}","amount":100,"currencyCode":"{currency}","status":"{status}","paymentType":"CARD","statusTime":"{now:?}","txnTime":"{now:?}"}}}}"#
    );
    history::event_of(id, CompanyId(Uuid::from_u128(u128::from(n % 20) + 1)), now, body)
}

/// Batches of 25 over two connections with and without figures, in turns; those with figures are folded
/// meanwhile.
async fn cost(server: &str, report: &mut Report) {
    let platform = Platform::prepare_on(Database::Postgres, Some(server.to_owned())).await;
    let db = store::connect(&platform.database_url, 4).await.unwrap();
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        without.push(rate(&db, false).await);
        with.push(rate(&db, true).await);
    }
    let (with, without) = (median(&mut with), median(&mut without));
    report.figure("events per second written without figures, 2 connections", without);
    report.figure("events per second written with figures, folded meanwhile", with);
    report.at_least("the rate with figures, as a share of that without", with / without, 0.75);
}

async fn rate(db: &DatabaseConnection, is_counted: bool) -> f64 {
    let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let begun = Instant::now();
    let mut tasks = Vec::new();
    for writer in 0..2_u64 {
        let (db, stop, written) = (db.clone(), stop.clone(), written.clone());
        tasks.push(tokio::spawn(async move {
            let mut n = writer;
            while !stop.load(Ordering::Relaxed) {
                let now = clock::now();
                let events: Vec<NewEvent> = (0..25).map(|k| event(n * 25 + k, now)).collect();
                n += 2;
                let done = if is_counted { batch::write(&db, &events).await } else { batch::write_uncounted(&db, &events).await };
                written.fetch_add(done.unwrap().new as u64, Ordering::Relaxed);
            }
        }));
    }
    let folding = is_counted.then(|| {
        let db = db.clone();
        tokio::spawn(async move { fold_on(&db).await })
    });
    tokio::time::sleep(Duration::from_secs(4)).await;
    stop.store(true, Ordering::Relaxed);
    let rate = written.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64();
    for task in tasks {
        task.await.unwrap();
    }
    if let Some(folding) = folding {
        folding.abort();
    }
    rate
}
