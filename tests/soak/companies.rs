//! Thirty thousand companies, three hundred of them busy until a moment ago: what the services ask of the stores when nothing
//! happens, what they take, and how quick the lists are.

use std::time::{Duration, Instant};

use e2e::{Database, OwnDirectory, Platform, Postgres, Report, Service, eventually, http_load, new_directory, sign, usage};

use crate::directory::{furnish, path, payment};

const SERVICES: [Service; 3] = [Service::Worker, Service::Ingress, Service::Api];
/// Companies that have had webhooks.
const BUSY: usize = 300;
/// Webhooks of each.
const EACH: usize = 10;
/// For how long an answer counts as asked for after the last question.
const ASKED: Duration = Duration::from_secs(300);
/// How long nothing happens before it is measured, and how long that is measured.
const REST: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(60));

pub async fn run(report: &mut Report) {
    let data = OwnDirectory(new_directory());
    let postgres = Postgres::start(&data.0);
    let mut platform = Platform::prepare_on(Database::Postgres, Some(postgres.url().to_owned())).await;
    furnish(&platform).await;
    for service in SERVICES {
        platform.run(service).await;
    }
    eventually("the directory has all", || async {
        (platform.send(&path(BUSY), payment(0)).await.status() == 202).then_some(())
    })
    .await;
    let requests = (0..BUSY * EACH).map(|n| {
        let body = payment(n / BUSY);
        http_load::post(&path(n % BUSY), &sign(body.as_bytes()), body.as_bytes())
    });
    let answers = http_load::open_loop(platform.ingress_port, 16, 300, requests.collect()).await;
    assert!(answers.statuses.keys().all(|status| [200, 202].contains(status)), "{:?}", answers.statuses);
    platform.drained().await;
    for (what, path) in [
        ("the list of companies", "/api/v1/companies"),
        ("the status", "/api/performance/status"),
        ("the figures of all", "/api/v1/analytics?timeRange=month"),
        ("a company's transactions", "/api/v1/transactions?company=c7"),
    ] {
        let asked = Instant::now();
        let (status, _) = platform.get_as(&platform.admin_token, path).await;
        assert_eq!(status, 200, "{path}");
        report.at_most(&format!("ms for {what}, cold"), asked.elapsed().as_secs_f64() * 1e3, 500.0);
    }
    let asked_last = Instant::now();
    tokio::time::sleep(REST.0).await;

    // Each by itself, the others ended: what a store is asked does not tell who asks.
    for service in SERVICES {
        for other in SERVICES {
            platform.terminate(other).await;
        }
        platform.run(service).await;
        let begun = Instant::now();
        while begun.elapsed() < REST.0 || (service == Service::Api && asked_last.elapsed() < ASKED + REST.0) {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        let before = transactions(&platform).await;
        let commands = platform.redis.watch_commands(REST.1).await;
        println!("{service:?} at rest asked Redis: {commands:?}");
        let commands = commands.values().sum::<usize>() as f64;
        let asked = transactions(&platform).await - before;
        let seconds = REST.1.as_secs_f64();
        report.at_most(&format!("database transactions a second of {service:?} at rest"), asked / seconds, 5.0);
        report.at_most(&format!("commands to Redis a second of {service:?} at rest"), commands / seconds, 5.0);
        report.at_most(&format!("MB of {service:?} at rest"), usage::resident_mb(platform.pid(service)), 60.0);
    }
}

/// Transactions that the platform's database has seen, those of this look among them.
async fn transactions(platform: &Platform) -> f64 {
    let sql = "SELECT CAST(xact_commit + xact_rollback AS bigint) AS n FROM pg_stat_database WHERE datname = current_database()";
    platform.count(sql).await as f64
}
