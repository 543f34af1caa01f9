//! The envelope of a success.

use actix_web::{HttpResponse, HttpResponseBuilder, http::header};
use chrono::SecondsFormat;
use serde::Serialize;
use serde_json::{Value, json};

/// `{success: true, data, timestamp}`.
pub fn success(data: impl Serialize) -> Value {
    json!({"success": true, "data": data, "timestamp": timestamp()})
}

/// The same as an answer that no cache on the way may keep.
pub fn uncached(mut answer: HttpResponseBuilder, data: impl Serialize) -> HttpResponse {
    answer.insert_header((header::CACHE_CONTROL, "no-store")).json(success(data))
}

/// Now, RFC 3339, UTC, to the millisecond.
pub fn timestamp() -> String {
    clock::now().to_rfc3339_opts(SecondsFormat::Millis, true)
}
