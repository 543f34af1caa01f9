#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::*;
use crate::event::Change;

const EVENT: &str = r#"{"eventType":"PAYMENT_COMPLETED","payload":{"id":"p","status":"COMPLETED","amount":5}}"#;

/// The ids of the transactions that `body` tells of; of what is unreadable, why.
fn transactions(body: &[u8]) -> Vec<Result<String, Rejection>> {
    let read = |part: &Part<'_>| {
        let event = Event::interpret(&part.envelope(None)?, clock::now())?;
        let Change::Transaction(facts) = event.change else { return Ok(String::new()) };
        Ok(facts.external_id.to_string())
    };
    read_all(body).parts.iter().map(read).collect()
}

fn read_all(body: &[u8]) -> Intake<'_> {
    super::read(body)
}

fn one(body: &str) -> Result<String, Rejection> {
    transactions(body.as_bytes()).pop().unwrap()
}

#[test]
fn every_encoding_of_a_text_says_the_same() {
    let utf16 = |mark: [u8; 2], write: fn(u16) -> [u8; 2]| {
        mark.into_iter().chain(EVENT.encode_utf16().flat_map(write)).collect::<Vec<u8>>()
    };
    for body in [
        EVENT.as_bytes().to_vec(),
        [b"\xEF\xBB\xBF", EVENT.as_bytes()].concat(),
        [b"\xEF\xBB\xBF\r\n ", EVENT.as_bytes(), b"\n"].concat(),
        utf16([0xFF, 0xFE], u16::to_le_bytes),
        utf16([0xFE, 0xFF], u16::to_be_bytes),
        serde_json::to_vec(EVENT).unwrap(),
        serde_json::to_vec(&serde_json::to_string(EVENT).unwrap()).unwrap(),
    ] {
        assert_eq!(transactions(&body), [Ok("p".to_owned())]);
    }
}

