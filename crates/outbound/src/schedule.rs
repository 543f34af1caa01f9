//! When a message is tried again, and when not.

use std::time::Duration;

use chrono::DateTime;

/// Waits after each failed attempt: 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h. After the tenth attempt it is given up.
const WAITS_SECS: [u64; 9] = [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400];
/// By how much of itself a wait may be longer, so that what failed together does not come again together.
const JITTER: f64 = 0.1;
/// The longest wait that an endpoint may ask for.
const LONGEST: Duration = Duration::from_secs(86_400);
/// The shortest.
const SHORTEST: Duration = Duration::from_secs(1);

/// How long to wait after the failed attempt `number` (1 for the first); none: it was the last. `luck` is from 0 to 1; `asked` is what
/// the endpoint asked for.
pub fn wait(number: i64, luck: f64, asked: Option<Duration>) -> Option<Duration> {
    let index = usize::try_from(number - 1).ok()?;
    let own = Duration::from_secs(*WAITS_SECS.get(index)?).mul_f64(1.0 + JITTER * luck.clamp(0.0, 1.0));
    Some(asked.map_or(own, |asked| asked.clamp(SHORTEST, LONGEST)))
}

/// What a `Retry-After` asks for at `now_ms`: seconds, or a date.
pub fn retry_after(value: &str, now_ms: i64) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let at = DateTime::parse_from_rfc2822(value).ok()?.timestamp_millis();
    Some(Duration::from_millis((at - now_ms).max(0).unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_end() {
        let waits: Vec<u64> = (1..).map_while(|number| wait(number, 0.0, None)).map(|wait| wait.as_secs()).collect();
        assert_eq!(waits, WAITS_SECS);
        assert_eq!(wait(10, 0.0, Some(Duration::from_secs(1))), None);
        assert_eq!(wait(2, 1.0, None), Some(Duration::from_secs(330)));
    }

    #[test]
    fn an_endpoint_says_when_within_reason() {
        let day = 86_400;
        for (asked, given) in [(0, 1), (7, 7), (day, day), (u64::MAX / 2000, day)] {
            assert_eq!(wait(1, 0.0, Some(Duration::from_secs(asked))), Some(Duration::from_secs(given)));
        }
        assert_eq!(retry_after(" 120 ", 0), Some(Duration::from_secs(120)));
        assert_eq!(retry_after("Thu, 01 Jan 1970 00:00:10 GMT", 4_000), Some(Duration::from_secs(6)));
        assert_eq!(retry_after("Thu, 01 Jan 1970 00:00:10 GMT", 40_000), Some(Duration::ZERO));
        assert_eq!(retry_after("soon", 0), None);
    }
}
