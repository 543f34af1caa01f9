//! Event identity: the same for every redelivery of one event, different for any other event.
//!
//! SHA-256 over receiver, event name and the raw text of event id, resource ids, status, status time, amount and currency:
//! two events that differ in one of them are two. Neither `attemptNumber` nor the signature takes part, since Paysafe
//! changes both with every redelivery (`docs/domain.md`).
//!
//! Versions before 1.0 took the event id alone where there was one, else resource ids, status and time, each cut and
//! cleaned: the legacy identity, by which their stored events are still recognised.

use std::{borrow::Cow, fmt};

use ring::digest;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use smol_str::SmolStr;

use crate::{
    Endpoint, Envelope,
    json::{Json, JsonType},
};

/// First of what is hashed for this version's identity; the legacy one begins with the endpoint.
const VERSION: &str = "2";

/// 64 lower-case hex digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventIdentity(SmolStr);

impl EventIdentity {
    /// The identity of what `envelope` tells, as received at `endpoint`, addressed to `company`
    /// (the slug in the path; none for the endpoint's default receiver).
    pub fn of(endpoint: Endpoint, company: Option<&str>, envelope: &Envelope<'_>) -> Self {
        let mut hash = Fields::for_receiver(Some(VERSION), endpoint, company);
        hash.add(Some(envelope.raw_name()));
        let root = envelope.body().root();
        let (top, own) = (|name| root.and_then(|root| root.get(name)), |name| envelope.resource()?.get(name));
        let (event, resource, own_id) = (raw(envelope.raw_event_id()), raw(top("resourceId")), raw(own("id")));
        let is_named = event.is_some() || resource.is_some() || own_id.is_some();
        hash.add(event.as_deref());
        hash.add(resource.as_deref());
        hash.add(own_id.as_deref());
        hash.add(raw(own("status")).or_else(|| raw(own("acctStatus"))).as_deref());
        hash.add(raw(envelope.raw_status_time()).as_deref());
        hash.add(raw(own("amount")).as_deref());
        hash.add(raw(own("currencyCode")).or_else(|| raw(own("currency"))).as_deref());
        if !is_named {
            // Nothing names the event: only an equal body is the same event.
            hash.add(Some(&canonical(envelope.body().text())));
        }
        // Texts whose lone surrogates were replaced may have become alike.
        if let Some(replaced) = envelope.replaced() {
            hash.add(Some(replaced));
        }
        hash.finish()
    }

    /// The identity of a body that cannot be interpreted: only an equal one is the same, but for the attempt of an object.
    pub fn of_unreadable(endpoint: Endpoint, company: Option<&str>, body: &[u8]) -> Self {
        let mut hash = Fields::for_receiver(Some("unreadable"), endpoint, company);
        let text = std::str::from_utf8(body).ok().map(canonical);
        hash.add_bytes(Some(text.as_ref().map_or(body, String::as_bytes)));
        hash.finish()
    }

    /// What all events share that the sender gave one event id at one receiver; none where the shape has no event id.
    pub fn of_event_id(endpoint: Endpoint, company: Option<&str>, envelope: &Envelope<'_>) -> Option<Self> {
        let id = raw(envelope.raw_event_id())?;
        let mut hash = Fields::for_receiver(Some("event id"), endpoint, company);
        hash.add(Some(&id));
        Some(hash.finish())
    }

    /// The identity that versions before 1.0 gave the same event.
    pub fn legacy(endpoint: Endpoint, company: Option<&str>, envelope: &Envelope<'_>) -> Self {
        let mut hash = Fields::for_receiver(None, endpoint, company);
        hash.add(Some(envelope.raw_name()));
        if let Some(id) = envelope.event_id() {
            hash.add(Some("event"));
            hash.add(Some(&id));
            return hash.finish();
        }
        let (top, own) = (envelope.top("resourceId"), envelope.field("id"));
        if top.is_none() && own.is_none() {
            hash.add(Some("body"));
            hash.add(Some(&canonical(envelope.body().text())));
            return hash.finish();
        }
        hash.add(Some("resource"));
        hash.add(top.as_deref());
        hash.add(own.as_deref());
        hash.add(envelope.field("status").or_else(|| envelope.field("acctStatus")).as_deref());
        hash.add(envelope.status_time().map(|t| t.timestamp_millis().to_string()).as_deref());
        hash.finish()
    }

    /// The identity that is stored as `digits`.
    pub fn stored(digits: &str) -> Self {
        Self(digits.into())
    }

