//! What every HTTP request of every service goes through: its duration is measured, and a trace that it
//! carries goes on.

use std::{sync::Arc, time::Instant};

use actix_web::{
    Error, HttpRequest,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{Method, header::HeaderName},
    middleware::Next,
};
use telemetry::{metrics, trace};
use tracing::{Instrument, Span, field::Empty, info_span};

/// W3C Trace Context.
pub static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The pattern of a resource, as data of it: actix makes the text anew for each request otherwise.
#[derive(Debug, Clone)]
pub struct Route(Arc<str>);

impl Route {
    /// Of the resource with that path.
    pub fn of(path: &str) -> Self {
        Self(path.into())
    }

    fn that_matched(request: &HttpRequest) -> Arc<str> {
        match request.app_data::<Self>() {
            Some(Self(pattern)) => pattern.clone(),
            None => request.match_pattern().map_or_else(|| "unmatched".into(), Arc::from),
        }
    }
}

/// Middleware around all routes.
pub(crate) async fn measure<B: MessageBody>(request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<B>, Error> {
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
    let answer = next.call(request).instrument(span.clone()).await;
    if let Ok(response) = &answer {
        let route = Route::that_matched(response.request());
        let status = response.status().as_u16();
        if !span.is_none() {
            trace::rename(&span, format!("{method} {route}"));
        }
        span.record("http.route", &*route);
        span.record("http.response.status_code", status);
        metrics::http(method, route, status, begun.elapsed());
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
