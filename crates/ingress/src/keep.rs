//! One event of a verified webhook: understood, masked and enqueued, or kept as unreadable.

use common::{
    CompanyId, Endpoint, Envelope, EventIdentity, Job, Rejection,
    intake::Part,
    job::{SEALED, UNNAMED, UNREADABLE, sealed_for},
    masking,
};
use failpoints::Point;
use http_service::{Problem, ProblemKind};
use queue::{Enqueued, Lane, NewJob};
use smol_str::SmolStr;
use telemetry::{metrics, trace};
use tracing::{Instrument, Span, info_span};
use uuid::Uuid;

use crate::{Ingress, receive::lookup_failed};

/// Whom a webhook was sent to, and what came with it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Addressed<'r> {
    pub endpoint: Endpoint,
    /// The company in the path.
    pub slug: Option<&'r str>,
    /// Its id; [`CompanyId::NONE`] where the path names none.
    pub company: CompanyId,
    /// The event name that a header gave.
    pub header_name: Option<&'r str>,
    /// The sender's trace context.
    pub traceparent: Option<&'r str>,
    pub received_ms: i64,
}

/// What became of one event.
#[derive(Debug)]
pub(crate) struct Kept {
    pub webhook_id: Uuid,
    pub enqueued: Enqueued,
    /// Why it could not be interpreted, if it could not.
    pub unreadable: Option<String>,
}

/// Enqueues what `part` tells.
pub(crate) async fn keep(ingress: &Ingress, to: Addressed<'_>, part: &Part<'_>) -> Result<Kept, Problem> {
    let webhook_id = Uuid::now_v7();
    let envelope = match part.envelope(to.header_name) {
        Ok(envelope) => envelope,
        Err(reason) => return keep_unreadable(ingress, to, part, webhook_id, &reason).await,
    };
    let company_id = match (to.slug, envelope.account_id()) {
        (None, Some(account)) => ingress.receivers.company_of_account(&account).await.map_err(|e| lookup_failed(&e))?,
        _ => to.company,
    };
    let identity = EventIdentity::of(to.endpoint, to.slug, &envelope);
    let flow = company_id.0.as_u64_pair().1;
    let needs_legacy = ingress.producer.needs_legacy_claim(flow);
    let legacy = needs_legacy.then(|| EventIdentity::legacy(to.endpoint, to.slug, &envelope));
    let mode = envelope.mode();
    let new = NewJob {
        id: webhook_id.to_string(),
        claim: identity.as_str().to_owned(),
        lane: if envelope.family.has_priority { Lane::High } else { Lane::Normal },
        flow,
        traceparent: None,
        payload: payload(to, webhook_id, company_id, identity, &envelope, part.bytes().len())?,
    };
    let enqueued = enqueue(ingress, new, legacy.as_ref().map(EventIdentity::as_str), to.traceparent)
        .await
        .map_err(|error| refused(&error))?;
    if matches!(enqueued, Enqueued::DuplicateOf(_)) {
        ingress.duplicates.count(company_id, mode, to.received_ms);
    }
    Ok(Kept { webhook_id, enqueued, unreadable: None })
}

/// The bytes to queue: the body, of `length` as it came, goes in masked, so that no full number reaches
/// Redis' disk.
fn payload(
    to: Addressed<'_>,
    webhook_id: Uuid,
    company_id: CompanyId,
    identity: EventIdentity,
    envelope: &Envelope<'_>,
    length: usize,
) -> Result<Vec<u8>, Problem> {
    let head = head(to, webhook_id, company_id, identity, envelope.name.clone(), None);
    head.encode(length, |out| masking::write_masked(out, envelope)).map_err(|error| not_written(&error))
}

fn head(
    to: Addressed<'_>,
    webhook_id: Uuid,
    company_id: CompanyId,
    identity: EventIdentity,
    event_name: SmolStr,
    unreadable: Option<String>,
) -> Job<()> {
    let (endpoint, slug, received_ms) = (to.endpoint, Some(to.slug.unwrap_or_default().into()), to.received_ms);
    Job { webhook_id, endpoint, company_id, slug, identity, event_name, received_ms, unreadable, body: () }
}

