//! What retention removed is known to the database: verify and rebuild go by that.

use clock::now_ms;
use common::{CompanyId, Grain, Mode, Series};
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};
use store::{
    Scope,
    batch::{self, NewEvent},
    horizon::{self, Horizons},
    retention::{self, Retention},
    rollups::{self, Point},
    verify::{self, Unproven},
};

use crate::{
    Database,
    figures::{new_event, payment},
    naive::{MINUTE, START, Sent},
};

const DAY: i64 = 86_400_000;
const AGES: Retention = Retention { history_days: 30, minute_days: 7, hour_days: 15 };

/// A payment of `made` days ago that arrived `received` days ago, at this minute of the day.
fn paid(n: i64, made: i64, received: i64) -> Sent {
    let minute = |days: i64| (now_ms() - days * DAY - START) / MINUTE;
    Sent { id: n as u8, second: n, made_minute: minute(made), received_minute: minute(received), ..payment(n) }
}

async fn write(db: &DatabaseConnection, events: impl IntoIterator<Item = Sent>) {
    for event in events {
        batch::write(db, &[new_event(&event)]).await.unwrap();
    }
    while rollups::fold(db).await.unwrap().1 {}
}

async fn retain(db: &DatabaseConnection, retention: Retention) {
    while retention::step(db, retention).await.unwrap() > 0 {}
}

async fn days(db: &DatabaseConnection) -> Vec<Point> {
    let mut points = rollups::read(db, Scope::All, Mode::Live, Grain::Day, 0, i64::MAX).await.unwrap();
    points.sort_by_key(|point| (point.bucket_ms, point.series.to_string()));
    points
}

/// SQLite, and a PostgreSQL whose rows are in the partition for those of no month: the rows of this test have ids of today.
async fn both() -> [Database; 2] {
    let postgres = Database::postgres().await;
    let months = "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhrelid::regclass::text LIKE '%\\_until\\_%'
        AND inhparent IN ('webhook_events'::regclass, 'transactions'::regclass)";
    for row in postgres.db.query_all_raw(Statement::from_string(postgres.db.get_database_backend(), months)).await.unwrap() {
        let name: String = row.try_get("", "name").unwrap();
        postgres.db.execute_unprepared(&format!("DROP TABLE {name}")).await.unwrap();
    }
    [Database::sqlite().await, postgres]
}

#[tokio::test]
async fn figures_of_a_long_life_are_proved_as_far_as_they_can_be() {
    for database in both().await {
        let db = &database.db;
        write(db, [0, 3, 8, 12, 20, 29, 33, 60].map(|day| paid(day, day, day))).await;
        // Made long ago, told now: before anything was removed it counts where it was made.
        write(db, [paid(100, 330, 0)]).await;
        assert_eq!(verify::verify(db).await.unwrap().unproven, Unproven::default(), "nothing was removed");
        let before = days(db).await;
        retain(db, AGES).await;

        let verified = verify::verify(db).await.unwrap();
        assert_eq!(verified.differences, [], "{verified:?}");
        assert!(verified.unproven.days > 0 && verified.horizons.webhooks.is_some() && verified.horizons.minute.is_some());
        assert_eq!(days(db).await, before, "days stay");

        verify::rebuild(db).await.unwrap();
        assert_eq!(days(db).await, before, "what cannot be counted is kept");
        // The shell of anyone who rebuilds has no say: a shorter history that removed nothing changes nothing.
        assert_eq!(verify::verify(db).await.unwrap().differences, []);

        db.execute_unprepared(&format!("UPDATE rollups SET count = count + 1 WHERE bucket >= {}", now_ms() - 10 * DAY))
            .await
            .unwrap();
        assert_ne!(verify::verify(db).await.unwrap().differences, [], "what can be proved is");
        verify::rebuild(db).await.unwrap();
        assert_eq!(days(db).await, before);
    }
}

#[tokio::test]
async fn a_late_difference_brings_no_removed_bucket_back() {
    for database in both().await {
        let db = &database.db;
        write(db, [paid(1, 10, 10), paid(2, 0, 0)]).await;
        retain(db, AGES).await;
        write(db, [paid(3, 10, 0)]).await;
        let minutes = rollups::read(db, Scope::All, Mode::Live, Grain::Minute, 0, now_ms() - 9 * DAY).await.unwrap();
        assert_eq!(minutes, []);
        assert_eq!(verify::verify(db).await.unwrap().differences, []);
        let of_the_day = days(db).await.into_iter().filter(|point| point.series.to_string().starts_with("t|"));
        assert_eq!(of_the_day.map(|point| point.sum.count).collect::<Vec<_>>(), [2, 1]);
    }
}

