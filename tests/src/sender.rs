use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use reqwest::Client;
use tokio::task::JoinHandle;

use crate::{eventually, sign};

/// Sends webhooks one after another as Netbanx does: a refusal is sent again, wherever it is accepted.
/// Each payment is told of twice (processing, then completed), and its second webhook comes twice.
pub struct Sender {
    accepted: Arc<AtomicU64>,
    is_over: Arc<AtomicBool>,
    running: JoinHandle<()>,
}

impl Sender {
    /// Begins; `urls` are receivers of one company, taken in turn.
    pub fn start(http: Client, urls: Vec<String>) -> Self {
        let (accepted, is_over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let running = tokio::spawn(send(http, urls, accepted.clone(), is_over.clone()));
        Self { accepted, is_over, running }
    }

    /// Waits until so many further payments were accepted.
    pub async fn accepts(&self, count: u64) {
        let wanted = self.accepted.load(Ordering::Relaxed) + count;
        eventually("webhooks flow", || async { (self.accepted.load(Ordering::Relaxed) >= wanted).then_some(()) }).await;
    }

    /// Ends; returns how many payments there are, with two events each.
    pub async fn stop(self) -> u64 {
        self.is_over.store(true, Ordering::Relaxed);
        self.running.await.unwrap();
        self.accepted.load(Ordering::Relaxed)
    }
}

async fn send(http: Client, urls: Vec<String>, accepted: Arc<AtomicU64>, is_over: Arc<AtomicBool>) {
    // Recent: retention takes the figures of what is old.
    let begun = clock::now();
    let time = |seconds: i64| (begun + chrono::Duration::seconds(seconds)).to_rfc3339();
    for n in 0_usize.. {
        if is_over.load(Ordering::Relaxed) {
            return;
        }
        for (turn, (name, status)) in
            [("PROCESSING", "PROCESSING"), ("COMPLETED", "COMPLETED"), ("COMPLETED", "COMPLETED")].into_iter().enumerate()
        {
            let body = format!(
                r#"{{"id":"e{n}-{name}","eventType":"PAYMENT_{name}","eventData":{{"id":"d{n}","amount":1,"currencyCode":"EUR","status":"{status}","txnTime":"{}","statusTime":"{}"}}}}"#,
                time(0),
                time(turn.min(1) as i64),
            );
            let mut is_accepted = false;
            for url in urls.iter().cycle().skip(n + turn).take(200) {
                let post = http.post(url).header("Signature", sign(body.as_bytes())).body(body.clone());
                is_accepted = post.send().await.is_ok_and(|answer| answer.status().is_success());
                if is_accepted {
                    break;
                }
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
            assert!(is_accepted, "nobody accepts d{n}");
        }
        accepted.fetch_add(1, Ordering::Relaxed);
    }
}
