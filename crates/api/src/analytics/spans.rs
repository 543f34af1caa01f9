//! Figures of any span, by intervals of a time zone, compared and grouped.

use chrono_tz::Tz;
use common::{Grain, Mode, Series};
use http_service::Problem;
use store::{
    horizon::Horizons,
    now_ms,
    reads::Scope,
    rollups::{self, Point},
    row_sums::{self, Column, Span},
};

use super::{
    Analytics, TimeRange,
    asked::{Asked, Comparison, Group},
    calendar::{self, Interval},
};
use crate::{Api, http::params::Params, query_failed, reads::views::time};

/// Days of the longest span.
const MOST_DAYS: i64 = 3 * 366;
/// Points of a series at most.
const MOST_POINTS: usize = 2_000;
/// Groups that are told.
const MOST_GROUPS: usize = 100;
/// Parameters that ask for more than one of the four plain ranges.
const OWN: [&str; 6] = ["from", "to", "interval", "timeZone", "compare", "groupBy"];
/// What figures may be grouped by.
pub(crate) const GROUPS: [&str; 6] = ["currency", "paymentMethod", "kind", "status", "account", "failureReason"];
/// What a span may be compared with: the span before, or the same a year ago.
pub(crate) const COMPARED: [&str; 2] = ["previous", "year"];

/// A span as it is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    zone: Tz,
    interval: Interval,
    edges: Vec<i64>,
    compare: Option<&'static str>,
    group_by: Option<&'static str>,
    mode: Mode,
}

impl Question {
    /// What `params` ask for, if that is more than one of the four ranges.
    pub fn read(params: &Params, mode: Mode) -> Result<Option<Self>, Problem> {
        let is_year = params.text("timeRange")?.is_some_and(|range| range.eq_ignore_ascii_case("year"));
        let is_own = OWN.iter().map(|name| params.text(name)).collect::<Result<Vec<_>, _>>()?.iter().any(Option::is_some);
        if !is_own && !is_year {
            return Ok(None);
        }
        let zone = zone(params)?;
        let now = now_ms();
        let (from, until, usual) = match (params.text("from")?, params.text("to")?) {
            (None, None) => of_range(params, zone, now)?,
            (Some(from), to) => {
                let from = moment("from", &from, zone)?;
                let until = to.map_or(Ok(Grain::Minute.bucket(now) + Grain::Minute.ms()), |to| moment("to", &to, zone))?;
                (from, until, None)
            }
            (None, Some(_)) => return Err(Problem::parameter("from", "to needs from")),
        };
        if from >= until {
            return Err(Problem::parameter("to", "to must be after from"));
        }
        if until - from > MOST_DAYS * Grain::Day.ms() {
            return Err(Problem::parameter("from", "a span has three years at most"));
        }
        let asked = params.one_of("interval", &Interval::ALL.map(Interval::as_str))?.and_then(Interval::parse);
        let interval = asked.or(usual).unwrap_or_else(|| Interval::fitting(from, until));
        let edges = calendar::edges(zone, interval, from, until, MOST_POINTS).ok_or_else(|| {
            Problem::parameter("interval", format!("there would be more than {MOST_POINTS} points; ask for a wider interval"))
        })?;
        let compare = params.one_of("compare", &COMPARED)?;
        Ok(Some(Self { zone, interval, edges, compare, group_by: params.one_of("groupBy", &GROUPS)?, mode }))
    }

    /// What tells its answer from others of its scope.
    pub fn key(&self) -> String {
        let Self { zone, interval, edges, compare, group_by, mode } = self;
        let (from, until) = self.span();
        format!("{zone} {} {from} {until} {} {compare:?} {group_by:?} {}", interval.as_str(), edges.len(), mode.as_str())
    }

    fn span(&self) -> (i64, i64) {
        (self.edges.first().copied().unwrap_or(0), self.edges.last().copied().unwrap_or(0))
    }

