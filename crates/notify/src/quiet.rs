//! Quiet hours: from one minute of the day to another, in a time zone.

use chrono::{DateTime, Timelike};
use chrono_tz::Tz;

/// Whether `now_ms` is between the minutes `from` and `until` of a day in `zone`; over midnight where `until` is before `from`. The
/// same minute twice: never. An unknown zone is never quiet: rather told than not.
pub fn is_quiet(from: i64, until: i64, zone: &str, now_ms: i64) -> bool {
    let Some((zone, now)) = zone.parse::<Tz>().ok().zip(DateTime::from_timestamp_millis(now_ms)) else { return false };
    let local = now.with_timezone(&zone);
    let minute = i64::from(local.hour() * 60 + local.minute());
    if from <= until { (from..until).contains(&minute) } else { minute >= from || minute < until }
}

/// The minute of the day of a text such as `22:00`.
pub fn minute(text: &str) -> Option<i64> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |text: &str| (text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse::<i64>().ok())?;
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
}

/// The text of a minute of the day.
pub fn text(minute: i64) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Milliseconds of a moment.
    fn at(text: &str) -> i64 {
        DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis()
    }

    #[test]
    fn a_night_is_over_midnight_in_its_own_zone() {
        let (from, until) = (minute("22:00").unwrap(), minute("07:00").unwrap());
        let is_quiet = |now: &str| is_quiet(from, until, "Europe/Vienna", at(now));
        // Vienna is an hour ahead of UTC in winter and two in summer.
        assert!(is_quiet("2026-01-10T21:00:00Z") && is_quiet("2026-01-10T05:59:00Z"));
        assert!(!is_quiet("2026-01-10T20:59:00Z") && !is_quiet("2026-01-10T06:00:00Z"));
        assert!(is_quiet("2026-07-10T20:00:00Z") && !is_quiet("2026-07-10T05:00:00Z"));
    }

    #[test]
    fn a_day_may_be_quiet_and_the_same_minute_twice_is_never() {
        assert!(is_quiet(0, 1439, "UTC", at("2026-01-10T12:00:00Z")));
        assert!(!is_quiet(0, 0, "UTC", at("2026-01-10T00:00:00Z")));
        assert!(!is_quiet(0, 1439, "Europe/Nowhere", at("2026-01-10T12:00:00Z")));
        assert_eq!((minute("24:00"), minute("7:00"), minute("+1:00"), minute("07:60")), (None, None, None, None));
        assert_eq!(text(minute("07:05").unwrap()), "07:05");
    }
}
