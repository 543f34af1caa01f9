//! What every HTTP request of every service goes through: its duration is measured, and a trace that it
//! carries goes on.

use std::{
    cell::{OnceCell, RefCell},
    sync::Arc,
    time::{Duration, Instant},
};

use actix_web::{
    Error, HttpRequest,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{Method, header::HeaderName},
    middleware::Next,
};
use telemetry::{metrics::HttpDuration, trace};
use tracing::{Instrument, Span, field::Empty, info_span};

use crate::quota;

/// W3C Trace Context.
pub static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The pattern of a resource, as data of it: actix makes the text again for each request otherwise. With what its answers
/// took, by method and status.
#[derive(Debug)]
pub struct RouteMetrics {
    pattern: Arc<str>,
    durations: RefCell<Vec<((&'static str, u16), HttpDuration)>>,
}

impl RouteMetrics {
    /// Of the resource with that path.
    pub fn of(path: &str) -> Self {
        Self { pattern: path.into(), durations: RefCell::default() }
    }

    /// Of a resource that has none of its own.
    fn that_matched(request: &HttpRequest) -> Self {
        Self::of(request.match_pattern().as_deref().unwrap_or("unmatched"))
    }

    /// The pattern of its path.
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    fn record(&self, method: &'static str, status: u16, took: Duration) {
        let (mut durations, answer) = (self.durations.borrow_mut(), (method, status));
        if let Some((_, duration)) = durations.iter().find(|(known, _)| *known == answer) {
            return duration.record(took);
        }
        let duration = HttpDuration::of(method, self.pattern.clone(), status);
        duration.record(took);
        durations.push((answer, duration));
    }
}

/// Middleware around all routes.
pub(crate) async fn instrument<B: MessageBody>(request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<B>, Error> {
    let begun = Instant::now();
    let method = known(request.method());
    let parent = request.headers().get(&TRACEPARENT).and_then(|value| value.to_str().ok());
    let span = if trace::is_wanted(parent) {
        let span = info_span!(
            target: trace::TARGET, parent: None, "request", otel.kind = "server", trace_id = Empty,
            http.request.method = method, http.route = Empty, http.response.status_code = Empty
        );
        if let Some(parent) = trace::sampled(parent) {
            trace::follow(&span, parent);
        }
        trace::note_id(&span);
        span
    } else {
        Span::none()
    };
    let mut answer = next.call(request).instrument(span.clone()).await;
    if let Ok(response) = &mut answer {
        quota::add_to(response);
        let (request, status, matched) = (response.request(), response.status().as_u16(), OnceCell::new());
        let route =
            request.app_data::<RouteMetrics>().unwrap_or_else(|| matched.get_or_init(|| RouteMetrics::that_matched(request)));
        if !span.is_none() {
            trace::rename(&span, format!("{method} {}", route.pattern));
        }
        span.record("http.route", &*route.pattern);
        span.record("http.response.status_code", status);
        route.record(method, status, begun.elapsed());
    }
    answer
}

/// Methods by name; any other is `_OTHER`, as the semantic conventions have it.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "_OTHER",
    }
}
