//! The job: a verified, masked webhook as it is in the queue.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use smol_str::SmolStr;
use uuid::Uuid;

use crate::{CompanyId, Endpoint, Envelope, Event, EventIdentity, Rejection};

/// Bytes that what stands before a body takes, or somewhat more.
const HEAD: usize = 384;

/// First characters of a body that could not be masked and so is encrypted.
pub const SEALED: &str = "sealed:";

/// The event name of what could not be interpreted and names no event.
pub const UNNAMED: &str = "UNREADABLE";

/// The kind of dead letters that hold what could not be interpreted.
pub const UNREADABLE: &str = "unreadable";

/// What the encrypted body of that webhook is bound to.
pub fn sealed_for(webhook_id: Uuid) -> String {
    format!("{UNREADABLE}:{webhook_id}")
}

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
    /// The company in the path it was sent to, by its slug; empty where the path named none. Absent in jobs of versions
    /// before 1.0, whose identity is the legacy one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slug: Option<SmolStr>,
    /// What makes it this event and no other.
    pub identity: EventIdentity,
    /// The event name, canonical.
    pub event_name: SmolStr,
    /// When it was received, in milliseconds since 1970 UTC.
    pub received_ms: i64,
    /// Why it could not be interpreted when it was received; absent where it could. Its body is then masked JSON or, where
    /// it could not be masked, [`SEALED`] and the encrypted body as a JSON string.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<String>,
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

    /// What it tells.
    pub fn envelope(&self) -> Result<Envelope<'_>, Rejection> {
        Envelope::of(&self.body, Some(&self.event_name).filter(|name| *name != UNNAMED).map(SmolStr::as_str))
    }

    /// What it means.
    pub fn event(&self) -> Result<Event, BadJob> {
        Ok(Event::interpret(&self.envelope()?, self.received_at()?)?)
    }

    /// The company in the path it was sent to, if the path named one and the job tells.
    pub fn path_company(&self) -> Option<&str> {
        self.slug.as_deref().filter(|slug| !slug.is_empty())
    }

    /// The encrypted body, in base64, of one that could not be masked.
    pub fn sealed(&self) -> Option<String> {
        let text: String = serde_json::from_str(self.body.get()).ok().filter(|_| self.unreadable.is_some())?;
        Some(text.strip_prefix(SEALED)?.to_owned())
    }
}

/// The claims of the job in `bytes`: its identity and, where it can be told, the legacy one.
pub fn claims(bytes: &[u8]) -> [Option<String>; 2] {
    let Ok(job) = Job::decode(bytes) else { return [None, None] };
    let legacy = job.slug.is_some().then(|| job.envelope().ok()).flatten();
    let legacy = legacy.map(|envelope| EventIdentity::legacy(job.endpoint, job.path_company(), &envelope).to_string());
    [Some(job.identity.to_string()), legacy]
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn job(unreadable: Option<&str>, event_name: &str, body: &str) -> Job {
        let head: Job<()> = Job {
            webhook_id: Uuid::nil(),
            endpoint: Endpoint::Netbanx,
            company_id: CompanyId::NONE,
            slug: Some("acme".into()),
            identity: EventIdentity::stored("00"),
            event_name: event_name.into(),
            received_ms: 17,
            unreadable: unreadable.map(str::to_owned),
            body: (),
        };
        Job::decode(&head.encode(body.len(), |out| out.extend_from_slice(body.as_bytes())).unwrap()).unwrap()
    }

    #[test]
    fn a_job_of_a_version_before_has_no_slug() {
        let old = r#"{"webhookId":"00000000-0000-0000-0000-000000000000","endpoint":"netbanx","companyId":"00000000-0000-0000-0000-000000000000","identity":"00","eventName":"X","receivedMs":1,"body":{}}"#;
        assert_eq!(Job::decode(old.as_bytes()).unwrap().slug, None);
        assert_eq!(job(None, "X", "{}").path_company(), Some("acme"));
    }

    #[test]
    fn what_was_unreadable_is_no_event_for_its_place_holder() {
        assert!(job(Some("no name"), UNNAMED, "{}").event().is_err());
        assert!(job(Some("no name"), "X", "{}").event().is_ok());
    }

    #[test]
    fn a_sealed_body_is_bound_to_its_webhook() {
        // What is stored can only be opened under this name.
        assert_eq!(sealed_for(Uuid::nil()), "unreadable:00000000-0000-0000-0000-000000000000");
    }

    #[test]
    fn a_sealed_body_is_told_from_a_text() {
        assert_eq!(job(Some("not JSON"), UNNAMED, r#""sealed:AAAA""#).sealed().as_deref(), Some("AAAA"));
        assert_eq!(job(Some("no object"), UNNAMED, r#""hello""#).sealed(), None);
        assert_eq!(job(None, "X", r#""sealed:AAAA""#).sealed(), None);
    }
}
