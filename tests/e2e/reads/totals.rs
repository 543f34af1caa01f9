//! What lists of transactions add up to, held against their rows.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, SubsecRound, Utc};
use e2e::{Database, Platform};
use futures::StreamExt;
use serde_json::{Value, json};

/// Transactions of ten days: payments, refunds and disputes, in three currencies.
async fn furnished(database: Database, midnight: DateTime<Utc>) -> Platform {
    let platform = Platform::start(database).await;
    let sent = futures::stream::iter(0..90_i64).map(|n| {
        let platform = &platform;
        async move {
            let (kind, status) = [
                ("PAYMENT", "COMPLETED"),
                ("PAYMENT", "FAILED"),
                ("REFUND", "COMPLETED"),
                ("PAYMENT", "COMPLETED"),
                ("CHARGEBACK", "LOST"),
                ("CHARGEBACK", "WON"),
            ][n as usize % 6];
            let currency = ["EUR", "USD", "JPY"][n as usize % 5 % 3];
            let at = (midnight - Duration::minutes(n * 157)).to_rfc3339();
            let body = json!({"eventType": format!("{kind}_{status}"), "payload": {
                "id": format!("t-{n}"), "merchantRefNum": format!("order{}", n % 7), "status": status, "amount": 1000 + n,
                "currencyCode": currency, "paymentType": if n % 4 == 0 { "CARD" } else { "SEPA" },
                "accountId": format!("a{}", n % 2), "txnTime": at, "statusTime": at,
                "statusReason": (status == "FAILED").then_some("funds")}});
            assert_eq!(platform.send("/api/webhooks/netbanx/acme", body.to_string()).await.status(), 202);
        }
    });
    sent.buffer_unordered(8).for_each(|()| async {}).await;
    platform.drained().await;
    platform
}

/// Count, payments completed, refunds and disputes by currency, of the rows that the list has.
fn by_hand(rows: &[Value]) -> BTreeMap<String, [i64; 4]> {
    let mut sums: BTreeMap<String, [i64; 4]> = BTreeMap::new();
    for row in rows {
        let own = sums.entry(row["currency"].as_str().unwrap().to_owned()).or_default();
        let amount = row["amount"].as_i64().unwrap();
        own[0] += 1;
        match (row["kind"].as_str().unwrap(), row["status"].as_str().unwrap(), row["outcome"].as_str()) {
            ("PAYMENT", "COMPLETED", _) => own[1] += amount,
            ("REFUND", "COMPLETED", _) => own[2] += amount,
            ("CHARGEBACK", _, outcome) if outcome != Some("WON") => own[3] += amount,
            _ => {}
        }
    }
    sums
}

fn told(totals: &Value) -> BTreeMap<String, [i64; 4]> {
    let sums =
        |own: &Value| ["count", "completedAmount", "refundedAmount", "chargebackAmount"].map(|name| own[name].as_i64().unwrap());
    totals["byCurrency"].as_array().unwrap().iter().map(|own| (own["currency"].as_str().unwrap().to_owned(), sums(own))).collect()
}

#[tokio::test]
async fn totals_are_what_the_rows_of_the_list_add_up_to() {
    let midnight = clock::now().trunc_subsecs(0).date_naive().and_time(chrono::NaiveTime::MIN).and_utc();
    let day = |before: i64| (midnight - Duration::days(before)).date_naive();
    let moment =
        |hours: i64, minutes: i64| (midnight - Duration::hours(hours) + Duration::minutes(minutes)).format("%Y-%m-%dT%H:%M:%SZ");
    for database in [Database::Sqlite, Database::Postgres] {
        let platform = furnished(database, midnight).await;
        let mut seen = 0;
        for filter in [
            // From roll-ups, by days, hours and minutes.
            String::new(),
            "status=COMPLETED".to_owned(),
            "status=FAILED&kind=PAYMENT,REFUND".to_owned(),
            "currency=EUR,JPY&paymentMethod=card".to_owned(),
            format!("startDate={}&endDate={}", day(6), day(2)),
            format!("startDate={}", moment(50, 0)),
            format!("startDate={}&endDate={}&kind=CHARGEBACK", moment(150, 7), moment(20, 41)),
            // From rows: no bucket ends there, or none knows it.
            format!("endDate={}", moment(50, 0).to_string().replace(":00Z", ":01Z")),
            "failureReason=funds".to_owned(),
            "accountId=a1&status=COMPLETED".to_owned(),
            "currency=USD&amountMin=1020&amountMax=1070".to_owned(),
            "merchantRefNum=order3".to_owned(),
            "q=t-1".to_owned(),
            "mode=test".to_owned(),
        ] {
            let list = platform.get(&format!("/api/v1/transactions?limit=100&company=acme&{filter}")).await;
            let rows = list["transactions"].as_array().unwrap();
            for company in ["&company=acme", ""] {
                let totals = platform.get(&format!("/api/v1/transactions/totals?{filter}{company}")).await;
                assert_eq!(told(&totals), by_hand(rows), "{database:?} {filter}{company}");
                assert_eq!((&totals["count"], &totals["isExact"]), (&json!(rows.len()), &json!(true)), "{filter}");
            }
            seen += rows.len();
        }
        assert!(seen > 300, "the filters found {seen} rows");
        // What retention may have removed is counted by rows, and not by the roll-ups of its days, which stay.
        let horizon = (midnight - Duration::days(4)).timestamp_millis();
        platform.execute(&format!("INSERT INTO platform_state (name, value) VALUES ('horizon.webhooks', '{horizon}')")).await;
        platform.execute(&format!("DELETE FROM rollups WHERE bucket < {horizon}")).await;
        for filter in ["kind=PAYMENT,REFUND,CHARGEBACK".to_owned(), format!("status=COMPLETED,FAILED&startDate={}", day(8))] {
            let list = platform.get(&format!("/api/v1/transactions?limit=100&{filter}")).await;
            let totals = platform.get(&format!("/api/v1/transactions/totals?{filter}")).await;
            assert_eq!(told(&totals), by_hand(list["transactions"].as_array().unwrap()), "{database:?} {filter}");
            assert_eq!(totals["isExact"], true);
        }
        // What comes is added up; a parameter that is wrong is named.
        let before = platform.get("/api/v1/transactions/totals").await["count"].as_i64().unwrap();
        let body =
            r#"{"eventType":"PAYMENT_COMPLETED","payload":{"id":"new","status":"COMPLETED","amount":5,"currencyCode":"EUR"}}"#;
        assert_eq!(platform.send("/api/webhooks/netbanx/acme", body).await.status(), 202);
        e2e::eventually("the new one is added", || async {
            (platform.get("/api/v1/transactions/totals").await["count"] == before + 1).then_some(())
        })
        .await;
        for (query, parameter) in [("amountMin=1", "amountMin"), ("status=DONE", "status"), ("limit=5", "limit")] {
            let path = format!("/api/v1/transactions/totals?{query}");
            let (status, problem) = platform.get_as(&platform.admin_token, &path).await;
            assert_eq!((status, &problem["parameter"]), (400, &json!(parameter)), "{problem}");
        }
    }
}
