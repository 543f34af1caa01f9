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
    let body = json!({"eventType": format!("PAYMENT_{status}"), "payload": {"id": "p", "status": status, "statusTime": time}});
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

#[test]
fn an_event_that_is_pending_at_a_time_that_can_be_true_keeps_it() {
    let pending = told_at("PENDING", Some("2025-01-01T00:00:30Z"), 0);
    assert_eq!(fold(std::slice::from_ref(&pending)).0.status_time_ms(), BEGIN_MS - 30_000);
    // What is done since a time to come is done since its receipt, which is later.
    let done = told_at("COMPLETED", Some("2099-01-01T00:00:00Z"), 500);
    let (state, _) = fold(&[pending, done]);
    assert_eq!((state.status(), state.status_time_ms()), (Status::Completed, BEGIN_MS + 500));
}

/// Of events of one kind, each of them with these further fields of its object.
fn told(name: &str, fields: &serde_json::Value, received: i64) -> Told {
    let received_at = DateTime::from_timestamp_millis(BEGIN_MS + received).unwrap();
    let body = json!({"eventType": name, "payload": fields}).to_string();
    let envelope = Envelope::parse(body.as_bytes(), None).unwrap();
    let identity = EventIdentity::of(Endpoint::Netbanx, None, &envelope);
    (Event::interpret(&envelope, received_at).unwrap(), identity, received_at)
}

#[test]
fn a_transaction_tells_what_its_events_told() {
    let fields = json!({"id": "c", "status": "Lost", "statusTime": "2025-01-01T00:00:30Z", "txnTime": "2024-12-31T00:00:00Z",
        "amount": 250, "currencyCode": "EUR", "merchantRefNum": "m-1", "paymentType": "CARD", "accountId": "1002"});
    let (state, _) = fold(&[told("CHARGEBACK_LOST", &fields, 7)]);
    assert_eq!((state.status(), state.raw_status(), state.outcome()), (Status::Completed, "Lost", Some("LOST")));
    assert_eq!((state.amount(), state.currency()), (Some(250), Some("EUR")));
    assert_eq!((state.merchant_ref_num(), state.payment_method()), (Some("m-1"), Some("CARD")));
    assert_eq!((state.account_id(), state.mode()), (Some("1002"), Mode::Live));
    assert_eq!(state.status_time_ms(), BEGIN_MS - 30_000);
    assert!(state.has_transaction_time());
    assert_eq!(state.transaction_time_ms(), BEGIN_MS - 60_000 - 86_400_000);
}

#[test]
fn a_transaction_without_a_time_of_its_own_was_made_at_its_status_time() {
    let (state, _) = fold(&[event("PAYMENT_COMPLETED", "COMPLETED", 2, None, None, 0)]);
    assert!(!state.has_transaction_time());
    assert_eq!(state.transaction_time_ms(), BEGIN_MS - 58_000);
}

#[test]
fn a_reason_is_told_while_the_transaction_stands_failed_or_returned() {
    let failed = event("PAYMENT_FAILED", "FAILED", 1, None, Some("funds"), 0);
    assert_eq!(fold(std::slice::from_ref(&failed)).0.failure_reason(), Some("funds"));
    let done = event("PAYMENT_COMPLETED", "COMPLETED", 2, None, None, 1);
    assert_eq!(fold(&[failed, done]).0.failure_reason(), None);
}

#[test]
fn an_account_is_what_its_latest_event_says_whichever_came_last() {
    let at = |time: &str, status: &str, partner: Option<&str>| json!({"accountNumber": "7", "acctStatus": status, "statusTime": time, "partnerId": partner, "mode": "test"});
    let (submitted, enabled) = (
        told("ACCT_SUBMITTED", &at("2025-01-01T00:00:10Z", "Submitted", Some("p-1")), 9),
        told("ACCT_ENABLED", &at("2025-01-01T00:00:20Z", "Enabled", None), 3),
    );
    for events in [[&submitted, &enabled], [&enabled, &submitted]] {
        let (_, account) = fold(&events.map(Clone::clone));
        assert_eq!((account.status(), account.status_time_ms()), ("ENABLED", BEGIN_MS - 40_000));
        assert_eq!((account.partner_id(), account.mode()), (Some("p-1"), Mode::Test));
        assert_eq!(account.received_ms(), (BEGIN_MS + 3, BEGIN_MS + 9));
    }
}

#[test]
fn what_is_in_no_figures_is_stored_so() {
    let (mut state, _) = fold(&[event("PAYMENT_COMPLETED", "COMPLETED", 2, Some(2), None, 0)]);
    assert!(!state.is_uncounted() && !String::from_utf8(state.to_json().unwrap()).unwrap().contains("uncounted"));
    state.set_uncounted(true);
    let written = state.to_json().unwrap();
    assert_eq!(written, serde_json::to_vec(&state).unwrap());
    assert!(serde_json::from_slice::<TransactionState>(&written).unwrap().is_uncounted());
    state.set_uncounted(false);
    assert!(!state.is_uncounted());
}