#[tokio::test]
async fn a_transaction_whose_first_webhooks_are_gone_is_taken_as_it_is_stored() {
    for database in both().await {
        let db = &database.db;
        // Told of without a time of its own, so that it counts where its last webhook says; the amount is in the first.
        write(db, [Sent { status: "PENDING", ..paid(1, 40, 40) }]).await;
        let last = Sent { second: 50, ..paid(1, 2, 2) };
        write(db, [last]).await;
        db.execute_unprepared("UPDATE webhook_events SET payload = '{\"eventType\":\"PAYMENT_COMPLETED\"}'").await.unwrap();
        retain(db, AGES).await;
        let verified = verify::verify(db).await.unwrap();
        assert_eq!((verified.differences.as_slice(), verified.unproven.transactions), ([].as_slice(), 1), "{verified:?}");
    }
}

#[tokio::test]
async fn a_database_from_before_learns_its_horizons() {
    for database in both().await {
        let db = &database.db;
        write(db, [0, 3, 9, 20, 33, 60].map(|day| paid(day, day, day))).await;
        write(db, [paid(100, 330, 0)]).await;
        retain(db, AGES).await;
        let known = Horizons::read(db).await.unwrap();
        // As the version before left it.
        for statement in [
            "DELETE FROM platform_state",
            "DROP INDEX rollups_age",
            "DROP TABLE late_events",
            "DELETE FROM seaql_migrations WHERE version = 'horizons'",
        ] {
            db.execute_unprepared(statement).await.unwrap();
        }
        store::migrate(db).await.unwrap();
        let derived = Horizons::read(db).await.unwrap();
        assert!(derived.webhooks.is_some() && derived.minute.is_some() && derived.hour.is_some(), "{derived:?}");
        assert!(derived.webhooks >= known.webhooks && derived.webhooks.unwrap() <= now_ms() - 19 * DAY, "{derived:?} {known:?}");
        assert_eq!(verify::verify(db).await.unwrap().differences, []);
        write(db, [paid(101, 1, 0)]).await;
        assert_eq!(verify::verify(db).await.unwrap().differences, []);
    }
}

#[tokio::test]
async fn sums_of_the_largest_amounts_are_exact() {
    const LARGE: i64 = 9_007_199_254_740_991;
    for database in both().await {
        let db = &database.db;
        for n in 0..40 {
            let events: Vec<_> = (0..25)
                .map(|m| {
                    let mut event = new_event(&Sent { amount: LARGE, currency: "USD", ..payment(0) });
                    let name = format!("{n}-{m}");
                    event.identity = common::EventIdentity::stored(&format!("{name:0>64}"));
                    if let common::event::Change::Transaction(facts) = &mut event.event.change {
                        facts.external_id = name.into();
                    }
                    event
                })
                .collect();
            batch::write(db, &events).await.unwrap();
            if n == 20 {
                while rollups::fold(db).await.unwrap().1 {}
            }
        }
        for _ in 0..2 {
            for grain in Grain::ALL {
                let points = rollups::read(db, Scope::All, Mode::Live, grain, 0, i64::MAX).await.unwrap();
                let paid: Vec<_> = points.iter().filter(|point| point.series.to_string().starts_with("t|")).collect();
                assert_eq!(paid.len(), 1);
                assert_eq!((paid[0].sum.count, paid[0].sum.amount), (1_000, 9_007_199_254_740_991_000));
            }
            while rollups::fold(db).await.unwrap().1 {}
        }
    }
}

/// Statements of PostgreSQL's own count of transactions of this database.
async fn transactions(db: &DatabaseConnection) -> i64 {
    db.execute_unprepared("SELECT pg_stat_force_next_flush()").await.unwrap();
    let sql = "SELECT xact_commit + xact_rollback AS n FROM pg_stat_database WHERE datname = current_database()";
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await.unwrap();
    row.unwrap().try_get("", "n").unwrap()
}

#[tokio::test]
async fn retention_at_rest_costs_the_same_for_any_number_of_companies() {
    let database = Database::postgres().await;
    // One connection: its statistics are all there are.
    let db = &database.one().await;
    db.execute_unprepared(
        "INSERT INTO companies (id, slug, name, created_at) SELECT gen_random_uuid(), 'c' || n, 'c' || n, 0 FROM generate_series(1, 3000) n",
    )
    .await
    .unwrap();
    write(db, [paid(1, 0, 0)]).await;
    retain(db, AGES).await;
    let before = transactions(db).await;
    retention::step(db, AGES).await.unwrap();
    rollups::traffic(db, Grain::Day, 0).await.unwrap();
    let used = transactions(db).await - before;
    // Some for each kind of thing that has an age: less than one a second.
    assert!((1..=40).contains(&used), "{used} transactions a minute");
}

