//! What a laptop begins with: `netbanx dev` on a new database.

use std::{net::TcpListener, process::Child};

use chrono::Duration;
use e2e::{Database, Platform, eventually, free_port};
use serde_json::Value;

/// Ends with the test, however that ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[tokio::test]
async fn a_demo_begins_with_sixty_days_of_life() {
    let mut platform = Platform::prepare(Database::Sqlite).await;
    platform.set("LOG_LEVEL", "error");
    // The receiver listens on the next port.
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", port + 1)).is_ok();
    platform.api_port = std::iter::repeat_with(free_port).take(100).find(is_free).unwrap();
    let port = platform.api_port;
    let _running = Running(platform.netbanx_running(&["dev", "--quiet", "--port", &port.to_string()]));
    let today = clock::now().date_naive();
    let (from, to) = (today - Duration::days(59), today + Duration::days(1));
    let path = format!("/api/v1/analytics?company=demo&from={from}&to={to}&interval=day&groupBy=kind&timeZone=UTC");
    let figures = || async {
        let asked = platform.http.get(format!("{}{path}", platform.api_url())).bearer_auth(&platform.admin_token);
        asked.send().await.ok()?.json::<Value>().await.ok().map(|mut body| body["data"].take())
    };
    let busy = |told: &Value| told["series"].as_array().map_or(0, |all| all.iter().filter(|point| point["total"] != 0).count());
    // The latest days come last.
    let told = eventually("the demo has days", || async {
        let told = figures().await?;
        (busy(&told) >= 55 && told["series"][58]["total"] != 0).then_some(told)
    })
    .await;
    let currencies = told["transactions"]["byCurrency"].as_array().unwrap();
    assert_eq!(currencies.len(), 3, "{told}");
    assert!(told["paymentMethods"].as_array().unwrap().len() >= 5 && told["failureReasons"].as_array().unwrap().len() >= 5);
    let kinds: Vec<&str> = told["groups"].as_array().unwrap().iter().map(|group| group["key"].as_str().unwrap()).collect();
    for kind in ["PAYMENT", "REFUND", "CHARGEBACK"] {
        assert!(kinds.contains(&kind), "{kinds:?}");
    }
    // All of it was received just now, which is nothing to ring for.
    let late = platform.get("/api/v1/receipt?company=demo").await["hour"]["delayP95Ms"].as_i64();
    let alerts = platform.get("/api/v1/alerts?company=demo").await.to_string();
    assert!(late > Some(86_400_000) && !alerts.contains("late-webhooks"), "{late:?} {alerts}");
    let accounts = platform.get("/api/v1/accounts?company=demo").await;
    assert_eq!(accounts["pagination"]["total"], 2);
}
