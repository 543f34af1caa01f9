//! The documented webhooks go in, signed in every form, and come out as what they mean.

use e2e::{Database, Platform, forms};
use serde_json::{Value, json};

fn sample(name: &str) -> Vec<u8> {
    let path = format!("{}/payloads/{name}.json", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap().trim_end().as_bytes().to_vec()
}

/// Sample and the path that it is sent to.
const SAMPLES: [(&str, &str); 7] = [
    ("payments_api_payment_completed", "/api/webhooks/netbanx/acme"),
    ("payments_api_payment_processing", "/api/webhooks/netbanx/acme"),
    ("payments_api_handle_processing", "/api/webhooks/netbanx/acme"),
    ("direct_debit_payment_completed_sepa", "/api/webhooks/direct-debit/acme"),
    ("legacy_payment_completed", "/api/webhooks/netbanx/acme"),
    ("accounts_acct_enabled", "/api/webhooks/account-status/acme"),
    ("legacy_account_status", "/api/webhooks/account-status/acme"),
];

async fn samples_are_persisted_once(database: Database) {
    let platform = Platform::start(database).await;
    for (name, path) in SAMPLES {
        let body = sample(name);
        let mut first = Value::Null;
        for (at, (header, value)) in forms(&body).into_iter().enumerate() {
            let answer = platform.send_signed(path, header, &value, body.clone()).await;
            let status = answer.status().as_u16();
            let told: Value = answer.json().await.unwrap();
            assert_eq!(
                (status, &told["duplicate"]),
                if at == 0 { (202, &json!(false)) } else { (200, &json!(true)) },
                "{name}: {told}"
            );
            if at == 0 {
                first = told["jobId"].clone();
            }
            assert_eq!(told["jobId"], first, "a duplicate names the first job");
        }
        let mut again: Value = serde_json::from_slice(&body).unwrap();
        again["attemptNumber"] = json!("7");
        let answer = platform.send(path, again.to_string()).await;
        assert_eq!(answer.status(), 200, "{name}: a redelivery is a duplicate");
    }
    platform.drained().await;
    assert_eq!(platform.events().await, SAMPLES.len() as u64);

    let data = platform.get("/api/v1/transactions?limit=100").await;
    let rows = data["transactions"].as_array().unwrap();
    assert_eq!(rows.len(), 3, "the two events of one payment make one row, the handle none: {data}");
    let row = |id: &str| rows.iter().find(|r| r["externalId"] == id).unwrap_or_else(|| panic!("{id} in {data}"));

    let card = row("9a1c1f0e-3f7b-4a3e-8a25-0b8f3a2b6c11");
    assert_eq!(
        [&card["kind"], &card["status"], &card["amount"], &card["currency"], &card["accountId"], &card["paymentMethod"]],
        [&json!("PAYMENT"), &json!("COMPLETED"), &json!(300), &json!("EUR"), &json!("1002786770"), &json!("EPS")],
        "completed first, processing later: the later status time stands"
    );
    let sepa = row("90500680");
    assert_eq!([&sepa["amount"], &sepa["currency"], &sepa["paymentMethod"]], [&json!(3740), &json!("EUR"), &json!("SEPA")]);
    let legacy = row("payment_1732431600000_0");
    assert_eq!([&legacy["amount"], &legacy["currency"], &legacy["status"]], [&json!(12_345), &json!("USD"), &json!("COMPLETED")]);

    let shown = platform.get(&format!("/api/v1/transactions/{}", sepa["id"].as_str().unwrap())).await;
    let payload = &shown["events"][0]["payload"]["payload"];
    assert_eq!((&payload["sepa"]["iban"], &payload["sepa"]["lastDigits"]), (&json!("***6819"), &json!("19")));
    assert!(!shown.to_string().contains("GB86RBOS60161331926819"));

    let accounts = platform.get("/api/v1/accounts?includePaymentMethods=true").await;
    let account = |id: &str| accounts["accounts"].as_array().unwrap().iter().find(|a| a["externalId"] == id).unwrap().clone();
    assert_eq!(
        [&account("1003296300")["status"], &account("1003296300")["onboardingStage"]],
        [&json!("ENABLED"), &json!("ACTIVE")]
    );
    assert_eq!(account("1003296301")["status"], "APPROVED");
    assert_eq!(account("1003296301")["paymentMethods"].as_array().unwrap().len(), 2);
    let history = platform.get(&format!("/api/v1/accounts/{}", account("1003296300")["id"].as_str().unwrap())).await;
    assert_eq!(history["history"][0]["eventName"], "ACCT_ENABLED");
}

#[tokio::test]
async fn samples_are_persisted_once_on_sqlite() {
    samples_are_persisted_once(Database::Sqlite).await;
}

#[tokio::test]
async fn samples_are_persisted_once_on_postgres() {
    samples_are_persisted_once(Database::Postgres).await;
}

#[tokio::test]
async fn a_refund_and_a_later_status_are_no_duplicates() {
    let platform = Platform::start(Database::Postgres).await;
    let event = |name: &str, id: &str, status: &str, second: u32| {
        json!({"eventType": name, "eventName": name, "resourceId": id, "attemptNumber": "1", "mode": "live",
            "payload": {"id": id, "merchantRefNum": "order-1", "amount": 500, "currencyCode": "EUR", "status": status,
                "statusTime": format!("2025-01-01T00:00:{second:02}Z"), "txnTime": "2025-01-01T00:00:00Z"}})
        .to_string()
    };
    let told = [
        event("PAYMENT_PROCESSING", "p1", "PROCESSING", 1),
        event("PAYMENT_COMPLETED", "p1", "COMPLETED", 2),
        event("REFUND_COMPLETED", "r1", "COMPLETED", 3),
        event("PAYMENT_RETURNED_COMPLETED", "p1", "COMPLETED", 4),
    ];
    for body in told.iter().rev() {
        assert_eq!(platform.send("/webhook", body.as_str()).await.status(), 202, "{body}");
    }
    platform.drained().await;
    let data = platform.get("/api/v1/transactions?merchantRefNum=order-1").await;
    let mut rows: Vec<_> = data["transactions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| (r["kind"].as_str().unwrap(), r["status"].as_str().unwrap()))
        .collect();
    rows.sort_unstable();
    assert_eq!(rows, [("PAYMENT", "RETURNED"), ("REFUND", "COMPLETED")]);
    let only = platform.get("/api/v1/transactions?kind=refund&status=completed&currency=EUR").await;
    assert_eq!(only["pagination"]["total"], 1);
}
