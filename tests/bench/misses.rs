//! Answers that are not kept, over a million transactions: each documented filter, on both databases.

use std::time::Instant;

use e2e::{Database, Platform, Postgres, Report, Service, median, new_directory};

use crate::history;

const ROWS: u32 = 1_000_000;
/// Measurements of each filter; each asks for another number of rows, so that none is kept.
const ROUNDS: u32 = 5;

const FILTERS: [&str; 25] = [
    "",
    "status=RETURNED",
    "status=FAILED",
    "status=COMPLETED",
    "kind=CHARGEBACK",
    "kind=PAYMENT",
    "currency=KWD",
    "currency=USD",
    "accountId=a17",
    "merchantRefNum=order-4711",
    "q=p4711",
    "q=order-",
    "q=nothing",
    "startDate=2023-11-14&endDate=2023-11-15",
    "status=FAILED,RETURNED",
    "paymentMethod=CARD",
    "amountMin=99990&currency=EUR",
    "amountMin=1000000&currency=EUR",
    "paymentMethod=SEPA",
    "failureReason=nobody",
    "sort=transactionTime",
    "sort=-statusTime",
    "sort=-amount",
    "sort=amount&currency=KWD",
    "status=FAILED&currency=USD&kind=PAYMENT",
];

pub async fn run(report: &mut Report) {
    let rows = std::env::var("BENCH_ROWS").map_or(ROWS, |n| n.parse().expect("BENCH_ROWS must be a number"));
    let directory = new_directory();
    let postgres = Postgres::start(&directory);
    for database in [Database::Postgres, Database::Sqlite] {
        let mut platform = Platform::prepare_on(database, Some(postgres.url().to_owned())).await;
        history::fill(&platform, database, rows).await;
        platform.run(Service::Api).await;
        platform.get("/api/v1/transactions?limit=1").await;
        let (mut worst, mut slowest) = (0.0_f64, String::new());
        for company in ["", "&company=c7"] {
            for filter in FILTERS {
                let mut times = Vec::new();
                for round in 0..ROUNDS {
                    let begun = Instant::now();
                    platform.get(&format!("/api/v1/transactions?{filter}{company}&limit={}", 20 + round)).await;
                    times.push(begun.elapsed().as_secs_f64() * 1e3);
                }
                let time = median(&mut times);
                if time > 25.0 {
                    println!("       {database:?}: {filter}{company}: {time:.1} ms");
                }
                if time > worst {
                    (worst, slowest) = (time, format!("{filter}{company}"));
                }
            }
        }
        report.at_most(
            &format!("ms for a miss over {rows} transactions on {database:?}, slowest filter ({slowest})"),
            worst,
            100.0,
        );
    }
    drop(postgres);
    drop(std::fs::remove_dir_all(directory));
}
