//! One attempt to deliver a message.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use clock::now_ms;
use ring::hmac;
use sea_orm::DatabaseConnection;
use store::{
    entity::endpoint,
    outbound::deliveries::{Attempt, Due, Next},
};
use telemetry::{metrics, trace};
use tokio::sync::Semaphore;
use tracing::{Instrument, Span, field::Empty, info_span};
use uuid::Uuid;

use crate::{
    client::{Request, Sender},
    schedule,
    signature::sign,
};

/// The answer of an endpoint that is gone for good.
pub(crate) const GONE: i64 = 410;

/// An endpoint that is this process's until a moment.
#[derive(Debug)]
pub(crate) struct Leased {
    pub row: endpoint::Model,
    pub keys: Vec<hmac::Key>,
    pub until_ms: i64,
}

/// What all lanes share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub db: DatabaseConnection,
    pub sender: Sender,
    /// Requests to all endpoints at once.
    pub places: Semaphore,
    /// Lanes that use the database at once: the rest of its connections is for those who read.
    pub database: Semaphore,
}

/// An attempt, and for how long the endpoint asked to wait.
pub(crate) type Ended = (Attempt, Option<Duration>);

/// The span of an attempt, in the trace of the webhook that made the change; none where that is not traced. Its URL stays out of
/// it: what stands behind the host may be a secret.
fn delivery_span(due: &Due, endpoint: Uuid) -> Span {
    let Some(parent) = trace::sampled(due.traceparent.as_deref()) else { return Span::none() };
    let span = info_span!(
        target: trace::TARGET, parent: None, "deliver", otel.kind = "client", http.request.method = "POST",
        messaging.message.id = %due.message_id, netbanx.endpoint = %endpoint, netbanx.attempt = due.attempts + 1,
        http.response.status_code = Empty, netbanx.outcome = Empty
    );
    trace::follow(&span, parent);
    span
}

/// One attempt to deliver `due`.
pub(crate) async fn attempt(shared: Arc<Shared>, to: Arc<Leased>, due: Due) -> Ended {
    // It is never closed; without a place it is sent all the same.
    let _place = shared.places.acquire().await.ok();
    let (begun, at_ms) = (Instant::now(), now_ms());
    let id = due.message_id.to_string();
    let timestamp = at_ms / 1000;
    let signature = sign(&to.keys, &id, timestamp, &due.payload);
    let span = delivery_span(&due, to.row.id);
    let traceparent = trace::traceparent(&span);
    let request = Request { url: &to.row.url, id: &id, timestamp, signature, body: due.payload, traceparent };
    let answer = shared.sender.send(request, at_ms).instrument(span.clone()).await;
    let number = due.attempts + 1;
    let next = if answer.is_success() {
        Next::Delivered
    } else if answer.status.map(i64::from) == Some(GONE) {
        Next::GivenUp
    } else {
        let wait = schedule::wait(number, rand::random(), answer.retry_after);
        wait.map_or(Next::GivenUp, |wait| Next::Again(now_ms() + wait.as_millis() as i64))
    };
    let outcome = match next {
        Next::Delivered => "delivered",
        Next::Again(_) => "failed",
        Next::GivenUp => "exhausted",
    };
    metrics::delivery(outcome, begun.elapsed());
    span.record("netbanx.outcome", outcome);
    if let Some(status) = answer.status {
        span.record("http.response.status_code", status);
    }
    let attempt = Attempt {
        message_id: due.message_id,
        number,
        due_ms: due.next_at,
        at_ms,
        duration_ms: begun.elapsed().as_millis() as i64,
        status: answer.status.map(i64::from),
        error: answer.error,
        size: answer.size as i64,
        excerpt: answer.excerpt,
        next,
    };
    (attempt, answer.retry_after)
}