    /// The figures, as of now.
    pub async fn answer(self, api: Api, scope: Scope) -> Result<Analytics, Problem> {
        let reader = Reader { api: &api, scope, mode: self.mode, horizons: horizons(&api).await? };
        let (from, until) = self.span();
        let (points, mut is_approximate) = reader.read(&self.edges).await?;
        let mut previous = None;
        let comparison = match self.compare {
            Some(with) => {
                let edges = self.compared(with).ok_or_else(|| Problem::parameter("compare", "there is no such span"))?;
                let (points, approximate) = reader.read(&edges).await?;
                is_approximate |= approximate;
                let comparison = Comparison::of(with, &points, &edges);
                // The span before is told anyway: what is exact is not read twice.
                previous = Some(points).filter(|_| with == "previous" && !approximate);
                Some(comparison)
            }
            None => None,
        };
        let previous = match previous {
            Some(points) => points,
            None => reader.read(&calendar::span_before(self.zone, from, until).map_or([from; 2], <[i64; 2]>::from)).await?.0,
        };
        let groups = match self.group_by {
            Some("account") => Some(reader.by_column(Column::Account, from, until).await?),
            Some("failureReason") => Some(reader.by_column(Column::FailureReason, from, until).await?),
            Some(by) => Some(Group::all(points.iter().filter_map(|point| Some((group_of(point, by)?, point))), MOST_GROUPS)),
            None => None,
        };
        let asked = Asked {
            to: time(until),
            interval: Some(self.interval.as_str()),
            time_zone: Some(self.zone.name()),
            is_approximate,
            comparison,
            group_by: self.group_by,
            groups,
        };
        Ok(Analytics::between(&points, &previous, self.mode, &self.edges, asked))
    }

    /// The edges of the span to compare with.
    fn compared(&self, with: &str) -> Option<Vec<i64>> {
        let (from, until) = self.span();
        let (from, until) = match with {
            "year" => (calendar::months_before(self.zone, from, 12)?, calendar::months_before(self.zone, until, 12)?),
            _ => calendar::span_before(self.zone, from, until)?,
        };
        calendar::edges(self.zone, self.interval, from, until, MOST_POINTS + 1)
    }
}

fn zone(params: &Params) -> Result<Tz, Problem> {
    let Some(name) = params.text("timeZone")? else { return Ok(Tz::UTC) };
    let found = chrono_tz::TZ_VARIANTS.into_iter().find(|zone| zone.name().eq_ignore_ascii_case(&name));
    found.ok_or_else(|| Problem::parameter("timeZone", "timeZone must be a name of IANA's database, such as America/Toronto"))
}

/// A date of `zone`, or a moment on a whole minute.
fn moment(name: &'static str, text: &str, zone: Tz) -> Result<i64, Problem> {
    let bad = || {
        let forms = "a date (2026-01-31) or a moment with its offset (2026-01-31T12:00:00Z), on a whole minute";
        Problem::parameter(name, format!("{name} must be {forms}"))
    };
    if let Ok(day) = text.parse::<chrono::NaiveDate>() {
        return calendar::midnight(zone, day).ok_or_else(bad);
    }
    // A '+' that was not escaped arrives as a blank.
    let moment = chrono::DateTime::parse_from_rfc3339(&text.replace(' ', "+")).map_err(|_| bad())?.timestamp_millis();
    if moment % Grain::Minute.ms() == 0 { Ok(moment) } else { Err(bad()) }
}

/// The span of `timeRange` in `zone`, up to the end of the interval that goes on.
fn of_range(params: &Params, zone: Tz, now: i64) -> Result<(i64, i64, Option<Interval>), Problem> {
    let name = params.one_of("timeRange", &["hour", "day", "week", "month", "year"])?.unwrap_or("day");
    let bad = || Problem::parameter("timeZone", "the span cannot be told in that zone");
    let (today, hour) = (calendar::day_of(zone, now).ok_or_else(bad)?, Grain::Hour.bucket(now) + Grain::Hour.ms());
    let tomorrow = today.succ_opt().and_then(|day| calendar::midnight(zone, day)).ok_or_else(bad)?;
    let days_before = |days| tomorrow_less(zone, today, days).ok_or_else(bad);
    Ok(match name {
        "hour" => {
            let until = Grain::Minute.bucket(now) + Grain::Minute.ms();
            (until - Grain::Hour.ms(), until, Some(Interval::Hour))
        }
        "day" => (hour - 24 * Grain::Hour.ms(), hour, Some(Interval::Hour)),
        "week" => (days_before(7)?, tomorrow, Some(Interval::Day)),
        "month" => (days_before(30)?, tomorrow, Some(Interval::Day)),
        _ => (calendar::months_before(zone, tomorrow, 12).ok_or_else(bad)?, tomorrow, Some(Interval::Month)),
    })
}

