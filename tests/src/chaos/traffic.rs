//! What Netbanx and merchants do meanwhile, and what they see.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use rand::{Rng, SeedableRng, rngs::StdRng, seq::SliceRandom};
use reqwest::Client;
use sea_orm::{ConnectionTrait, Database as Connector, Statement};
use serde_json::Value;
use tokio::task::JoinHandle;

use super::world::{OTHER, World};
use crate::sign;

/// Companies that are sent for.
const COMPANIES: [&str; 2] = ["acme", OTHER];
/// Senders of each company.
const SENDERS: usize = 2;
/// How long what is committed may be missing in an answer: where a worker dies before it says what changed, the next one that has its
/// jobs does; and nobody is told while the store of answers is away.
const STALE: Duration = Duration::from_secs(20);

/// How long a webhook may be refused, again and again, whatever fails meanwhile.
const ACCEPTED: Duration = Duration::from_secs(60);

/// Senders and readers at work.
pub struct Traffic {
    is_over: Arc<AtomicBool>,
    senders: Vec<JoinHandle<Sent>>,
    readers: Vec<JoinHandle<Seen>>,
}

/// What one sender sent: all of it was accepted.
#[derive(Debug, Default)]
struct Sent {
    payments: u64,
    refused: u64,
}

/// What one reader saw.
#[derive(Debug, Default)]
struct Seen {
    answers: u64,
    without_answer: u64,
    oldest: Duration,
}

