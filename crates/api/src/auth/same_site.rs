//! Requests that another site makes a browser send.

use actix_web::{
    HttpRequest,
    http::{Method, header},
};
use http_service::{Problem, ProblemKind};

/// Refuses what changes something where the browser says that a page of another origin sent it. Programs send neither header.
pub(crate) fn check(request: &HttpRequest) -> Result<(), Problem> {
    let is_safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap_or("?"));
    let is_foreign_site = header("sec-fetch-site").is_some_and(|site| !["same-origin", "none"].contains(&site));
    // Behind a proxy that ends TLS we see plain HTTP: the scheme says nothing, host and port do.
    let host = header(header::HOST.as_str()).unwrap_or_default();
    let is_foreign_origin = header(header::ORIGIN.as_str())
        .is_some_and(|origin| origin.split_once("://").is_none_or(|(_, own)| !own.eq_ignore_ascii_case(host)));
    if !is_safe && (is_foreign_site || is_foreign_origin) {
        return Err(Problem::new(ProblemKind::CrossSite, "a page of another site sent this"));
    }
    Ok(())
}

/// Refuses a body that is not declared as JSON: a form of another site can send it as text, but not as JSON.
pub(crate) fn check_json(request: &HttpRequest) -> Result<(), Problem> {
    let declared = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = declared.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(Problem::new(ProblemKind::UnsupportedMediaType, "send the body as Content-Type: application/json"))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn what_another_site_sends_is_refused() {
        let sent = |name: &'static str, value: &'static str| {
            let request = TestRequest::post().insert_header(("host", "pay.example:8443")).insert_header((name, value));
            check(&request.to_http_request()).is_ok()
        };
        for (name, value, allowed) in [
            ("sec-fetch-site", "cross-site", false),
            ("sec-fetch-site", "same-site", false),
            ("sec-fetch-site", "same-origin", true),
            ("sec-fetch-site", "none", true),
            ("origin", "https://pay.example:8443", true),
            ("origin", "https://pay.example", false),
            ("origin", "https://evil.example", false),
            ("origin", "null", false),
            ("accept", "*/*", true),
        ] {
            assert_eq!(sent(name, value), allowed, "{name}: {value}");
        }
    }

    #[test]
    fn json_is_declared_as_such() {
        for (value, allowed) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("text/plain", false),
            ("application/x-www-form-urlencoded", false),
        ] {
            let request = TestRequest::post().insert_header(("content-type", value)).to_http_request();
            assert_eq!(check_json(&request).is_ok(), allowed, "{value}");
        }
    }
}
