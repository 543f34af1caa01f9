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

    /// The status time, in milliseconds since 1970 UTC.
    pub fn time_ms(&self) -> i64 {
        self.time_ms
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
        // Of what is pending since an untrue time nobody knows when it was: what any other event says came after it.
        let is_before_all = event.is_time_untrue && facts.status == Status::Pending;
        let time_ms = if is_before_all { UNKNOWN_MS } else { event.status_time.timestamp_millis() };
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
        let told = self.status.as_ref().map_or(UNKNOWN_MS, |r| r.stamp.time_ms);
        if told == UNKNOWN_MS { self.first_received_ms.unwrap_or(told) } else { told }
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

fn span(first: &mut Option<i64>, last: &mut Option<i64>, received_at: DateTime<Utc>) {
    let at = received_at.timestamp_millis();
    *first = Some(first.map_or(at, |old| old.min(at)));
    *last = Some(last.map_or(at, |old| old.max(at)));
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::{Endpoint, Envelope, event::Change};

    type Told = (Event, EventIdentity, DateTime<Utc>);

    /// 2025-01-01T00:01:00Z: after all that the events tell of.
    const BEGIN_MS: i64 = 1_735_689_660_000;

    fn event(name: &str, status: &str, second: u32, amount: Option<i64>, reason: Option<&str>, received: i64) -> Told {
        let received_at = DateTime::from_timestamp_millis(BEGIN_MS + received).unwrap();
        let body = json!({"eventType": name, "payload": {"id": "p", "accountNumber": "7", "status": status, "amount": amount,
            "currencyCode": amount.map(|a| if a % 2 == 0 { "EUR" } else { "USD" }), "statusReason": reason,
            "statusTime": format!("2025-01-01T00:00:{second:02}Z")}});
        let body = body.to_string();
        let envelope = Envelope::parse(body.as_bytes(), None).unwrap();
        let identity = EventIdentity::of(Endpoint::Netbanx, None, &envelope);
        (Event::interpret(&envelope, received_at).unwrap(), identity, received_at)
    }

    fn fold(events: &[Told]) -> (TransactionState, AccountState) {
        let (mut transaction, mut account) = (TransactionState::default(), AccountState::default());
        for (event, identity, received_at) in events {
            match &event.change {
                Change::Transaction(facts) => transaction.apply(event, facts, identity, *received_at),
                Change::Account(facts) => account.apply(event, facts, identity, *received_at),
                Change::Nothing => {}
            }
        }
        (transaction, account)
    }

    fn any_event() -> impl Strategy<Value = Told> {
        let names = prop::sample::select(vec![
            "PAYMENT_COMPLETED",
            "PAYMENT_FAILED",
            "PAYMENT_PROCESSING",
            "PAYMENT_RETURNED_COMPLETED",
            "CHARGEBACK_WON",
            "CHARGEBACK_OPENED",
            "ACCT_ENABLED",
            "ACCT_REJECTED",
        ]);
        let statuses = prop::sample::select(vec!["COMPLETED", "FAILED", "PENDING", "HELD", "CANCELLED"]);
        let reasons = prop::option::of(prop::sample::select(vec!["funds", "expired"]));
        (names, statuses, 0_u32..3, prop::option::of(1_i64..5), reasons, 0_i64..1000)
            .prop_map(|(name, status, second, amount, reason, received)| event(name, status, second, amount, reason, received))
    }

    proptest! {
        #[test]
        fn any_permutation_folds_into_the_same_state(
            (events, shuffled) in prop::collection::vec(any_event(), 0..12)
                .prop_flat_map(|events| (Just(events.clone()), Just(events).prop_shuffle())),
        ) {
            let expected = fold(&events);
            prop_assert_eq!(&fold(&shuffled), &expected);
            let twice: Vec<_> = shuffled.iter().chain(&events).cloned().collect();
            prop_assert_eq!(&fold(&twice), &expected);
            let written = expected.0.to_json().unwrap();
            prop_assert_eq!(&written, &serde_json::to_vec(&expected.0).unwrap());
            let stored: TransactionState = serde_json::from_slice(&written).unwrap();
            prop_assert_eq!(&stored, &expected.0);
        }
    }

    /// The same with a status time of that text, or none.
    fn told_at(status: &str, time: Option<&str>, received: i64) -> Told {
        let received_at = DateTime::from_timestamp_millis(BEGIN_MS + received).unwrap();
        let body =
            json!({"eventType": format!("PAYMENT_{status}"), "payload": {"id": "p", "status": status, "statusTime": time}});
        let body = body.to_string();
        let envelope = Envelope::parse(body.as_bytes(), None).unwrap();
        let identity = EventIdentity::of(Endpoint::Netbanx, None, &envelope);
        (Event::interpret(&envelope, received_at).unwrap(), identity, received_at)
    }

    #[test]
    fn what_is_pending_since_a_time_to_come_comes_before_all_else() {
        let never = Some("2099-01-01T00:00:00Z");
        // As it is told in whole seconds, minutes before, by another time to come, or without any.
        for time in [Some("2025-01-01T00:01:00Z"), Some("2024-12-31T23:00:00Z"), never, None] {
            for (first, second) in [(0, 500), (500, 0)] {
                let pending = told_at("PENDING", never, first);
                let (state, _) = fold(&[pending.clone(), told_at("COMPLETED", time, second)]);
                assert_eq!(state.status(), Status::Completed, "{time:?} {first}");
                assert_eq!(fold(&[pending]).0.status_time_ms(), BEGIN_MS + first);
            }
        }
    }

    #[test]
    fn a_chargeback_that_is_opened_again_has_no_outcome() {
        let opened = |second| event("CHARGEBACK_OPENED", "OPENED", second, Some(2), None, 0);
        let (won, done) =
            (event("CHARGEBACK_UPDATED", "WON", 2, None, None, 1), event("CHARGEBACK_COMPLETED", "COMPLETED", 4, None, None, 2));
        let outcome = |events: &[Told]| fold(events).0.outcome().map(str::to_owned);
        assert_eq!(outcome(&[opened(1)]), None);
        assert_eq!(outcome(&[won.clone(), opened(1)]).as_deref(), Some("WON"));
        assert_eq!(outcome(&[opened(3), won.clone(), opened(1)]), None);
        assert_eq!(outcome(&[opened(3), won, done]), None, "nobody said how it ended the second time");
    }

    #[test]
    fn an_account_under_way_since_a_time_to_come_is_where_any_other_event_says() {
        let told = |name: &str, time: &str, received: i64| {
            let received_at = DateTime::from_timestamp_millis(BEGIN_MS + received).unwrap();
            let body = json!({"eventType": name, "payload": {"accountNumber": "7", "statusTime": time}}).to_string();
            let envelope = Envelope::parse(body.as_bytes(), None).unwrap();
            let identity = EventIdentity::of(Endpoint::Netbanx, None, &envelope);
            (Event::interpret(&envelope, received_at).unwrap(), identity, received_at)
        };
        let pending = told("ACCT_PENDING", "2099-01-01T00:00:00Z", 0);
        for time in ["2024-12-31T23:00:00Z", "2025-01-01T00:01:00Z"] {
            let (_, account) = fold(&[pending.clone(), told("ACCT_ENABLED", time, 500)]);
            assert_eq!(account.status(), "ENABLED", "{time}");
        }
        let (_, account) = fold(&[pending]);
        assert_eq!((account.status(), account.status_time_ms()), ("PENDING", BEGIN_MS));
        // What is final stands as of its receipt: an older event does not take it back.
        let (_, account) =
            fold(&[told("ACCT_DISABLED", "2099-01-01T00:00:00Z", 0), told("ACCT_ENABLED", "2024-12-31T23:00:00Z", 500)]);
        assert_eq!(account.status(), "DISABLED");
    }

    #[test]
    fn a_later_stage_wins_at_the_same_time_and_an_older_event_never_does() {
        let done = event("PAYMENT_COMPLETED", "COMPLETED", 2, Some(2), None, 0);
        let pending = event("PAYMENT_PROCESSING", "PROCESSING", 2, None, None, 1);
        let stale = event("PAYMENT_FAILED", "FAILED", 1, None, Some("funds"), 2);
        let (state, _) = fold(&[done, pending, stale]);
        assert_eq!((state.status(), state.amount(), state.failure_reason()), (Status::Completed, Some(2), None));
        assert_eq!(state.received_ms(), (BEGIN_MS, BEGIN_MS + 2));
    }
}
