//! A process may end between any two steps of a webhook's path: for each such point one ends just there, while webhooks come.

use std::{collections::HashSet, time::Duration};

use e2e::{Customer, Database, Platform, Service, chaos::service_at, eventually, sign};
use failpoints::{Point, VARIABLE};
use serde_json::json;

/// Payments that are sent at most until a process comes to its point for the second time: with a pause before each they last a minute.
const MOST: usize = 2_000;
const PAUSE: Duration = Duration::from_millis(30);

/// What was accepted.
#[derive(Default)]
struct Sent {
    payments: usize,
    /// Answers that it was known already.
    duplicates: u64,
}

/// Sends a payment. Returns whether it was known already; none where ingress is gone.
async fn send(platform: &Platform, id: usize) -> Option<bool> {
    let payload =
        json!({"id": format!("pay-{id}"), "accountId": "1", "amount": 500, "currencyCode": "EUR", "status": "COMPLETED"});
    let body = json!({"eventType": "PAYMENT_COMPLETED", "payload": payload}).to_string();
    let url = format!("{}/api/webhooks/netbanx/acme", platform.ingress_url());
    let post = platform.http.post(url).header("Signature", sign(body.as_bytes())).body(body);
    let answer = post.send().await.ok()?;
    assert!(answer.status().is_success(), "{}", answer.status());
    Some(answer.status() == 200)
}

/// Each service once, the one that comes to `point` to end there the second time.
async fn begin(platform: &mut Platform, point: Point) {
    platform.kill(service_at(point));
    platform.set(VARIABLE, &format!("{point}:2"));
    platform.run(service_at(point)).await;
    platform.set(VARIABLE, "");
}

/// Sends payments until the process of `point` has ended there, and starts another. Each is sent twice, but where ingress ends: it
/// tells what it counted a moment later, and what it did not tell is not counted.
async fn pass(platform: &mut Platform, point: Point, sent: &mut Sent) {
    begin(platform, point).await;
    for _ in 0..MOST {
        tokio::time::sleep(PAUSE).await;
        let times = if point == Point::WebhookEnqueued { 1 } else { 2 };
        let mut is_accepted = true;
        for _ in 0..times {
            match send(platform, sent.payments).await {
                Some(was_known) => sent.duplicates += u64::from(was_known),
                None => is_accepted = false,
            }
        }
        assert!(is_accepted || point == Point::WebhookEnqueued, "ingress is gone");
        sent.payments += usize::from(is_accepted);
        if !platform.all_alive() {
            platform.kill(service_at(point));
            platform.run(service_at(point)).await;
            if !is_accepted {
                // Netbanx was not answered, and sends it again.
                assert_eq!(send(platform, sent.payments).await, Some(true), "it was kept");
                sent.payments += 1;
                sent.duplicates += 1;
            }
            return;
        }
    }
    panic!("no process came to {point} twice");
}

/// Redeliveries that the figures tell of.
async fn redelivered(platform: &Platform) -> u64 {
    platform.count("SELECT CAST(COALESCE(SUM(count), 0) AS bigint) AS n FROM rollups WHERE series = 'w|duplicate' AND grain = 'day' AND company_id = (SELECT id FROM companies WHERE slug = 'acme')").await
}

async fn nothing_is_lost(database: Database) {
    let customer = Customer::start();
    let mut platform = Platform::prepare(database).await;
    platform.may_reach_loopback();
    platform.set("QUEUE_LEASE_SECS", "2");
    for service in [Service::Ingress, Service::Worker, Service::Api] {
        platform.run(service).await;
    }
    customer.subscribe(&platform, &["transaction.created"]).await;

    let mut sent = Sent::default();
    for point in Point::ALL {
        pass(&mut platform, point, &mut sent).await;
        platform.drained().await;
        assert_eq!(platform.events().await, sent.payments as u64, "each is stored once: {point}");
        let (count, distinct) =
            ("SELECT COUNT(*) AS n FROM transactions", "SELECT COUNT(DISTINCT external_id) AS n FROM transactions");
        assert_eq!((platform.count(count).await, platform.count(distinct).await), (sent.payments as u64, sent.payments as u64));
        eventually("what is stored is shown", || async {
            let told = platform.get("/api/v1/analytics?timeRange=day&company=acme").await;
            (told["transactions"]["completed"] == sent.payments).then_some(())
        })
        .await;
    }
    eventually("each payment is told, at least once", || async {
        let told: Vec<_> = customer.told().into_iter().filter(|told| told.status == 200).collect();
        let of = |told: &e2e::Told| told.transaction().0;
        (told.iter().map(of).collect::<HashSet<_>>().len() == sent.payments).then_some(())
    })
    .await;
    eventually("redeliveries are counted, each once", || async {
        (redelivered(&platform).await == sent.duplicates).then_some(())
    })
    .await;
    assert_eq!(platform.netbanx(&["rollup", "verify"]), "0 differences");
    assert_eq!(platform.queue().await.dead, 0, "nothing is dead-lettered");
}

#[tokio::test]
async fn who_dies_between_any_two_steps_loses_nothing_and_doubles_nothing_on_postgres() {
    nothing_is_lost(Database::Postgres).await;
}

#[tokio::test]
async fn who_dies_between_any_two_steps_loses_nothing_and_doubles_nothing_on_sqlite() {
    nothing_is_lost(Database::Sqlite).await;
}
