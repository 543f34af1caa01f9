//! Signed, realistic webhooks: a payment each, received, processing, then completed or failed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use clap::Args;
use common::signature::{self, KeyEncoding};
use rand::{Rng, seq::IndexedRandom};
use ring::hmac;
use serde_json::json;
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::Error;

/// Requests under way at once.
const UNDER_WAY: usize = 64;

/// What to send, where, how fast.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// How many webhooks.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub count: u64,
    /// How many per second; 0: as fast as they are answered.
    #[arg(long, default_value_t = 0)]
    pub rate: u64,
    /// The receiver.
    #[arg(long, default_value = "http://127.0.0.1:8081/api/webhooks/netbanx")]
    pub url: String,
    /// The receiver's key.
    #[arg(long)]
    pub key: String,
    /// How the text becomes key bytes.
    #[arg(long, default_value = "utf8", value_parser = ["utf8", "base64", "hex"])]
    pub encoding: String,
}

#[derive(Default)]
struct Tally {
    accepted: AtomicU64,
    duplicates: AtomicU64,
    refused: AtomicU64,
    unanswered: AtomicU64,
}

pub(crate) async fn run(options: &Options, as_json: bool) -> Result<(), Error> {
    let sent = all(options, (0..options.count).map(|_| payment())).await?;
    let Sent { accepted, duplicates, refused, unanswered, seconds, .. } = &sent;
    if as_json {
        outln!(
            "{}",
            json!({"accepted": accepted, "duplicates": duplicates, "refused": refused, "unanswered": unanswered, "seconds": seconds})
        );
    } else {
        outln!("{accepted} accepted, {duplicates} duplicates, {refused} refused, {unanswered} unanswered in {seconds:.2} s");
    }
    sent.whole().map(drop)
}

/// What became of what was sent.
pub(crate) struct Sent {
    pub accepted: u64,
    duplicates: u64,
    refused: u64,
    unanswered: u64,
    pub seconds: f64,
    last_refusal: Option<String>,
}

impl Sent {
    /// That all of it is there, or why not.
    pub fn whole(self) -> Result<Self, Error> {
        match &self.last_refusal {
            Some(why) if self.refused + self.unanswered > 0 => {
                Err(Error::Refused(format!("not all were accepted; the last refusal: {why}")))
            }
            _ => Ok(self),
        }
    }
}

/// Sends those bodies, each signed.
pub(crate) async fn all(options: &Options, bodies: impl Iterator<Item = String>) -> Result<Sent, Error> {
    let encoding = KeyEncoding::parse(&options.encoding).ok_or_else(|| Error::Refused("unknown encoding".to_owned()))?;
    let key = Arc::new(encoding.key(&options.key).map_err(|e| Error::Refused(e.to_string()))?);
    let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).build()?;
    let (tally, slots) = (Arc::new(Tally::default()), Arc::new(Semaphore::new(UNDER_WAY)));
    let begun = tokio::time::Instant::now();
    let mut last_refusal = None;
    let mut tasks = tokio::task::JoinSet::new();
    for (n, body) in (0..).zip(bodies) {
        if let Some(due) = u64::checked_div(n * 1_000_000, options.rate) {
            tokio::time::sleep_until(begun + Duration::from_micros(due)).await;
        }
        let Ok(slot) = slots.clone().acquire_owned().await else { break };
        let (client, key, url, tally) = (client.clone(), key.clone(), options.url.clone(), tally.clone());
        tasks.spawn(async move {
            let refusal = one(&client, &key, &url, body, &tally).await;
            drop(slot);
            refusal
        });
        while let Some(Ok(refusal)) = tasks.try_join_next() {
            last_refusal = refusal.or(last_refusal);
        }
    }
    while let Some(done) = tasks.join_next().await {
        last_refusal = done.ok().flatten().or(last_refusal);
    }
    let count = |n: &AtomicU64| n.load(Ordering::Relaxed);
    Ok(Sent {
        accepted: count(&tally.accepted),
        duplicates: count(&tally.duplicates),
        refused: count(&tally.refused),
        unanswered: count(&tally.unanswered),
        seconds: begun.elapsed().as_secs_f64(),
        last_refusal,
    })
}

async fn one(client: &reqwest::Client, key: &hmac::Key, url: &str, body: String, tally: &Tally) -> Option<String> {
    let sent = client
        .post(url)
        .header("Content-Type", "application/json")
        .header("Signature", signature::sign(key, body.as_bytes()))
        .body(body)
        .send()
        .await;
    let (counter, why) = match sent {
        Ok(answer) => match answer.status().as_u16() {
            202 => (&tally.accepted, None),
            200 => (&tally.duplicates, None),
            status => (&tally.refused, Some(format!("{status} {}", answer.text().await.unwrap_or_default()))),
        },
        Err(error) => (&tally.unanswered, Some(error.to_string())),
    };
    counter.fetch_add(1, Ordering::Relaxed);
    why
}

/// A payment event in the Payments API's shape.
pub(crate) fn payment() -> String {
    let mut rng = rand::rng();
    let id = Uuid::now_v7();
    let now = clock::now();
    let made = now - chrono::Duration::seconds(rng.random_range(1..20));
    let (name, status) = *[
        ("PAYMENT_COMPLETED", "COMPLETED"),
        ("PAYMENT_COMPLETED", "COMPLETED"),
        ("PAYMENT_PROCESSING", "PROCESSING"),
        ("PAYMENT_FAILED", "FAILED"),
    ]
    .choose(&mut rng)
    .unwrap_or(&("PAYMENT_COMPLETED", "COMPLETED"));
    let (currency, method) =
        *[("EUR", "CARD"), ("EUR", "SEPA"), ("USD", "CARD"), ("GBP", "BACS"), ("CAD", "EFT"), ("JPY", "CARD")]
            .choose(&mut rng)
            .unwrap_or(&("EUR", "CARD"));
    let stamp = |t: chrono::DateTime<chrono::Utc>| t.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    let reason = (status == "FAILED").then_some("The card has insufficient funds");
    json!({
        "payload": {
            "accountId": "1002786770", "id": id, "merchantRefNum": format!("order-{}", rng.random_range(100_000..999_999)),
            "amount": rng.random_range(100..50_000), "currencyCode": currency, "status": status, "paymentType": method,
            "statusReason": reason, "statusTime": stamp(now), "updatedTime": stamp(now), "txnTime": stamp(made), "settleWithAuth": true,
        },
        "eventType": name, "eventName": name, "attemptNumber": "1", "resourceId": id, "eventDate": stamp(made), "mode": "live",
    })
    .to_string()
}