/// What went by.
#[derive(Debug, Default)]
pub struct History {
    /// Payments by company, of two events each.
    pub payments: [(&'static str, u64); 2],
    /// Answers to senders other than 2xx, or none.
    pub refused: u64,
    /// Answers that readers got, and those that failed.
    pub answers: u64,
    pub without_answer: u64,
    /// The longest time for which something committed was missing in an answer, in seconds.
    pub stalest_secs: f64,
}

impl Traffic {
    /// Begins; what senders do is told by `seed`, but for its times.
    pub fn start(world: &World, seed: u64) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let platform = &world.platform;
        let mut senders = Vec::new();
        let mut readers = Vec::new();
        for (n, company) in COMPANIES.into_iter().enumerate() {
            let url = format!("{}/api/webhooks/netbanx/{company}", platform.ingress_url());
            for sender in 0..SENDERS {
                let rng = StdRng::seed_from_u64(seed ^ ((n * SENDERS + sender) as u64 + 1));
                let name = format!("{company}-{sender}");
                senders.push(tokio::spawn(send(platform.http.clone(), url.clone(), name, rng, is_over.clone())));
            }
            let token = platform.netbanx(&["token", "add", "--company", company, "--permission", "read:transactions"]);
            let reader = Reader {
                http: platform.http.clone(),
                url: format!("{}/api/v1/transactions?limit=5", platform.api_url()),
                token,
                database_url: platform.database_url.clone(),
                company,
            };
            readers.push(tokio::spawn(reader.read(is_over.clone())));
        }
        Self { is_over, senders, readers }
    }

    /// Ends, once everything that was begun is accepted.
    pub async fn stop(self) -> History {
        self.is_over.store(true, Relaxed);
        let mut history = History { payments: COMPANIES.map(|company| (company, 0)), ..History::default() };
        for (n, sender) in self.senders.into_iter().enumerate() {
            let sent = sender.await.unwrap();
            history.payments[n / SENDERS].1 += sent.payments;
            history.refused += sent.refused;
        }
        for reader in self.readers {
            let seen = reader.await.unwrap();
            history.answers += seen.answers;
            history.without_answer += seen.without_answer;
            history.stalest_secs = history.stalest_secs.max(seen.oldest.as_secs_f64());
        }
        history
    }
}

/// Tells of payments, each by two events in either order, one of them twice; as Netbanx, again until it is accepted.
async fn send(http: Client, url: String, name: String, mut rng: StdRng, is_over: Arc<AtomicBool>) -> Sent {
    let begun = clock::now();
    let mut sent = Sent::default();
    while !is_over.load(Relaxed) {
        let n = sent.payments;
        let mut turns = [("PROCESSING", 0), ("COMPLETED", 1), ("COMPLETED", 1)];
        turns.shuffle(&mut rng);
        for (status, second) in turns {
            let time = (begun + chrono::Duration::seconds(second)).to_rfc3339();
            let data = format!(
                r#"{{"id":"{name}-{n}","amount":100,"currencyCode":"EUR","status":"{status}","txnTime":"{}","statusTime":"{time}"}}"#,
                begun.to_rfc3339()
            );
            let body = format!(r#"{{"id":"{name}-{n}-{status}","eventType":"PAYMENT_{status}","eventData":{data}}}"#);
            let first = Instant::now();
            loop {
                let post = http.post(&url).header("Signature", sign(body.as_bytes())).body(body.clone());
                let answer = post.send().await;
                if answer.as_ref().is_ok_and(|answer| answer.status().is_success()) {
                    break;
                }
                sent.refused += 1;
                if first.elapsed() > ACCEPTED {
                    let told = match answer {
                        Ok(answer) => format!("{} {}", answer.status(), answer.text().await.unwrap_or_default()),
                        Err(error) => format!("{error:?}"),
                    };
                    panic!("{name}-{n} was not accepted within {ACCEPTED:?}; at last: {told}");
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        sent.payments += 1;
        // As busy as two cores bear with all that dies meanwhile.
        tokio::time::sleep(Duration::from_millis(rng.random_range(0..30))).await;
    }
    sent
}

/// A merchant who looks at the payments again and again.
struct Reader {
    http: Client,
    url: String,
    token: String,
    database_url: String,
    company: &'static str,
}

impl Reader {
    async fn read(self, is_over: Arc<AtomicBool>) -> Seen {
        let mut seen = Seen::default();
        // What was in the database when: only what no answer showed yet.
        let mut committed: Vec<(Instant, u64)> = Vec::new();
        while !is_over.load(Relaxed) {
            if let Some(count) = self.committed().await {
                committed.push((Instant::now(), count));
            }
            let asked = Instant::now();
            match self.shown().await {
                Some(total) => {
                    seen.answers += 1;
                    committed.retain(|(_, count)| *count > total);
                    if let Some((since, count)) = committed.first() {
                        let age = asked.saturating_duration_since(*since);
                        seen.oldest = seen.oldest.max(age);
                        assert!(age < STALE, "{} is shown {total} payments {age:?} after there were {count}", self.company);
                    }
                }
                None => seen.without_answer += 1,
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        seen
    }

    /// How many payments the company has, unless the database cannot say.
    async fn committed(&self) -> Option<u64> {
        let db = Connector::connect(&self.database_url).await.ok()?;
        let sql = format!(
            "SELECT COUNT(*) AS n FROM transactions WHERE company_id = (SELECT id FROM companies WHERE slug = '{}')",
            self.company
        );
        let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await;
        let _ = db.close().await;
        Some(rows.ok()?.first()?.try_get::<i64>("", "n").ok()?.unsigned_abs())
    }

    /// How many the API shows, all of them the company's own; none where it does not answer.
    async fn shown(&self) -> Option<u64> {
        let answer = self.http.get(&self.url).bearer_auth(&self.token).timeout(Duration::from_secs(10)).send().await.ok()?;
        let status = answer.status().as_u16();
        if status != 200 {
            assert!(status >= 500 || status == 429, "{status} for {}", self.company);
            return None;
        }
        let body: Value = answer.json().await.ok()?;
        for row in body["data"]["transactions"].as_array().unwrap() {
            let id = row["externalId"].as_str().unwrap();
            assert!(id.starts_with(&format!("{}-", self.company)), "{} is shown {id}", self.company);
        }
        Some(body["data"]["pagination"]["total"].as_u64().unwrap())
    }
}
