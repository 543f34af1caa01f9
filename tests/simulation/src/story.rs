//! What Netbanx tells in a simulation, by its seed: payments and refunds of two companies with their events, in any order and some
//! twice, and among them what cannot be read, what cannot be stored and what is not genuine.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use rand::{Rng, rngs::StdRng, seq::SliceRandom};
use ring::hmac;

use crate::{
    process,
    setup::{COMPANIES, KEYS},
};

/// What a webhook is to become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Stored,
    /// Refused by the database until its fault is mended, and stored then.
    Poison,
    /// Kept as a dead letter for ever.
    Unreadable,
    /// Answered with 401 and never kept.
    Forged,
}

/// A webhook.
#[derive(Debug, Clone)]
pub struct Webhook {
    pub company: usize,
    pub fate: Fate,
    pub body: String,
    pub signature: String,
    /// The transaction's id at Netbanx, which no other company's has.
    pub transaction: String,
    /// The event's name.
    pub name: String,
    pub status: &'static str,
    pub status_ms: i64,
    /// When it is sent, in milliseconds since the beginning; more than once where it is repeated.
    pub sent_ms: Vec<u64>,
}

/// All webhooks of a seed, which are sent within `span_ms`.
pub fn webhooks(rng: &mut StdRng, payments: usize, span_ms: u64) -> Vec<Webhook> {
    let mut all = Vec::new();
    for n in 0..payments {
        let company = rng.random_range(0..COMPANIES.len());
        let begun = rng.random_range(0..span_ms);
        let payment = format!("{}-{n}", COMPANIES[company]);
        let mut story = vec![("PAYMENT", payment.clone(), "PROCESSING"), ("PAYMENT", payment.clone(), "COMPLETED")];
        match rng.random_range(0..6) {
            0 => story[1].2 = "FAILED",
            1 => story.push(("REFUND", format!("{payment}-back"), "COMPLETED")),
            2 => story.truncate(1),
            _ => {}
        }
        let poisoned = rng.random_bool(0.06);
        for (step, (family, id, status)) in story.into_iter().enumerate() {
            let fate = if poisoned && step == 0 { Fate::Poison } else { Fate::Stored };
            let status_ms = process::wall_begin_ms() - 3_600_000 + (n as i64 * 10 + step as i64) * 1000;
            let sent = begun + rng.random_range(0..3000);
            all.push(event(rng, company, fate, (family, &id, status), status_ms, sent));
        }
        if rng.random_bool(0.08) {
            let id = format!("{payment}-unreadable");
            let body = format!(r#"{{"eventType":"PAYMENT_COMPLETED","payload":{{"id":"{id}","amount":"1,250"}}}}"#);
            all.push(Webhook { transaction: id, ..of(company, Fate::Unreadable, body, begun) });
        }
        if rng.random_bool(0.08) {
            let mut forged = event(
                rng,
                company,
                Fate::Forged,
                ("PAYMENT", &format!("{payment}-forged"), "COMPLETED"),
                process::wall_begin_ms(),
                begun,
            );
            forged.signature = sign("another key", &forged.body);
            all.push(forged);
        }
    }
    // Whoever is first in the list is not first in anything else.
    all.shuffle(rng);
    all
}

fn event(
    rng: &mut StdRng,
    company: usize,
    fate: Fate,
    (family, id, status): (&str, &str, &'static str),
    status_ms: i64,
    sent: u64,
) -> Webhook {
    let told = |ms: i64| ms / 1000;
    let name = format!("{family}_{status}");
    let mark = if fate == Fate::Poison { r#","description":"poison""# } else { "" };
    let time = |ms: i64| sea_orm::prelude::DateTimeUtc::from_timestamp(told(ms), 0).map(|at| at.to_rfc3339()).unwrap_or_default();
    let data = format!(
        r#"{{"id":"{id}","amount":1250,"currencyCode":"EUR","status":"{status}","txnTime":"{}","statusTime":"{}"{mark}}}"#,
        time(process::wall_begin_ms() - 7_200_000),
        time(status_ms)
    );
    // Some have an id of their sender's, others are told apart by what they say.
    let own = if rng.random_bool(0.5) { format!(r#""id":"event-{id}-{status}","#) } else { String::new() };
    let body = format!(r#"{{{own}"eventType":"{name}","eventData":{data}}}"#);
    let mut webhook = of(company, fate, body, sent);
    (webhook.transaction, webhook.name, webhook.status, webhook.status_ms) = (id.to_owned(), name, status, status_ms);
    while rng.random_bool(0.25) {
        webhook.sent_ms.push(sent + rng.random_range(0..8000));
    }
    webhook
}

fn of(company: usize, fate: Fate, body: String, sent: u64) -> Webhook {
    Webhook {
        company,
        fate,
        signature: sign(KEYS[company], &body),
        body,
        transaction: String::new(),
        name: String::new(),
        status: "",
        status_ms: 0,
        sent_ms: vec![sent],
    }
}

fn sign(key: &str, body: &str) -> String {
    STANDARD.encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()), body.as_bytes()))
}

/// What each transaction has come to, by company and id: the status that was told last, as one would find it with paper and pencil.
pub fn states<'a>(told: impl Iterator<Item = &'a Webhook>) -> BTreeMap<(usize, String), &'static str> {
    let mut states: BTreeMap<(usize, String), (i64, &'static str)> = BTreeMap::new();
    for webhook in told {
        let told = (webhook.status_ms, webhook.status);
        let state = states.entry((webhook.company, webhook.transaction.clone())).or_insert(told);
        if told.0 > state.0 {
            *state = told;
        }
    }
    states.into_iter().map(|(key, (_, status))| (key, if status == "PROCESSING" { "PENDING" } else { status })).collect()
}
