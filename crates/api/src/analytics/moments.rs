//! The moments that a question for figures means: those that it names, and the span of a range.

use chrono::Datelike;
use chrono_tz::Tz;
use common::Grain;
use http_service::Problem;

use super::calendar::{self, Interval};
use crate::http::query::choice::names;

names! {
    /// The ranges that have a name.
    Range { Hour = "hour", Day = "day", Week = "week", Month = "month", Year = "year" }
}

/// A date of `zone`, or a moment on a whole minute.
pub(super) fn moment(name: &'static str, text: &str, zone: Tz) -> Result<i64, Problem> {
    let bad = || {
        let forms = "a date (2026-01-31) or a moment with its offset (2026-01-31T12:00:00Z), on a whole minute";
        Problem::parameter(name, format!("{name} must be {forms}"))
    };
    if let Ok(day) = text.parse::<chrono::NaiveDate>()
        && (0..=9999).contains(&day.year())
    {
        return calendar::midnight(zone, day).ok_or_else(bad);
    }
    // A '+' that was not escaped arrives as a blank.
    let moment = chrono::DateTime::parse_from_rfc3339(&text.replace(' ', "+")).map_err(|_| bad())?.timestamp_millis();
    if moment % Grain::Minute.ms() == 0 { Ok(moment) } else { Err(bad()) }
}

/// The span of `range` in `zone`, up to the end of the interval that goes on.
pub(super) fn of_range(range: Range, zone: Tz, now: i64) -> Result<(i64, i64, Option<Interval>), Problem> {
    let bad = || Problem::parameter("timeZone", "the span cannot be told in that zone");
    let (today, hour) = (calendar::day_of(zone, now).ok_or_else(bad)?, Grain::Hour.bucket(now) + Grain::Hour.ms());
    let tomorrow = today.succ_opt().and_then(|day| calendar::midnight(zone, day)).ok_or_else(bad)?;
    let days_before = |days| tomorrow_less(zone, today, days).ok_or_else(bad);
    Ok(match range {
        Range::Hour => {
            let until = Grain::Minute.bucket(now) + Grain::Minute.ms();
            (until - Grain::Hour.ms(), until, Some(Interval::Hour))
        }
        Range::Day => (hour - 24 * Grain::Hour.ms(), hour, Some(Interval::Hour)),
        Range::Week => (days_before(7)?, tomorrow, Some(Interval::Day)),
        Range::Month => (days_before(30)?, tomorrow, Some(Interval::Day)),
        Range::Year => (calendar::months_before(zone, tomorrow, 12).ok_or_else(bad)?, tomorrow, Some(Interval::Month)),
    })
}

/// The midnight from which on there are so many days to the end of `today`.
fn tomorrow_less(zone: Tz, today: chrono::NaiveDate, days: u64) -> Option<i64> {
    calendar::midnight(zone, today.succ_opt()?.checked_sub_days(chrono::Days::new(days))?)
}
