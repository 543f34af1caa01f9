//! Ids of messages: UUIDs of version 7, of the time at which the message was made. So a span of time is a range of ids, and a
//! company's messages are found by time in the order of their key.

use uuid::{NoContext, Timestamp, Uuid};

use crate::first_id;

/// A new one, made at `at_ms`, milliseconds since 1970 UTC.
pub fn at(at_ms: i64) -> Uuid {
    let at_ms = u64::try_from(at_ms).unwrap_or_default();
    Uuid::new_v7(Timestamp::from_unix(NoContext, at_ms / 1000, (at_ms % 1000) as u32 * 1_000_000))
}

/// How far an id's time may be from that which its message tells, in milliseconds: versions before 1.0 read the clock twice, and
/// never let ids go back with it.
const OFF_MS: i64 = 86_400_000;

/// An id below those of all messages that were made at `at_ms` or later.
pub fn from(at_ms: i64) -> Uuid {
    first_id(at_ms.saturating_sub(OFF_MS))
}

/// An id above those of all messages that were made before `at_ms`.
pub fn until(at_ms: i64) -> Uuid {
    first_id(at_ms.saturating_add(OFF_MS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_of_time_is_a_range_of_ids() {
        for at_ms in [0, 1, 1_764_460_800_123, 4_102_444_800_000] {
            let id = at(at_ms);
            assert_eq!(id.get_version_num(), 7);
            let is_within = |from_ms: i64, until_ms: i64| from(from_ms) <= id && id < until(until_ms);
            assert!(is_within(at_ms, at_ms + 1) && is_within(i64::MIN, i64::MAX), "{at_ms}");
            assert!(!is_within(at_ms + 2 * OFF_MS, i64::MAX) && !is_within(i64::MIN, at_ms - 2 * OFF_MS), "{at_ms}");
        }
    }
}
