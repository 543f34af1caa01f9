//! Roll-ups: what a row contributes to figures, in which bucket, and how a change of a row changes
//! them. Figures are sums, so they can be kept by differences: what a state contributed is taken off,
//! what the new one contributes is added.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    fmt, iter,
};

use smol_str::SmolStr;

use crate::{Kind, Mode, Status, TransactionState};

/// How wide a bucket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grain {
    /// 60 seconds.
    Minute,
    /// 60 minutes.
    Hour,
    /// 24 hours, from midnight UTC.
    Day,
}

impl Grain {
    /// All three, the finest first.
    pub const ALL: [Self; 3] = [Self::Minute, Self::Hour, Self::Day];

    /// The name in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }

    /// Its width in milliseconds.
    pub const fn ms(self) -> i64 {
        match self {
            Self::Minute => 60_000,
            Self::Hour => 3_600_000,
            Self::Day => 86_400_000,
        }
    }

    /// The start of the bucket that holds `ms`, in milliseconds since 1970 UTC.
    pub const fn bucket(self, ms: i64) -> i64 {
        ms - ms.rem_euclid(self.ms())
    }
}

/// What is counted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Series {
    /// Transactions and their amounts, by the minute in which they were made.
    Transactions {
        /// Payment, refund, …
        kind: Kind,
        /// Where they stand.
        status: Status,
        /// ISO 4217; empty where none is known.
        currency: SmolStr,
        /// Empty where none is known.
        payment_method: SmolStr,
        /// How a chargeback ended; empty for all else.
        outcome: SmolStr,
    },
    /// Why transactions failed or were sent back, by the minute in which they were made.
    Failures {
        /// As Netbanx words it.
        reason: SmolStr,
    },
    /// Webhooks, by the minute in which they were received.
    Webhooks(WebhookOutcome),
}

/// What became of a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WebhookOutcome {
    /// It is stored.
    Processed,
    /// It became a dead letter; each webhook counts once, also if it is re-driven later.
    Failed,
    /// It was recognised as a redelivery when it arrived.
    Duplicate,
}

/// Between the parts of a series' text; blanked where a part has it.
const BAR: char = '|';
/// Characters of a part at most.
const PART: usize = 120;

fn part(text: &str) -> SmolStr {
    text.chars().take(PART).map(|c| if c == BAR { ' ' } else { c }).collect()
}

impl Series {
    /// The series of failures for this reason.
    pub fn failure(reason: &str) -> Self {
        Self::Failures { reason: part(reason) }
    }

    /// The series of that text, if there is one.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(BAR);
        match (parts.next()?, parts.next()?) {
            ("t", kind) => Some(Self::Transactions {
                kind: Kind::parse(kind)?,
                status: Status::parse(parts.next()?)?,
                currency: parts.next()?.into(),
                payment_method: parts.next()?.into(),
                outcome: parts.next()?.into(),
            }),
            ("f", reason) => Some(Self::Failures { reason: reason.into() }),
            ("w", "processed") => Some(Self::Webhooks(WebhookOutcome::Processed)),
            ("w", "failed") => Some(Self::Webhooks(WebhookOutcome::Failed)),
            ("w", "duplicate") => Some(Self::Webhooks(WebhookOutcome::Duplicate)),
            _ => None,
        }
    }
}

impl fmt::Display for Series {
    /// The text that the database keeps.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transactions { kind, status, currency, payment_method, outcome } => {
                write!(f, "t|{}|{}|{currency}|{payment_method}|{outcome}", kind.as_str(), status.as_str())
            }
            Self::Failures { reason } => write!(f, "f|{reason}"),
            Self::Webhooks(WebhookOutcome::Processed) => f.write_str("w|processed"),
            Self::Webhooks(WebhookOutcome::Failed) => f.write_str("w|failed"),
            Self::Webhooks(WebhookOutcome::Duplicate) => f.write_str("w|duplicate"),
        }
    }
}

