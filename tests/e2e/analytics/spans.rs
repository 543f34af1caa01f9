//! Figures of any span and zone, held against a count of the same payments by hand.

use chrono::{DateTime, Datelike, Duration, NaiveDate, TimeZone, Utc};
use chrono_tz::Tz;
use e2e::{Database, Platform};
use futures::StreamExt;
use serde_json::{Value, json};

/// A payment as it was sent.
struct Sent {
    time: DateTime<Utc>,
    amount: i64,
    status: &'static str,
    currency: &'static str,
    account: String,
}

/// Payments of forty days, at odd minutes, most of them around the midnights of zones.
fn payments() -> Vec<Sent> {
    let begin = clock::now() - Duration::days(40);
    (0_i64..240)
        .map(|n| Sent {
            time: begin + Duration::minutes(n * 233 + n * n % 17),
            amount: 100 + n,
            status: if n % 5 == 0 { "FAILED" } else { "COMPLETED" },
            currency: if n % 3 == 0 { "USD" } else { "EUR" },
            account: format!("account{}", n % 4),
        })
        .collect()
}

async fn send(platform: &Platform, payments: &[Sent]) {
    let sent = futures::stream::iter(payments.iter().enumerate()).map(|(n, payment)| async move {
        let body = json!({"eventType": format!("PAYMENT_{}", payment.status), "payload": {
            "id": format!("span{n}"), "status": payment.status, "amount": payment.amount, "currencyCode": payment.currency,
            "txnTime": payment.time.to_rfc3339(), "statusTime": payment.time.to_rfc3339(), "accountId": payment.account,
            "paymentType": "CARD", "statusReason": (payment.status == "FAILED").then_some("funds")}});
        assert_eq!(platform.send("/api/webhooks/netbanx/acme", body.to_string()).await.status(), 202);
    });
    sent.buffer_unordered(8).for_each(|()| async {}).await;
    platform.drained().await;
}

/// The first day of the interval that a day is in.
fn begin(interval: &str, day: NaiveDate) -> NaiveDate {
    match interval {
        "day" => day,
        "week" => day - Duration::days(i64::from(day.weekday().num_days_from_monday())),
        _ => day.with_day(1).unwrap(),
    }
}

#[tokio::test]
async fn figures_of_every_zone_are_those_of_its_own_days() {
    for database in [Database::Sqlite, Database::Postgres] {
        let platform = Platform::start(database).await;
        let payments = payments();
        send(&platform, &payments).await;
        let today = clock::now().date_naive();
        let (from, to) = (today - Duration::days(35), today - Duration::days(1));
        let span = format!("from={from}&to={to}");
        for (asked, range) in [("timeRange=year", "year"), ("timeRange=day&groupBy=currency", "day"), ("compare=year", "day")]
            .into_iter()
            .chain([(span.as_str(), "custom")])
        {
            let told = platform.get(&format!("/api/v1/analytics?{asked}")).await;
            assert_eq!(told["timeRange"], range, "{asked}");
        }
        for zone in ["UTC", "America/Toronto", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia"] {
            let tz: Tz = zone.parse().unwrap();
            let day = |payment: &Sent| payment.time.with_timezone(&tz).date_naive();
            let within: Vec<&Sent> = payments.iter().filter(|payment| (from..to).contains(&day(payment))).collect();
            for interval in ["day", "week", "month"] {
                let path = format!("/api/v1/analytics?from={from}&to={to}&interval={interval}&timeZone={zone}&company=acme");
                let told = platform.get(&path).await;
                let series = told["series"].as_array().unwrap();
                assert_eq!(told["transactions"]["total"], within.len(), "{database:?} {path}");
                for (n, point) in series.iter().enumerate() {
                    let start: DateTime<Utc> = point["start"].as_str().unwrap().parse().unwrap();
                    let first = start.with_timezone(&tz).date_naive();
                    assert_eq!(first, if n == 0 { from } else { begin(interval, first) }, "{path}");
                    let own: Vec<&&Sent> =
                        within.iter().filter(|payment| begin(interval, day(payment)) == begin(interval, first)).collect();
                    assert_eq!(point["total"], own.len(), "{database:?} {path} {first}");
                    for currency in ["EUR", "USD"] {
                        let amount: i64 = own
                            .iter()
                            .filter(|payment| payment.currency == currency && payment.status == "COMPLETED")
                            .map(|payment| payment.amount)
                            .sum();
                        let told = point["byCurrency"].as_array().unwrap().iter().find(|own| own["currency"] == currency);
                        assert_eq!(told.map_or(0, |own| own["completedAmount"].as_i64().unwrap()), amount, "{path} {first}");
                    }
                }
            }
        }
        asked_otherwise(&platform, &payments).await;
    }
}

