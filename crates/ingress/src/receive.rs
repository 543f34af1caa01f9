//! One webhook, from request to answer: whom it is for, whether its signature holds, then its events.

use std::{sync::LazyLock, time::Instant};

use actix_web::{
    HttpRequest, HttpResponse, ResponseError,
    http::{
        ConnectionType,
        header::{HeaderMap, HeaderName},
    },
    web,
};
use common::{
    CompanyId, Endpoint, Rejection,
    envelope::EVENT_TYPE_HEADERS,
    intake::{self, Intake, Part},
    normalize,
    signature::{self, Candidates},
};
use futures::{StreamExt, TryStreamExt, stream};
use http_service::{Problem, ProblemKind, TRACEPARENT, timestamp};
use queue::Enqueued;
use serde::Serialize;
use telemetry::metrics;
use uuid::Uuid;

use crate::{
    Ingress,
    body::{Body, IsAtEnd, drain},
    keep::{Addressed, Kept, keep},
    routes::COMPANY,
};

/// The headers that are looked for, as names: a text would be checked and made one at each look.
static SIGNATURE: LazyLock<[HeaderName; 4]> = LazyLock::new(|| signature::HEADERS.map(HeaderName::from_static));
static EVENT_TYPE: LazyLock<[HeaderName; 3]> = LazyLock::new(|| EVENT_TYPE_HEADERS.map(HeaderName::from_static));

/// Events of one array that are enqueued at once.
const AT_ONCE: usize = 64;

/// A refusal, and whether its request was read to the end, so that its connection can go on.
type Refusal = (Problem, IsAtEnd);

pub(crate) async fn webhook(
    ingress: web::Data<Ingress>,
    request: HttpRequest,
    body: web::Payload,
    endpoint: Endpoint,
) -> HttpResponse {
    let begun = Instant::now();
    let slug = request.match_info().get(COMPANY);
    let accepted = accept(&ingress, &request, body, endpoint, slug).await;
    let (outcome, count) = match &accepted {
        Ok(kept) if kept.events.iter().any(|kept| kept.enqueued == Enqueued::Accepted) => ("accepted", "webhook.accepted"),
        Ok(_) => ("duplicate", "webhook.duplicate"),
        Err(_) => ("refused", "webhook.refused"),
    };
    metrics::webhook(outcome);
    ingress.meter.count(count, 1);
    ingress.meter.time("accept", begun.elapsed());
    match accepted {
        Ok(accepted) => answer(&accepted, begun),
        Err((problem, is_at_end)) => refuse(&ingress, &request, endpoint, slug, problem, is_at_end),
    }
}

/// A webhook whose events are all kept.
struct Accepted {
    is_array: bool,
    events: Vec<Kept>,
}

async fn accept(
    ingress: &Ingress,
    request: &HttpRequest,
    body: web::Payload,
    endpoint: Endpoint,
    slug: Option<&str>,
) -> Result<Accepted, Refusal> {
    let company = match addressee(ingress, slug).await {
        Ok(company) => company,
        Err(problem) => return Err((problem, drain(body).await)),
    };
    let body = ingress.bodies.read(request.headers(), body).await?;
    let read = |problem| (problem, IsAtEnd(true));
    if ingress.signature_validation {
        verify(ingress, request.headers(), &body, endpoint, company).await.map_err(read)?;
    }
    let to = Addressed {
        endpoint,
        slug,
        company,
        header_name: event_name(request.headers()),
        traceparent: text(request.headers(), &TRACEPARENT),
        received_ms: clock::now_ms(),
    };
    keep_all(ingress, to, &body).await.map_err(read)
}

/// The event name that a header gives: the first that is one.
fn event_name(headers: &HeaderMap) -> Option<&str> {
    let told = EVENT_TYPE.iter().flat_map(|name| headers.get_all(name)).filter_map(|value| value.to_str().ok());
    let mut told = told.filter(|name| !name.trim().is_empty()).peekable();
    let first = told.peek().copied();
    // Where none is a name, it is told what was wrong with the first.
    told.find(|name| normalize::event_name(name).is_some()).or(first)
}

/// The company that the path names; [`CompanyId::NONE`] where it names none.
async fn addressee(ingress: &Ingress, slug: Option<&str>) -> Result<CompanyId, Problem> {
    let Some(slug) = slug else { return Ok(CompanyId::NONE) };
    let company = ingress.receivers.company(slug).await.map_err(|e| lookup_failed(&e))?;
    company.ok_or_else(|| Problem::new(ProblemKind::UnknownCompany, "the path names a company that does not exist"))
}

