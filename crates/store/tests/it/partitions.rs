//! Partitions by month, and what came before them.

use chrono::{Months, Utc};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};
use store::{
    batch::{self, NewEvent},
    dialect::partitions,
    retention::{self, Retention},
};
use uuid::Uuid;

use crate::{
    Database,
    figures::{new_event, payment},
    naive::Sent,
};

const HISTORY: Retention = Retention { history_days: 30, minute_days: 0, hour_days: 0 };

async fn count(db: &DatabaseConnection, from: &str) -> i64 {
    let sql = format!("SELECT COUNT(*) AS n FROM {from}");
    db.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await.unwrap().unwrap().try_get("", "n").unwrap()
}

/// The first UUIDv7 of a moment.
fn id_at(ms: i64) -> Uuid {
    Uuid::from_u128(u128::from(ms.unsigned_abs()) << 80)
}

/// Tables as the version before directories left them, with what it wrote: rows, and no directories.
async fn as_before(db: &DatabaseConnection) {
    for sql in [
        "ALTER TABLE webhook_events RENAME TO e",
        "ALTER TABLE transactions RENAME TO t",
        "CREATE TABLE webhook_events (LIKE e, PRIMARY KEY (id))",
        "CREATE TABLE transactions (LIKE t, PRIMARY KEY (id))",
        "INSERT INTO webhook_events SELECT * FROM e",
        "INSERT INTO transactions SELECT * FROM t",
        "DROP TABLE e, t, event_identities, transaction_keys",
        "CREATE UNIQUE INDEX webhook_events_identity ON webhook_events (company_id, identity)",
        "CREATE INDEX webhook_events_resource ON webhook_events (company_id, resource_id)",
        "CREATE UNIQUE INDEX transactions_key ON transactions (company_id, external_id, kind)",
        "DELETE FROM seaql_migrations WHERE version IN ('directories', 'search', 'entries')",
    ] {
        db.execute_unprepared(sql).await.unwrap();
    }
}

#[tokio::test]
async fn what_was_stored_before_is_known_and_becomes_the_first_partition() {
    let database = Database::postgres().await;
    let db = &database.db;
    let old: Vec<_> = (0..20).map(|n| new_event(&payment(n))).collect();
    batch::write(db, &old).await.unwrap();
    as_before(db).await;
    store::migrate(db).await.unwrap();
    assert!(!partitions::are_there(db).await.unwrap(), "a worker of the version before may be at work");
    assert_eq!(batch::write(db, &old).await.unwrap().known, 20);

    // The statements of the version before, which knows no directory.
    let beside = new_event(&payment(30));
    let (id, identity, company) = (beside.webhook_id, beside.identity.as_str(), beside.company_id.0);
    for sql in [
        format!(
            "INSERT INTO webhook_events (id, company_id, identity, endpoint, name, category, mode, status_time, received_at, payload)
             VALUES ('{id}', '{company}', '{identity}', 'netbanx', 'X', 'other', 'live', 0, 0, '{{}}') ON CONFLICT DO NOTHING"
        ),
        "UPDATE transactions SET id = id".to_owned(),
    ] {
        db.execute_unprepared(&sql).await.unwrap();
    }
    assert_eq!(batch::write(db, std::slice::from_ref(&beside)).await.unwrap().known, 1, "what it wrote is known");

    assert!(partitions::begin(db).await.unwrap());
    assert!(!partitions::begin(db).await.unwrap(), "once is enough");
    assert_eq!((count(db, "webhook_events").await, count(db, "transactions").await), (21, 20));
    let mut all = old;
    all.push(beside);
    all.extend((40..45).map(|n| new_event(&payment(n))));
    let written = batch::write(db, &all).await.unwrap();
    assert_eq!((written.new, written.known), (5, 21));
    assert_eq!(count(db, "transactions").await, 25);
    for (index, there) in [
        ("webhook_events_resource", 1),
        ("transactions_key", 0),
        ("transactions_lookup", 0),
        ("event_identities_event", 0),
        ("transaction_keys_transaction", 0),
    ] {
        assert_eq!(count(db, &format!("pg_indexes WHERE indexname = '{index}'")).await, there, "{index}");
    }
}

