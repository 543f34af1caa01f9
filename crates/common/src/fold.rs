//! Folding events into states that depend on the set of events, never on their order.
//!
//! Each field is a last-writer-wins register: of all events that carry it, the one with the highest [`Stamp`] gives its value. Folding
//! is commutative, associative and idempotent, which the property test below proves for transactions and accounts alike.

mod account;
mod written;

pub use account::AccountState;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::{Event, EventIdentity, Mode, Status, TransactionFacts, status};

/// The order of events of one transaction: status time, then stage, then identity (`docs/domain.md`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Stamp {
    #[serde(rename = "t")]
    time_ms: i64,
    #[serde(rename = "s")]
    stage: u8,
    /// Its first digits: they part events of one time and stage. A state holds a stamp for each of its fields, so few.
    #[serde(rename = "i")]
    identity: SmolStr,
}

/// Stands for a time that nobody knows.
const UNKNOWN_MS: i64 = 0;

impl Stamp {
    fn new(time_ms: i64, stage: u8, identity: &EventIdentity) -> Self {
        let digits = identity.as_str();
        let identity = digits.get(..8).unwrap_or(digits).into();
        Self { time_ms, stage, identity }
    }
}

/// A value and the stamp of the event that gave it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Register<T> {
    /// The value that stands.
    #[serde(rename = "v")]
    pub value: T,
    /// Whose it is.
    #[serde(rename = "at")]
    pub stamp: Stamp,
}

fn put<T: PartialOrd>(slot: &mut Option<Register<T>>, value: Option<T>, stamp: &Stamp) {
    let Some(value) = value else { return };
    let wins = slot.as_ref().is_none_or(|old| (stamp, &value) > (&old.stamp, &old.value));
    if wins {
        *slot = Some(Register { value, stamp: stamp.clone() });
    }
}

fn value<T: Copy>(slot: Option<&Register<T>>) -> Option<T> {
    slot.map(|register| register.value)
}

fn text(slot: Option<&Register<SmolStr>>) -> Option<&str> {
    slot.map(|register| register.value.as_str())
}

macro_rules! texts {
    ($($(#[$meta:meta])* $field:ident),+ $(,)?) => {
        $($(#[$meta])* pub fn $field(&self) -> Option<&str> { text(self.$field.as_ref()) })+
    };
}

/// A transaction, folded from its events.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TransactionState {
    status: Option<Register<(Status, SmolStr)>>,
    mode: Option<Register<Mode>>,
    amount: Option<Register<i64>>,
    currency: Option<Register<SmolStr>>,
    merchant_ref_num: Option<Register<SmolStr>>,
    payment_method: Option<Register<SmolStr>>,
    account_id: Option<Register<SmolStr>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_reason: Option<Register<SmolStr>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<Register<SmolStr>>,
    transaction_time: Option<Register<i64>>,
    first_received_ms: Option<i64>,
    last_received_ms: Option<i64>,
    #[serde(skip_serializing_if = "is_false")]
    is_uncounted: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_false(flag: &bool) -> bool {
    !flag
}

impl TransactionState {
    /// Takes in one event and what it says of this transaction.
    pub fn apply(&mut self, event: &Event, facts: &TransactionFacts, identity: &EventIdentity, received_at: DateTime<Utc>) {
        let time_ms = time_of(event, facts.status == Status::Pending);
        let stamp = Stamp::new(time_ms, status::stage(facts.status), identity);
        put(&mut self.status, Some((facts.status, facts.raw_status.clone())), &stamp);
        put(&mut self.mode, Some(event.mode), &stamp);
        put(&mut self.amount, facts.amount, &stamp);
        put(&mut self.currency, facts.currency.clone(), &stamp);
        put(&mut self.merchant_ref_num, event.merchant_ref_num.clone(), &stamp);
        put(&mut self.payment_method, facts.payment_method.clone(), &stamp);
        put(&mut self.account_id, event.account_id.clone(), &stamp);
        put(&mut self.failure_reason, facts.failure_reason.clone(), &stamp);
        put(&mut self.outcome, facts.outcome.map(SmolStr::new_static), &stamp);
        put(&mut self.transaction_time, facts.transaction_time.map(|t| t.timestamp_millis()), &stamp);
        span(&mut self.first_received_ms, &mut self.last_received_ms, received_at);
    }

    /// The normal status; PENDING before any event.
    pub fn status(&self) -> Status {
        self.status.as_ref().map_or(Status::Pending, |r| r.value.0)
    }

    /// Whether it is in no figures: its first webhook came when the days in which it was made were closed.
    pub fn is_uncounted(&self) -> bool {
        self.is_uncounted
    }

    /// Sets whether it is in no figures.
    pub fn set_uncounted(&mut self, is_uncounted: bool) {
        self.is_uncounted = is_uncounted;
    }

    /// The status as sent.
    pub fn raw_status(&self) -> &str {
        self.status.as_ref().map_or("", |r| r.value.1.as_str())
    }

    /// When the status was reached, in milliseconds since 1970 UTC; where nobody knows, when it was first heard of.
    pub fn status_time_ms(&self) -> i64 {
        reached(self.status.as_ref(), self.first_received_ms)
    }

    /// When it was made; the status time where no event says.
    pub fn transaction_time_ms(&self) -> i64 {
        value(self.transaction_time.as_ref()).unwrap_or_else(|| self.status_time_ms())
    }

    /// Whether an event said when it was made.
    pub fn has_transaction_time(&self) -> bool {
        self.transaction_time.is_some()
    }

    /// Live unless its latest event is a test.
    pub fn mode(&self) -> Mode {
        value(self.mode.as_ref()).unwrap_or(Mode::Live)
    }

    /// Why it failed or was returned; nothing while it stands otherwise.
    pub fn failure_reason(&self) -> Option<&str> {
        matches!(self.status(), Status::Failed | Status::Returned).then(|| text(self.failure_reason.as_ref())).flatten()
    }

    /// Minor units.
    pub fn amount(&self) -> Option<i64> {
        value(self.amount.as_ref())
    }

    texts! {
        /// ISO 4217.
        currency,
        /// Shared by all events of one purchase.
        merchant_ref_num,
        /// For example `CARD`.
        payment_method,
        /// The merchant's account.
        account_id,
    }

    /// How a chargeback ended; nothing while it is open, also again.
    pub fn outcome(&self) -> Option<&str> {
        text(self.outcome.as_ref()).filter(|outcome| *outcome != status::UNDECIDED)
    }

    /// When its first and its last event were received, in milliseconds since 1970 UTC.
    pub fn received_ms(&self) -> (i64, i64) {
        (self.first_received_ms.unwrap_or(0), self.last_received_ms.unwrap_or(0))
    }
}

/// The time by which an event is put in order. Of what is under way since an untrue time nobody knows when it was: what any other
/// event says came after it.
fn time_of(event: &Event, is_under_way: bool) -> i64 {
    if event.is_time_untrue && is_under_way { UNKNOWN_MS } else { event.status_time.timestamp_millis() }
}

/// When a status was reached; where nobody knows, when it was first heard of.
fn reached<T>(status: Option<&Register<T>>, first_received_ms: Option<i64>) -> i64 {
    let told = status.map_or(UNKNOWN_MS, |r| r.stamp.time_ms);
    if told == UNKNOWN_MS { first_received_ms.unwrap_or(told) } else { told }
}

fn span(first: &mut Option<i64>, last: &mut Option<i64>, received_at: DateTime<Utc>) {
    let at = received_at.timestamp_millis();
    *first = Some(first.map_or(at, |old| old.min(at)));
    *last = Some(last.map_or(at, |old| old.max(at)));
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
