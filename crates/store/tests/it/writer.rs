//! Batches one after the other.

use std::time::Duration;

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, EntityTrait, PaginatorTrait, Statement};
use store::{Error, batch::Writer, entity::webhook_event};

use crate::{
    Database,
    figures::{new_event, payment},
    rows::refused,
};

/// Longest wait for what comes soon.
const SOON: Duration = Duration::from_secs(20);

/// Transactions that wait for a batch, as PostgreSQL has them.
const WAITING: &str = "FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'";

async fn written(db: &DatabaseConnection) -> u64 {
    webhook_event::Entity::find().count(db).await.unwrap()
}

#[tokio::test]
async fn each_batch_is_a_transaction_of_its_own() {
    for database in [Database::sqlite().await, Database::postgres().await] {
        let db = &database.db;
        let writer = Writer::new(db.clone(), 2);
        assert_eq!(writer.write(&[]).await.unwrap().new, 0);
        for n in 1..6 {
            let batch = [new_event(&payment(n)), new_event(&payment(n + 1))];
            let done = writer.write(&batch).await.unwrap();
            assert_eq!((done.new, done.known), if n == 1 { (2, 0) } else { (1, 1) });
            // What is refused takes nothing along, neither of what was before it nor of what follows.
            if db.get_database_backend() == DbBackend::Postgres {
                let error = writer.write(&[new_event(&payment(100 + n)), refused()]).await.unwrap_err();
                assert!(matches!(error, Error::Refused(_)), "{error}");
            }
            assert_eq!(written(db).await, n.unsigned_abs() + 1);
        }
    }
}

/// How many wait, and how many of them others would have to wait for.
async fn waiting(db: &DatabaseConnection) -> (i64, i64) {
    let sql = format!("SELECT count(*) AS waiting, count(coalesce(backend_xmin, backend_xid)) AS holding {WAITING}");
    let row = db.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await.unwrap().unwrap();
    (row.try_get("", "waiting").unwrap(), row.try_get("", "holding").unwrap())
}

#[tokio::test]
async fn a_transaction_waits_a_moment_for_the_next_batch_and_holds_nothing_meanwhile() {
    let database = Database::postgres().await;
    let db = &database.db;
    let writer = Writer::new(db.clone(), 2);
    let begun = std::time::Instant::now();
    for n in 0.. {
        writer.write(&[new_event(&payment(n))]).await.unwrap();
        match waiting(db).await {
            (1, 0) => break,
            // The machine was slow.
            other => assert!(other == (0, 0) && begun.elapsed() < SOON, "{other:?}"),
        }
    }
    while waiting(db).await.0 > 0 {
        assert!(begun.elapsed() < SOON, "nobody tends it");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_connection_that_ended_meanwhile_costs_a_try() {
    let database = Database::postgres().await;
    let db = &database.db;
    let writer = Writer::new(db.clone(), 2);
    let begun = std::time::Instant::now();
    let (mut tries, mut failed) = (0_i64, 0);
    while failed == 0 {
        assert!(begun.elapsed() < SOON, "no transaction waited");
        writer.write(&[new_event(&payment(tries))]).await.unwrap();
        tries += 1;
        db.execute_unprepared(&format!("SELECT pg_terminate_backend(pid) {WAITING}")).await.unwrap();
        while let Err(error) = writer.write(&[new_event(&payment(tries))]).await {
            assert!(matches!(error, Error::Unavailable(_)) && failed < 3, "{error}");
            failed += 1;
        }
        tries += 1;
    }
    assert_eq!(written(db).await, tries.unsigned_abs());
}
