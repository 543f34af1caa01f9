//! One webhook, from bytes to answer.

use std::{sync::LazyLock, time::Instant};

use ::web::{Problem, ProblemKind, TRACEPARENT, timestamp};
use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{HeaderMap, HeaderName},
    },
    web,
};
use common::{
    CompanyId, Endpoint, Envelope, Event, EventIdentity, Job, Rejection,
    envelope::EVENT_TYPE_HEADERS,
    masking,
    signature::{self, Candidates},
};
use queue::{Enqueued, Lane, NewJob};
use serde::Serialize;
use telemetry::{metrics, trace};
use tracing::{Instrument, Span, info_span};
use uuid::Uuid;

use crate::{Ingress, body, routes::COMPANY};

/// The headers that are looked for, as names: a text would be checked and made one at each look.
static SIGNATURE: LazyLock<[HeaderName; 4]> = LazyLock::new(|| signature::HEADERS.map(HeaderName::from_static));
static EVENT_TYPE: LazyLock<[HeaderName; 3]> = LazyLock::new(|| EVENT_TYPE_HEADERS.map(HeaderName::from_static));

pub(crate) async fn webhook(
    ingress: web::Data<Ingress>,
    request: HttpRequest,
    body: web::Payload,
    endpoint: Endpoint,
) -> Result<HttpResponse, Problem> {
    let begun = Instant::now();
    let answer = accept(&ingress, &request, body, endpoint, begun).await;
    let (outcome, count) = match &answer {
        Ok(answer) if answer.status() == StatusCode::ACCEPTED => ("accepted", "webhook.accepted"),
        Ok(_) => ("duplicate", "webhook.duplicate"),
        Err(_) => ("refused", "webhook.refused"),
    };
    metrics::webhook(outcome);
    ingress.meter.count(count, 1);
    ingress.meter.time("accept", begun.elapsed());
    answer
}

async fn accept(
    ingress: &Ingress,
    request: &HttpRequest,
    body: web::Payload,
    endpoint: Endpoint,
    begun: Instant,
) -> Result<HttpResponse, Problem> {
    let slug = request.match_info().get(COMPANY);
    let addressed = match slug {
        Some(slug) => ingress
            .receivers
            .company(slug)
            .await
            .map_err(|e| lookup_failed(&e))?
            .ok_or_else(|| Problem::new(ProblemKind::UnknownCompany, "the path names a company that does not exist"))?,
        None => CompanyId::NONE,
    };
    let body = body::read(body).await?;
    if ingress.signature_validation {
        verify(ingress, request.headers(), &body, endpoint, addressed).await?;
    }
    let envelope = envelope(&body, request.headers()).map_err(|e| rejected(&e))?;
    Event::check(&envelope).map_err(|e| rejected(&e))?;
    let received_at = chrono::Utc::now();

    let company_id = match (slug.is_some(), envelope.account_id()) {
        (false, Some(account)) => ingress.receivers.company_of_account(&account).await.map_err(|e| lookup_failed(&e))?,
        _ => addressed,
    };
    let identity = EventIdentity::of(endpoint, slug, &envelope);
    let webhook_id = Uuid::now_v7();
    let (lane, mode) = (lane(&envelope), envelope.mode());
    let received_ms = received_at.timestamp_millis();
    let job = job(webhook_id, endpoint, company_id, slug, &identity, &envelope, received_ms, body.len())?;
    let job = NewJob {
        id: webhook_id.to_string(),
        claim: identity.as_str().to_owned(),
        lane,
        flow: company_id.0.as_u64_pair().1,
        traceparent: None,
        payload: job,
    };
    let sent = enqueue(ingress, job, text(request.headers(), &TRACEPARENT)).await;
    let outcome = sent.map_err(|error| {
        tracing::warn!(%error, "a webhook was refused");
        Problem::new(ProblemKind::Unavailable, "the webhook could not be kept; send it again")
    })?;
    if matches!(outcome, Enqueued::DuplicateOf(_)) {
        ingress.duplicates.count(company_id, mode, received_at.timestamp_millis());
    }
    Ok(answer(&outcome, webhook_id, begun))
}

/// Enqueues `job` with the trace that goes on in it: ours where this request is traced, else its
/// sender's.
async fn enqueue(ingress: &Ingress, mut job: NewJob, received: Option<&str>) -> Result<Enqueued, queue::Error> {
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
    let sender = || received.filter(|text| is_traceparent(text)).map(str::to_owned);
    job.traceparent = trace::traceparent(&span).or_else(sender);
    let sent = ingress.producer.enqueue(job).instrument(span).await;
    if matches!(sent, Ok(Enqueued::Accepted)) {
        metrics::sent(lane);
    }
    sent
}

