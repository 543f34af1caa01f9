//! The wall clock. Whatever decides by it reads it here; `.clippy.toml` refuses other readings, so that what depends on the date
//! can be found, and moved by a test that puts another clock before the process (`make years`).
//!
//! Durations and time-outs are measured by [`std::time::Instant`], which no change of the wall clock moves.

use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Utc};

/// How far the clocks of two hosts may part, in milliseconds.
pub const APART_MS: i64 = 60_000;

/// The time since 1970 UTC; zero on a clock that is set before it.
fn since_epoch() -> std::time::Duration {
    #[expect(clippy::disallowed_methods, reason = "the one place")]
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// This moment.
pub fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + since_epoch()
}

/// Milliseconds since 1970 UTC.
pub fn now_ms() -> i64 {
    since_epoch().as_millis() as i64
}

/// Seconds since 1970 UTC.
pub fn now_secs() -> u64 {
    since_epoch().as_secs()
}
