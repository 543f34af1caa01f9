//! What the fuzzers reach that nobody else does.

use crate::{
    analytics::AnalyticsQuery,
    auth::credentials,
    http::query::{
        OfCompany, Page,
        page::{After, Cursor},
        parse,
    },
    reads::{accounts::AccountQuery, events::EventQuery, transactions::TransactionQuery},
};
use actix_web::http::header::{self, HeaderMap, HeaderValue};

/// Reads a query string as each list does.
pub fn query(text: &str) {
    let _ = (parse::<TransactionQuery>(text).is_ok(), parse::<AccountQuery>(text).is_ok(), parse::<EventQuery>(text).is_ok());
    let _ = (parse::<AnalyticsQuery>(text).is_ok(), parse::<OfCompany>(text).is_ok(), parse::<After>(text).is_ok());
    let _ = parse::<Page>(text).is_ok_and(|page| page.paging::<crate::http::query::page::ByReceipt>(None).is_ok());
}

/// Reads a cursor, and writes it again.
///
/// # Panics
///
/// Where it is then another.
#[allow(clippy::expect_used, reason = "to be found by a fuzzer")]
pub fn cursor(text: &str) {
    if let Ok(cursor) = text.parse::<Cursor>() {
        assert_eq!(cursor.text().parse::<Cursor>().expect("our own is read"), cursor);
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