#[tokio::test]
async fn buckets_of_all_companies_go_together() {
    for database in both().await {
        let db = &database.db;
        for n in 0..30 {
            let mut event = new_event(&paid(n, 20, 20));
            event.company_id = CompanyId(uuid::Uuid::now_v7());
            batch::write(db, &[event]).await.unwrap();
        }
        while rollups::fold(db).await.unwrap().1 {}
        retention::step(db, AGES).await.unwrap();
        for grain in [Grain::Minute, Grain::Hour] {
            assert_eq!(rollups::read(db, Scope::All, Mode::Live, grain, 0, i64::MAX).await.unwrap(), []);
        }
        assert_eq!(verify::verify(db).await.unwrap().differences, []);
    }
}

async fn rows(db: &DatabaseConnection, table: &str) -> i64 {
    let row = Statement::from_string(db.get_database_backend(), format!("SELECT count(*) AS n FROM {table}"));
    db.query_one_raw(row).await.unwrap().unwrap().try_get("", "n").unwrap()
}

/// `sent` with a status time of its own.
fn told(sent: &Sent, days: i64) -> NewEvent {
    let mut event = new_event(sent);
    event.event.status_time = chrono::DateTime::from_timestamp_millis(now_ms() - days * DAY).unwrap();
    event
}

#[tokio::test]
async fn an_event_older_than_what_is_remembered_changes_no_closed_day() {
    for database in both().await {
        let db = &database.db;
        let (old, recent) = (paid(1, 40, 40), paid(2, 1, 1));
        batch::write(db, &[told(&old, 40), told(&recent, 1)]).await.unwrap();
        while rollups::fold(db).await.unwrap().1 {}
        retain(db, AGES).await;
        assert_eq!((rows(db, "webhook_events").await, rows(db, "transactions").await), (1, 1));
        let closed =
            |points: Vec<Point>| points.into_iter().filter(|point| point.bucket_ms < now_ms() - 2 * DAY).collect::<Vec<_>>();
        let before = closed(days(db).await);

        // The old body comes again, now.
        let again = |n| NewEvent { received_ms: now_ms(), webhook_id: uuid::Uuid::now_v7(), ..told(&paid(n, 40, 0), 40) };
        let event = NewEvent { identity: new_event(&old).identity, ..again(1) };
        assert_eq!(batch::write(db, std::slice::from_ref(&event)).await.unwrap().new, 1);
        let known = NewEvent { webhook_id: uuid::Uuid::now_v7(), ..event.clone() };
        assert_eq!(batch::write(db, &[known]).await.unwrap().new, 0, "and is known from then on");
        while rollups::fold(db).await.unwrap().1 {}
        assert_eq!((rows(db, "webhook_events").await, rows(db, "transactions").await), (2, 1), "kept, with no transaction");
        assert_eq!(rows(db, "transaction_keys").await, 1);
        let late = store::reads::late(db, [event.webhook_id, uuid::Uuid::nil()]).await.unwrap();
        assert_eq!(late.into_iter().collect::<Vec<_>>(), [event.webhook_id]);
        assert_eq!(closed(days(db).await), before);

        // Of now, about a transaction that may have been counted and removed: it is stored, and counts in no closed day.
        batch::write(db, &[told(&paid(3, 40, 0), 0)]).await.unwrap();
        batch::write(db, &[told(&Sent { status: "RETURNED", second: 9, ..paid(3, 40, 0) }, 0)]).await.unwrap();
        while rollups::fold(db).await.unwrap().1 {}
        assert_eq!((rows(db, "transactions").await, closed(days(db).await)), (2, before));
        assert_eq!(verify::verify(db).await.unwrap().differences, []);
        retain(db, AGES).await;
        assert_eq!(rows(db, "late_events").await, 1);
    }
}

#[tokio::test]
async fn who_reads_while_retention_removes_reads_again_what_is_kept() {
    for database in both().await {
        let db = &database.db;
        write(db, [0, 3, 8, 12].map(|day| paid(day, day, day))).await;
        let from = Grain::Day.bucket(now_ms() - 10 * DAY);
        let finest = |horizons: &Horizons| match horizons.minute {
            Some(horizon) if horizon > from => Grain::Hour,
            _ => Grain::Minute,
        };
        // Between the look at the horizons and the reading.
        let read = |grain| async move {
            retain(db, AGES).await;
            rollups::read(db, Scope::All, Mode::Live, grain, from, i64::MAX).await
        };
        let (grain, points) = horizon::read_kept(db, finest, read).await.unwrap();
        let payments =
            points.iter().filter(|point| matches!(point.series, Series::Transactions { .. })).map(|point| point.sum.count);
        assert_eq!((grain, payments.sum::<i64>()), (Grain::Hour, 3));
    }
}
