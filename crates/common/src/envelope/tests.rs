use super::*;

fn rejected(body: &[u8]) -> Rejection {
    Envelope::parse(body, None).unwrap_err()
}

#[test]
fn bad_bodies_have_each_their_reason() {
    assert!(matches!(rejected(b"{"), Rejection::NotJson(_)));
    assert!(matches!(rejected(b"\xff{}"), Rejection::NotJson(_)));
    assert_eq!(rejected(b"[1]"), Rejection::NotAnObject);
    assert_eq!(rejected(b"{}"), Rejection::NoEventName);
    assert_eq!(rejected(br#"{"eventType":"<->"}"#), Rejection::BadEventName);
    for hidden in [r#""no JSON""#, "[]", r#"[{"id":"p"}]"#, "7", "true"] {
        let body = format!(r#"{{"eventType":"PAYMENT_COMPLETED","payload":{hidden}}}"#);
        assert_eq!(rejected(body.as_bytes()), Rejection::NoObject, "{body}");
        assert!(Envelope::parse(body.replace("PAYMENT", "PAYMENT_HANDLE").as_bytes(), None).is_ok(), "{body}");
        let named = body.replace("\"eventType\"", "\"resourceId\":\"r\",\"eventType\"");
        assert!(Envelope::parse(named.as_bytes(), None).is_ok(), "{named}");
    }
    let deep = format!("{{\"eventType\":\"X\",\"a\":{}{}}}", "[".repeat(200), "]".repeat(200));
    assert_eq!(rejected(deep.as_bytes()), Rejection::TooDeep);
    assert_eq!(
        rejected(br#"{"eventType":"X","payload":{"n":[1e999]}}"#),
        Rejection::BadNumber { field: "payload.n[]".into(), reason: "is out of range" }
    );
}

#[test]
fn a_header_names_the_event_where_the_body_does_not() {
    assert_eq!(Envelope::parse(b"{}", Some("payment.completed")).unwrap().name, "PAYMENT_COMPLETED");
}

#[test]
fn two_ids_never_become_one() {
    let id = |id: &str| {
        let body = serde_json::json!({"eventType": "X", "payload": {"id": id}}).to_string();
        Envelope::parse(body.as_bytes(), None).unwrap().resource_id().map(Cow::into_owned)
    };
    let long = |end: &str| id(&("a".repeat(255) + end)).unwrap();
    assert_ne!(long("1"), long("2"));
    assert!(long("1").chars().count() <= 255);
    assert_ne!(id("x\u{1}y"), id("xy"));
    assert_eq!(id(" p "), id("p"));
    assert_eq!((id("é").as_deref(), id("\u{1}")), (Some("é"), None));
    for (body, told) in [
        (r#"{"eventType":"PAYMENT_COMPLETED","resourceId":"r","payload":{"id":0}}"#, "r"),
        (r#"{"eventType":"PAYMENT_COMPLETED","resourceId":"r","payload":{"id":"0"}}"#, "r"),
        (r#"{"eventType":"PAYMENT_COMPLETED","payload":{"id":0}}"#, "0"),
        (r#"{"eventType":"PAYMENT_COMPLETED","resourceId":"r","payload":{"id":"p"}}"#, "p"),
    ] {
        assert_eq!(Envelope::parse(body.as_bytes(), None).unwrap().resource_id().unwrap(), told, "{body}");
    }
}

#[test]
fn times() {
    for text in ["2024-11-24T07:00:00.000Z", "2024-11-24T07:00:00", "2024-11-24T08:00:00+0100", "2024-11-24T08:00:00+01:00"] {
        assert_eq!(time(text).unwrap().timestamp(), 1_732_431_600, "{text}");
    }
    for bad in ["", "yesterday", "99999-01-01T00:00:00Z", "1900-01-01T00:00:00Z"] {
        assert_eq!(time(bad), None, "{bad}");
    }
}

#[test]
fn modes_are_known_by_their_names() {
    for mode in Mode::ALL {
        assert_eq!(Mode::parse(mode.as_str()), Some(mode));
    }
    assert_eq!(Mode::parse("LIVE"), None);
}

#[test]
fn an_id_that_is_too_long_keeps_its_beginning() {
    let body = serde_json::json!({"eventType": "X", "payload": {"id": "a".repeat(300)}}).to_string();
    let id = Envelope::parse(body.as_bytes(), None).unwrap().resource_id().unwrap().into_owned();
    assert_eq!((id.len(), id.find('~')), (255, Some(222)));
}

#[test]
fn a_number_is_refused_only_where_no_reader_could_hold_it() {
    let zeros = |count: usize| format!("1{}", "0".repeat(count));
    for (number, is_held) in [
        ("7".to_owned(), true),
        ("1e2".to_owned(), true),
        (zeros(305), true),
        (zeros(400), false),
        ("1e999".to_owned(), false),
        ("-1e999".to_owned(), false),
    ] {
        let body = format!(r#"{{"eventType":"X","n":{number}}}"#);
        assert_eq!(Envelope::parse(body.as_bytes(), None).is_ok(), is_held, "{number}");
    }
}

#[test]
fn the_legacy_account_form_names_the_account_within_it() {
    let body = br#"{"id":"e","eventType":"ACCT_ENABLED","resourceId":"r","account":{"id":"7","status":"ENABLED"}}"#;
    let envelope = Envelope::parse(body, None).unwrap();
    assert_eq!((envelope.shape, envelope.account_id().as_deref()), (Shape::Account, Some("7")));
}

#[test]
fn a_status_time_is_told_as_it_was_written_and_masked_where_it_is_none() {
    for (payload, told) in [
        (r#"{"statusTime":"2025-03-24T15:32:05Z","updatedTime":"2025-03-25T00:00:00Z"}"#, Some("2025-03-24T15:32:05Z")),
        (r#"{"statusTime":"soon","updatedTime":"2025-03-25T00:00:00Z"}"#, Some("2025-03-25T00:00:00Z")),
        (r#"{"statusTime":"4111 1111 1111 1111"}"#, Some("***1111")),
        (r#"{"statusTime":null}"#, None),
    ] {
        let body = format!(r#"{{"eventType":"PAYMENT_COMPLETED","payload":{payload}}}"#);
        let envelope = Envelope::parse(body.as_bytes(), None).unwrap();
        assert_eq!(envelope.status_time_text().as_deref(), told, "{body}");
    }
}
