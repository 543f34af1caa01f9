//! What the fuzzers reach that nobody else does.

use actix_web::http::header::{self, HeaderMap, HeaderValue};
use store::reads::TransactionOrder;

use crate::{auth::credentials, http::params, http::params::Params};

/// Reads a query string as each list does.
pub fn query(text: &str) {
    let Ok(params) = Params::read(text) else { return };
    let columns = [("transactionTime", TransactionOrder::default()), ("amount", TransactionOrder::default())];
    let _ = (params.paging_by(&columns).is_ok(), params.paging("receivedAt").is_ok(), params.span().is_ok());
    let _ = (params.currencies().is_ok(), params.mode().is_ok(), params.after_id().is_ok(), params.texts("q").is_ok());
    let _ = (params.amount("amount").is_ok(), params.flag("bom").is_ok(), params.some_of("kind", &["a", "b"]).is_ok());
}

/// Reads a cursor, and writes it again.
///
/// # Panics
///
/// Where it is then another.
#[allow(clippy::expect_used, reason = "to be found by a fuzzer")]
pub fn cursor(text: &str) {
    if let Ok(position) = params::decode(text) {
        assert_eq!(params::decode(&params::encode(position)).expect("our own is read"), position);
    }
}

/// The session cookies and the token of a request whose headers hold `bytes`.
pub fn credentials(bytes: &[u8]) -> (Vec<String>, Option<String>) {
    let mut headers = HeaderMap::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(header::COOKIE, value.clone());
            headers.append(header::AUTHORIZATION, value);
        }
    }
    let cookies = credentials::sessions(&headers).into_iter().map(str::to_owned).collect();
    (cookies, credentials::token(&headers).map(str::to_owned))
}
