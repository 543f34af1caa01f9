use super::*;

#[test]
fn series_round_trip() {
    for series in [
        Series::Transactions {
            kind: Kind::Chargeback,
            status: Status::Completed,
            currency: "EUR".into(),
            payment_method: SmolStr::default(),
            outcome: "WON".into(),
        },
        Series::failure("no | funds"),
        Series::Webhooks(WebhookOutcome::Processed),
        Series::Webhooks(WebhookOutcome::Failed),
        Series::Webhooks(WebhookOutcome::Duplicate),
    ] {
        assert_eq!(Series::parse(&series.to_string()), Some(series));
    }
    assert_eq!(Series::parse("x|y"), None);
    assert_eq!(Series::failure("no | funds").to_string(), "f|no   funds");
}

#[test]
fn buckets_begin_before_their_times() {
    assert_eq!(Grain::Hour.bucket(3_600_001), 3_600_000);
    assert_eq!(Grain::Day.bucket(-1), -86_400_000);
    assert_eq!(Grain::Minute.bucket(60_000), 60_000);
}

/// A transaction of 250 cents that was made in the second minute of 1970.
fn state(status: Status, reason: Option<&str>) -> TransactionState {
    let at = |value: serde_json::Value| serde_json::json!({"v": value, "at": {"t": 61_000, "s": 1, "i": "00"}});
    let mut state = serde_json::json!({"status": at(serde_json::json!([status, "raw"])), "amount": at(250.into()),
        "currency": at("EUR".into()), "payment_method": at("CARD".into()), "outcome": at("WON".into())});
    if let (Some(reason), Some(fields)) = (reason, state.as_object_mut()) {
        fields.insert("failure_reason".to_owned(), at(reason.into()));
    }
    serde_json::from_value(state).unwrap()
}

/// What is left, as the texts of its series with count and amount.
fn told(deltas: &Deltas) -> Vec<(String, i64, i128)> {
    assert!(deltas.iter().all(|(cell, _)| (cell.minute_ms, cell.mode) == (60_000, Mode::Live)));
    deltas.iter().map(|(cell, sum)| (cell.series.to_string(), sum.count, sum.amount)).collect()
}

#[test]
fn a_change_takes_off_what_was_and_adds_what_is() {
    let (pending, failed) = (state(Status::Pending, None), state(Status::Failed, Some("funds")));
    let mut deltas = Deltas::default();
    deltas.transaction(Kind::Payment, None, &pending);
    assert!(!deltas.is_empty());
    assert_eq!(told(&deltas), [("t|PAYMENT|PENDING|EUR|CARD|".to_owned(), 1, 250)]);
    let mut change = Deltas::default();
    change.transaction(Kind::Payment, Some(&pending), &failed);
    assert_eq!(
        told(&change),
        [
            ("t|PAYMENT|PENDING|EUR|CARD|".to_owned(), -1, -250),
            ("t|PAYMENT|FAILED|EUR|CARD|".to_owned(), 1, 250),
            ("f|funds".to_owned(), 1, 0),
        ]
    );
    deltas.transaction(Kind::Payment, Some(&pending), &failed);
    deltas.transaction_removed(Kind::Payment, &failed);
    assert!(deltas.is_empty(), "{deltas:?}");
}

#[test]
fn a_chargeback_alone_counts_by_its_outcome() {
    let mut deltas = Deltas::default();
    deltas.transaction(Kind::Chargeback, None, &state(Status::Completed, None));
    assert_eq!(told(&deltas), [("t|CHARGEBACK|COMPLETED|EUR|CARD|WON".to_owned(), 1, 250)]);
}

#[test]
fn what_is_in_no_figures_changes_none() {
    let (counted, mut uncounted) = (state(Status::Completed, None), state(Status::Completed, None));
    uncounted.set_uncounted(true);
    let mut deltas = Deltas::default();
    deltas.transaction(Kind::Payment, Some(&uncounted), &uncounted);
    deltas.transaction_removed(Kind::Payment, &uncounted);
    assert!(deltas.is_empty(), "{deltas:?}");
    deltas.transaction(Kind::Payment, Some(&counted), &uncounted);
    assert_eq!(told(&deltas), [("t|PAYMENT|COMPLETED|EUR|CARD|".to_owned(), -1, -250)]);
}

#[test]
fn nothing_is_no_cell() {
    let mut deltas = Deltas::default();
    deltas.webhooks(5, Mode::Live, WebhookOutcome::Processed, 0);
    assert!(deltas.is_empty());
}

#[test]
fn what_is_added_and_taken_off_leaves_nothing() {
    let mut deltas = Deltas::default();
    deltas.webhook(5, Mode::Live, WebhookOutcome::Processed);
    let (cell, sum) = deltas.iter().next().map(|(cell, sum)| (cell.clone(), *sum)).unwrap();
    deltas.add(cell, Sum { count: -sum.count, amount: -sum.amount });
    assert!(deltas.is_empty());
}
