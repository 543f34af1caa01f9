//! Merchants who look at their payments again and again, and whether what they see is new enough and their own.

use std::{cell::RefCell, rc::Rc};

use actix_web::test::TestRequest;
use rand::{Rng, rngs::StdRng};
use serde_json::Value;

use crate::{
    services::Service,
    setup::{COMPANIES, LEASE},
};

/// How old an answer may be (`docs/promises.md`), and for how long hosts' turns may lie apart.
const PROMISED_MS: u64 = 2_000 + 100;
/// The same while something is wrong: who dies before telling what it changed leaves that to who takes its jobs over.
const IN_TROUBLE_MS: u64 = 45_000;
/// For so long after anything was wrong, jobs may be taken over.
pub const TROUBLED_MS: u64 = LEASE.as_millis() as u64 + 8_000;
/// How often somebody looks.
const EVERY_MS: u64 = 300;

/// An answer as it came.
struct Seen {
    company: usize,
    asked_ms: u64,
    transactions: Vec<String>,
    total: u64,
}

/// Both companies' readers.
pub struct Reader {
    tokens: [String; 2],
    last_ms: u64,
    /// How many transactions each company had when.
    committed: Vec<(u64, [u64; 2])>,
    seen: Rc<RefCell<Vec<Seen>>>,
    pub looked_at: u64,
    /// How many transactions each company was shown last.
    pub last: [u64; 2],
}

impl Reader {
    pub fn new(tokens: [String; 2]) -> Self {
        Self { tokens, last_ms: 0, committed: Vec::new(), seen: Rc::default(), looked_at: 0, last: [0; 2] }
    }

    /// Whether somebody is to look again.
    pub fn is_due(&self, now: u64) -> bool {
        now >= self.last_ms + EVERY_MS
    }

    /// Asks for both companies, somewhere. `counts` is what they have in the database; none where that has no tables now.
    pub fn ask<'a>(&mut self, now: u64, counts: Option<[u64; 2]>, apis: impl Iterator<Item = &'a Service>, rng: &mut StdRng) {
        self.last_ms = now;
        if let Some(counts) = counts {
            self.committed.push((now, counts));
        }
        let apis: Vec<&Service> = apis.collect();
        if apis.is_empty() {
            return;
        }
        for (company, token) in self.tokens.iter().enumerate() {
            let api = apis[rng.random_range(0..apis.len())];
            let request = TestRequest::get()
                .uri("/api/v1/transactions?limit=5")
                .insert_header(("Authorization", format!("Bearer {token}")));
            let (door, seen) = (api.door.clone(), self.seen.clone());
            api.host.spawn(async move {
                let Some((status, body)) = door.ask(request).await else { return };
                assert!(status == 200 || status.is_server_error() || status == 429, "{status} for {}", COMPANIES[company]);
                if status != 200 {
                    return;
                }
                let body: Value = serde_json::from_slice(&body).expect("an answer is JSON");
                let rows = body["data"]["transactions"].as_array().expect("a list");
                let transactions = rows.iter().filter_map(|row| row["externalId"].as_str().map(str::to_owned)).collect();
                let total = body["data"]["pagination"]["total"].as_u64().expect("a number");
                seen.borrow_mut().push(Seen { company, asked_ms: now, transactions, total });
            });
        }
    }

    /// Holds the answers that came against what is promised. `wrong_ms`: when something last was wrong.
    ///
    /// # Panics
    ///
    /// Where one is not as promised.
    pub fn check(&mut self, wrong_ms: Option<u64>) {
        for Seen { company, asked_ms, transactions, total } in self.seen.take() {
            self.looked_at += 1;
            self.last[company] = total;
            let slug = COMPANIES[company];
            for id in transactions {
                assert!(id.starts_with(&format!("{slug}-")), "{slug} is shown {id}");
            }
            let is_troubled = wrong_ms.is_some_and(|wrong| asked_ms < wrong + TROUBLED_MS);
            let age = if is_troubled { IN_TROUBLE_MS } else { PROMISED_MS };
            let least = self.committed.iter().rev().find(|(at, _)| at + age <= asked_ms);
            if let Some((at, counts)) = least {
                let had = counts[company];
                assert!(total >= had, "{slug} is shown {total} transactions at {asked_ms} ms, and had {had} at {at} ms");
            }
        }
    }
}
