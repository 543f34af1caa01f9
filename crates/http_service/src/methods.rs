//! Methods: what a resource answers to beside those it has a handler for.

use actix_web::{
    Error, HttpRequest, HttpResponse, Resource, ResponseError,
    body::{BodySize, BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method,
        header::{self, HeaderValue},
    },
    middleware::Next,
    web,
};

use crate::{Problem, ProblemKind, RouteMetrics};

/// A resource under `path` that answers `methods` alone: `OPTIONS`
/// tells them, any other method is 405. Whatever has a handler for `GET` answers `HEAD`, see `head`.
pub fn only(path: &str, methods: &'static str) -> Resource {
    let other = move |request: HttpRequest| async move {
        let mut answer = if request.method() == Method::OPTIONS {
            HttpResponse::NoContent().finish()
        } else {
            Problem::new(ProblemKind::MethodNotAllowed, format!("allowed here: {methods}")).error_response()
        };
        answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static(methods));
        answer
    };
    web::resource(path).app_data(RouteMetrics::of(path)).default_service(web::to(other))
}

/// Middleware around all routes: `HEAD` is answered as `GET` is. The connection leaves the body out: it remembers what was
/// asked. A body of unknown length is not even begun.
pub(crate) async fn head(mut request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse, Error> {
    if request.method() != Method::HEAD {
        return next.call(request).await;
    }
    request.head_mut().method = Method::GET;
    let answer = next.call(request).await?;
    Ok(answer.map_body(|_, body| if body.size() == BodySize::Stream { BoxBody::new(()) } else { body }))
}
