//! Figures as dashboards ask for them.

mod company_zone;
mod spans;

use e2e::{Database, Platform, Service, Worker, eventually};
use serde_json::{Value, json};

fn now() -> String {
    // Within the minute that is going on, as Netbanx sends it.
    let seconds = clock::now_secs();
    time(seconds)
}

fn time(unix_seconds: u64) -> String {
    let days = unix_seconds / 86_400;
    // Civil date from days (Howard Hinnant's algorithm).
    let z = days as i64 + 719_468;
    let era = z / 146_097;
    let doe = z - era * 146_097;
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let (day, month) = (doy - (153 * mp + 2) / 5 + 1, if mp < 10 { mp + 3 } else { mp - 9 });
    let year = yoe + era * 400 + i64::from(month <= 2);
    let rest = unix_seconds % 86_400;
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", rest / 3600, rest / 60 % 60, rest % 60)
}

struct Payment<'a> {
    id: &'a str,
    kind: &'a str,
    status: &'a str,
    amount: i64,
    currency: &'a str,
    mode: &'a str,
}

impl Payment<'_> {
    fn body(&self) -> String {
        let Self { id, kind, status, amount, currency, mode } = self;
        json!({"eventType": format!("{kind}_{status}"), "resourceId": id, "mode": mode, "payload": {"id": id, "status": status,
            "amount": amount, "currencyCode": currency, "paymentType": "CARD", "statusTime": now(), "txnTime": now(),
            "statusReason": (*status == "FAILED").then_some("insufficient funds")}})
        .to_string()
    }
}

async fn figures(platform: &Platform, token: &str, query: &str) -> Value {
    let (status, mut body) = platform.get_as(token, &format!("/api/v1/analytics{query}")).await;
    assert_eq!(status, 200, "{query}: {body}");
    body["data"].take()
}

#[tokio::test]
async fn figures_follow_what_is_sent_and_are_each_companys_own() {
    for database in [Database::Sqlite, Database::Postgres] {
        let platform = Platform::start(database).await;
        platform.netbanx(&["company", "add", "Other", "--slug", "other"]);
        platform.netbanx(&["secret", "set", "--endpoint", "netbanx", "--company", "other", "--key", e2e::KEY]);
        let acme = platform.netbanx(&["token", "add", "--company", "acme"]);
        let other = platform.netbanx(&["token", "add", "--company", "other"]);
        let reader = platform.netbanx(&["token", "add", "--company", "acme", "--permission", "read:events"]);
        let payments = [
            ("p1", "PAYMENT", "COMPLETED", 1000, "EUR", "live"),
            ("p2", "PAYMENT", "COMPLETED", 500, "JPY", "live"),
            ("p3", "PAYMENT", "FAILED", 700, "EUR", "live"),
            ("r1", "REFUND", "COMPLETED", 300, "EUR", "live"),
            ("t1", "PAYMENT", "COMPLETED", 9999, "EUR", "test"),
        ];
        for (id, kind, status, amount, currency, mode) in payments {
            let payment = Payment { id, kind, status, amount, currency, mode };
            assert_eq!(platform.send("/api/webhooks/netbanx/acme", payment.body()).await.status(), 202);
        }
        // A redelivery, a state that goes on, and an account event.
        let first = Payment { id: "p4", kind: "PAYMENT", status: "PROCESSING", amount: 50, currency: "EUR", mode: "live" }.body();
        assert_eq!(platform.send("/api/webhooks/netbanx/acme", first.clone()).await.status(), 202);
        assert_eq!(platform.send("/api/webhooks/netbanx/acme", first).await.status(), 200);
        let later = Payment { id: "p4", kind: "PAYMENT", status: "COMPLETED", amount: 50, currency: "EUR", mode: "live" };
        assert_eq!(platform.send("/api/webhooks/netbanx/acme", later.body()).await.status(), 202);
        platform.drained().await;

        let told = eventually("all is in the figures", || async {
            let told = figures(&platform, &acme, "?timeRange=hour").await;
            (told["webhooks"] == json!({"total": 7, "processed": 6, "failed": 0, "duplicates": 1})).then_some(told)
        })
        .await;
        let transactions = &told["transactions"];
        assert_eq!(
            (&transactions["total"], &transactions["completed"], &transactions["failed"], &transactions["pending"]),
            (&json!(5), &json!(4), &json!(1), &json!(0))
        );
        assert_eq!(transactions["approvalRate"], 0.75);
        let euro = json!({"currency": "EUR", "count": 4, "completedAmount": 1050, "refundedAmount": 300, "chargebackAmount": 0,
            "netAmount": 750});
        assert_eq!(transactions["byCurrency"][0], euro);
        assert_eq!(transactions["byCurrency"][1]["currency"], "JPY");
        assert_eq!(told["failureReasons"], json!([{"reason": "insufficient funds", "count": 1}]));
        assert_eq!(told["paymentMethods"][0]["paymentMethod"], "CARD");
        assert_eq!(told["previous"]["transactions"]["total"], 0);
        assert!(told["generatedAt"].is_string() && told["timeRange"] == "hour");
        // From rows where no bucket ends now: what was recognised again is counted all the same.
        let from = (clock::now() - chrono::TimeDelta::days(3)).format("%F");
        let days = figures(&platform, &acme, &format!("?from={from}")).await;
        assert_eq!(days["webhooks"], told["webhooks"], "{days}");
        for (range, points) in [("hour", 60), ("day", 24), ("week", 168), ("month", 30)] {
            let told = eventually("the range has all", || async {
                let told = figures(&platform, &acme, &format!("?timeRange={range}")).await;
                (told["webhooks"]["processed"] == 6).then_some(told)
            })
            .await;
            let series = told["series"].as_array().unwrap();
            let sum: i64 = series.iter().map(|point| point["total"].as_i64().unwrap()).sum();
            assert_eq!((series.len(), sum), (points, 5), "{range}");
        }
        assert_eq!(figures(&platform, &acme, "?timeRange=hour&mode=test").await["transactions"]["total"], 1);
        assert_eq!(figures(&platform, &other, "?timeRange=hour").await["transactions"]["total"], 0);
        eventually("all companies together", || async {
            (figures(&platform, &platform.admin_token, "?timeRange=hour").await["transactions"]["total"] == 5).then_some(())
        })
        .await;
        let one = figures(&platform, &platform.admin_token, "?timeRange=hour&company=acme").await;
        assert_eq!(one["transactions"]["total"], 5);
        for (token, query, status) in
            [(&acme, "?company=other", 403), (&reader, "", 403), (&acme, "?timeRange=decade", 400), (&acme, "?mode=both", 400)]
        {
            assert_eq!(platform.get_as(token, &format!("/api/v1/analytics{query}")).await.0, status, "{query}");
        }
        assert_eq!(platform.netbanx(&["rollup", "verify"]), "0 differences");
        assert!(platform.netbanx(&["rollup", "rebuild"]).ends_with("buckets written"));
        assert_eq!(platform.netbanx(&["rollup", "verify"]), "0 differences");
    }
}

