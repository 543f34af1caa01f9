//! `/docs`: the contract as a page to read and to try, from this binary alone: Swagger UI, which its crate carries.

use actix_web::{
    HttpResponse,
    dev::HttpServiceFactory,
    http::header::{self, HeaderValue},
    middleware::from_fn,
    web,
};
use http_service::only;
use utoipa_swagger_ui::{Config, SwaggerUi};

/// As for the dashboard, but that Swagger UI sets styles by attributes.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page and what it loads.
pub(crate) fn pages() -> impl HttpServiceFactory {
    // Without its bar for other documents, and without its validator, which is another host.
    let config = Config::new(["/api/openapi.json"]).use_base_layout().validator_url("none").filter(true);
    let page = SwaggerUi::new("/{_:.*}").config(config);
    web::scope("/docs").service(page).wrap(from_fn(|request, next: actix_web::middleware::Next<_>| async move {
        let mut response = next.call(request).await?;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        Ok::<_, actix_web::Error>(response)
    }))
}

/// `/docs` itself: what the page loads is named from below it.
pub(crate) fn entrance() -> impl HttpServiceFactory {
    let lead = || async { HttpResponse::PermanentRedirect().insert_header((header::LOCATION, "/docs/")).finish() };
    only("/docs", "GET, HEAD, OPTIONS").route(web::get().to(lead))
}
