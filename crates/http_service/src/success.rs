//! The envelope of a success.

use chrono::{SecondsFormat, Utc};
use serde::Serialize;
use serde_json::{Value, json};

/// `{success: true, data, timestamp}`.
pub fn success(data: impl Serialize) -> Value {
    json!({"success": true, "data": data, "timestamp": timestamp()})
}

/// Now, RFC 3339, UTC, to the millisecond.
pub fn timestamp() -> String {
    Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true)
}
