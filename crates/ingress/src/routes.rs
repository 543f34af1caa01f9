//! Which path leads to which endpoint.

use actix_web::{
    HttpRequest, HttpResponse, Resource, ResponseError,
    http::{
        Method,
        header::{self, HeaderValue},
    },
    web,
};
use common::Endpoint;
use http_service::{Problem, ProblemKind, RouteMetrics};

use crate::{Ingress, receive, status};

/// Other paths of the `netbanx` endpoint, kept for portals that were set up long ago.
const ALIASES: [&str; 3] = ["/webhooks/netbanx", "/netbanx", "/webhook"];

/// The part of a path that names a company.
pub(crate) const COMPANY: &str = "company";

/// Adds the receiver's routes.
pub fn add(config: &mut web::ServiceConfig, ingress: Ingress) {
    config.app_data(web::Data::new(ingress));
    for alias in ALIASES {
        config.service(shared(alias, Endpoint::Netbanx));
    }
    for endpoint in Endpoint::ALL {
        let path = format!("/api/webhooks/{endpoint}");
        config.service(resource(&format!("{path}/{{{COMPANY}}}"), endpoint, "OPTIONS, POST"));
        config.service(shared(&path, endpoint));
    }
}

/// For the paths under `/api/webhooks/` that no endpoint has; to be added after all others.
pub fn add_unknown(config: &mut web::ServiceConfig) {
    for path in ["/api/webhooks/{endpoint}", "/api/webhooks/{endpoint}/{company}"] {
        config.service(web::resource(slashed(path)).default_service(web::to(unknown)));
    }
}

/// A path and the same with a slash at its end, which means no other.
fn slashed(path: &str) -> [String; 2] {
    [path.to_owned(), format!("{path}/")]
}

/// Of no company's own: it tells the endpoint's status, too.
fn shared(path: &str, endpoint: Endpoint) -> Resource {
    resource(path, endpoint, "GET, HEAD, OPTIONS, POST").route(web::get().to(move |ingress| status::get(ingress, endpoint)))
}

fn resource(path: &str, endpoint: Endpoint, methods: &'static str) -> Resource {
    web::resource(slashed(path))
        .app_data(RouteMetrics::of(path))
        .route(web::post().to(move |ingress, request, body| receive::webhook(ingress, request, body, endpoint)))
        .route(
            web::method(Method::OPTIONS)
                .to(move || async move { HttpResponse::NoContent().insert_header((header::ALLOW, methods)).finish() }),
        )
        .default_service(web::to(move || async move { not_allowed(methods) }))
}

fn not_allowed(methods: &'static str) -> HttpResponse {
    let problem = Problem::new(ProblemKind::MethodNotAllowed, "POST a webhook here, or GET the endpoint's status");
    let mut response = problem.error_response();
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(methods));
    response
}

async fn unknown(_: HttpRequest) -> Result<HttpResponse, Problem> {
    Err(Problem::new(ProblemKind::UnknownEndpoint, common::receiver::UnknownEndpoint.to_string()))
}
