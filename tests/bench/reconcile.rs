//! `netbanx reconcile` of a report of a million rows with a million transactions of one company, on both databases: by ids, and by
//! references where the report has none, in the order of time and in any other.

use std::{
    io::{Read, Write},
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use e2e::{Database, Platform, Report, usage::of_proc};
use serde_json::{Value, json};

use crate::{
    history::{self, BEGAN},
    postgres::Server,
};

const ROWS: u32 = 1_000_000;
/// Seconds that a million rows may take.
const LIMIT: f64 = 60.0;
/// Megabytes that the command may have in memory, whatever the size of the report: the ids that were named, and a chunk.
const MEMORY: f64 = 150.0;
/// One of so many transactions is left out of the report, one has another amount in it, and as many rows are invented.
const ODD: u32 = 100;
/// Has no divisor in common with a round number of rows: its multiples come to all of them, far from their order.
const STRIDE: u64 = 7_654_321;

/// The forms of a report.
const FORMS: [(&str, bool, bool); 3] =
    [("by id", true, true), ("without ids", false, true), ("without ids, in any order", false, false)];

pub async fn run(report: &mut Report) {
    let rows = std::env::var("BENCH_ROWS").map_or(ROWS, |n| n.parse().expect("BENCH_ROWS must be a number"));
    let postgres = Server::start().await;
    for database in [Database::Postgres, Database::Sqlite] {
        let platform = Platform::prepare_on(database, Some(postgres.url().to_owned())).await;
        history::fill_companies(&platform, database, rows, 1).await;
        for (name, has_ids, is_in_order) in FORMS {
            let file = platform.file("report.csv", &written(rows, has_ids, is_in_order));
            let begun = Instant::now();
            let (found, megabytes) = compare(&platform, &file);
            let seconds = begun.elapsed().as_secs_f64();
            let odd = rows / ODD;
            // Without an id, a row of another amount is another transaction.
            let (differing, missing) = if has_ids { (odd, odd) } else { (0, 2 * odd) };
            let counts = ["matched", "differing", "missingHere", "missingThere", "malformed"].map(|name| found[name].clone());
            assert_eq!(json!(counts), json!([rows - 2 * odd, differing, missing, missing, 0]), "{name}: {found}");
            let name = format!("{name}, on {database:?}");
            let limit = LIMIT * f64::from(rows) / f64::from(ROWS);
            report.at_most(&format!("s to compare {rows} rows {name}"), seconds, limit);
            report.at_most(&format!("MB of the command at most, comparing {name}"), megabytes, MEMORY);
        }
    }
}

/// What the command tells of a comparison with that report, and the megabytes that it had at most.
fn compare(platform: &Platform, file: &str) -> (Value, f64) {
    let mut child = platform.netbanx_running(&["--json", "reconcile", "--company", "c1", "--summary", file]);
    let (status, mut most, mut told) = (format!("/proc/{}/status", child.id()), 0.0_f64, String::new());
    let ended = loop {
        // The peak as the kernel has it, for as long as there is a process to ask.
        if let Some(peak) = of_proc(&status, "VmHWM") {
            most = most.max(peak.split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1024.0);
        }
        if let Some(ended) = child.try_wait().unwrap() {
            break ended;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    child.stdout.take().unwrap().read_to_string(&mut told).unwrap();
    // Something differs.
    assert_eq!(ended.code(), Some(1), "{told}");
    (serde_json::from_str(told.lines().last().unwrap()).unwrap(), most)
}

/// The report of `rows` transactions as [`history`] makes them, but for what is odd.
fn written(rows: u32, has_ids: bool, is_in_order: bool) -> Vec<u8> {
    let mut csv = Vec::with_capacity(rows as usize * 90);
    writeln!(csv, "{}merchantRefNum,kind,status,amount,currency,time", if has_ids { "id," } else { "" }).unwrap();
    for nth in 0..u64::from(rows) {
        let n = 1 + if is_in_order { nth } else { nth * STRIDE % u64::from(rows) };
        let (kind, status, currency) = told(n);
        let (name, amount) = match n % u64::from(ODD) {
            0 => (format!("invented-{n}"), n % 100_000),
            1 => (n.to_string(), n % 100_000 + 1),
            _ => (n.to_string(), n % 100_000),
        };
        let time: DateTime<Utc> = DateTime::from_timestamp_millis(BEGAN + i64::try_from(n).unwrap() * 1_000).unwrap();
        let id = if has_ids { format!("p{name},") } else { String::new() };
        writeln!(csv, "{id}order-{name},{kind},{status},{amount},{currency},{}", time.format("%FT%TZ")).unwrap();
    }
    csv
}

/// Kind, status and currency of the `n`th transaction.
fn told(n: u64) -> (&'static str, &'static str, &'static str) {
    let every = |m| n.is_multiple_of(m);
    (
        if every(500) { "CHARGEBACK" } else { "PAYMENT" },
        if every(700) {
            "RETURNED"
        } else if every(11) {
            "FAILED"
        } else {
            "COMPLETED"
        },
        if every(900) {
            "KWD"
        } else if every(3) {
            "USD"
        } else {
            "EUR"
        },
    )
}
