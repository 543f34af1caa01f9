//! Lists by several values, amounts, orders and searches; and the same rows as files.

use std::io::Read;

use e2e::{Database, Platform};
use futures::StreamExt;
use serde_json::{Value, json};

async fn furnished(database: Database, count: i64) -> Platform {
    let platform = Platform::start(database).await;
    let sent = futures::stream::iter(0..count).map(|n| {
        let platform = &platform;
        async move {
            let status = ["COMPLETED", "FAILED", "PROCESSING", "COMPLETED"][n as usize % 4];
            let body = json!({"eventType": format!("PAYMENT_{status}"), "payload": {
                "id": format!("p-{n}"), "merchantRefNum": format!("order{}", n % 7), "status": status, "amount": 1000 - n,
                "currencyCode": if n % 2 == 0 { "EUR" } else { "USD" }, "paymentType": if n % 3 == 0 { "CARD" } else { "SEPA" },
                "statusReason": (status == "FAILED").then_some("=cmd|' /C calc'!A0")}});
            assert_eq!(platform.send("/api/webhooks/netbanx/acme", body.to_string()).await.status(), 202);
        }
    });
    sent.buffer_unordered(8).for_each(|()| async {}).await;
    platform.drained().await;
    platform
}

async fn ids(platform: &Platform, query: &str) -> Vec<String> {
    let page = platform.get(&format!("/api/v1/transactions?limit=100&{query}")).await;
    page["transactions"].as_array().unwrap().iter().map(|row| row["externalId"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn lists_filter_order_and_search_as_people_ask() {
    for database in [Database::Sqlite, Database::Postgres] {
        let platform = furnished(database, 60).await;
        assert_eq!(ids(&platform, "status=FAILED,PENDING").await.len(), 30);
        assert_eq!(ids(&platform, "status=FAILED").await.len(), 15);
        assert_eq!(ids(&platform, "paymentMethod=card").await.len(), 20);
        assert_eq!(ids(&platform, "currency=eur,usd&kind=PAYMENT,REFUND").await.len(), 60);
        let reason = "failureReason=%3Dcmd%7C%27%20%2FC%20calc%27%21A0";
        assert_eq!(ids(&platform, reason).await.len(), 15);
        assert_eq!(
            ids(&platform, "sort=amount&currency=EUR&amountMin=990&amountMax=998").await,
            ["p-10", "p-8", "p-6", "p-4", "p-2"].map(String::from)
        );
        let rising = ids(&platform, "sort=amount").await;
        assert_eq!((rising.first().map(String::as_str), rising.last().map(String::as_str)), (Some("p-59"), Some("p-0")));
        let falling = ids(&platform, "sort=-amount").await;
        assert!(falling.iter().eq(rising.iter().rev()));
        // Page after page the same rows.
        let (mut paged, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = platform.get(&format!("/api/v1/transactions?limit=7&sort=-amount{cursor}")).await;
            paged.extend(
                page["transactions"].as_array().unwrap().iter().map(|row| row["externalId"].as_str().unwrap().to_owned()),
            );
            let Some(next) = page["pagination"]["nextCursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(paged, falling);
        assert_eq!(ids(&platform, "sort=statusTime").await.len(), 60);

        // What was searched for comes first, then what begins with it, each once on all pages.
        let found = ids(&platform, "q=p-1").await;
        assert_eq!((found[0].as_str(), found.len()), ("p-1", 11));
        let (mut paged, mut page) = (Vec::new(), 1);
        loop {
            let rows = platform.get(&format!("/api/v1/transactions?limit=4&q=p-1&page={page}")).await;
            let rows: Vec<String> = rows["transactions"]
                .as_array()
                .unwrap()
                .iter()
                .map(|row| row["externalId"].as_str().unwrap().to_owned())
                .collect();
            if rows.is_empty() {
                break;
            }
            paged.extend(rows);
            page += 1;
        }
        assert_eq!(paged, found);

        // Few rows keep their order page after page, whatever it is.
        for order in ["transactionTime", "-transactionTime", "amount", "-statusTime"] {
            let all = ids(&platform, &format!("q=rder3&sort={order}")).await;
            let (mut paged, mut cursor) = (Vec::new(), String::new());
            loop {
                let page = platform.get(&format!("/api/v1/transactions?limit=4&q=rder3&sort={order}{cursor}")).await;
                assert_eq!(page["pagination"]["total"], 9, "{order}");
                let rows = page["transactions"].as_array().unwrap();
                paged.extend(rows.iter().map(|row| row["externalId"].as_str().unwrap().to_owned()));
                let Some(next) = page["pagination"]["nextCursor"].as_str() else { break };
                cursor = format!("&cursor={next}");
            }
            assert_eq!((paged.len(), &paged), (9, &all), "{order}");
        }

        // A part of an id, from three characters on; letters as they are written, and nothing is a pattern.
        for (part, rows) in [("-59", 1), ("rder3", 9), ("59", 0), ("RDER3", 0), ("P-1", 0), ("p%25", 0), ("p_1", 0)] {
            assert_eq!(ids(&platform, &format!("q={part}")).await.len(), rows, "{part}");
        }

        for (query, parameter) in [
            ("amountMin=5", "amountMin"),
            ("amountMax=5&currency=EUR,USD", "amountMax"),
            ("amountMin=6&amountMax=5&currency=EUR", "amountMax"),
            ("amountMin=1.5&currency=EUR", "amountMin"),
            ("status=FAILED,LOST", "status"),
            ("sort=currency", "sort"),
        ] {
            let (status, problem) = platform.get_as(&platform.admin_token, &format!("/api/v1/transactions?{query}")).await;
            assert_eq!((status, &problem["parameter"]), (400, &json!(parameter)), "{query}: {problem}");
        }
        let events = platform.get("/api/v1/events?limit=1").await;
        assert_eq!(events["events"][0]["payload"], Value::Null);
        let events = platform.get("/api/v1/events?limit=1&include=payload").await;
        assert!(events["events"][0]["payload"]["payload"]["id"].is_string(), "{events}");
    }
}

#[tokio::test]
async fn files_hold_all_rows_of_one_moment() {
    for database in [Database::Sqlite, Database::Postgres] {
        let platform = furnished(database, 1100).await;
        let file = async |path: &str, gzip: bool| {
            let mut request = platform.http.get(format!("{}{path}", platform.api_url())).bearer_auth(&platform.admin_token);
            if gzip {
                request = request.header("accept-encoding", "gzip");
            }
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), 200, "{path}");
            let (rows, encoding) =
                (answer.headers().get("x-row-count").cloned(), answer.headers().get("content-encoding").cloned());
            let bytes = answer.bytes().await.unwrap();
            let mut text = String::new();
            if encoding.is_some() {
                flate2::read::GzDecoder::new(bytes.as_ref()).read_to_string(&mut text).unwrap();
            } else {
                text = String::from_utf8(bytes.to_vec()).unwrap();
            }
            (text, rows.unwrap().to_str().unwrap().parse::<usize>().unwrap())
        };
        let (csv, rows) = file("/api/v1/transactions.csv", false).await;
        assert_eq!((csv.lines().count(), rows), (1101, 1100));
        assert!(csv.starts_with("transactionTime,id,externalId,kind,status,amount,currency,"));
        assert!(!csv.contains(",=cmd") && csv.contains("'=cmd"), "formulas are defused");
        let (compressed, _) = file("/api/v1/transactions.csv?bom=true", true).await;
        assert_eq!(compressed.strip_prefix('\u{feff}'), Some(csv.as_str()));
        let (lines, rows) = file("/api/v1/transactions.jsonl?status=FAILED", true).await;
        let parsed: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!((parsed.len(), rows), (275, 275));
        assert!(parsed.iter().all(|row| row["status"] == "FAILED" && row["amount"].is_i64()));
        let (events, rows) = file("/api/v1/events.jsonl", false).await;
        assert_eq!((events.lines().count(), rows), (1100, 1100));
        assert!(serde_json::from_str::<Value>(events.lines().next().unwrap()).unwrap()["payload"].is_object());
        for path in [
            "/api/v1/events.csv",
            "/api/v1/accounts.csv",
            "/api/v1/accounts.jsonl",
            "/api/v1/audit.csv",
            "/api/v1/audit.jsonl",
            "/api/v1/analytics.csv?timeRange=month&timeZone=America/Toronto",
            "/api/v1/analytics.jsonl",
        ] {
            let (text, rows) = file(path, false).await;
            assert_eq!(text.lines().count(), rows + usize::from(path.contains(".csv")), "{path}");
        }
        // What is asked for is in the file, or refused.
        let (by_currency, _) = file("/api/v1/analytics.csv?company=acme&groupBy=currency", false).await;
        assert!(by_currency.starts_with("key,currency,total,completed,failed,"), "{by_currency}");
        let (told, _) = file("/api/v1/analytics.jsonl?company=acme&groupBy=status", false).await;
        let groups = platform.get("/api/v1/analytics?company=acme&groupBy=status").await["groups"].clone();
        let lines: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(json!(lines), groups);
        assert!(lines.len() > 1 && by_currency.lines().count() > 1);
        let account = json!({"eventType": "ACCT_ENABLED", "account": {"id": "7", "status": "Enabled", "creditCardId": "cc"}});
        assert_eq!(platform.send("/api/webhooks/account-status/acme", account.to_string()).await.status(), 202);
        platform.drained().await;
        let methods = json!([{"kind": "credit_card", "id": "cc"}]);
        let (accounts, _) = file("/api/v1/accounts.jsonl?includePaymentMethods=true", false).await;
        let account: Value = serde_json::from_str(accounts.lines().next().unwrap()).unwrap();
        assert_eq!(account["paymentMethods"], methods);
        let (accounts, _) = file("/api/v1/accounts.csv?includePaymentMethods=true", false).await;
        assert!(accounts.lines().next().unwrap().ends_with(",paymentMethods") && accounts.contains("\"\"cc\"\""), "{accounts}");
        let (status, problem) = platform.get_as(&platform.admin_token, "/api/v1/analytics.csv?compare=previous").await;
        assert_eq!((status, &problem["parameter"]), (400, &json!("compare")));
        let (status, _) = platform.get_as("wrong", "/api/v1/transactions.csv").await;
        assert_eq!(status, 401);
    }
}
