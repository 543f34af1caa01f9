//! What that life has, whenever it begins.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::{BTreeMap, BTreeSet};

use chrono::Timelike;

use super::*;

const COMPANY: Uuid = Uuid::from_u128(7);

fn noon() -> DateTime<Utc> {
    "2026-03-18T12:00:00Z".parse().unwrap()
}

/// How often each value of a field occurs among the events of that name.
fn by(name: &str, field: &str, all: &[Happened]) -> BTreeMap<String, usize> {
    let of_name = all.iter().filter(|one| one.body["eventType"].as_str().unwrap().starts_with(name));
    let values = of_name.filter_map(|one| one.body["payload"][field].as_str());
    values.fold(BTreeMap::new(), |mut counts, value| {
        *counts.entry(value.to_owned()).or_default() += 1;
        counts
    })
}

#[test]
fn it_is_the_same_every_time_but_for_ids_which_are_the_companys() {
    let all = life(COMPANY, noon());
    assert_eq!(all, life(COMPANY, noon()));
    let ids = |all: &[Happened]| -> BTreeSet<String> { all.iter().map(|one| one.body["payload"]["id"].to_string()).collect() };
    let others = life(Uuid::from_u128(8), noon());
    assert!(ids(&all[ACCOUNTS.len()..]).is_disjoint(&ids(&others[ACCOUNTS.len()..])));
    let plain = |all: Vec<Happened>| {
        all.into_iter()
            .map(|mut one| {
                one.body["payload"]["id"].take();
                one.body["resourceId"].take();
                one.body["id"].take();
                one
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(plain(all), plain(others));
}

#[test]
fn payments_of_now_are_others_each_time_and_none_is_ahead() {
    let all: Vec<Happened> = (0..50).flat_map(|n| latest(COMPANY, noon() + Duration::seconds(3 * n))).collect();
    let ids: BTreeSet<String> = all.iter().map(|one| one.body["payload"]["id"].to_string()).collect();
    assert_eq!((ids.len(), all.len()), (50, 50));
    assert!(all.iter().all(|one| one.at <= noon() + Duration::seconds(147)));
}

#[test]
fn nothing_lies_ahead_and_every_day_has_its_payments() {
    for now in [noon(), noon() - Duration::hours(12), "2027-01-01T00:00:00Z".parse().unwrap()] {
        let all = life(COMPANY, now);
        assert!(all.iter().all(|one| one.at <= now) && all.is_sorted_by_key(|one| one.at));
        let days: BTreeSet<String> =
            all.iter().filter_map(|one| Some(one.body["payload"]["txnTime"].as_str()?.get(..10)?.to_owned())).collect();
        assert!((58..=60).contains(&days.len()), "{now}: {} days", days.len());
        assert!((1500..4000).contains(&all.len()), "{now}: {} webhooks", all.len());
    }
}

#[test]
fn it_has_the_rhythm_of_a_business() {
    let all = life(COMPANY, noon());
    let made: Vec<DateTime<Utc>> = all
        .iter()
        .filter(|one| one.body["eventType"] == "PAYMENT_COMPLETED")
        .map(|one| one.body["payload"]["txnTime"].as_str().unwrap().parse().unwrap())
        .collect();
    let of_days = |is_wanted: &dyn Fn(Weekday) -> bool| made.iter().filter(|at| is_wanted(at.weekday())).count();
    let week_end = |day| matches!(day, Weekday::Sat | Weekday::Sun);
    // Five days of seven, each at least one and a half times as busy.
    assert!(of_days(&|day| !week_end(day)) * 2 > of_days(&week_end) * 5 * 3 / 2);
    let of_hours = |hours: std::ops::Range<u32>| made.iter().filter(|at| hours.contains(&at.hour())).count();
    assert!(of_hours(9..13) > 5 * of_hours(0..4));
}

#[test]
fn it_has_everything_that_a_dashboard_shows() {
    let all = life(COMPANY, noon());
    assert_eq!(by("PAYMENT", "currencyCode", &all).len(), 3);
    assert!(by("PAYMENT", "paymentType", &all).len() >= 5);
    let statuses = by("PAYMENT", "status", &all);
    assert!(statuses["COMPLETED"] > 10 * statuses["RETURNED"] && statuses["FAILED"] > 50, "{statuses:?}");
    assert!(by("PAYMENT_FAILED", "statusReason", &all).len() >= 5 && by("PAYMENT_RETURNED", "statusReason", &all).len() >= 2);
    assert!(by("REFUND", "status", &all)["COMPLETED"] > 20);
    let disputes = by("CHARGEBACK", "status", &all);
    assert!(disputes["PENDING"] > 5 && disputes.contains_key("WON") && disputes.contains_key("LOST"), "{disputes:?}");
    assert!(by("ACCT", "acctStatus", &all)["Enabled"] == ACCOUNTS.len());
}

#[test]
fn for_an_hour_most_payments_fail() {
    let all = life(COMPANY, noon());
    let begin = incident_day("2026-03-18T00:00:00Z".parse().unwrap()) + Duration::hours(INCIDENT_HOUR);
    let within = |one: &&Happened| {
        let made: Option<DateTime<Utc>> = one.body["payload"]["txnTime"].as_str().and_then(|text| text.parse().ok());
        made.is_some_and(|made| made >= begin && made < begin + Duration::hours(1))
    };
    let hour: Vec<Happened> = all.iter().filter(within).cloned().collect();
    let statuses = by("PAYMENT", "status", &hour);
    assert!(statuses["FAILED"] >= 25 && statuses["FAILED"] > 2 * statuses["COMPLETED"], "{statuses:?}");
    assert!(
        by("PAYMENT_FAILED", "statusReason", &all)[INCIDENT_REASON]
            == by("PAYMENT_FAILED", "statusReason", &hour)[INCIDENT_REASON]
    );
}
