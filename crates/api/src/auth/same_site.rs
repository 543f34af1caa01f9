//! Requests that another site makes a browser send.

use actix_web::{
    HttpRequest,
    http::{Method, header},
};
use http_service::{Problem, ProblemKind};

/// Refuses what changes something where the browser says that a page of another origin sent it. Programs send neither header.
pub(crate) fn check(request: &HttpRequest) -> Result<(), Problem> {
    let is_safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if is_safe || !is_foreign(request) {
        return Ok(());
    }
    Err(Problem::new(ProblemKind::CrossSite, "a page of another site sent this"))
}

fn is_foreign(request: &HttpRequest) -> bool {
    let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap_or("?"));
    // The browser compares its page's origin with the address that it asks, which a proxy in front of us may have changed.
    if let Some(site) = header("sec-fetch-site") {
        return !["same-origin", "none"].contains(&site);
    }
    let Some(origin) = header(header::ORIGIN.as_str()) else { return false };
    // Where TLS ends before us the scheme says nothing; host and port do.
    let own = [header("x-forwarded-host"), header(header::HOST.as_str())];
    let Some((_, asked_from)) = origin.split_once("://") else { return true };
    !own.into_iter().flatten().any(|host| host.eq_ignore_ascii_case(asked_from))
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