#[tokio::test]
async fn figures_are_ready_before_they_are_asked_for_and_one_replica_makes_them() {
    let mut platform = Platform::start(Database::Sqlite).await;
    // Another replica, on a port of its own.
    platform.variables.push(("API_BIND", format!("127.0.0.1:{}", e2e::free_port())));
    platform.run(Service::Api).await;
    let payment = Payment { id: "p1", kind: "PAYMENT", status: "COMPLETED", amount: 1, currency: "EUR", mode: "live" };
    platform.send("/api/webhooks/netbanx/acme", payment.body()).await;
    platform.drained().await;
    // A new start warms up what there is: nobody has asked yet.
    platform.terminate(Service::Api).await;
    platform.variables.clear();
    platform.run(Service::Api).await;
    let url = format!("{}/api/v1/analytics?timeRange=month&company=acme", platform.api_url());
    let answer = eventually("the answer is ready", || async {
        let (_, status) = platform.get_as(&platform.admin_token, "/api/performance/status").await;
        (status["systems"]["analytics_cache"]["cache_stats"]["keysByTimeRange"]["month"] == 2).then_some(())?;
        Some(platform.http.get(&url).bearer_auth(&platform.admin_token).send().await.unwrap())
    })
    .await;
    assert_eq!(answer.headers()["x-cache"], "HIT");
}

/// Each worker that takes it dies of it, so none tells that it failed.
#[tokio::test]
async fn a_webhook_that_dies_with_its_workers_counts_as_failed() {
    let mut platform = Platform::prepare(Database::Postgres).await;
    platform.run(Service::Ingress).await;
    let payment = Payment { id: "p1", kind: "PAYMENT", status: "COMPLETED", amount: 1, currency: "EUR", mode: "live" };
    assert_eq!(platform.send("/api/webhooks/netbanx/acme", payment.body()).await.status(), 202);
    let queue = platform.open_queue();
    for _ in 0..6 {
        let mut doomed = Worker::start(&queue, &platform.redis.url(), 1);
        let held = doomed.next().await;
        doomed.kill().await;
        drop(held);
        platform.redis.expire_leases(queue.settings().shards, &queue.settings().name);
    }
    for service in [Service::Worker, Service::Api] {
        platform.run(service).await;
    }
    eventually("it is counted, though no worker saw it fail", || async {
        (figures(&platform, &platform.admin_token, "?timeRange=hour&company=acme").await["webhooks"]["failed"] == 1).then_some(())
    })
    .await;
    assert_eq!((platform.queue().await.dead, platform.events().await), (1, 0));
    assert_eq!(platform.netbanx(&["rollup", "verify"]), "0 differences");
}

#[tokio::test]
async fn a_webhook_that_is_given_up_counts_as_failed() {
    let mut platform = Platform::prepare(Database::Postgres).await;
    platform.variables.push(("MAX_ATTEMPTS", "1".to_owned()));
    for service in [Service::Ingress, Service::Worker, Service::Api] {
        platform.run(service).await;
    }
    let companies: Value = serde_json::from_str(&platform.netbanx(&["--json", "company", "list"])).unwrap();
    let received = clock::now_ms().unsigned_abs();
    // Its identity is longer than the column.
    let job = json!({"webhookId": uuid::Uuid::now_v7(), "endpoint": "netbanx", "companyId": companies[0]["id"],
        "identity": "f".repeat(100), "eventName": "PAYMENT_FAILED", "receivedMs": received, "body": {}});
    let job = queue::NewJob {
        id: uuid::Uuid::now_v7().to_string(),
        claim: "bad".to_owned(),
        lane: queue::Lane::High,
        flow: 1,
        traceparent: None,
        payload: job.to_string().into_bytes(),
    };
    queue::Producer::start(&platform.open_queue()).enqueue(job).await.unwrap();
    eventually("it is dead", || async { (platform.queue().await.dead == 1).then_some(()) }).await;
    eventually("it is counted", || async {
        (figures(&platform, &platform.admin_token, "?timeRange=hour&company=acme").await["webhooks"]["failed"] == 1).then_some(())
    })
    .await;
    assert_eq!(platform.netbanx(&["rollup", "verify"]), "0 differences");
}