#[tokio::test]
async fn months_are_made_ahead_and_go_as_a_whole_when_they_are_old() {
    let database = Database::postgres().await;
    let db = &database.db;
    assert!(partitions::are_there(db).await.unwrap());
    let old: Vec<_> = (0..10).map(|n| new_event(&payment(n))).collect();
    batch::write(db, &old).await.unwrap();
    let months = "pg_inherits WHERE inhparent IN ('webhook_events'::regclass, 'transactions'::regclass)";
    assert_eq!(count(db, months).await, 10, "this month, three ahead and the rest, for each table");
    assert_eq!(partitions::prepare(db, clock::now()).await.unwrap(), 0, "made with the tables");
    let soon = clock::now().checked_add_months(Months::new(2)).unwrap();
    assert_eq!(partitions::prepare(db, soon).await.unwrap(), 4);
    // An event of the months to come is in theirs.
    let mut late = new_event(&payment(50));
    late.webhook_id = id_at(soon.timestamp_millis());
    batch::write(db, &[late]).await.unwrap();
    assert_eq!(count(db, "webhook_events_rest").await, 0);

    // Seen from two months on, the first partition has ended. One transaction was touched since.
    let kept = "UPDATE transactions SET updated_at = 9000000000000 WHERE external_id = '3'";
    db.execute_unprepared(kept).await.unwrap();
    assert_eq!(partitions::retire(db, soon.timestamp_millis()).await.unwrap(), 4);
    assert_eq!((count(db, "webhook_events").await, count(db, "transactions WHERE external_id <> '50'").await), (1, 1));
    assert_eq!(partitions::retire(db, soon.timestamp_millis()).await.unwrap(), 0, "nothing of it is left to go");
    // Entries go after their partitions, in steps; what the kept one is found by is kept.
    assert_eq!(batch::write(db, &[new_event(&payment(3))]).await.unwrap().known, 1);
    while retention::step(db, HISTORY).await.unwrap() > 0 {}
    assert_eq!((count(db, "event_identities").await, count(db, "transaction_keys").await), (1, 1));
    assert_eq!(
        count(db, "transactions t JOIN transaction_keys k ON k.company_id = t.company_id AND k.transaction_id = t.id").await,
        1
    );
    assert_eq!(count(db, "pg_class WHERE relname LIKE '%gone%'").await, 0, "no detached table is left");
    let mut later = payment(3);
    later.second = 2;
    assert_eq!(batch::write(db, &[of_now(&later, soon)]).await.unwrap().new, 1);
    assert_eq!(
        count(db, &format!("transactions WHERE status_time = {}", soon.timestamp_millis())).await,
        1,
        "the kept one goes on"
    );
}

/// `sent` with a status time of `now`: what tells of an older one than the removed webhooks is kept apart.
fn of_now(sent: &Sent, now: chrono::DateTime<Utc>) -> NewEvent {
    let mut event = new_event(sent);
    event.event.status_time = now;
    event
}

/// An entry that was given to a new row before its partition was tidied up stays.
#[tokio::test]
async fn an_entry_that_stands_for_a_new_row_stays() {
    let database = Database::postgres().await;
    let db = &database.db;
    batch::write(db, &[new_event(&payment(1))]).await.unwrap();
    let soon = clock::now().checked_add_months(Months::new(1)).unwrap();
    assert_eq!(partitions::retire(db, soon.timestamp_millis()).await.unwrap(), 2);
    let mut later = payment(1);
    later.second = 2;
    batch::write(db, &[of_now(&later, soon)]).await.unwrap();
    // Made this month, which has no partition any more.
    for sql in ["UPDATE webhook_events SET received_at = 9000000000000", "UPDATE transactions SET updated_at = 9000000000000"] {
        db.execute_unprepared(sql).await.unwrap();
    }
    let workers = (retention::step(db, HISTORY), retention::step(db, HISTORY));
    let removed = tokio::join!(workers.0, workers.1);
    assert_eq!(removed.0.unwrap() + removed.1.unwrap(), 2, "two workers take each row once");
    while retention::step(db, HISTORY).await.unwrap() > 0 {}
    assert_eq!((count(db, "event_identities").await, count(db, "transaction_keys").await), (1, 1));
    assert_eq!(
        count(db, "transactions t JOIN transaction_keys k ON k.company_id = t.company_id AND k.transaction_id = t.id").await,
        1
    );
    assert_eq!(count(db, "pg_class WHERE relname LIKE '%gone%'").await, 0);
}

#[tokio::test]
async fn strays_go_one_by_one_with_their_entries() {
    let database = Database::postgres().await;
    let db = &database.db;
    let mut stray = new_event(&payment(2));
    stray.webhook_id = Uuid::from_u128(u128::MAX);
    batch::write(db, &[stray, new_event(&payment(3))]).await.unwrap();
    let old = "UPDATE webhook_events SET received_at = 0 WHERE id = (SELECT id FROM webhook_events_rest)";
    db.execute_unprepared(old).await.unwrap();
    assert_eq!(retention::keep_partitions(db, HISTORY).await.unwrap(), (0, 0), "the first partition has not ended");
    while retention::step(db, HISTORY).await.unwrap() > 0 {}
    assert_eq!((count(db, "webhook_events").await, count(db, "event_identities").await), (1, 1));
}

#[tokio::test]
async fn a_transaction_whose_row_went_and_whose_entry_did_not_is_made_anew() {
    let database = Database::postgres().await;
    let db = &database.db;
    batch::write(db, &[new_event(&payment(1))]).await.unwrap();
    db.execute_unprepared("DELETE FROM transactions").await.unwrap();
    // Another event of the same payment, and one of another.
    let mut later = payment(1);
    later.second = 2;
    assert_eq!(batch::write(db, &[new_event(&later), new_event(&payment(3))]).await.unwrap().new, 2);
    assert_eq!(
        count(db, "transactions t JOIN transaction_keys k ON k.company_id = t.company_id AND k.transaction_id = t.id").await,
        2
    );
    // It is known from then on.
    later.second = 5;
    batch::write(db, &[new_event(&later)]).await.unwrap();
    assert_eq!((count(db, "transactions").await, count(db, "transaction_keys").await), (2, 2));
}