async fn verify(
    ingress: &Ingress,
    headers: &HeaderMap,
    body: &Body,
    endpoint: Endpoint,
    company: CompanyId,
) -> Result<(), Problem> {
    let mut is_missing = true;
    let candidates = SIGNATURE.iter().fold(Candidates::default(), |all, name| {
        let values = headers.get_all(name).inspect(|_| is_missing = false);
        all.and(values.filter_map(|value| value.to_str().ok()))
    });
    if is_missing {
        let detail = "the header Signature must carry the HMAC-SHA-256 of the body";
        return Err(Problem::new(ProblemKind::SignatureMissing, detail));
    }
    if candidates.is_empty() {
        let detail = "no header holds a signature: 32 bytes in base64 or hex, optionally after 'sha256='";
        return Err(Problem::new(ProblemKind::SignatureInvalid, detail));
    }
    let keys = ingress.receivers.keys(endpoint, company).await.map_err(|e| lookup_failed(&e))?;
    if keys.active().next().is_none() {
        let detail = "no secret is set for this receiver, so nothing it gets can be verified";
        return Err(Problem::new(ProblemKind::NoSecret, detail));
    }
    let is_genuine = match body.signed_forms() {
        (raw, Some(plain)) => candidates.verifies(keys.active(), &[raw, plain]),
        (raw, None) => candidates.verifies(keys.active(), &[raw]),
    };
    keys.count(is_genuine);
    if is_genuine {
        return Ok(());
    }
    Err(Problem::new(ProblemKind::SignatureInvalid, "the signature is not that of this body under this receiver's key"))
}

/// Keeps each event of `body`, or none for sure: a repetition makes duplicates of those that were kept.
async fn keep_all(ingress: &Ingress, to: Addressed<'_>, body: &Body) -> Result<Accepted, Problem> {
    let Intake { is_array, parts } = match body.plain() {
        Some(plain) => intake::read(plain),
        None => Intake { is_array: false, parts: vec![Part::unreadable(&body.raw, Rejection::NotInflatable)] },
    };
    if let [part] = parts.as_slice() {
        return Ok(Accepted { is_array, events: vec![keep(ingress, to, part).await?] });
    }
    let kept = stream::iter(&parts).map(|part| keep(ingress, to, part)).buffered(AT_ONCE);
    Ok(Accepted { is_array, events: Box::pin(kept.try_collect()).await? })
}

/// What a sender is answered of one event.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EventAnswer {
    webhook_id: String,
    job_id: String,
    duplicate: bool,
    /// Whether it could not be interpreted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    unreadable: bool,
}

impl EventAnswer {
    fn of(kept: &Kept) -> Self {
        let (id, duplicate) = match &kept.enqueued {
            Enqueued::Accepted => (hyphenated(kept.webhook_id), false),
            Enqueued::DuplicateOf(first) => (first.clone(), true),
        };
        Self { webhook_id: id.clone(), job_id: id, duplicate, unreadable: kept.unreadable.is_some() }
    }
}

fn hyphenated(id: Uuid) -> String {
    id.hyphenated().encode_lower(&mut Uuid::encode_buffer()).to_owned()
}

/// What a sender is answered.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    success: bool,
    message: &'a str,
    /// Of the first event.
    #[serde(flatten)]
    first: Option<&'a EventAnswer>,
    /// Of an array, each event's.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a [EventAnswer]>,
    /// Milliseconds.
    processing_time: f64,
    timestamp: String,
}

fn answer(accepted: &Accepted, begun: Instant) -> HttpResponse {
    let processing_time = (begun.elapsed().as_secs_f64() * 1e6).round() / 1e3;
    let events: Vec<EventAnswer> = accepted.events.iter().map(EventAnswer::of).collect();
    let is_new = events.iter().any(|event| !event.duplicate);
    let unreadable = accepted.events.iter().find_map(|kept| kept.unreadable.as_deref());
    let message = match (is_new, unreadable) {
        (false, _) => "Webhook received before".to_owned(),
        (true, None) => "Webhook accepted".to_owned(),
        (true, Some(reason)) => format!("Webhook accepted, but it cannot be interpreted: {reason}"),
    };
    let mut response = if is_new { HttpResponse::Accepted() } else { HttpResponse::Ok() };
    response.json(Answer {
        success: true,
        message: &message,
        first: events.first(),
        data: accepted.is_array.then_some(&events),
        processing_time,
        timestamp: timestamp(),
    })
}

/// Answers a refusal. Where its request was not read to the end its connection ends with it: what still comes must not be
/// taken for another request.
fn refuse(
    ingress: &Ingress,
    request: &HttpRequest,
    endpoint: Endpoint,
    slug: Option<&str>,
    problem: Problem,
    IsAtEnd(is_at_end): IsAtEnd,
) -> HttpResponse {
    let reason = problem.kind().name();
    // Of one that could not be looked up nobody knows whether it exists.
    let is_known = !matches!(problem.kind(), ProblemKind::UnknownCompany | ProblemKind::Unavailable);
    ingress.refusals.count(reason, endpoint, slug.filter(|_| is_known), is_known);
    let address = ingress.addresses.of(request);
    let mut response = ingress.strangers.failed(address, endpoint, slug, problem).error_response();
    if !is_at_end {
        response.head_mut().set_connection_type(ConnectionType::Close);
    }
    response
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

pub(crate) fn lookup_failed(error: &::receivers::Error) -> Problem {
    tracing::warn!(%error, "a receiver could not be looked up");
    Problem::new(ProblemKind::Unavailable, "the receiver could not be looked up; send it again")
}
