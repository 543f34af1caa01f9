//! A company's own alerts, by its figures and its rules: plain rules, and the questions that measure.

use common::{Grain, Kind, Mode, Series, Status};
use sea_orm::DatabaseConnection;
use store::{
    Error, Scope,
    alerting::{CRITICAL, WARNING, notices::Standing, rules},
    entity::alert_rule::Model as Rules,
    outbound::{DISABLED, endpoints},
    reads::{self, Delays},
    rollups::{self, Point},
};
use uuid::Uuid;

const HOUR_MS: i64 = 3_600_000;
const WEEK_MS: i64 = 7 * 24 * HOUR_MS;
const MINUTE_MS: i64 = 60_000;
/// Fewer webhooks of an hour say nothing of how they come.
const LEAST: i64 = 20;
/// Earlier weeks that must have had webhooks in the same hours for their absence to mean anything.
const WEEKS: i64 = 2;
/// The alert of an endpoint, whose id follows behind a colon.
pub(super) const ENDPOINT_FAILING: &str = "endpoint-failing";
/// Why an endpoint is disabled if somebody wanted it so.
const BY_HAND: &str = "by hand";

/// An endpoint that fails.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Failing {
    id: Uuid,
    since_ms: i64,
    is_disabled: bool,
}

/// What was measured of a company.
#[derive(Debug, Clone, Default)]
struct Figures {
    /// Failed transactions and all that are decided, of the last hour.
    failed: (i64, i64),
    /// Of the last day.
    chargebacks: i64,
    /// Webhooks of the last hours of silence's rule, and of the same hours of earlier weeks.
    webhooks: (i64, Vec<i64>),
    /// How late those of the last hour came.
    delays: Delays,
    /// Redeliveries and all webhooks of the last hour.
    redelivered: (i64, i64),
    endpoints: Vec<Failing>,
}

/// What is wrong with a company's business now.
pub(super) async fn standing(db: &DatabaseConnection, company: Uuid, now_ms: i64) -> Result<Vec<Standing>, Error> {
    let rules = rules::get(db, common::CompanyId(company)).await?;
    let figures = measure(db, company, &rules, now_ms).await?;
    Ok(judge(&rules, &figures, now_ms))
}

async fn measure(db: &DatabaseConnection, company: Uuid, rules: &Rules, now_ms: i64) -> Result<Figures, Error> {
    let scope = Scope::Company(company);
    let read = |grain: Grain, from_ms, until_ms| rollups::read(db, scope, Mode::Live, grain, grain.bucket(from_ms), until_ms);
    let mut figures = Figures::default();
    if rules.failure_percent > 0 || rules.redelivery_percent > 0 {
        let hour = read(Grain::Minute, now_ms - HOUR_MS, now_ms + 1).await?;
        figures.redelivered = rollups::redelivered(&hour);
        for Point { series, sum, .. } in hour {
            if let Series::Transactions { status, .. } = series {
                let (failed, all) = &mut figures.failed;
                *failed += if status == Status::Failed { sum.count } else { 0 };
                *all += if matches!(status, Status::Failed | Status::Completed) { sum.count } else { 0 };
            }
        }
    }
    if rules.late_minutes > 0 {
        let since = now_ms - HOUR_MS;
        figures.delays = reads::receipts(db, scope, Mode::Live, since).await?.delays(since);
    }
    if rules.chargebacks > 0 {
        for Point { series, sum, .. } in read(Grain::Hour, now_ms - 24 * HOUR_MS, now_ms + 1).await? {
            if matches!(series, Series::Transactions { kind: Kind::Chargeback, .. }) {
                figures.chargebacks += sum.count;
            }
        }
    }
    if rules.silence_hours > 0 {
        let window = rules.silence_hours * HOUR_MS;
        for week in 0..=WEEKS {
            // The whole hour that has begun counts for now, and none of it for then.
            let until = if week == 0 { now_ms + 1 } else { Grain::Hour.bucket(now_ms - week * WEEK_MS) };
            let from = until - window;
            let count = read(Grain::Hour, from, until).await?.into_iter().filter(is_webhooks).map(|point| point.sum.count).sum();
            if week == 0 {
                figures.webhooks.0 = count;
            } else {
                figures.webhooks.1.push(count);
            }
        }
    }
    if rules.endpoint_minutes > 0 {
        for row in endpoints::list(db, scope).await? {
            let was_disabled = row.state == DISABLED && row.reason.as_deref() != Some(BY_HAND);
            if was_disabled || (row.state != DISABLED && row.failing_since.is_some()) {
                let since_ms = row.failing_since.unwrap_or(row.updated_at);
                figures.endpoints.push(Failing { id: row.id, since_ms, is_disabled: was_disabled });
            }
        }
    }
    Ok(figures)
}

