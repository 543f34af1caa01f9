//! 20,000 jobs of one company, or of the other lane, wait: how long does a single one take?

use std::time::Instant;

use e2e::{Database, KEY, Platform, Postgres, Report, Service, eventually, new_directory, sign};
use futures::StreamExt;

const BACKLOG: u64 = 20_000;

pub async fn run(report: &mut Report) {
    let directory = new_directory();
    let postgres = Postgres::start(&directory);
    for (what, event, limit) in [
        ("s until a webhook of company B, behind 20,000 of company A, is stored", "PAYMENT_COMPLETED", 2.0),
        ("s until a payment, behind 20,000 account events, is stored", "ACCT_ENABLED", 1.0),
    ] {
        let mut platform = Platform::prepare_on(Database::Postgres, Some(postgres.url().to_owned())).await;
        platform.netbanx(&["company", "add", "Other", "--slug", "other"]);
        platform.netbanx(&["secret", "set", "--endpoint", "netbanx", "--company", "other", "--key", KEY]);
        platform.run(Service::Ingress).await;
        platform.run(Service::Api).await;
        let sent = futures::stream::iter(0..BACKLOG).map(|n| send(&platform, "acme", event, n)).buffer_unordered(64);
        sent.for_each(|()| async {}).await;
        assert_eq!(platform.queue().await.waiting, BACKLOG as i64);
        platform.run(Service::Worker).await;
        eventually("the backlog moves", || async { (platform.queue().await.completed > 100).then_some(()) }).await;

        let begun = Instant::now();
        send(&platform, "other", "PAYMENT_COMPLETED", BACKLOG).await;
        eventually("it is stored", || async {
            let found = platform.get("/api/v1/events?company=other&limit=1").await;
            (found["pagination"]["total"] == 1).then_some(())
        })
        .await;
        report.at_most(what, begun.elapsed().as_secs_f64(), limit);
        println!("       {} of the backlog still waited then", platform.queue().await.waiting);
        platform.drained().await;
    }
    drop(postgres);
    drop(std::fs::remove_dir_all(directory));
}

async fn send(platform: &Platform, company: &str, event: &str, n: u64) {
    let body = format!(
        r#"{{"id":"e{n}","eventType":"{event}","eventData":{{"id":"p{n}","amount":100,"currencyCode":"EUR"}},"account":{{"id":"{n}"}}}}"#
    );
    let url = format!("{}/api/webhooks/netbanx/{company}", platform.ingress_url());
    let answer = platform.http.post(url).header("Signature", sign(body.as_bytes())).body(body).send().await.unwrap();
    assert_eq!(answer.status(), 202);
}
