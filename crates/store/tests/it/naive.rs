//! The figures as one would count them with paper and pencil: by the plain list of what was sent, with
//! nothing of the code that keeps them.

use std::collections::{BTreeMap, BTreeSet};

/// One event as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    pub company: usize,
    pub kind: &'static str,
    pub id: u8,
    pub status: &'static str,
    pub second: i64,
    pub amount: i64,
    pub currency: &'static str,
    pub method: &'static str,
    pub made_minute: i64,
    pub is_test: bool,
    pub received_minute: i64,
}

pub const MINUTE: i64 = 60_000;
/// Some moment within a day, hours before its end.
pub const START: i64 = 1_736_900_000_000;

impl Sent {
    /// What tells it from other events: the name that Netbanx would give.
    pub fn name(&self) -> String {
        format!("{}_{}", self.kind, self.status)
    }

    pub fn status_time(&self) -> i64 {
        START + self.second * 1000
    }

    pub fn made(&self) -> i64 {
        START + self.made_minute * MINUTE
    }

    fn is_untrue(&self, told: i64) -> bool {
        told > self.received() + 10 * MINUTE
    }

    /// `told`, or the time of receipt where it is more than ten minutes after that.
    fn believed(&self, told: i64) -> i64 {
        if self.is_untrue(told) { self.received() } else { told }
    }

    /// When it comes among the events of its transaction: what is pending since a time to come before all else.
    fn place(&self) -> i64 {
        let is_before_all = self.status == "PENDING" && self.is_untrue(self.status_time());
        if is_before_all { 0 } else { self.believed(self.status_time()) }
    }

    pub fn received(&self) -> i64 {
        START + self.received_minute * MINUTE
    }
}

/// (company, whether test, bucket, what) → how many and how much.
pub type Figures = BTreeMap<(Option<usize>, bool, i64, String), (i64, i64)>;

/// The figures of `sent`, each event once, in buckets of `width_ms`. `rank` orders two events of one
/// transaction at one time and stage.
pub fn figures(sent: &[Sent], width_ms: i64, rank: impl Fn(&Sent) -> String) -> Figures {
    let mut figures = Figures::new();
    let mut add = |company: usize, is_test: bool, at: i64, what: String, amount: i64| {
        for whose in [Some(company), None] {
            let figure = figures.entry((whose, is_test, at - at % width_ms, what.clone())).or_default();
            figure.0 += 1;
            figure.1 += amount;
        }
    };
    let mut known = BTreeSet::new();
    let mut transactions: BTreeMap<(usize, &str, u8), Vec<&Sent>> = BTreeMap::new();
    for event in sent {
        // The first one to arrive is the one that counts as received.
        if known.insert((event.company, event.name(), event.id, event.status_time(), event.amount, event.currency)) {
            add(event.company, event.is_test, event.received(), "w|processed".to_owned(), 0);
            transactions.entry((event.company, event.kind, event.id)).or_default().push(event);
        }
    }
    for ((company, kind, _), mut events) in transactions {
        let stage = |event: &Sent| match event.status {
            "PENDING" => 0,
            "RETURNED" => 2,
            _ => 1,
        };
        events.sort_by_key(|event| (event.place(), stage(event), rank(event)));
        let last = *events.last().unwrap();
        let what = format!("t|{kind}|{}|{}|{}|", last.status, last.currency, last.method);
        let made = last.believed(last.made());
        add(company, last.is_test, made, what, last.amount);
        if matches!(last.status, "FAILED" | "RETURNED") {
            add(company, last.is_test, made, format!("f|because {}", last.status), 0);
        }
    }
    figures
}
