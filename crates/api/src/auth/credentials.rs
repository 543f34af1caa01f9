//! The credentials that a request carries: an API token, or session cookies.

use actix_web::http::header::{self, HeaderMap};

/// The cookie that carries a session over plain HTTP, while developing.
pub(crate) const COOKIE: &str = "netbanx_session";
/// The same over TLS. By its prefix browsers take it from this very host alone, over TLS, for all paths.
pub(crate) const HOST_COOKIE: &str = "__Host-netbanx_session";
/// Session cookies of one request that are looked at: so many from its beginning, and so many from its end. A browser sends several
/// where old ones of other paths or domains are left, the latest as the last; more are somebody's attempt to make us look up many.
const SESSIONS: usize = 4;
/// Longest value of a cookie that could be ours: the states of five sign-ins that were begun.
const COOKIE_LENGTH: usize = 256;

/// The API token of `Authorization: Bearer TOKEN` or `Api-Key TOKEN`. Other schemes are none of ours: a proxy that signs in by
/// itself leaves its own there.
pub(crate) fn token(headers: &HeaderMap) -> Option<&str> {
    headers.get_all(header::AUTHORIZATION).find_map(|value| {
        let (scheme, token) = value.to_str().ok()?.trim().split_once(' ')?;
        let is_known = ["bearer", "api-key"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
        Some(token.trim()).filter(|token| is_known && !token.is_empty())
    })
}

/// The values of session cookies, each once. Read byte by byte: another cookie may hold anything.
pub(crate) fn sessions(headers: &HeaderMap) -> Vec<&str> {
    cookies(headers, &[HOST_COOKIE, COOKIE])
}

/// The values of cookies of these names that could be ours, the first four and the last four, each once.
pub(crate) fn cookies<'h>(headers: &'h HeaderMap, names: &[&str]) -> Vec<&'h str> {
    let mut values = Vec::new();
    let pairs = headers.get_all(header::COOKIE).flat_map(|value| value.as_bytes().split(|byte| *byte == b';'));
    for pair in pairs {
        let Some((name, value)) = std::str::from_utf8(pair).ok().and_then(|pair| pair.trim().split_once('=')) else { continue };
        let value = value.trim().trim_matches('"');
        let is_ours = value.len() <= COOKIE_LENGTH && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
        if names.contains(&name.trim()) && is_ours && !value.is_empty() && !values.contains(&value) {
            values.push(value);
        }
        if values.len() > 2 * SESSIONS {
            values.remove(SESSIONS);
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn headers(name: &header::HeaderName, values: &[&[u8]]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(name.clone(), HeaderValue::from_bytes(value).unwrap_or(HeaderValue::from_static("")));
        }
        headers
    }

    #[test]
    fn each_session_cookie_is_found_whatever_stands_beside_it() {
        let found = |values: &[&[u8]]| sessions(&headers(&header::COOKIE, values)).join(",");
        assert_eq!(found(&[b"netbanx_session=old; netbanx_session=VALID"]), "old,VALID");
        assert_eq!(found(&[b"x=\xe9; netbanx_session=VALID"]), "VALID");
        assert_eq!(found(&[b"a=b", b"__Host-netbanx_session=one;netbanx_session=\"two\""]), "one,two");
        assert_eq!(found(&[b"netbanx_session=; netbanx_session=a b; netbanx_session=ok; netbanx_session=ok"]), "ok");
        let many: Vec<String> = (1..=11).map(|n| format!("netbanx_session={n}")).collect();
        assert_eq!(found(&[many.join(";").as_bytes()]), "1,2,3,4,8,9,10,11");
    }

    #[test]
    fn a_token_comes_by_two_schemes_and_no_other() {
        let found = |values: &[&[u8]]| token(&headers(&header::AUTHORIZATION, values)).map(str::to_owned);
        assert_eq!(found(&[b"Bearer t"]).as_deref(), Some("t"));
        assert_eq!(found(&[b"api-key  t "]).as_deref(), Some("t"));
        assert_eq!(found(&[b"Basic Zm9vOmJhcg==", b"BEARER t"]).as_deref(), Some("t"));
        assert_eq!(found(&[b"Basic Zm9vOmJhcg=="]), None);
        assert_eq!(found(&[b"Bearer \xe9"]), None);
        assert_eq!(found(&[b"Bearer"]), None);
    }
}
