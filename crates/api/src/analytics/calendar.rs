//! Spans and intervals as people count them: days, weeks, months, quarters and years of a time zone, with days of 23 and 25
//! hours where its clocks change. Pure; times are milliseconds since 1970 UTC.

use crate::http::query::choice::names;
use chrono::{DateTime, Datelike, Days, Duration, Months, NaiveDate, NaiveDateTime, TimeZone, Utc};
use chrono_tz::Tz;

names! {
    /// How wide the points of a series are.
    Interval {
        Hour = "hour",
        Day = "day",
        /// From Monday on, as ISO 8601 has it.
        Week = "week",
        Month = "month",
        Quarter = "quarter",
        Year = "year",
    }
}

impl Interval {
    /// One that makes some dozens of points of such a span.
    pub fn fitting(from_ms: i64, until_ms: i64) -> Self {
        const DAY: i64 = 86_400_000;
        match until_ms - from_ms {
            ..=172_800_000 => Self::Hour,
            span if span <= 92 * DAY => Self::Day,
            span if span <= 366 * DAY => Self::Week,
            _ => Self::Month,
        }
    }
}

/// The first moment of a day in `zone`: where its clocks skip midnight, the moment behind the gap.
pub(crate) fn midnight(zone: Tz, day: NaiveDate) -> Option<i64> {
    local(zone, day.and_hms_opt(0, 0, 0)?)
}

/// The moment of a local time; of two that have it the earlier, and of none the first one behind the gap.
fn local(zone: Tz, time: NaiveDateTime) -> Option<i64> {
    // No clock was ever set forward by more than a day.
    (0..=96).find_map(|quarters| {
        let time = time.checked_add_signed(Duration::minutes(15 * quarters))?;
        zone.from_local_datetime(&time).earliest().map(|moment| moment.timestamp_millis())
    })
}

/// The day that a moment is in.
pub(crate) fn day_of(zone: Tz, ms: i64) -> Option<NaiveDate> {
    Some(DateTime::<Utc>::from_timestamp_millis(ms)?.with_timezone(&zone).date_naive())
}

/// The edges of intervals from `from_ms` to `until_ms`: both, and every beginning of an interval between them. None where there
/// would be more than `most` intervals.
pub(crate) fn edges(zone: Tz, interval: Interval, from_ms: i64, until_ms: i64, most: usize) -> Option<Vec<i64>> {
    let mut edges = vec![from_ms];
    let mut at = from_ms;
    loop {
        at = next(zone, interval, at)?;
        if at >= until_ms {
            edges.push(until_ms);
            return Some(edges);
        }
        edges.push(at);
        if edges.len() > most {
            return None;
        }
    }
}

/// The beginning of the interval behind the one that `ms` is in.
fn next(zone: Tz, interval: Interval, ms: i64) -> Option<i64> {
    if interval == Interval::Hour {
        return next_hour(zone, ms);
    }
    let day = day_of(zone, ms)?;
    let first_of_month = day.with_day(1)?;
    let following = match interval {
        Interval::Hour | Interval::Day => day.succ_opt()?,
        Interval::Week => day.checked_add_days(Days::new(u64::from(7 - day.weekday().num_days_from_monday())))?,
        Interval::Month => first_of_month.checked_add_months(Months::new(1))?,
        Interval::Quarter => first_of_month.checked_add_months(Months::new(3 - day.month0() % 3))?,
        Interval::Year => NaiveDate::from_ymd_opt(day.year() + 1, 1, 1)?,
    };
    midnight(zone, following)
}

/// The next full hour on the clocks of `zone`.
fn next_hour(zone: Tz, ms: i64) -> Option<i64> {
    use chrono::Timelike;
    let time = DateTime::<Utc>::from_timestamp_millis(ms)?.with_timezone(&zone);
    let into = i64::from(time.minute()) * 60_000 + i64::from(time.second()) * 1000 + ms.rem_euclid(1000);
    Some(ms - into + 3_600_000)
}

/// The moment that is `months` before, on the same clock time of `zone`; of a day that its month has not, the last one it has. The first
/// moment of a day becomes that of the other, also where one of them begins behind midnight.
pub(crate) fn months_before(zone: Tz, ms: i64, months: u32) -> Option<i64> {
    let months = Months::new(months);
    let day = day_of(zone, ms)?;
    if midnight(zone, day) == Some(ms) {
        return midnight(zone, day.checked_sub_months(months)?);
    }
    let time = DateTime::<Utc>::from_timestamp_millis(ms)?.with_timezone(&zone).naive_local();
    local(zone, time.checked_sub_months(months)?)
}

/// The same span so many months before; one that would be empty, since both edges fall on the last day of a shorter month, is that day.
pub(crate) fn span_months_before(zone: Tz, from_ms: i64, until_ms: i64, months: u32) -> Option<(i64, i64)> {
    let (from, until) = (months_before(zone, from_ms, months)?, months_before(zone, until_ms, months)?);
    if from < until { Some((from, until)) } else { Some((from, midnight(zone, day_of(zone, from)?.succ_opt()?)?)) }
}

