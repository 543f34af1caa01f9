//! What is older than its limit is removed, and what is younger stays proved.

use common::{CompanyId, Grain, Mode};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, sea_query::Expr};
use store::{
    Scope, batch,
    entity::{reconciliation, reconciliation_item},
    reconciliations::{self, NewItem, Outcome},
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

#[tokio::test]
async fn comparisons_go_after_a_year_and_those_without_an_end_after_a_day() {
    const DAY: i64 = 86_400_000;
    for database in [Database::sqlite().await, Database::postgres().await] {
        let db = &database.db;
        let company = CompanyId(uuid::Uuid::from_u128(7));
        let mut runs = Vec::new();
        // Age in days, and whether it came to its end.
        for (age, is_finished) in [(0, true), (399, true), (401, true), (0, false), (2, false)] {
            let run = reconciliations::begin(db, company, "live", "[]").await.unwrap();
            let items = (1..=3).map(|number| NewItem {
                finding: "missingThere",
                number,
                key: format!("{number}"),
                detail: "{}".to_owned(),
            });
            reconciliations::add_items(db, &run, items.collect(), &[]).await.unwrap();
            if is_finished {
                reconciliations::finish(db, &run, Outcome::default()).await.unwrap();
            }
            let started = clock::now_ms() - age * DAY;
            let aged = reconciliation::Entity::update_many().col_expr(reconciliation::Column::StartedAt, Expr::value(started));
            aged.filter(reconciliation::Column::Id.eq(run.id)).exec(db).await.unwrap();
            runs.push((run.id, age, is_finished));
        }
        let retention = Retention { history_days: 0, minute_days: 0, hour_days: 0 };
        while retention::step(db, retention).await.unwrap() > 0 {}
        let left: Vec<_> =
            reconciliations::list(db, Scope::Company(company.0), None, 10).await.unwrap().into_iter().map(|run| run.id).collect();
        let stays = |&&(_, age, is_finished): &&(_, i64, bool)| if is_finished { age < 400 } else { age < 1 };
        let expected: Vec<_> = runs.iter().rev().filter(stays).map(|(id, ..)| *id).collect();
        assert_eq!(left, expected);
        assert_eq!(reconciliation_item::Entity::find().count(db).await.unwrap(), 9, "items go with their comparison");
    }
}
