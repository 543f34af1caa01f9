//! Traffic by which programs that count learn which of their code is hot (`make profile`): payments as they come, each
//! by several webhooks, some repeated, some refused; worked off meanwhile, and read by dashboards.

use std::path::PathBuf;

use clap::Parser;
use e2e::{
    Database, Platform, Service,
    http_load::{Answers, closed_loop, get, post},
    sign, sign_with,
};
use uuid::Uuid;

/// Payments, each of three webhooks.
const PAYMENTS: usize = 12_000;
/// So many payments later its last webhook comes: it finds a transaction that is there.
const LATER: usize = 300;
/// Reads of the API, in turns.
const READS: usize = 20_000;
const READ: [&str; 8] = [
    "/api/v1/transactions?limit=20",
    "/api/v1/analytics?timeRange=day",
    "/api/v1/transactions?limit=20&status=COMPLETED",
    "/api/v1/analytics?timeRange=hour",
    "/api/v1/events?limit=20",
    "/api/v1/accounts?limit=20",
    "/api/performance/status",
    "/api/webhooks/queue",
];

/// Drives the services that are beside this program.
#[derive(Debug, Parser)]
#[command(name = "train")]
struct Options {
    /// Where the services leave what they counted.
    into: PathBuf,
}

#[tokio::main]
async fn main() {
    let options = Options::parse();
    let server = std::env::var("TEST_POSTGRES_URL").expect("TEST_POSTGRES_URL names a server");
    let mut platform = Platform::prepare_on(Database::Postgres, Some(server)).await;
    platform.as_in_production();
    platform.variables.push(("HTTP_WORKERS", "0".to_owned()));
    let counts = options.into.join("%p.profraw").to_string_lossy().into_owned();
    platform.variables.push(("LLVM_PROFILE_FILE", counts));
    for service in [Service::Ingress, Service::Worker, Service::Api] {
        platform.run(service).await;
    }
    let bearer = format!("Bearer {}", platform.admin_token);
    let reads = (0..READS).map(|n| get(READ[n % READ.len()], &[("Authorization", &bearer)])).collect();
    let (sent, read) = tokio::join!(closed_loop(platform.ingress_port, 64, webhooks()), closed_loop(platform.api_port, 8, reads));
    platform.drained().await;
    println!("webhooks: {:?}, reads: {:?}", sent.statuses, read.statuses);
    let count = |answers: &Answers, status: u16| answers.statuses.get(&status).copied().unwrap_or(0);
    assert_eq!(count(&sent, 202), platform.events().await, "what was accepted is stored");
    assert!(count(&sent, 200) > 0 && count(&sent, 401) > 0 && count(&read, 200) == READS as u64);
    // What was counted is written at a good end.
    for service in [Service::Ingress, Service::Worker, Service::Api] {
        platform.terminate(service).await;
    }
}

fn webhooks() -> Vec<Vec<u8>> {
    let payments: Vec<[String; 3]> = (0..PAYMENTS).map(|_| of_payment()).collect();
    let mut bodies = Vec::new();
    for n in 0..PAYMENTS + LATER {
        if let Some([handle, processing, _]) = payments.get(n) {
            bodies.extend([("netbanx", handle.clone()), ("netbanx", processing.clone())]);
        }
        if let Some([.., completed]) = n.checked_sub(LATER).and_then(|n| payments.get(n)) {
            bodies.push(("netbanx", completed.clone()));
        }
        match n % 20 {
            0 => bodies.push(("direct-debit", direct_debit(n))),
            10 => bodies.push(("account-status", account(n))),
            5 => bodies.extend(bodies.len().checked_sub(500).and_then(|n| bodies.get(n)).cloned()),
            _ => {}
        }
    }
    let signature = |n: usize, body: &str| {
        if n.is_multiple_of(100) { sign_with("another key", body.as_bytes()) } else { sign(body.as_bytes()) }
    };
    let request = |(n, (endpoint, body)): (usize, (&str, String))| {
        post(&format!("/api/webhooks/{endpoint}/acme"), &signature(n, &body), body.as_bytes())
    };
    bodies.into_iter().enumerate().map(request).collect()
}

/// `body` as of today, each of `ids` by a new one of its own.
fn renewed(body: &str, ids: [(&str, &str); 2]) -> String {
    let today = clock::now().format("%Y-%m-%d").to_string();
    ids.iter().fold(body.trim_end().replace("2025-03-24", &today), |body, (id, new)| body.replace(id, new))
}

fn of_payment() -> [String; 3] {
    let [payment, handle, reference] = [(); 3].map(|()| Uuid::new_v4().to_string());
    let reference = ("b9358763-c4e6-4a9e-92f6-c93b78d2db44", reference.as_str());
    let payment = ("9a1c1f0e-3f7b-4a3e-8a25-0b8f3a2b6c11", payment.as_str());
    [
        renewed(
            include_str!("../payloads/payments_api_handle_processing.json"),
            [("4e32ba5d-1c87-47fb-871a-b972cf8fd19e", &handle), reference],
        ),
        renewed(include_str!("../payloads/payments_api_payment_processing.json"), [payment, reference]),
        renewed(include_str!("../payloads/payments_api_payment_completed.json"), [payment, reference]),
    ]
}

fn direct_debit(n: usize) -> String {
    let body = include_str!("../payloads/direct_debit_payment_completed_sepa.json");
    renewed(body, [("90500680", &format!("{}", 90_500_680 + n)), ("MerchantRefSepaCharge", &format!("sepa-{n}"))])
}

fn account(n: usize) -> String {
    let body = include_str!("../payloads/accounts_acct_enabled.json");
    let event = Uuid::new_v4().to_string();
    renewed(body, [("6a275b7c-6f11-4ed1-ae77-21071724574a", &event), ("1003296300", &format!("{}", 1_003_296_300 + n))])
}
