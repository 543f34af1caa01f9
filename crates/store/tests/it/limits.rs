//! What the database itself ends.

use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, Statement};

use crate::Database;

#[tokio::test]
async fn a_statement_that_takes_too_long_is_ended_where_it_runs() {
    let database = Database::postgres().await;
    let bounded = store::connect_bounded(&database.url, 2, Duration::from_millis(300)).await.unwrap();
    let begun = Instant::now();
    let ended = bounded.execute_unprepared("SELECT pg_sleep(60)").await.map(drop).map_err(store::Error::from);
    assert!(matches!(ended, Err(store::Error::Unavailable(_))), "{ended:?}");
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    let sql = "SELECT COUNT(*) AS n FROM pg_stat_activity WHERE state = 'active' AND query = 'SELECT pg_sleep(60)'";
    // The refusal is told a moment before PostgreSQL counts its process as idle.
    let mut going_on = 1;
    while going_on > 0 {
        assert!(begun.elapsed() < Duration::from_secs(30), "it goes on");
        let row = database.db.query_one_raw(Statement::from_string(sea_orm::DbBackend::Postgres, sql)).await.unwrap().unwrap();
        going_on = row.try_get::<i64>("", "n").unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // A file's statements have longer, and those of others as long as they need.
    let snapshot = store::snapshot(&bounded).await.unwrap();
    snapshot.execute_unprepared("SELECT pg_sleep(0.6)").await.unwrap();
    snapshot.rollback().await.unwrap();
    database.db.execute_unprepared("SELECT pg_sleep(0.6)").await.unwrap();
    // The longer limit ended with its transaction.
    assert!(bounded.execute_unprepared("SELECT pg_sleep(60)").await.is_err());
}
