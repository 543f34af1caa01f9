//! What is older than its limit is removed, and what is younger stays proved.

use common::{Grain, Mode};
use store::{
    Scope, batch,
    retention::{self, Retention},
    rollups, verify,
};

use crate::{
    Database,
    figures::{new_event, payment},
    naive::{MINUTE, START},
};

#[tokio::test]
async fn what_is_old_goes_in_steps_and_the_days_stay() {
    let database = Database::sqlite().await;
    let db = &database.db;
    let mut recent = payment(1);
    recent.received_minute = (clock::now_ms() - START) / MINUTE;
    recent.made_minute = recent.received_minute;
    for event in [payment(2), payment(3), recent] {
        batch::write(db, &[new_event(&event)]).await.unwrap();
    }
    rollups::fold(db).await.unwrap();
    let retention = Retention { history_days: 30, minute_days: 7, hour_days: 15 };
    let mut steps = 0;
    while retention::step(db, retention).await.unwrap() > 0 {
        steps += 1;
        assert!(steps < 50, "it comes to an end");
    }
    let count = |grain| async move {
        let points = rollups::read(db, Scope::All, Mode::Live, grain, 0, i64::MAX).await.unwrap();
        points.iter().filter(|point| point.series.to_string() == "w|processed").map(|point| point.sum.count).sum::<i64>()
    };
    assert_eq!((count(Grain::Minute).await, count(Grain::Hour).await, count(Grain::Day).await), (1, 1, 3));
    assert_eq!(verify::verify(db).await.unwrap().differences, [], "what is younger can still be proved");
}