/// Keeps what cannot be interpreted as a dead letter: masked where it is JSON, else encrypted.
async fn keep_unreadable(
    ingress: &Ingress,
    to: Addressed<'_>,
    part: &Part<'_>,
    webhook_id: Uuid,
    reason: &Rejection,
) -> Result<Kept, Problem> {
    let reason = reason.to_string();
    let sealed = || {
        let sealed = ingress.receivers.vault().seal_bytes(&sealed_for(webhook_id), part.bytes());
        sealed.map(|sealed| format!("\"{SEALED}{sealed}\"").into_bytes())
    };
    let body = part.masked().map_or_else(sealed, Ok).map_err(|error| {
        tracing::error!(%error, "an unreadable webhook could not be encrypted");
        Problem::new(ProblemKind::Internal, "the webhook could not be kept")
    })?;
    let identity = part.unreadable_identity(to.endpoint, to.slug);
    let new = NewJob {
        id: webhook_id.to_string(),
        claim: identity.as_str().to_owned(),
        lane: Lane::Normal,
        flow: to.company.0.as_u64_pair().1,
        traceparent: trace::traceparent(&Span::current()).or_else(|| senders(to.traceparent)),
        payload: head(to, webhook_id, to.company, identity, UNNAMED.into(), Some(reason.clone()))
            .encode(body.len(), |out| out.extend_from_slice(&body))
            .map_err(|error| not_written(&error))?,
    };
    let enqueued = ingress.producer.enqueue_dead(new, None, UNREADABLE, &reason).await.map_err(|error| refused(&error))?;
    tracing::warn!(%webhook_id, endpoint = %to.endpoint, "a verified webhook cannot be interpreted; it is kept as a dead letter");
    Ok(Kept { webhook_id, enqueued, unreadable: Some(reason) })
}

fn not_written(error: &serde_json::Error) -> Problem {
    tracing::error!(%error, "a job could not be written");
    Problem::new(ProblemKind::Internal, "the webhook could not be kept")
}

fn refused(error: &queue::Error) -> Problem {
    if !matches!(error, queue::Error::Degraded) {
        tracing::warn!(%error, "a webhook was refused");
    }
    Problem::new(ProblemKind::Unavailable, "the webhook could not be kept; send it again")
}

/// Enqueues `job` with the trace that goes on in it: ours where this request is traced, else its
/// sender's.
async fn enqueue(
    ingress: &Ingress,
    mut job: NewJob,
    legacy: Option<&str>,
    received: Option<&str>,
) -> Result<Enqueued, queue::Error> {
    let lane = job.lane.as_str();
    let span = if Span::current().is_none() {
        Span::none()
    } else {
        let (system, kind) = ("redis", "send");
        info_span!(
            target: trace::TARGET, "publish", otel.kind = "producer", messaging.system = system, messaging.operation.type = kind,
            messaging.destination.name = lane, messaging.message.id = job.id
        )
    };
    job.traceparent = trace::traceparent(&span).or_else(|| senders(received));
    let sent = ingress.producer.enqueue_known_as(job, legacy).instrument(span).await;
    if matches!(sent, Ok(Enqueued::Accepted)) {
        metrics::sent(lane);
        failpoints::reached(Point::WebhookEnqueued);
    }
    sent
}

/// The sender's trace context, if it is one.
fn senders(traceparent: Option<&str>) -> Option<String> {
    traceparent.filter(|text| is_traceparent(text)).map(str::to_owned)
}

/// `00-TRACE-SPAN-FLAGS`, lower-case hex (W3C Trace Context, level 1).
fn is_traceparent(text: &str) -> bool {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    lengths == [2, 32, 16, 2] && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f' | b'-'))
}
