//! The workers' own check of the figures: a day at a time, it finds what is wrong and forgets what was put right.

use std::collections::BTreeMap;

use sea_orm::ConnectionTrait;
use store::{
    batch, figure_check,
    retention::{self, Retention},
    rollups, verify,
};

use crate::{
    Database,
    figures::{new_event, payment},
    naive::{MINUTE, START},
};

const DAY: i64 = 86_400_000;

/// The days that a whole pass looked at, each with what was wrong, the latest first.
async fn pass(database: &Database, now_ms: i64) -> Vec<(i64, u64)> {
    let mut days = Vec::new();
    while let Some(checked) = figure_check::step(&database.db, now_ms).await.unwrap() {
        days.push((checked.day_ms, checked.differences));
        assert!(days.len() < 20, "it comes to an end");
    }
    days
}

async fn wrong_days_are_found_and_forgotten(database: &Database) -> i64 {
    let db = &database.db;
    assert_eq!(pass(database, START + 9 * DAY).await, [], "nothing is there to be wrong");
    for day in 0..4 {
        for n in 0..3 {
            let mut sent = payment(day * 10 + n);
            sent.received_minute = day * 1440 + n;
            sent.made_minute = sent.received_minute;
            batch::write(db, &[new_event(&sent)]).await.unwrap();
        }
    }
    while rollups::fold(db).await.unwrap().1 {}
    let first = START - START.rem_euclid(DAY);
    let mut now = first + 4 * DAY + MINUTE;
    let clean: Vec<(i64, u64)> = (0..4).rev().map(|day| (first + day * DAY, 0)).collect();
    assert_eq!(pass(database, now).await, clean);
    assert_eq!(pass(database, now + 3_600_000).await, [], "a pass a day");

    let spoil = format!(
        "UPDATE rollups SET count = count + 1 WHERE grain = 'day' AND bucket = {} AND series = 'w|processed'",
        first + DAY
    );
    db.execute_unprepared(&spoil).await.unwrap();
    now += 21 * 3_600_000;
    let days = pass(database, now).await;
    assert_eq!(days.iter().filter(|(_, wrong)| *wrong > 0).map(|(day, _)| *day).collect::<Vec<_>>(), [first + DAY]);
    let found = figure_check::found(db).await.unwrap();
    assert_eq!(found.keys().copied().collect::<Vec<_>>(), [first + DAY], "it is remembered");

    verify::rebuild(db).await.unwrap();
    now += 21 * 3_600_000;
    pass(database, now).await;
    assert_eq!(figure_check::found(db).await.unwrap(), BTreeMap::new(), "and forgotten when it is right again");
    now
}

#[tokio::test]
async fn wrong_days_are_found_and_forgotten_on_sqlite() {
    let database = Database::sqlite().await;
    let now = wrong_days_are_found_and_forgotten(&database).await;
    // Days whose webhooks are gone cannot be proved, and are not looked at.
    let retention = Retention { history_days: 30, minute_days: 7, hour_days: 15 };
    while retention::step(&database.db, retention).await.unwrap() > 0 {}
    assert_eq!(pass(&database, now + 21 * 3_600_000).await, []);
}

#[tokio::test]
async fn wrong_days_are_found_and_forgotten_on_postgres() {
    wrong_days_are_found_and_forgotten(&Database::postgres().await).await;
}
