//! The bodies of requests.

use std::time::Duration;

use actix_web::web::{Bytes, Payload};
use http_service::{Problem, ProblemKind};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};

/// Longest body of a request, in bytes.
const BODY_LIMIT: usize = 64 * 1024;
/// Longest time for the whole of it: half of what a request has that asks the database, so that the other half is left for that.
const TIME: Duration = Duration::from_secs(5);

/// The bytes of a request's body.
pub(crate) async fn bytes(body: Payload) -> Result<Bytes, Problem> {
    let late = |_| Problem::new(ProblemKind::BodyTimeout, format!("the body did not come within {} s", TIME.as_secs()));
    tokio::time::timeout(TIME, body.to_bytes_limited(BODY_LIMIT))
        .await
        .map_err(late)?
        .map_err(|_| Problem::new(ProblemKind::TooLarge, "a request's body has 64 KiB at most"))?
        .map_err(|_| Problem::new(ProblemKind::BodyUnreadable, "the body ended early or is badly framed"))
}

/// The JSON of a request's body that changes something: what is absent stays, and null clears what can be empty, those of `clearable`.
pub(crate) async fn changes<T: DeserializeOwned>(body: Payload, clearable: &[&str]) -> Result<T, Problem> {
    let value: serde_json::Value = json(body).await?;
    let cannot = |(name, value): &(&String, &serde_json::Value)| value.is_null() && !clearable.contains(&name.as_str());
    if let Some((name, _)) = value.as_object().and_then(|fields| fields.iter().find(cannot)) {
        return Err(Problem::parameter(name.clone(), "null is no value here: leave the field out to keep what it is"));
    }
    serde_json::from_value(value).map_err(|error| Problem::parameter("body", error.to_string()))
}

/// A field that may be null: absent, it is none.
#[allow(clippy::option_option, reason = "absent, null and a value are three things")]
pub(crate) fn clearable<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// The JSON of a request's body. What does not fit is named, never repeated: it may be a secret.
pub(crate) async fn json<T: DeserializeOwned>(body: Payload) -> Result<T, Problem> {
    let bytes = bytes(body).await?;
    let value: serde_json::Value =
        serde_json::from_slice(&bytes).map_err(|_| Problem::new(ProblemKind::NotJson, "the body must be JSON"))?;
    if !value.is_object() {
        return Err(Problem::new(ProblemKind::NotAnObject, "the body must be a JSON object"));
    }
    if let Some(name) = field_with_nul(&value) {
        return Err(Problem::parameter(name, "a text must not hold the character U+0000"));
    }
    serde_json::from_value(value).map_err(|error| Problem::parameter("body", error.to_string()))
}

/// The name of a field whose text holds NUL, which no database keeps. As deep as bodies of requests go.
fn field_with_nul(value: &serde_json::Value) -> Option<String> {
    fn holds(value: &serde_json::Value) -> bool {
        match value {
            serde_json::Value::String(text) => text.contains('\0'),
            serde_json::Value::Array(items) => items.iter().any(holds),
            serde_json::Value::Object(fields) => fields.iter().any(|(name, value)| name.contains('\0') || holds(value)),
            _ => false,
        }
    }
    let fields = value.as_object()?;
    fields.iter().find(|(name, value)| name.contains('\0') || holds(value)).map(|(name, _)| name.replace('\0', "\u{fffd}"))
}
