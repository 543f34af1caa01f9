//! `/`: the dashboard, built by Vite from `dashboard/` and embedded here.

use std::{collections::HashMap, sync::LazyLock};

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, EntityTag},
    web,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::digest;

use http_service::only;

use crate::{Api, http::cached};

/// A built file, as it is and compressed.
struct File {
    /// Below `dashboard/dist`.
    name: &'static str,
    plain: &'static [u8],
    gzip: &'static [u8],
}

include!(concat!(env!("OUT_DIR"), "/dashboard.rs"));

/// What each file is known by, computed once.
static TAGS: LazyLock<HashMap<&str, String>> = LazyLock::new(|| {
    FILES.iter().map(|file| (file.name, URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, file.plain)))).collect()
});

/// What stands there while the dashboard is not built.
const NOT_BUILT: &str = include_str!("dashboard.html");

/// Scripts, styles and connections are our own alone; nothing is inline; nobody frames it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
    manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

/// Adds the page and what it loads.
pub(crate) fn add(config: &mut web::ServiceConfig) {
    let methods = "GET, HEAD, OPTIONS";
    config.service(only("/", methods).route(web::get().to(|request: HttpRequest| async move { page(&request) })));
    for file in FILES.iter().filter(|file| file.name != "index.html") {
        let handler = web::get().to(move |request: HttpRequest| async move { answer(&request, file) });
        config.service(only(&format!("/{}", file.name), methods).route(handler));
    }
}

fn page(request: &HttpRequest) -> HttpResponse {
    match FILES.iter().find(|file| file.name == "index.html") {
        Some(file) => answer(request, file),
        None => HttpResponse::Ok()
            .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .content_type("text/html; charset=utf-8")
            .body(NOT_BUILT),
    }
}

fn answer(request: &HttpRequest, file: &'static File) -> HttpResponse {
    let is_zipped = cached::accepts_gzip(request);
    let (bytes, suffix) = if is_zipped { (file.gzip, "-gzip") } else { (file.plain, "") };
    let tag = TAGS.get(file.name).map(String::as_str).unwrap_or_default();
    let tag = EntityTag::new_strong(format!("{tag}{suffix}"));
    // Names of assets carry a digest of what they hold; the page is asked for again each time.
    let lifetime = if file.name.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let is_known = cached::is_known(request, &tag);
    let mut response = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response
        .insert_header((header::ETAG, tag.to_string()))
        .insert_header((header::CACHE_CONTROL, lifetime))
        .insert_header((header::VARY, "Accept-Encoding"))
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header(("cross-origin-opener-policy", "same-origin"))
        .insert_header(("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=()"));
    if is_encrypted(request) {
        response.insert_header((header::STRICT_TRANSPORT_SECURITY, "max-age=31536000"));
    }
    if is_known {
        return response.finish();
    }
    if is_zipped {
        response.insert_header((header::CONTENT_ENCODING, "gzip"));
    }
    response.content_type(content_type(file.name)).body(bytes)
}

/// Whether the browser came by TLS: by what the proxy in front says, or because production is reached no other way.
fn is_encrypted(request: &HttpRequest) -> bool {
    request.connection_info().scheme() == "https" || request.app_data::<web::Data<Api>>().is_some_and(|api| api.secure_cookies)
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("webmanifest") => "application/manifest+json",
        _ => "application/octet-stream",
    }
}