async fn asked_otherwise(platform: &Platform, payments: &[Sent]) {
    // To the minute, and with the span before.
    let (from, to) = (payments[50].time, payments[60].time);
    let minute = |time: DateTime<Utc>| Utc.timestamp_opt(time.timestamp().div_euclid(60) * 60, 0).unwrap();
    let (from, to) = (minute(from), minute(to));
    let iso = |time: DateTime<Utc>| time.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let told = platform.get(&format!("/api/v1/analytics?company=acme&from={}&to={}&compare=previous", iso(from), iso(to))).await;
    let between = |from: DateTime<Utc>, to: DateTime<Utc>| payments.iter().filter(|p| p.time >= from && p.time < to).count();
    assert_eq!(told["transactions"]["total"], between(from, to), "{told}");
    assert_eq!(told["comparison"]["transactions"]["total"], between(from - (to - from), from));
    assert_eq!((&told["timeZone"], &told["interval"]), (&json!("UTC"), &json!("hour")));

    let today = clock::now().date_naive();
    let span = format!("from={}&to={}", today - Duration::days(30), today);
    for (by, key) in [
        ("currency", "USD"),
        ("status", "FAILED"),
        ("kind", "PAYMENT"),
        ("paymentMethod", "CARD"),
        ("account", "account1"),
        ("failureReason", "funds"),
    ] {
        let told = platform.get(&format!("/api/v1/analytics?company=acme&{span}&groupBy={by}")).await;
        let groups = told["groups"].as_array().unwrap();
        let sum: i64 = groups.iter().map(|group| group["transactions"]["total"].as_i64().unwrap()).sum();
        if by != "failureReason" {
            assert_eq!(told["transactions"]["total"], sum, "{by}: {told}");
        }
        assert!(groups.iter().any(|group| group["key"] == key), "{by}: {groups:?}");
    }
    let year = platform.get("/api/v1/analytics?company=acme&timeRange=year&timeZone=America/Toronto&compare=year").await;
    assert_eq!((&year["transactions"]["total"], &year["interval"]), (&json!(payments.len()), &json!("month")));
    assert!([12, 13].contains(&year["series"].as_array().unwrap().len()));
    assert_eq!(year["comparison"]["transactions"]["total"], 0);

    for (query, parameter) in [
        ("timeZone=Mars/Olympus", "timeZone"),
        ("from=yesterday", "from"),
        ("from=2026-01-01T00:00:30Z", "from"),
        ("to=2026-01-01", "from"),
        ("from=2026-02-01&to=2026-01-01", "to"),
        ("from=2020-01-01&to=2026-01-01", "from"),
        ("from=2024-01-01&to=2026-01-01&interval=hour", "interval"),
        ("interval=fortnight", "interval"),
        ("timeRange=day&from=2026-01-01", "timeRange"),
        ("groupBy=colour", "groupBy"),
        ("compare=never", "compare"),
    ] {
        let (status, problem): (u16, Value) = platform.get_as(&platform.admin_token, &format!("/api/v1/analytics?{query}")).await;
        assert_eq!((status, &problem["parameter"]), (400, &json!(parameter)), "{query}: {problem}");
    }
}
