//! `/api/v1/analytics`: figures of the last hour, day, week and month, from roll-ups.
//!
//! | module | part |
//! | --- | --- |
//! | `amounts` | sums of amounts, of any size |
//! | `figures` | points of roll-ups to figures: sums and rates, no I/O |
//! | `asked` | what an answer has beyond a plain range |
//! | `calendar` | spans and intervals of time zones |
//! | `moments` | the moments and ranges that are asked for |
//! | `reader` | reads sums between edges, as they are or as they were known |
//! | `zones` | by whose days a company counts |
//! | `spans` | any span by intervals of a zone, compared and grouped |
//! | `precompute` | keeps the answers ready, one replica at a time |

pub(crate) mod amounts;
mod asked;
mod calendar;
pub(crate) mod figures;
mod moments;
pub(crate) mod precompute;
mod reader;
mod spans;
pub(crate) mod zones;

use actix_web::{HttpRequest, HttpResponse, web};
use clock::now_ms;
use common::{Grain, Mode};
use http_service::Problem;
use store::{Scope, rollups, row_sums::Span, shown::time};

use asked::Asked;
pub(crate) use asked::Group;
pub(crate) use figures::Analytics;
pub(crate) use spans::AnalyticsQuery;
use spans::{CompareQuery, Question};

use crate::{
    Api, auth,
    http::{
        cached,
        openapi::problems,
        query::{self, OfCompany},
    },
    query_failed,
    reads::views::Success,
};

/// The zone of those who have none.
const UTC: &str = "UTC";

pub(crate) const PERMISSION: &str = "read:analytics";

/// How far back figures go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum TimeRange {
    Hour,
    Day,
    Week,
    Month,
}

impl TimeRange {
    /// All four.
    pub const ALL: [Self; 4] = [Self::Hour, Self::Day, Self::Week, Self::Month];

    /// The name in the contract.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    /// How wide the points of its series are.
    const fn grain(self) -> Grain {
        match self {
            Self::Hour => Grain::Minute,
            Self::Day | Self::Week => Grain::Hour,
            Self::Month => Grain::Day,
        }
    }

    /// How many points its series has; the last one is still going on.
    const fn points(self) -> i64 {
        match self {
            Self::Hour => 60,
            Self::Day => 24,
            Self::Week => 168,
            Self::Month => 30,
        }
    }

    /// Its first moment and the one behind its last, in milliseconds since 1970 UTC, seen from `now_ms`.
    fn span(self, now_ms: i64) -> (i64, i64) {
        let grain = self.grain();
        let until = grain.bucket(now_ms) + grain.ms();
        (until - self.points() * grain.ms(), until)
    }
}

/// Show figures of the last hour, day, week or month, or of any span of up to three years. Needs `read:analytics`.
///
/// By `from` and `to`, `interval`, `timeZone`, `compare` or `groupBy` the figures are those of days, weeks and so on of that
/// zone: `from` is inclusive, `to` exclusive, both are dates of the zone or moments. Weeks begin on Monday; days have 23 or 25
/// hours where the zone's clocks change. Without `from` the span is that of `timeRange`, up to the end of the day (or
/// hour) that goes on. Without `timeZone` the zone is that of the company, if there is one company and it has one, else UTC; the
/// answer says which. By `timeRange` alone:
///
/// The range is 60 minutes, 24 hours or 168 hours, which are the same in every zone, or 30 days, which are those of the company's
/// zone; the last of them is still going on. A transaction
/// counts in the bucket in which it was made, as it stands now; a webhook in the one in which it was received. Amounts
/// are integers in minor units, never summed over different currencies (`XXX`: none is known):
/// `completedAmount` is of payments that are COMPLETED, `refundedAmount` of refunds that are COMPLETED,
/// `chargebackAmount` of chargebacks that are PENDING or COMPLETED and neither WON nor REVERSED, `netAmount` is the
/// first less the other two. `approvalRate` is (COMPLETED + RETURNED) / (COMPLETED + RETURNED + FAILED) over payments,
/// rounded half away from zero to four decimals, null while nothing is decided. `webhooks.total` is processed + failed +
/// duplicates. Sums beyond 2^53 - 1 are told as decimal text in `exact` too; those beyond 64
/// bits saturate, and `isSaturated` says so. `previous` is the period of the same length before.
///
/// With `asOf` the figures are what they were at that moment, by the webhooks that had been received by then and the rules of now;
/// ranges and spans without `to` end there. Such a span has 31 days at most. Recognised redeliveries count by whole minutes, dead
/// letters by their receipt.
#[utoipa::path(get, path = "/api/v1/analytics", tag = "analytics", params(OfCompany, AnalyticsQuery, CompareQuery),
    responses((status = 200, body = Success<Analytics>, description = "The figures"),
        (status = 304, description = "As If-None-Match has it"), problems::List))]
