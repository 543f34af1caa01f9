//! What a message says: JSON of our own, whose `version` changes when a field loses its meaning or goes. `data` is the row as the
//! API shows it.

use serde::Serialize;
use uuid::Uuid;

use crate::{Error, shown};

/// The version of all bodies.
const VERSION: u8 = 1;

/// A body.
#[derive(Debug, Serialize)]
struct Body<'b, T> {
    r#type: &'b str,
    version: u8,
    timestamp: Option<String>,
    data: T,
}

/// The body of a message of that type, made at `at_ms`.
pub fn body(event_type: &str, at_ms: i64, data: impl Serialize) -> Result<String, Error> {
    let body = Body { r#type: event_type, version: VERSION, timestamp: shown::time(at_ms), data };
    serde_json::to_string(&body).map_err(|error| Error::Refused(error.to_string()))
}

/// A webhook that became a dead letter.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeadWebhook<'w> {
    pub webhook_id: Uuid,
    pub mode: &'w str,
}

/// What a test says.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Test {
    pub endpoint_id: Uuid,
}
