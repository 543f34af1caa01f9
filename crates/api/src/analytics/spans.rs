//! Figures of any span, by intervals of a time zone, compared and grouped.

use chrono_tz::Tz;
use clock::now_ms;
use common::{Grain, Mode, Series};
use http_service::Problem;
use serde::Deserialize;
use store::{
    Scope, companies,
    reads::{currency_or_none, method_or_none},
    rollups::Point,
    row_sums::Column,
    shown::time,
};
use utoipa::IntoParams;

use super::{
    Analytics, TimeRange,
    asked::{Asked, Comparison, Group},
    calendar::{self, Interval},
    moments::{Range, moment, of_range},
    reader::Reader,
};
use crate::{
    Api,
    http::query::{
        Moment, Text,
        choice::{Named, OneMode, names},
        value::{Bad, form, string},
    },
};

/// Days of the longest span.
const MOST_DAYS: i64 = 3 * 366;
/// The same as of a moment that has passed: it is counted from rows. Two hours more, since clocks change.
const MOST_DAYS_THEN: i64 = 31;
/// Points of a series at most.
const MOST_POINTS: usize = 2_000;

names! {
    /// What a span may be compared with.
    Compare {
        /// The span of the same length before.
        Previous = "previous",
        /// The same span a year ago.
        Year = "year",
    }
}
names! {
    /// What figures may be grouped by.
    GroupBy {
        Currency = "currency",
        PaymentMethod = "paymentMethod",
        Kind = "kind",
        Status = "status",
        Account = "account",
        FailureReason = "failureReason",
    }
}

/// Which figures are asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct AnalyticsQuery {
    /// A day unless asked otherwise. Not with `from`.
    #[param(inline)]
    time_range: Option<Range>,
    /// Inclusive. A date of the zone (`2026-01-31`) or a moment on a whole minute (`2026-01-31T12:00:00Z`).
    #[param(inline)]
    from: Option<Text>,
    /// Exclusive; now where it is absent. A date of the zone or a moment on a whole minute.
    #[param(inline)]
    to: Option<Text>,
    /// How wide the points of the series are; chosen by the span where it is absent.
    #[param(inline)]
    interval: Option<Interval>,
    /// A name of IANA's time zone database, such as `America/Toronto`. Where it is absent: the company's own, if one company is
    /// asked for that has one, else UTC.
    #[param(inline)]
    time_zone: Option<Zone>,
    /// Asked for by [`CompareQuery`].
    #[serde(skip)]
    #[param(ignore)]
    compare: Option<Compare>,
    /// Adds `groups`; a file has them in place of the series.
    #[param(inline)]
    group_by: Option<GroupBy>,
    /// Live unless asked otherwise.
    #[param(inline)]
    mode: Option<OneMode>,
    /// As known at that moment (`2026-01-31T12:00:00Z`); now where it is absent.
    #[param(inline)]
    as_of: Option<Moment>,
}

/// Whether another span comes with the figures; no file has two.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(crate) struct CompareQuery {
    /// Adds `comparison`: with the span of the same length before, or the same span a year ago.
    #[param(inline)]
    compare: Option<Compare>,
}

impl AnalyticsQuery {
    /// The same, compared.
    pub fn compared(self, CompareQuery { compare }: CompareQuery) -> Self {
        Self { compare, ..self }
    }

    /// Real money unless trials are asked for.
    pub fn mode(&self) -> Mode {
        self.mode.map_or(Mode::Live, |mode| mode.0)
    }

    /// The moment as of which figures are asked for, in milliseconds since 1970 UTC.
    pub fn as_of_ms(&self) -> Option<i64> {
        self.as_of.map(|moment| moment.ms)
    }

    fn range(&self) -> Range {
        self.time_range.unwrap_or(Range::Day)
    }