    /// The hex digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EventIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The whole text of a value: what a string says, else as it is written. Nothing for an absent one and for `null`.
fn raw<'t>(value: Option<Json<'_, 't>>) -> Option<Cow<'t, str>> {
    let value = value.filter(|value| value.json_type() != JsonType::Null)?;
    Some(value.string().unwrap_or_else(|| value.written().into()))
}

/// An object without its attempt number, in a form that does not depend on the order of its fields, nor on spaces.
fn canonical(body: &str) -> String {
    // A field may be named like serde_json's mark of a number, which is no tree of its values: then as it is.
    let Ok(Value::Object(mut fields)) = serde_json::from_str(body) else { return body.to_owned() };
    fields.remove("attemptNumber");
    Value::Object(fields).to_string()
}

/// Length-prefixed fields, so that no two lists of fields hash alike.
struct Fields(Vec<u8>);

impl Fields {
    /// `version` is absent for the legacy identity.
    fn for_receiver(version: Option<&str>, endpoint: Endpoint, company: Option<&str>) -> Self {
        let mut fields = Self(Vec::with_capacity(384));
        if version.is_some() {
            fields.add(version);
        }
        fields.add(Some(endpoint.as_str()));
        fields.add(company);
        fields
    }

    fn add(&mut self, field: Option<&str>) {
        self.add_bytes(field.map(str::as_bytes));
    }

    fn add_bytes(&mut self, field: Option<&[u8]>) {
        match field {
            Some(bytes) => {
                self.0.extend_from_slice(&(bytes.len() as u64 + 1).to_be_bytes());
                self.0.extend_from_slice(bytes);
            }
            None => self.0.extend_from_slice(&0_u64.to_be_bytes()),
        }
    }

