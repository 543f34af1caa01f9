//! At rest: how soon each service is ready, and what it takes while nothing happens.

use std::time::{Duration, Instant};

use e2e::{
    Database, Platform, Report, Service,
    usage::{cpu_seconds, resident_mb},
};

const REST: Duration = Duration::from_secs(20);

pub async fn run(report: &mut Report) {
    let mut platform = Platform::prepare(Database::Sqlite).await;
    platform.as_in_production();
    let services = [Service::Ingress, Service::Worker, Service::Api];
    for service in services {
        platform.variables.retain(|(name, _)| *name != "ADMIN_BIND");
        let port = e2e::free_port();
        platform.variables.push(("ADMIN_BIND", format!("127.0.0.1:{port}")));
        let begun = Instant::now();
        platform.run(service).await;
        let url = format!("http://127.0.0.1:{port}/readyz");
        e2e::eventually("it is ready", || async { platform.http.get(&url).send().await.ok().filter(|r| r.status() == 200) })
            .await;
        report.at_most(&format!("s until {service:?} is ready"), begun.elapsed().as_secs_f64(), 1.0);
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    let before = services.map(|service| cpu_seconds(platform.pid(service)));
    tokio::time::sleep(REST).await;
    for (service, before) in services.into_iter().zip(before) {
        let used = cpu_seconds(platform.pid(service)) - before;
        report.at_most(&format!("% of a core that {service:?} uses at rest"), 100.0 * used / REST.as_secs_f64(), 1.0);
        report.at_most(&format!("MB of {service:?} at rest"), resident_mb(platform.pid(service)), 40.0);
    }
}