pub(crate) async fn show(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let caller = auth::caller(&api, &request, PERMISSION).await?;
    let scope = OfCompany::scope(&api, &request, &caller).await?;
    let asked = query::read::<AnalyticsQuery>(&request)?.compared(query::read(&request)?);
    let mode = asked.mode();
    if let Some(question) = question(&api, &asked, scope).await? {
        let key = question.key();
        return cached::answer(&api, &request, cached::SPAN, scope, &key, move |api| question.answer(api, scope, MOST_GROUPS))
            .await;
    }
    let range = asked.plain_range();
    if let Some(at_ms) = asked.as_of_ms() {
        let key = format!("{} {} as of {at_ms}", range.as_str(), mode.as_str());
        let computed = move |api| compute_then(api, scope, mode, range, at_ms);
        return cached::answer(&api, &request, cached::SPAN, scope, &key, computed).await;
    }
    if mode == Mode::Live {
        api.precomputed.note_asked(range, scope).await;
    }
    cached::answer(&api, &request, cached::analytics(range), scope, &key(mode), move |api| compute(api, scope, mode, range)).await
}

/// Groups that an answer tells.
const MOST_GROUPS: usize = 100;

/// The figures that are asked for, from the database, with so many groups at most.
pub(crate) async fn asked(api: Api, asked: &AnalyticsQuery, scope: Scope, most_groups: usize) -> Result<Analytics, Problem> {
    match (question(&api, asked, scope).await?, asked.as_of_ms()) {
        (Some(question), _) => question.answer(api, scope, most_groups).await,
        (None, Some(at_ms)) => compute_then(api, scope, asked.mode(), asked.plain_range(), at_ms).await,
        (None, None) => compute(api, scope, asked.mode(), asked.plain_range()).await,
    }
}

/// What is asked for, if that is more than one of the ranges that are the same in every zone.
async fn question(api: &Api, asked: &AnalyticsQuery, scope: Scope) -> Result<Option<Question>, Problem> {
    let own = if asked.depends_on_zone() { api.zones.of(&api.db, scope).await? } else { None };
    Question::read(asked, own)
}

/// What tells an answer from others of its range and scope.
pub(crate) fn key(mode: Mode) -> String {
    mode.as_str().to_owned()
}

/// The figures as of now.
pub(crate) async fn compute(api: Api, scope: Scope, mode: Mode, range: TimeRange) -> Result<Analytics, Problem> {
    let (from, until) = range.span(now_ms());
    let before = from - (until - from);
    let points = rollups::read(&api.db, scope, mode, range.grain(), before, until).await.map_err(|e| query_failed(&e))?;
    let mut figures = Analytics::of(&points, range, mode, from, until);
    figures.asked.time_zone = Some(UTC);
    Ok(figures)
}

/// The figures as they were known at `at_ms`.
async fn compute_then(api: Api, scope: Scope, mode: Mode, range: TimeRange, at_ms: i64) -> Result<Analytics, Problem> {
    let (from, until) = range.span(at_ms);
    let before = from - (until - from);
    let known = reader::known(&api, scope, at_ms).await?;
    let span = Span { scope, mode, from_ms: before, until_ms: until, width_ms: range.grain().ms(), as_of_ms: Some(at_ms) };
    let points = known.sums(span).await.map_err(|e| query_failed(&e))?;
    let mut figures = Analytics::of(&points, range, mode, from, until);
    figures.asked =
        Asked { as_of: time(at_ms), time_zone: Some(UTC), is_approximate: known.is_approximate(before), ..Asked::default() };
    Ok(figures)
}