#[test]
fn what_says_nothing_hides_nothing() {
    let object = r#"{"id":"p","status":"COMPLETED"}"#;
    for first in ["{}", "null", r#""""#, "[]"] {
        let body = format!(r#"{{"eventType":"PAYMENT_COMPLETED","payload":{first},"eventData":{object}}}"#);
        assert_eq!(one(&body), Ok("p".to_owned()), "{body}");
        let text = serde_json::to_string(object).unwrap();
        let body = format!(r#"{{"eventType":"PAYMENT_COMPLETED","payload":{first},"eventData":{text}}}"#);
        assert_eq!(one(&body), Ok("p".to_owned()), "{body}");
    }
    for mark in ["", " ", "\u{feff}", "\u{feff}\r\n "] {
        let text = serde_json::to_string(&format!("{mark}{object}")).unwrap();
        assert_eq!(one(&format!(r#"{{"eventType":"PAYMENT_COMPLETED","payload":{text}}}"#)), Ok("p".to_owned()), "{text}");
    }
}

#[test]
fn a_redelivery_of_what_cannot_be_interpreted_is_one() {
    let identity = |body: &str| {
        let read = read_all(body.as_bytes());
        read.parts[0].unreadable_identity(Endpoint::Netbanx, Some("acme"))
    };
    let body = |attempt: &str, amount: &str| {
        format!(r#"{{"eventType":"PAYMENT_COMPLETED","attemptNumber":{attempt},"payload":{{"id":"p","amount":"{amount}"}}}}"#)
    };
    assert_eq!(identity(&body("1", "1,2")), identity(&body("\"2\"", "1,2")));
    assert_ne!(identity(&body("1", "1,2")), identity(&body("1", "1,3")));
    assert_ne!(identity("hello"), identity("hello "));
    // Halves of surrogate pairs become alike, and what has them does not.
    assert_ne!(identity(&body("1", r"\ud800")), identity(&body("1", r"\ud801")));
}

#[test]
fn an_array_is_its_events() {
    let two = format!("\u{feff}[{EVENT}, {}]", EVENT.replace("\"p\"", "\"q\""));
    assert_eq!(transactions(two.as_bytes()), [Ok("p".to_owned()), Ok("q".to_owned())]);
    assert!(read_all(two.as_bytes()).is_array && !read_all(EVENT.as_bytes()).is_array);
    let mixed = transactions(format!("[{EVENT},7,[{EVENT}],{{}}]").as_bytes());
    assert!(mixed[0].is_ok() && mixed[1..].iter().all(Result::is_err), "{mixed:?}");
    assert_eq!(transactions(b"[]"), [Err(Rejection::NotAnObject)]);
    let many = |count: usize| format!("[{}]", vec![EVENT; count].join(","));
    assert_eq!(transactions(many(MAX_EVENTS).as_bytes()).len(), MAX_EVENTS);
    assert_eq!(transactions(many(MAX_EVENTS + 1).as_bytes()), [Err(Rejection::TooMany)]);
}

#[test]
fn json_within_a_string_is_taken_out_of_it() {
    let payload = r#"{"id":"p","status":"COMPLETED","amount":5}"#;
    let text = serde_json::to_string(payload).unwrap();
    let twice = serde_json::to_string(&text).unwrap();
    for (field, payload) in [("payload", &text), ("payload", &twice), ("eventData", &text)] {
        assert_eq!(one(&format!(r#"{{"eventType":"PAYMENT_COMPLETED","{field}":{payload},"z":1}}"#)), Ok("p".to_owned()));
    }
    let both = format!(r#"{{"eventType":"PAYMENT_COMPLETED","account":{{"id":"a"}},"payload":{text}}}"#);
    assert_eq!(one(&both), Ok("p".to_owned()));
    // What is no object in a string stays a string.
    for payload in ["\"hello\"", "\"{\"", "\"[1]\"", "7"] {
        let body = format!(r#"{{"eventType":"PAYMENT_COMPLETED","id":"x","payload":{payload}}}"#);
        assert_eq!(one(&body), Ok("x".to_owned()), "{payload}");
    }
}

#[test]
fn half_of_a_surrogate_pair_becomes_the_replacement_character() {
    let reference = |escape: &str| {
        let body = EVENT.replace("\"id\"", &format!("\"merchantRefNum\":\"{escape}\",\"id\""));
        let intake = read_all(body.as_bytes());
        let envelope = intake.parts[0].envelope(None).unwrap();
        (envelope.field("merchantRefNum").unwrap().into_owned(), EventIdentity::of(Endpoint::Netbanx, None, &envelope))
    };
    for (escape, read) in [
        ("\\ud800", "\u{fffd}"),
        ("a\\uDC00b", "a\u{fffd}b"),
        ("\\n\\ud800a\\uDC00b", "\u{fffd}a\u{fffd}b"),
        ("\\ud83d\\ude00", "\u{1f600}"),
        ("\\ud800\\ud83d\\ude00", "\u{fffd}\u{1f600}"),
        ("\\\\ud800", "\\ud800"),
    ] {
        assert_eq!(reference(escape).0, read, "{escape}");
    }
    assert_ne!(reference("\\ud800").1, reference("\\ud801").1);
    let payload = serde_json::to_string(r#"{"id":"p","merchantRefNum":"\udc00"}"#).unwrap();
    assert_eq!(one(&format!(r#"{{"eventType":"PAYMENT_COMPLETED","payload":{payload}}}"#)), Ok("p".to_owned()));
}

#[test]
fn what_cannot_be_interpreted_says_why_and_is_masked_where_it_is_json() {
    let card = "4111111111111111";
    for (body, is_masked) in [
        (format!("hello {card}"), false),
        (format!("{{\"card\":\"{card}\""), false),
        (format!("{{\"card\":\"{card}\"}}"), true),
        (format!(r#"{{"payload":"{{\"cvv\":\"987\",\"card\":\"{card}\"}}"}}"#), true),
        (
            format!(r#"{{"eventType":"PAYMENT_COMPLETED","payload":{{"id":"p","amount":1e999,"cvv":"987","card":"{card}"}}}}"#),
            true,
        ),
        (format!(r#"[1,"{card}","\ud800"]"#), true),
        (format!("\"{card}\""), true),
    ] {
        let intake = read_all(body.as_bytes());
        assert!(intake.parts.iter().all(|part| part.envelope(None).is_err()), "{body}");
        for masked in intake.parts.iter().map(Part::masked) {
            assert_eq!(masked.is_some(), is_masked, "{body}");
            let masked = String::from_utf8(masked.unwrap_or_default()).unwrap();
            assert!(!masked.contains(card) && !masked.contains("987"), "{masked}");
            assert!(!is_masked || serde_json::from_str::<serde_json::Value>(&masked).is_ok(), "{masked}");
        }
    }
    assert!(transactions(b"\xff{}")[0].is_err());
    let part = |body: &'static [u8]| read_all(body).parts.remove(0).unreadable_identity(Endpoint::Netbanx, None);
    assert_ne!(part(b"hello"), part(b"hello "));
}

#[test]
fn what_cannot_be_interpreted_is_kept_as_it_came() {
    for body in ["hello", "{\"a\": 1 }", "[]"] {
        assert_eq!(read_all(body.as_bytes()).parts[0].bytes(), body.as_bytes());
    }
    assert_eq!(Part::unreadable(b"\x1f\x8b", Rejection::NotAnObject).bytes(), b"\x1f\x8b");
}

#[test]
fn a_header_names_an_event_in_any_form() {
    let body = serde_json::to_string(r#"{"payload":{"id":"p"}}"#).unwrap();
    assert_eq!(read_all(body.as_bytes()).parts[0].envelope(Some("payment.completed")).unwrap().name, "PAYMENT_COMPLETED");
}
