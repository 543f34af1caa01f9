//! The job: a verified, masked webhook as it lies in the queue.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use smol_str::SmolStr;
use uuid::Uuid;

use crate::{CompanyId, Endpoint, Envelope, Event, EventIdentity, Rejection};

/// Bytes that what stands before a body takes, or somewhat more.
const HEAD: usize = 384;

/// What is queued, as JSON. New fields must be optional: the version before and after this one
/// read it while a roll-out mixes them.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Job<Body = Box<RawValue>> {
    /// The webhook's id, told to its sender.
    pub webhook_id: Uuid,
    /// Where it was received.
    pub endpoint: Endpoint,
    /// Whose it is.
    pub company_id: CompanyId,
    /// What makes it this event and no other.
    pub identity: EventIdentity,
    /// The event name, canonical.
    pub event_name: SmolStr,
    /// When it was received, in milliseconds since 1970 UTC.
    pub received_ms: i64,
    /// The body, masked. The last field: see [`Job::encode`].
    pub body: Body,
}

/// The bytes are no job, or their body is no webhook. The job can never succeed.
#[derive(Debug, thiserror::Error)]
pub enum BadJob {
    /// Not the JSON of a [`Job`].
    #[error("not a job: {0}")]
    Json(#[from] serde_json::Error),
    /// The body cannot be interpreted.
    #[error("{0}")]
    Body(#[from] Rejection),
    /// The time of receipt is no time.
    #[error("the time of receipt is out of range")]
    Time,
}

/// What serde writes of a [`Job`] that has no body yet, behind all else.
const NO_BODY: &[u8] = b"null}";

impl Job<()> {
    /// The bytes to queue. `write` writes the body, as JSON of about `length` bytes.
    pub fn encode(&self, length: usize, write: impl FnOnce(&mut Vec<u8>)) -> Result<Vec<u8>, serde_json::Error> {
        let mut bytes = Vec::with_capacity(length + HEAD);
        serde_json::to_writer(&mut bytes, self)?;
        debug_assert!(bytes.ends_with(NO_BODY), "the body is the last field");
        bytes.truncate(bytes.len() - NO_BODY.len());
        write(&mut bytes);
        bytes.push(b'}');
        Ok(bytes)
    }
}

impl Job {
    /// The job in `bytes`.
    pub fn decode(bytes: &[u8]) -> Result<Self, BadJob> {
        Ok(serde_json::from_slice(bytes)?)
    }

    /// When it was received.
    pub fn received_at(&self) -> Result<DateTime<Utc>, BadJob> {
        DateTime::from_timestamp_millis(self.received_ms).ok_or(BadJob::Time)
    }

    /// What it means.
    pub fn event(&self) -> Result<Event, BadJob> {
        let envelope = Envelope::of(&self.body, Some(&self.event_name))?;
        Ok(Event::interpret(&envelope, self.received_at()?)?)
    }
}