/// Where a contribution counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cell {
    /// The start of its minute, in milliseconds since 1970 UTC.
    pub minute_ms: i64,
    /// Live or test: never summed together.
    pub mode: Mode,
    /// What is counted.
    pub series: Series,
}

/// How many, and how much in minor units of the series' currency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sum {
    /// How many.
    pub count: i64,
    /// How much: wide, so that no number of amounts of 64 bits takes it out of range.
    pub amount: i128,
}

impl Sum {
    /// Adds another sum.
    pub fn add(&mut self, other: Self) {
        self.count = self.count.saturating_add(other.count);
        self.amount = self.amount.saturating_add(other.amount);
    }

    /// Whether it changes nothing.
    pub fn is_zero(self) -> bool {
        self == Self::default()
    }
}

/// Contributions by cell; cells that sum up to nothing fall out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deltas(BTreeMap<Cell, Sum>);

impl Deltas {
    /// Adds a contribution.
    pub fn add(&mut self, cell: Cell, sum: Sum) {
        match self.0.entry(cell) {
            Entry::Vacant(_) if sum.is_zero() => {}
            Entry::Vacant(place) => {
                place.insert(sum);
            }
            Entry::Occupied(mut kept) => {
                kept.get_mut().add(sum);
                if kept.get().is_zero() {
                    kept.remove();
                }
            }
        }
    }

    /// A webhook that was received at `received_ms`.
    pub fn webhook(&mut self, received_ms: i64, mode: Mode, outcome: WebhookOutcome) {
        self.webhooks(received_ms, mode, outcome, 1);
    }

    /// So many webhooks that were received at `received_ms`.
    pub fn webhooks(&mut self, received_ms: i64, mode: Mode, outcome: WebhookOutcome, count: i64) {
        let cell = Cell { minute_ms: Grain::Minute.bucket(received_ms), mode, series: Series::Webhooks(outcome) };
        self.add(cell, Sum { count, amount: 0 });
    }

    /// A transaction that went from one state to another; `before` is none for a new one.
    pub fn transaction(&mut self, kind: Kind, before: Option<&TransactionState>, after: &TransactionState) {
        for (state, sign) in [(before, -1), (Some(after), 1)] {
            let counted = state.filter(|state| !state.is_uncounted());
            for (cell, sum) in counted.into_iter().flat_map(|state| contribution(kind, state)) {
                self.add(cell, Sum { count: sign * sum.count, amount: i128::from(sign) * sum.amount });
            }
        }
    }

    /// A transaction that is no more.
    pub fn transaction_removed(&mut self, kind: Kind, before: &TransactionState) {
        for (cell, sum) in
            Some(before).filter(|state| !state.is_uncounted()).into_iter().flat_map(|state| contribution(kind, state))
        {
            self.add(cell, Sum { count: -sum.count, amount: -sum.amount });
        }
    }

    /// What is left, cell by cell.
    pub fn iter(&self) -> impl Iterator<Item = (&Cell, &Sum)> {
        self.0.iter()
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What a transaction adds to figures as it stands.
fn contribution(kind: Kind, state: &TransactionState) -> impl Iterator<Item = (Cell, Sum)> {
    let cell = |series| Cell { minute_ms: Grain::Minute.bucket(state.transaction_time_ms()), mode: state.mode(), series };
    let series = Series::Transactions {
        kind,
        status: state.status(),
        currency: state.currency().unwrap_or_default().into(),
        payment_method: part(state.payment_method().unwrap_or_default()),
        outcome: state.outcome().filter(|_| kind == Kind::Chargeback).unwrap_or_default().into(),
    };
    let failure = state.failure_reason().map(|reason| (cell(Series::failure(reason)), Sum { count: 1, amount: 0 }));
    iter::once((cell(series), Sum { count: 1, amount: state.amount().unwrap_or(0).into() })).chain(failure)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
