//! What is signed is kept: in every spelling of a signature, in every form of a body, understood or not.

mod backups;
mod content;
mod hostile;
mod identity;
mod manners;
mod restored;
mod signatures;

use std::ops::Range;

use e2e::Platform;
use serde_json::Value;

/// A receiver of the platforms here.
const PATH: &str = "/api/webhooks/netbanx/acme";

/// A completed payment, in minor units.
fn payment(id: &str) -> String {
    format!(
        r#"{{"eventType":"PAYMENT_COMPLETED","payload":{{"id":"{id}","status":"COMPLETED","amount":1250,"currencyCode":"EUR"}}}}"#
    )
}

/// The transaction of that id at Netbanx.
async fn transaction(platform: &Platform, id: &str) -> Option<Value> {
    let data = platform.get(&format!("/api/v1/transactions?q={id}")).await;
    data["transactions"].as_array()?.iter().find(|row| row["externalId"] == id).cloned()
}

/// The dead letters as the command tells them.
fn dead_letters(platform: &Platform) -> Vec<Value> {
    let told: Value = serde_json::from_str(&platform.netbanx(&["--json", "queue", "dead"])).unwrap();
    told["deadLetters"].as_array().unwrap().clone()
}

/// Sends the payments of those numbers. Returns which were taken as new; the others are duplicates.
async fn sent(platform: &Platform, numbers: Range<u32>) -> Vec<u32> {
    let mut accepted = Vec::new();
    for n in numbers {
        match platform.send(PATH, payment(&format!("numbered{n}"))).await.status().as_u16() {
            202 => accepted.push(n),
            status => assert_eq!(status, 200, "{n}"),
        }
    }
    accepted
}