async fn verify(
    ingress: &Ingress,
    headers: &HeaderMap,
    body: &[u8],
    endpoint: Endpoint,
    company: CompanyId,
) -> Result<(), Problem> {
    let values = SIGNATURE.iter().flat_map(|name| headers.get_all(name));
    let mut is_missing = true;
    let candidates = Candidates::gather(values.inspect(|_| is_missing = false).filter_map(|value| value.to_str().ok()));
    if is_missing {
        let detail = "the header Signature must carry the HMAC-SHA-256 of the body";
        return Err(Problem::new(ProblemKind::SignatureMissing, detail));
    }
    if candidates.is_empty() {
        let detail = "no header holds a signature: 32 bytes in base64 or hex, optionally after 'sha256='";
        return Err(Problem::new(ProblemKind::SignatureInvalid, detail));
    }
    let keys = ingress.receivers.keys(endpoint, company).await.map_err(|e| lookup_failed(&e))?;
    if keys.is_empty() {
        return Err(Problem::new(
            ProblemKind::NoSecret,
            "no secret is set for this receiver, so nothing it gets can be verified",
        ));
    }
    if candidates.verifies(keys.iter(), &[body]) {
        Ok(())
    } else {
        Err(Problem::new(ProblemKind::SignatureInvalid, "the signature is not that of this body under this receiver's key"))
    }
}

/// The headers are looked at where the body does not name the event, which hardly ever happens.
fn envelope<'b>(body: &'b [u8], headers: &HeaderMap) -> Result<Envelope<'b>, Rejection> {
    Envelope::parse(body, None).or_else(|rejection| match rejection {
        Rejection::NoEventName => Envelope::parse(body, EVENT_TYPE.iter().find_map(|name| text(headers, name))),
        other => Err(other),
    })
}

fn lane(envelope: &Envelope<'_>) -> Lane {
    if envelope.family.has_priority { Lane::Payments } else { Lane::Others }
}

/// The bytes to queue: the body, of `length` as it came, goes in masked, so that no full number reaches
/// Redis' disk.
#[allow(clippy::too_many_arguments)]
fn job(
    webhook_id: Uuid,
    endpoint: Endpoint,
    company_id: CompanyId,
    slug: Option<&str>,
    identity: &EventIdentity,
    envelope: &Envelope<'_>,
    received_ms: i64,
    length: usize,
) -> Result<Vec<u8>, Problem> {
    let (identity, event_name, slug) = (identity.clone(), envelope.name.clone(), Some(slug.unwrap_or_default().into()));
    let job = Job { webhook_id, endpoint, company_id, slug, identity, event_name, received_ms, unreadable: None, body: () };
    job.encode(length, |out| masking::write_masked(out, envelope)).map_err(|error| {
        tracing::error!(%error, "a job could not be written");
        Problem::new(ProblemKind::Internal, "the webhook could not be kept")
    })
}

fn answer(outcome: &Enqueued, webhook_id: Uuid, begun: Instant) -> HttpResponse {
    let took = (begun.elapsed().as_secs_f64() * 1e6).round() / 1e3;
    let mut own = Uuid::encode_buffer();
    let (mut response, message, id, duplicate) = match outcome {
        Enqueued::Accepted => {
            (HttpResponse::Accepted(), "Webhook accepted", &*webhook_id.hyphenated().encode_lower(&mut own), false)
        }
        Enqueued::DuplicateOf(first) => (HttpResponse::Ok(), "Webhook received before", first.as_str(), true),
    };
    let (webhook_id, job_id, timestamp) = (id, id, timestamp());
    response.json(Answer { success: true, message, webhook_id, job_id, duplicate, processing_time: took, timestamp })
}

/// What a sender is answered.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    success: bool,
    message: &'static str,
    webhook_id: &'a str,
    job_id: &'a str,
    duplicate: bool,
    /// Milliseconds.
    processing_time: f64,
    timestamp: String,
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// `00-TRACE-SPAN-FLAGS`, lower-case hex (W3C Trace Context, level 1).
fn is_traceparent(text: &str) -> bool {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    lengths == [2, 32, 16, 2] && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f' | b'-'))
}

fn rejected(rejection: &Rejection) -> Problem {
    let kind = match rejection {
        Rejection::NotJson(_) | Rejection::NoCharacter(_) | Rejection::NotInflatable => ProblemKind::NotJson,
        Rejection::TooDeep => ProblemKind::TooDeep,
        Rejection::NotAnObject | Rejection::TooMany => ProblemKind::NotAnObject,
        Rejection::NoEventName => ProblemKind::NoEventName,
        Rejection::BadEventName => ProblemKind::BadEventName,
        Rejection::BadNumber { .. } => ProblemKind::BadNumber,
    };
    Problem::new(kind, rejection.to_string())
}

fn lookup_failed(error: &receivers::Error) -> Problem {
    tracing::warn!(%error, "a receiver could not be looked up");
    Problem::new(ProblemKind::Unavailable, "the receiver could not be looked up; send it again")
}