/// The span of the same length before: of whole days as many days, else as many milliseconds.
pub(crate) fn span_before(zone: Tz, from_ms: i64, until_ms: i64) -> Option<(i64, i64)> {
    let (first, behind) = (day_of(zone, from_ms)?, day_of(zone, until_ms)?);
    let is_whole = midnight(zone, first) == Some(from_ms) && midnight(zone, behind) == Some(until_ms);
    let begin = if is_whole {
        let days = u64::try_from((behind - first).num_days()).ok()?;
        midnight(zone, first.checked_sub_days(Days::new(days))?)?
    } else {
        from_ms - (until_ms - from_ms)
    };
    Some((begin, from_ms))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use crate::http::query::choice::Named;

    use super::*;

    fn day(year: i32, month: u32, day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(year, month, day).unwrap()
    }

    #[test]
    fn days_have_23_24_and_25_hours() {
        for (zone, first, minutes) in [
            (chrono_tz::Europe::Vienna, day(2026, 3, 29), 23 * 60),
            (chrono_tz::Europe::Vienna, day(2026, 10, 25), 25 * 60),
            (chrono_tz::Europe::Vienna, day(2026, 11, 25), 24 * 60),
            (chrono_tz::Australia::Lord_Howe, day(2026, 4, 5), 24 * 60 + 30),
            (chrono_tz::Asia::Kolkata, day(2026, 1, 1), 24 * 60),
        ] {
            let (from, until) = (midnight(zone, first).unwrap(), midnight(zone, first.succ_opt().unwrap()).unwrap());
            assert_eq!((until - from) / 60_000, minutes, "{zone} {first}");
        }
        // Clocks go forward at midnight there: the day begins at one o'clock.
        let begin = midnight(chrono_tz::America::Sao_Paulo, day(2018, 11, 4)).unwrap();
        assert_eq!(DateTime::<Utc>::from_timestamp_millis(begin).unwrap().to_rfc3339(), "2018-11-04T03:00:00+00:00");
    }

    #[test]
    fn intervals_begin_where_calendars_have_them() {
        let zone = chrono_tz::America::Toronto;
        let (from, until) = (midnight(zone, day(2026, 2, 11)).unwrap(), midnight(zone, day(2026, 8, 2)).unwrap());
        let begins = |interval| -> Vec<String> {
            let edges = edges(zone, interval, from, until, 1000).unwrap();
            edges.iter().map(|edge| day_of(zone, *edge).unwrap().to_string()).collect()
        };
        assert_eq!(begins(Interval::Week)[..3], ["2026-02-11", "2026-02-16", "2026-02-23"]);
        assert_eq!(begins(Interval::Quarter), ["2026-02-11", "2026-04-01", "2026-07-01", "2026-08-02"]);
        assert_eq!(begins(Interval::Year), ["2026-02-11", "2026-08-02"]);
        assert_eq!(begins(Interval::Month).len(), 8);
        assert_eq!(edges(zone, Interval::Hour, from, until, 1000), None);
    }

    #[test]
    fn every_zone_has_edges_that_rise_and_meet() {
        for zone in chrono_tz::TZ_VARIANTS {
            let (from, until) = (midnight(zone, day(2024, 2, 1)).unwrap(), midnight(zone, day(2025, 2, 1)).unwrap());
            for interval in Interval::ALL.iter().copied() {
                let edges = edges(zone, interval, from, until, 10_000).unwrap();
                assert_eq!((edges[0], *edges.last().unwrap()), (from, until), "{zone}");
                assert!(edges.windows(2).all(|pair| pair[0] < pair[1]), "{zone}");
            }
        }
    }

    #[test]
    fn periods_before_are_as_long_as_calendars_have_them() {
        let zone = chrono_tz::Europe::Vienna;
        let (from, until) = (midnight(zone, day(2026, 3, 30)).unwrap(), midnight(zone, day(2026, 4, 6)).unwrap());
        assert_eq!(span_before(zone, from, until), Some((midnight(zone, day(2026, 3, 23)).unwrap(), from)));
        let leap = midnight(zone, day(2024, 2, 29)).unwrap();
        assert_eq!(day_of(zone, months_before(zone, leap, 12).unwrap()).unwrap(), day(2023, 2, 28));
        assert_eq!(span_before(zone, 10_000, 25_000), Some((-5_000, 10_000)));
    }

    #[test]
    fn days_of_a_year_before_are_whole_days_where_clocks_skip_midnight() {
        for (zone, day) in [
            (chrono_tz::Africa::Cairo, day(2026, 4, 24)),
            (chrono_tz::Africa::Cairo, day(2026, 4, 25)),
            (chrono_tz::America::Havana, day(2026, 3, 8)),
            (chrono_tz::America::Santiago, day(2026, 9, 6)),
            (chrono_tz::Europe::Vienna, day(2024, 2, 28)),
        ] {
            let behind = day.succ_opt().unwrap();
            let (from, until) = (midnight(zone, day).unwrap(), midnight(zone, behind).unwrap());
            let before = day.checked_sub_months(Months::new(12)).unwrap();
            let expected = (midnight(zone, before).unwrap(), midnight(zone, before.succ_opt().unwrap()).unwrap());
            assert_eq!(span_months_before(zone, from, until, 12), Some(expected), "{zone} {day}");
        }
        let zone = chrono_tz::Europe::Vienna;
        let at = |day: NaiveDate| midnight(zone, day).unwrap();
        // A whole February stays one, and so does its last day.
        assert_eq!(
            span_months_before(zone, at(day(2025, 2, 1)), at(day(2025, 3, 1)), 12),
            Some((at(day(2024, 2, 1)), at(day(2024, 3, 1))))
        );
        assert_eq!(
            span_months_before(zone, at(day(2024, 2, 29)), at(day(2024, 3, 1)), 12),
            Some((at(day(2023, 2, 28)), at(day(2023, 3, 1))))
        );
    }
}