fn is_webhooks(point: &Point) -> bool {
    matches!(point.series, Series::Webhooks(_))
}

fn judge(rules: &Rules, figures: &Figures, now_ms: i64) -> Vec<Standing> {
    let mut standing = Vec::new();
    let mut stands = |alert: String, severity: &str, message: String, action: &str, since_ms: i64| {
        let (severity, action) = (severity.to_owned(), action.to_owned());
        standing.push(Standing { alert, severity, message, action, since_ms });
    };
    let (failed, all) = figures.failed;
    if rules.failure_percent > 0 && all >= rules.failure_attempts && failed * 100 >= all * rules.failure_percent {
        let message = format!("{failed} of the last hour's {all} decided transactions failed");
        let action = "Look at the failure reasons on the overview: one method, one bank or all of them?";
        stands("failure-rate".to_owned(), CRITICAL, message, action, now_ms);
    }
    if rules.chargebacks > 0 && figures.chargebacks >= rules.chargebacks {
        let message = format!("{} chargebacks within a day", figures.chargebacks);
        stands("chargebacks".to_owned(), WARNING, message, "Look at them among the transactions: each has a time limit.", now_ms);
    }
    let (now, before) = &figures.webhooks;
    if rules.silence_hours > 0 && *now == 0 && !before.is_empty() && before.iter().all(|count| *count > 0) {
        let message = format!("no webhook for {} hours, where earlier weeks had some", rules.silence_hours);
        let action = "Is the shop open? Do the portal's settings still name this address? Are webhooks refused?";
        stands("silence".to_owned(), CRITICAL, message, action, now_ms);
    }
    let p95_ms = figures.delays.p95_ms.unwrap_or_default();
    if rules.late_minutes > 0 && figures.delays.count >= LEAST && p95_ms > rules.late_minutes * MINUTE_MS {
        let minutes = p95_ms / MINUTE_MS;
        let message = format!("5 % of the last hour's webhooks arrived {minutes} minutes or more after Netbanx's time");
        let action = "Netbanx sends late, or resends refused webhooks: were webhooks refused, or was the receiver unreachable?";
        stands("late-webhooks".to_owned(), WARNING, message, action, now_ms);
    }
    let (again, all) = figures.redelivered;
    if rules.redelivery_percent > 0 && all >= LEAST && again * 100 >= all * rules.redelivery_percent {
        let message = format!("{again} of the last hour's {all} webhooks were redeliveries");
        let action =
            "Netbanx resends webhooks that are not answered in time: do our answers reach it? Does the portal send twice?";
        stands("redeliveries".to_owned(), WARNING, message, action, now_ms);
    }
    for Failing { id, since_ms, is_disabled } in &figures.endpoints {
        if rules.endpoint_minutes > 0 && (*is_disabled || now_ms - since_ms >= rules.endpoint_minutes * MINUTE_MS) {
            let word = if *is_disabled { "was disabled because it failed" } else { "fails" };
            let message = format!("the endpoint {id} {word}");
            let action = "See its attempts for the answers. Fix it, enable it and re-send the missed messages.";
            stands(format!("{ENDPOINT_FAILING}:{id}"), WARNING, message, action, *since_ms);
        }
    }
    standing
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delays(count: i64, p95_ms: i64) -> Delays {
        Delays { count, p95_ms: Some(p95_ms), ..Delays::default() }
    }

    fn names(change: impl FnOnce(&mut Rules, &mut Figures)) -> Vec<String> {
        let mut rules = rules::defaults(Uuid::nil());
        let mut figures =
            Figures { failed: (5, 20), chargebacks: 2, webhooks: (1, vec![9, 9]), redelivered: (9, 20), ..Figures::default() };
        figures.delays = delays(20, 15 * MINUTE_MS);
        change(&mut rules, &mut figures);
        judge(&rules, &figures, 10 * HOUR_MS).into_iter().map(|alert| alert.alert).collect()
    }

    #[test]
    fn each_rule_has_its_limit_and_can_be_switched_off() {
        let none = [""; 0];
        assert_eq!(names(|_, _| {}), none);
        assert_eq!(names(|_, f| f.failed = (6, 20)), ["failure-rate"], "so many, or more");
        assert_eq!(names(|r, f| (r.failure_percent, f.failed) = (100, (20, 20))), ["failure-rate"], "all of them");
        assert_eq!(names(|r, f| (r.failure_percent, f.failed) = (100, (19, 20))), none);
        assert_eq!(names(|_, f| f.failed = (19, 19)), none, "too few to say anything");
        assert_eq!(names(|r, f| (r.failure_percent, f.failed) = (0, (20, 20))), none);
        assert_eq!(names(|_, f| f.chargebacks = 3), ["chargebacks"]);
        assert_eq!(names(|r, f| (r.chargebacks, f.chargebacks) = (0, 3)), none);
        assert_eq!(names(|_, f| f.webhooks.0 = 0), ["silence"]);
        assert_eq!(names(|_, f| f.webhooks = (0, vec![9, 0])), none, "it was silent a week ago, too");
        assert_eq!(names(|_, f| f.webhooks = (0, Vec::new())), none);
        assert_eq!(names(|r, f| (r.silence_hours, f.webhooks.0) = (0, 0)), none);
    }

    #[test]
    fn webhooks_that_come_late_or_again_ring_when_they_are_many() {
        let none = [""; 0];
        let late = 15 * MINUTE_MS + 1;
        assert_eq!(names(|_, f| f.delays = delays(20, late)), ["late-webhooks"]);
        assert_eq!(names(|_, f| f.delays = delays(19, late)), none, "too few to say anything");
        assert_eq!(names(|r, f| (r.late_minutes, f.delays) = (0, delays(20, late))), none);
        assert_eq!(names(|_, f| f.redelivered = (10, 20)), ["redeliveries"], "so many, or more");
        assert_eq!(names(|r, f| (r.redelivery_percent, f.redelivered) = (100, (20, 20))), ["redeliveries"], "all of them");
        assert_eq!(names(|_, f| f.redelivered = (19, 19)), none, "too few to say anything");
        assert_eq!(names(|r, f| (r.redelivery_percent, f.redelivered) = (0, (20, 20))), none);
    }

    #[test]
    fn an_endpoint_rings_when_it_has_failed_for_long_or_was_disabled_for_it() {
        let id = Uuid::from_u128(7);
        let failing = |since_ms, is_disabled| names(|_, figures| figures.endpoints.push(Failing { id, since_ms, is_disabled }));
        assert_eq!(failing(10 * HOUR_MS - 30 * 60_000, false), [format!("endpoint-failing:{id}")]);
        assert_eq!(failing(10 * HOUR_MS - 30 * 60_000 + 1, false), [""; 0]);
        assert_eq!(failing(10 * HOUR_MS, true), [format!("endpoint-failing:{id}")]);
    }
}
