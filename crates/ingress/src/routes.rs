//! Which path leads to which endpoint.

use ::web::{Problem, ProblemKind, Route};
use actix_web::{HttpRequest, HttpResponse, Resource, Responder, web};
use common::Endpoint;

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
        config.service(resource(&format!("{path}/{{{COMPANY}}}"), endpoint));
        config.service(shared(&path, endpoint));
    }
}

/// For the paths under `/api/webhooks/` that no endpoint has; to be added after all others.
pub fn add_unknown(config: &mut web::ServiceConfig) {
    config.route("/api/webhooks/{endpoint}", web::to(unknown)).route("/api/webhooks/{endpoint}/{company}", web::to(unknown));
}

/// Of no company's own: it tells the endpoint's status, too.
fn shared(path: &str, endpoint: Endpoint) -> Resource {
    resource(path, endpoint).route(web::get().to(move |ingress| status::get(ingress, endpoint)))
}

fn resource(path: &str, endpoint: Endpoint) -> Resource {
    web::resource(path)
        .app_data(Route::of(path))
        .route(web::post().to(move |ingress, request, body| receive::webhook(ingress, request, body, endpoint)))
        .default_service(web::to(not_allowed))
}

async fn not_allowed() -> impl Responder {
    Problem::new(ProblemKind::MethodNotAllowed, "POST a webhook here, or GET the endpoint's status")
}

async fn unknown(_: HttpRequest) -> Result<HttpResponse, Problem> {
    Err(Problem::new(ProblemKind::UnknownEndpoint, common::receiver::UnknownEndpoint.to_string()))
}
