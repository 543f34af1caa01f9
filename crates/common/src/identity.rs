//! Event identity: the same for every redelivery of one event, different for any other event.
//!
//! SHA-256 over receiver, event name and event id; where there is no event id, over resource id,
//! raw status and status time instead. Neither `attemptNumber` nor the signature takes part, since
//! Paysafe changes both with every redelivery (`domain.md`).

use std::fmt;

use ring::digest;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use smol_str::SmolStr;

use crate::{Endpoint, Envelope};

/// 64 lower-case hex digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventIdentity(SmolStr);

impl EventIdentity {
    /// The identity of what `envelope` tells, as received at `endpoint`, addressed to `company`
    /// (the slug in the path; none for the endpoint's default receiver).
    pub fn of(endpoint: Endpoint, company: Option<&str>, envelope: &Envelope<'_>) -> Self {
        let mut hash = Fields(Vec::with_capacity(256));
        hash.add(Some(endpoint.as_str()));
        hash.add(company);
        hash.add(Some(&envelope.name));
        if let Some(id) = envelope.event_id() {
            hash.add(Some("event"));
            hash.add(Some(&id));
            return hash.finish();
        }
        let (top, own) = (envelope.top("resourceId"), envelope.field("id"));
        if top.is_none() && own.is_none() {
            // Nothing names the event: only an equal body is the same event.
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
    fn add(&mut self, field: Option<&str>) {
        match field {
            Some(text) => {
                self.0.extend_from_slice(&(text.len() as u64 + 1).to_be_bytes());
                self.0.extend_from_slice(text.as_bytes());
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