    fn finish(self) -> EventIdentity {
        let mut digits = [0; 2 * digest::SHA256_OUTPUT_LEN];
        // Neither fails: it is as long as that, and digits are text.
        let _ = hex::encode_to_slice(digest::digest(&digest::SHA256, &self.0), &mut digits);
        EventIdentity(std::str::from_utf8(&digits).unwrap_or_default().into())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(body: &Value) -> EventIdentity {
        let body = body.to_string();
        let envelope = Envelope::parse(body.as_bytes(), None).unwrap();
        EventIdentity::of(Endpoint::Netbanx, None, &envelope)
    }

    /// Bodies, and the identity that a version before 1.0 stored them under.
    const LEGACY: [(&str, &str); 4] = [
        (
            r#"{"id":"e","eventType":"PAYMENT_COMPLETED","eventData":{"id":"p","status":"COMPLETED"}}"#,
            "c4d307ca0bfb8ad3a6105877dc935dbb449727f10bb8c6bd33251dc166d4db86",
        ),
        (
            r#"{"eventType":"payment.completed","resourceId":"r","payload":{"id":"p","status":"COMPLETED","statusTime":"2025-03-24T15:32:05Z"}}"#,
            "293242c85a4fcf2f293ff0757c6f287f2a909bc23557b2e80b203a39db7da07c",
        ),
        (
            r#"{"eventType":"ACCT_ENABLED","resourceId":"1","payload":{"acctStatus":"ENABLED"}}"#,
            "88f20c59de737e7256621daead62402b771e7b46742eaf09d7e59b4c70b69387",
        ),
        (
            r#"{"attemptNumber":"3","b":1,"a":2,"eventType":"NEW"}"#,
            "6bc288bd2aadf79bccb58df15d91fbb6dffe88e7b8d160a48ab75c1160ead3ab",
        ),
    ];

    fn payment(name: &str, status: &str, attempt: &Value) -> Value {
        json!({"eventType": name, "attemptNumber": attempt, "resourceId": "p1",
               "payload": {"id": "p1", "merchantRefNum": "m1", "status": status, "statusTime": "2025-03-24T15:32:05Z"}})
    }

    #[test]
    fn a_redelivery_keeps_its_identity() {
        let first = of(&payment("PAYMENT_COMPLETED", "COMPLETED", &json!("1")));
        assert_eq!(first, of(&payment("PAYMENT_COMPLETED", "COMPLETED", &json!(2))));
        assert_eq!(first, of(&payment("payment.completed", "COMPLETED", &json!(3))));
    }

    #[test]
    fn other_events_of_a_payment_have_their_own() {
        let completed = of(&payment("PAYMENT_COMPLETED", "COMPLETED", &json!("1")));
        assert_ne!(completed, of(&payment("PAYMENT_PROCESSING", "PROCESSING", &json!("1"))));
        assert_ne!(completed, of(&payment("REFUND_COMPLETED", "COMPLETED", &json!("1"))));
    }

    #[test]
    fn receivers_do_not_share_identities() {
        let body = payment("PAYMENT_COMPLETED", "C", &json!(1)).to_string();
        let envelope = Envelope::parse(body.as_bytes(), None).unwrap();
        let here = EventIdentity::of(Endpoint::Netbanx, Some("acme"), &envelope);
        assert_ne!(here, EventIdentity::of(Endpoint::Netbanx, None, &envelope));
        assert_ne!(here, EventIdentity::of(Endpoint::DirectDebit, Some("acme"), &envelope));
    }

    #[test]
    fn two_events_that_differ_in_one_fact_are_two() {
        let first = json!({"id": "e", "eventType": "PAYMENT_COMPLETED", "resourceId": "r", "payload":
            {"id": "p", "status": "COMPLETED", "statusTime": "2025-03-24T15:32:05Z", "amount": 5, "currencyCode": "EUR"}});
        let (long, longer) = ("a".repeat(255) + "1", "a".repeat(255) + "2");
        let values = |values: &[&str]| values.iter().map(|value| json!(value)).chain([json!(0), json!(null)]).collect::<Vec<_>>();
        for (place, others) in [
            ("/id", values(&["e\u{1}", " e", "E", &long, &longer, "x\u{1}y", "xy", ""])),
            ("/resourceId", values(&["r2", "r\u{7f}", &long, &longer])),
            ("/payload/id", values(&["p2", "p\u{0}", &long, &longer])),
            ("/payload/status", values(&["completed", "PENDING"])),
            ("/payload/statusTime", values(&["2025-03-24T15:32:05.000Z", "2025-03-24T15:32:06Z"])),
            ("/payload/amount", vec![json!(6), json!(5.5), json!(null)]),
            ("/payload/currencyCode", values(&["USD"])),
        ] {
            let mut seen = std::collections::HashSet::from([of(&first)]);
            for other in others {
                let mut event = first.clone();
                *event.pointer_mut(place).unwrap() = other;
                assert!(seen.insert(of(&event)), "{event}");
            }
        }
    }

    #[test]
    fn what_else_a_named_event_says_does_not_make_it_another() {
        for name in [json!({"id": "e"}), json!({"resourceId": "r"}), json!({"payload": {"id": "p"}})] {
            let with = |note: u8| {
                let mut body = json!({"eventType": "PAYMENT_COMPLETED", "payload": {"status": "COMPLETED"}, "note": note});
                let (fields, payload) = (body.as_object_mut().unwrap(), name.get("payload").cloned());
                fields.extend(name.as_object().unwrap().clone());
                payload.map(|payload| fields.insert("payload".to_owned(), payload));
                of(&body)
            };
            assert_eq!(with(1), with(2), "{name}");
        }
    }

    #[test]
    fn an_identity_is_its_digits() {
        let digits = of(&json!({"eventType": "NEW"})).to_string();
        assert!(digits.len() == 64 && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')), "{digits}");
        assert_eq!(EventIdentity::stored(&digits).as_str(), digits);
    }

    #[test]
    fn one_event_id_is_found_whatever_else_differs() {
        let key = |body: &Value| {
            let body = body.to_string();
            EventIdentity::of_event_id(Endpoint::Netbanx, None, &Envelope::parse(body.as_bytes(), None).unwrap())
        };
        let event = |id: Value, payment: &str| json!({"id": id, "eventType": "PAYMENT_COMPLETED", "payload": {"id": payment}});
        assert_eq!(key(&event(json!(0), "a")), key(&event(json!("0"), "b")));
        assert_ne!(key(&event(json!(0), "a")), key(&event(json!(1), "a")));
        assert_eq!(key(&event(json!(null), "a")), None);
    }

    /// Read off the database of a version before 1.0.
    #[test]
    fn the_legacy_identity_is_what_it_was() {
        let legacy = |body: &str| {
            EventIdentity::legacy(Endpoint::Netbanx, Some("acme"), &Envelope::parse(body.as_bytes(), None).unwrap()).to_string()
        };
        for (body, identity) in LEGACY {
            assert_eq!(legacy(body), identity, "{body}");
        }
    }

    #[test]
    fn events_without_any_id_differ_by_body() {
        assert_ne!(of(&json!({"eventType": "NEW", "a": 1})), of(&json!({"eventType": "NEW", "a": 2})));
        let of_text = |body: &str| EventIdentity::of(Endpoint::Netbanx, None, &Envelope::parse(body.as_bytes(), None).unwrap());
        let odd = |n: u8| format!(r#"{{"eventType":"NEW","a":{{"$serde_json::private::Number":"x{n}"}}}}"#);
        assert_ne!(of_text(&odd(1)), of_text(&odd(2)));
        assert_eq!(
            of(&json!({"eventType": "NEW", "a": 1, "attemptNumber": 1})),
            of(&json!({"eventType": "NEW", "a": 1, "attemptNumber": "2"}))
        );
    }
}