    /// The range, for those who ask by it alone.
    pub fn plain_range(&self) -> TimeRange {
        TimeRange::ALL.into_iter().find(|range| range.as_str() == self.range().name()).unwrap_or(TimeRange::Day)
    }

    /// Whether the answer is another one in another zone of the company's.
    pub fn depends_on_zone(&self) -> bool {
        self.time_zone.is_none() && (self.is_own() || self.range() == Range::Month)
    }

    /// Whether more is asked for than one of the four ranges that are kept ready.
    fn is_own(&self) -> bool {
        let Self { time_range, from, to, interval, time_zone, compare, group_by, mode: _, as_of: _ } = self;
        let is_year = *time_range == Some(Range::Year);
        let is_span = from.is_some() || to.is_some() || interval.is_some() || time_zone.is_some();
        is_year || is_span || compare.is_some() || group_by.is_some()
    }
}

/// A zone of IANA's database.
#[derive(Debug, Clone, Copy)]
struct Zone(Tz);

impl std::str::FromStr for Zone {
    type Err = Bad;

    fn from_str(text: &str) -> Result<Self, Bad> {
        companies::zone(text)
            .map(Self)
            .ok_or_else(|| Bad("must be a name of IANA's database, such as America/Toronto".to_owned()))
    }
}

form!(Zone, string().max_length(Some(64)));

/// A span as it is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    /// Its name, where it has one.
    range: Option<Range>,
    zone: Tz,
    interval: Interval,
    edges: Vec<i64>,
    compare: Option<Compare>,
    group_by: Option<GroupBy>,
    mode: Mode,
    as_of_ms: Option<i64>,
}

