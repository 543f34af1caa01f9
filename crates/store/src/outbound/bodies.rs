//! What a message says: JSON of our own, whose `version` changes when a field loses its meaning or goes. `data` is the row as the
//! API shows it.

use serde::Serialize;
use uuid::Uuid;

use crate::{Error, entity::reconciliation, shown};

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

/// A comparison with Netbanx's reports that found differences.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Differing<'r> {
    pub reconciliation_id: Uuid,
    pub mode: &'r str,
    /// The span of time that the reports tell of, RFC 3339.
    pub from: Option<String>,
    pub until: Option<String>,
    pub matched: i64,
    /// What is open of each finding: what somebody said is to be left alone does not count.
    pub missing_here: i64,
    pub missing_there: i64,
    pub differing: i64,
    pub malformed: i64,
}

impl<'r> Differing<'r> {
    pub fn of(run: &'r reconciliation::Model) -> Self {
        Self {
            reconciliation_id: run.id,
            mode: &run.mode,
            from: run.from_time.and_then(shown::time),
            until: run.until_time.and_then(shown::time),
            matched: run.matched,
            missing_here: run.missing_here,
            missing_there: run.missing_there,
            differing: run.differing,
            malformed: run.malformed,
        }
    }
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