/// The midnight from which on there are so many days to the end of `today`.
fn tomorrow_less(zone: Tz, today: chrono::NaiveDate, days: u64) -> Option<i64> {
    calendar::midnight(zone, today.succ_opt()?.checked_sub_days(chrono::Days::new(days))?)
}

/// What of a point the figures are grouped by.
fn group_of(point: &Point, by: &str) -> Option<String> {
    let Series::Transactions { kind, status, currency, payment_method, .. } = &point.series else { return None };
    Some(match by {
        "currency" => currency.to_string(),
        "paymentMethod" => payment_method.to_string(),
        "kind" => kind.as_str().to_owned(),
        _ => status.as_str().to_owned(),
    })
}

async fn horizons(api: &Api) -> Result<Horizons, Problem> {
    Horizons::read(&api.db).await.map_err(|error| query_failed(&error.into()))
}

/// Reads sums between edges.
struct Reader<'a> {
    api: &'a Api,
    scope: Scope,
    mode: Mode,
    horizons: Horizons,
}

impl Reader<'_> {
    /// Every sum of the span that `edges` begin and end, such that each lies between two of them; whether some may not.
    async fn read(&self, edges: &[i64]) -> Result<(Vec<Point>, bool), Problem> {
        let (Some(from), Some(until)) = (edges.first().copied(), edges.last().copied()) else { return Ok((Vec::new(), false)) };
        let (grain, is_approximate) = match self.grain(edges) {
            Some(grain) => (grain, false),
            None if self.horizons.webhooks.is_none_or(|horizon| horizon <= from) => {
                return Ok((self.of_rows(edges, from, until).await?, false));
            }
            None if self.horizons.hour.is_none_or(|horizon| horizon <= from) => (Grain::Hour, true),
            None => (Grain::Day, true),
        };
        let points = rollups::read(&self.api.db, self.scope, self.mode, grain, from, until).await;
        Ok((points.map_err(|error| query_failed(&error))?, is_approximate))
    }

    /// The widest buckets that no edge cuts and that are kept.
    fn grain(&self, edges: &[i64]) -> Option<Grain> {
        let from = edges.first().copied()?;
        let is_whole = |grain: Grain| edges.iter().all(|edge| edge % grain.ms() == 0);
        let is_kept = |grain: Grain| match grain {
            Grain::Minute => self.horizons.minute.is_none_or(|horizon| horizon <= from),
            Grain::Hour => self.horizons.hour.is_none_or(|horizon| horizon <= from),
            Grain::Day => true,
        };
        Grain::ALL.into_iter().rev().find(|grain| is_whole(*grain) && is_kept(*grain))
    }

    async fn of_rows(&self, edges: &[i64], from_ms: i64, until_ms: i64) -> Result<Vec<Point>, Problem> {
        const QUARTER: i64 = 900_000;
        let width_ms = if edges.iter().all(|edge| edge % QUARTER == 0) { QUARTER } else { Grain::Minute.ms() };
        let span = Span { scope: self.scope, mode: self.mode, from_ms, until_ms, width_ms };
        row_sums::read(&self.api.db, span).await.map_err(|error| query_failed(&error))
    }

    /// The figures of the span by a column of its transactions that roll-ups do not have.
    async fn by_column(&self, column: Column, from_ms: i64, until_ms: i64) -> Result<Vec<Group>, Problem> {
        let span = Span { scope: self.scope, mode: self.mode, from_ms, until_ms, width_ms: Grain::Day.ms() };
        let points = row_sums::by_column(&self.api.db, span, column).await.map_err(|error| query_failed(&error))?;
        Ok(Group::all(points.iter().map(|(name, point)| (name.clone(), point)), MOST_GROUPS))
    }
}

/// The ranges that `timeRange` names, for those who ask by it alone.
pub(crate) fn plain(params: &Params) -> Result<TimeRange, Problem> {
    let name = params.one_of("timeRange", &["hour", "day", "week", "month", "year"])?.unwrap_or("day");
    Ok(TimeRange::ALL.into_iter().find(|range| range.as_str() == name).unwrap_or(TimeRange::Day))
}