impl Question {
    /// What is asked for, if that is more than one of the four ranges, of a company whose zone is `own`.
    pub fn read(asked: &AnalyticsQuery, own: Option<Tz>) -> Result<Option<Self>, Problem> {
        let zone = asked.time_zone.map(|Zone(zone)| zone).or(own).unwrap_or(Tz::UTC);
        // A month's points are days. Hours go on alike in every zone, and those of a month in UTC are kept ready.
        let has_own_days = asked.range() == Range::Month && zone != Tz::UTC;
        if !asked.is_own() && !has_own_days {
            return Ok(None);
        }
        if asked.time_range.is_some() && asked.from.is_some() {
            return Err(Problem::parameter("timeRange", "use timeRange or from, not both"));
        }
        let as_of_ms = asked.as_of_ms();
        let now = as_of_ms.unwrap_or_else(now_ms);
        let (from, until, usual) = match (&asked.from, &asked.to) {
            (None, None) => of_range(asked.range(), zone, now)?,
            (Some(Text(from)), to) => {
                let from = moment("from", from, zone)?;
                let this_minute = || Ok(Grain::Minute.bucket(now) + Grain::Minute.ms());
                let until = to.as_ref().map_or_else(this_minute, |Text(to)| moment("to", to, zone))?;
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
        if as_of_ms.is_some() && until - from > MOST_DAYS_THEN * Grain::Day.ms() + 2 * Grain::Hour.ms() {
            let most = format!("with asOf a span has {MOST_DAYS_THEN} days at most; ask for less by from and to");
            return Err(Problem::parameter("asOf", most));
        }
        let interval = asked.interval.or(usual);
        let interval = interval.unwrap_or_else(|| Interval::fitting(from, until));
        let edges = calendar::edges(zone, interval, from, until, MOST_POINTS).ok_or_else(|| {
            Problem::parameter("interval", format!("there would be more than {MOST_POINTS} points; ask for a wider interval"))
        })?;
        let range = asked.from.is_none().then(|| asked.range());
        Ok(Some(Self {
            range,
            zone,
            interval,
            edges,
            compare: asked.compare,
            group_by: asked.group_by,
            mode: asked.mode(),
            as_of_ms,
        }))
    }

    /// What tells its answer from others of its scope.
    pub fn key(&self) -> String {
        let Self { range, zone, interval, edges, compare, group_by, mode, as_of_ms } = self;
        let (from, until) = self.span();
        let (interval, points, mode) = (interval.name(), edges.len(), mode.as_str());
        format!("{range:?} {zone} {interval} {from} {until} {points} {compare:?} {group_by:?} {mode} {as_of_ms:?}")
    }

    fn span(&self) -> (i64, i64) {
        (self.edges.first().copied().unwrap_or(0), self.edges.last().copied().unwrap_or(0))
    }

    /// The figures, as of now or of the moment that is asked for, with so many groups at most.
    pub async fn answer(self, api: Api, scope: Scope, most_groups: usize) -> Result<Analytics, Problem> {
        let reader = Reader::of(&api, scope, self.mode, self.as_of_ms).await?;
        let (from, until) = self.span();
        let (points, mut is_approximate) = reader.read(&self.edges).await?;
        let mut previous = None;
        let comparison = match self.compare {
            Some(with) => {
                let edges = self.compared(with).ok_or_else(|| Problem::parameter("compare", "there is no such span"))?;
                let (points, approximate) = reader.read(&edges).await?;
                is_approximate |= approximate;
                let comparison = Comparison::of(with.name(), &points, &edges);
                // The span before is told anyway: what is exact is not read twice.
                previous = Some(points).filter(|_| with == Compare::Previous && !approximate);
                Some(comparison)
            }
            None => None,
        };
        let previous = if let Some(points) = previous {
            points
        } else {
            let before = calendar::span_before(self.zone, from, until).map_or([from; 2], <[i64; 2]>::from);
            let (points, approximate) = reader.read(&before).await?;
            is_approximate |= approximate;
            points
        };
        let mut by_column = async |column| {
            let (groups, approximate) = reader.by_column(column, from, until).await?;
            is_approximate |= approximate;
            Ok::<_, Problem>(Some(groups))
        };
        let groups = match self.group_by {
            Some(GroupBy::Account) => by_column(Column::Account).await?,
            Some(GroupBy::FailureReason) => by_column(Column::FailureReason).await?,
            Some(by) => Some(Group::all(points.iter().filter_map(|point| Some((group_of(point, by)?, point))))),
            None => None,
        };
        let more_groups = groups.as_ref().map(|groups| groups.len().saturating_sub(most_groups)).filter(|more| *more > 0);
        let groups = groups.map(|groups| groups.into_iter().take(most_groups).collect());
        let asked = Asked {
            to: time(until),
            interval: Some(self.interval.name()),
            as_of: self.as_of_ms.and_then(time),
            time_zone: Some(self.zone.name()),
            is_approximate,
            comparison,
            group_by: self.group_by.map(Named::name),
            groups,
            more_groups,
        };
        let range = self.range.map_or("custom", Named::name);
        Ok(Analytics::between(range, &points, &previous, self.mode, &self.edges, asked))
    }

    /// The edges of the span to compare with.
    fn compared(&self, with: Compare) -> Option<Vec<i64>> {
        let (from, until) = self.span();
        let (from, until) = match with {
            Compare::Year => calendar::span_months_before(self.zone, from, until, 12)?,
            Compare::Previous => calendar::span_before(self.zone, from, until)?,
        };
        calendar::edges(self.zone, self.interval, from, until, MOST_POINTS + 1)
    }
}

/// What of a point the figures are grouped by.
fn group_of(point: &Point, by: GroupBy) -> Option<String> {
    let Series::Transactions { kind, status, currency, payment_method, .. } = &point.series else { return None };
    Some(match by {
        GroupBy::Currency => currency_or_none(currency).to_owned(),
        GroupBy::PaymentMethod => method_or_none(payment_method).to_owned(),
        GroupBy::Kind => kind.as_str().to_owned(),
        GroupBy::Status => status.as_str().to_owned(),
        GroupBy::Account | GroupBy::FailureReason => return None,
    })
}
