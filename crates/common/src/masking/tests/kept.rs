//! What is kept of a body beside it, and what a masked body is read as.

use chrono::{DateTime, Utc};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    detector::card_in,
    planted::{card, spell, spelled},
};
use crate::{
    Category, Endpoint, Envelope, Event, EventIdentity, Kind, Rejection,
    event::{Change, TransactionFacts},
    masking::write_masked,
};

const CARD: &str = "4111111111111111";

fn envelope(body: &str) -> Envelope<'_> {
    Envelope::parse(body.as_bytes(), None).unwrap()
}

fn event(body: &str) -> Event {
    Event::interpret(&envelope(body), DateTime::<Utc>::UNIX_EPOCH).unwrap()
}

fn masked(body: &str) -> String {
    let mut out = Vec::new();
    write_masked(&mut out, &envelope(body));
    String::from_utf8(out).unwrap()
}

fn facts(event: &Event) -> &TransactionFacts {
    let Change::Transaction(facts) = &event.change else { unreachable!("a transaction") };
    facts
}

#[test]
fn the_name_of_an_event_is_masked_and_its_identity_is_of_what_came() {
    let body = |name: &str| json!({"eventType": name, "payload": {"id": "p"}}).to_string();
    let identity = |body: &str| EventIdentity::of(Endpoint::Netbanx, None, &envelope(body));
    let (one, other) = (body(&format!("payment.{CARD}")), body("payment.4222222222221111"));
    for name in ["payment.4111111111111111", "PAYMENT_4111-1111 1111.1111", "PAYMENT_4111_1111_1111_1111"] {
        let body = body(name);
        assert_eq!(envelope(&body).name, "PAYMENT_***1111", "{name}");
        assert_eq!(envelope(&body).family.category, Category::Transaction(Kind::Payment));
        let masked = masked(&body);
        assert_eq!(envelope(&masked).name, "PAYMENT_***1111", "{masked}");
        assert_eq!(event(&masked), event(&body));
    }
    assert_ne!(identity(&one), identity(&other));
    assert_eq!(identity(&one), identity(&body("PAYMENT_4111111111111111")));
    let named = Envelope::parse(b"{}", Some("PAYMENT_4111111111111111")).unwrap();
    assert_eq!(named.name, "PAYMENT_***1111");
    for (told, name) in [("PAY*MENT", "PAY_MENT"), ("PAYMENT_***<", "PAYMENT_***_")] {
        assert_eq!(Envelope::parse(b"{}", Some(told)).unwrap().name, name, "{told}");
    }
    assert_eq!(Envelope::parse(b"{}", Some("****")).unwrap_err(), Rejection::BadEventName);
}

#[test]
fn a_reason_for_a_refusal_tells_no_number() {
    for body in [
        format!(r#"{{"eventType":"X","{CARD}":1e999}}"#),
        r#"{"eventType":"X","4111":{"1111":{"1111":{"1111":1e999}}}}"#.to_owned(),
        format!(r#"{{"eventType":"X","{}{CARD}":1e999}}"#, "x".repeat(55)),
    ] {
        let Err(Rejection::BadNumber { field, .. }) = Envelope::parse(body.as_bytes(), None) else { unreachable!("{body}") };
        assert!(field.ends_with("***1111") && !field.contains("4111"), "{field}");
    }
}

#[test]
fn what_becomes_a_column_is_masked_but_for_own_ids() {
    let told = format!("no\u{1} 4111\u{1}1111 {}", &CARD[8..]);
    let payment = json!({"eventType": "PAYMENT_FAILED", "payload": {"id": CARD, "accountId": CARD, "status": told, "paymentType": told,
        "merchantRefNum": told, "amount": 300, "error": {"message": told}, "statusTime": "1970-01-01T00:00:00Z"}});
    let payment = event(&payment.to_string());
    let columns = facts(&payment);
    assert_eq!((payment.merchant_ref_num.as_deref(), columns.raw_status.as_str()), (Some("no ***1111"), "no ***1111"));
    assert_eq!((columns.payment_method.as_deref(), columns.amount), (Some("NO_***1111"), Some(300)));
    assert_eq!((payment.resource_id.as_deref(), payment.account_id.as_deref()), (Some(CARD), Some(CARD)));
    let reason = json!({"eventType": "PAYMENT_FAILED", "payload": {"id": "p", "status": "FAILED", "error": {"message": told}}});
    assert_eq!(facts(&event(&reason.to_string())).failure_reason.as_deref(), Some("no ***1111"));
    let account =
        json!({"eventType": "ACCT_ENABLED", "payload": {"accountNumber": "1", "acctStatus": told, "creditCardId": CARD}});
    let Change::Account(account) = event(&account.to_string()).change else { unreachable!("an account") };
    assert_eq!((account.status.as_str(), account.payment_methods[0].1.as_str()), ("NO_***1111", "***1111"));
}

#[test]
fn a_masked_body_tells_what_the_body_told() {
    for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/payloads")).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|ext| ext == "json") {
            let body = std::fs::read_to_string(path).unwrap();
            assert_eq!(event(&masked(&body)), event(&body));
        }
    }
}

#[test]
fn an_amount_that_is_a_card_number_does_not_make_a_body_unreadable() {
    for amount in [json!(4_111_111_111_111_111_u64), json!(CARD)] {
        let body = json!({"eventType": "PAYMENT_COMPLETED", "payload": {"id": "p", "amount": amount, "status": "COMPLETED"}});
        assert_eq!(facts(&event(&masked(&body.to_string()))).amount, None);
    }
}

proptest! {
    #[test]
    fn no_column_has_a_number_whether_the_body_was_masked_or_not(
        card in card(), spelling in prop::collection::vec(spelled(), 19), before in "[w-z ]{0,4}",
    ) {
        let planted = format!("{before}{}", spell(&card, &spelling));
        let body = json!({"eventType": "PAYMENT_FAILED", "payload": {"id": "p", "status": "FAILED", "paymentType": planted,
            "merchantRefNum": planted, "reason": planted, "statusTime": "1970-01-01T00:00:00Z"}}).to_string();
        for event in [event(&body), event(&masked(&body))] {
            let columns = facts(&event);
            for column in [&event.merchant_ref_num, &columns.payment_method, &columns.failure_reason] {
                prop_assert_eq!(card_in(&Value::from(column.as_deref().unwrap())), None, "{:?}", event);
            }
        }
    }
}
