//! Replays beside retention, batches and reads, and of a part alone.

use chrono::DateTime;
use clock::now_ms;
use common::{Endpoint, Envelope, Event, EventIdentity, Grain, Mode, RULES_VERSION, Status, event};
use sea_orm::{ConnectionTrait, DatabaseConnection, EntityTrait};
use store::{
    batch::{self, NewEvent},
    entity::transaction,
    replay::{Counts, Range, Replay},
    retention::{self, Retention},
    rollups, verify,
};
use uuid::Uuid;

use crate::{
    Database,
    figures::{company, new_event, payment},
    naive::{MINUTE, START, Sent},
    replay::{Rules, of_before, told_dry, understood},
};

const DAY: i64 = 86_400_000;

async fn run(db: &DatabaseConnection, range: Range) -> Counts {
    let mut replay = Replay::begin(db, range).await.unwrap();
    while !replay.step().await.unwrap().is_last {}
    replay.counts()
}

/// A payment of which a webhook came so many days ago.
fn days_ago(days: i64, second: i64, status: &'static str) -> NewEvent {
    let minute = (now_ms() - days * DAY - START) / MINUTE;
    let sent = Sent { status, second, made_minute: minute, received_minute: minute, ..payment(second) };
    let mut event = new_event(&Sent { id: 1, ..sent });
    event.webhook_id =
        Uuid::from_u128(u128::from((now_ms() - days * DAY).unsigned_abs()) << 80 | u128::from(second.unsigned_abs()));
    event
}

#[tokio::test]
async fn what_retention_took_webhooks_from_is_kept_and_only_added_to() {
    let ages = Retention { history_days: 30, minute_days: 7, hour_days: 15 };
    let database = Database::sqlite().await;
    let db = &database.db;
    let mut first = days_ago(40, 1, "PENDING");
    if let event::Change::Transaction(facts) = &mut first.event.change {
        facts.payment_method = Some("TOLD BY THE FIRST".into());
    }
    let mut last = days_ago(2, 2, "COMPLETED");
    if let event::Change::Transaction(facts) = &mut last.event.change {
        facts.payment_method = None;
        facts.status = Status::Pending;
    }
    last.payload = last.payload.replace(r#","paymentType":"CARD""#, "");
    batch::write(db, &[first]).await.unwrap();
    batch::write(db, &[last]).await.unwrap();
    while retention::step(db, ages).await.unwrap() > 0 {}
    of_before(db).await;
    let counts = run(db, Range::default()).await;
    assert_eq!((counts.events, counts.kept, counts.changed), (1, 1, 0), "{counts:?}");
    let row = transaction::Entity::find().one(db).await.unwrap().unwrap();
    assert_eq!((row.status.as_str(), row.payment_method.as_deref()), ("COMPLETED", Some("TOLD BY THE FIRST")));
    assert_eq!(row.rules_version, RULES_VERSION);
    assert_eq!(verify::verify(db).await.unwrap().differences, []);
}

#[tokio::test]
async fn a_range_is_of_a_company_and_of_a_time() {
    let database = Database::sqlite().await;
    let db = &database.db;
    let of = |n: i64, days, whose| {
        let mut event = understood(days_ago(days, n, "COMPLETED"), Rules::UnknownFamily);
        event.company_id = company(whose);
        event
    };
    batch::write(db, &[of(1, 9, 0), of(2, 5, 0), of(3, 5, 1), of(4, 1, 0)]).await.unwrap();
    let (from_ms, until_ms) = (Some(now_ms() - 6 * DAY), Some(now_ms() - 3 * DAY));
    let counts = run(db, Range { company: Some(company(0)), from_ms, until_ms }).await;
    assert_eq!((counts.events, counts.changed), (1, 1));
    let made = transaction::Entity::find().all(db).await.unwrap();
    assert_eq!(made.iter().map(|row| row.company_id).collect::<Vec<_>>(), [company(0).0]);
    assert_eq!(run(db, Range::default()).await.changed, 2);
}

#[tokio::test]
async fn batches_go_on_beside_it() {
    let database = Database::postgres().await;
    let db = &database.db;
    let told = |n: i64, status| new_event(&Sent { status, id: (n % 40) as u8, second: n, amount: n + 1, ..payment(n) });
    for n in 0..60 {
        batch::write(db, &[understood(told(n, "PENDING"), Rules::UnknownFamily)]).await.unwrap();
    }
    let replayed = async {
        for _ in 0..3 {
            let mut replay = Replay::begin(db, Range::default()).await.unwrap().with_slices_of(7);
            while !replay.step().await.unwrap().is_last {}
        }
    };
    let writers = (0..4).map(|writer| async move {
        for n in 0..60 {
            let events: Vec<_> = (0..3).map(|m| told(100 + writer * 1000 + n * 3 + m, "COMPLETED")).collect();
            batch::write(db, &events).await.unwrap();
        }
    });
    tokio::join!(replayed, futures::future::join_all(writers));
    assert_eq!(verify::verify(db).await.unwrap().differences, []);
    let (dry, changes) = told_dry(db, 500).await;
    assert_eq!((dry.events, dry.changed, changes), (780, 0, vec![]));
}

#[tokio::test]
async fn a_slice_is_read_by_keys_and_a_second_run_ends_the_first() {
    let database = Database::sqlite().await;
    let db = &database.db;
    for n in 0..5 {
        batch::write(db, &[new_event(&payment(n))]).await.unwrap();
    }
    let plan = async |sql: &str| {
        let explain = sea_orm::Statement::from_string(sea_orm::DbBackend::Sqlite, format!("EXPLAIN QUERY PLAN {sql}"));
        let rows = db.query_all_raw(explain).await.unwrap();
        rows.iter().map(|row| row.try_get::<String>("", "detail").unwrap()).collect::<Vec<_>>().join("; ")
    };
    for sql in [
        "SELECT id FROM webhook_events WHERE id > x'00' AND id <= x'ff' ORDER BY id LIMIT 1 OFFSET 499",
        "SELECT * FROM webhook_events WHERE id > x'00' AND id <= x'01' ORDER BY id",
        "SELECT * FROM webhook_events e WHERE (e.company_id, e.resource_id) IN (VALUES (x'00', 'a'), (x'00', 'b'))
         AND (e.id <= x'01' OR e.id > x'02') LIMIT 20001",
        "SELECT * FROM account_statuses WHERE company_id = x'00' AND external_id = 'a' AND (id <= x'00' OR id > x'01')",
    ] {
        let plan = plan(sql).await;
        assert!(!plan.contains("SCAN webhook") && !plan.contains("SCAN e") && !plan.contains("SCAN acc"), "{sql}: {plan}");
    }
    let mut first = Replay::begin(db, Range::default()).await.unwrap().with_slices_of(2);
    first.step().await.unwrap();
    let mut second = Replay::begin(db, Range::default()).await.unwrap().with_slices_of(2);
    assert!(second.is_resumed());
    assert!(matches!(first.step().await, Err(store::Error::Conflict(_))));
    second.step().await.unwrap();
    assert_eq!(second.counts().events, 4, "what the first did counts");
}

/// It tells its rate, too: `REPLAY_EVENTS=200000 cargo test --release -p store -- reads_go_on_beside_it --nocapture`. A million in
/// five minutes is 3,333 per second.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_go_on_beside_it() {
    let events: i64 = std::env::var("REPLAY_EVENTS").map_or(2_000, |text| text.parse().unwrap());
    for (name, database) in [("PostgreSQL", Database::postgres().await), ("SQLite", Database::sqlite().await)] {
        let db = &database.db;
        let begun = std::time::Instant::now();
        // Two webhooks of each transaction, some seconds apart; the family of each tenth transaction was not known.
        let event = |n: i64| {
            let (transaction, status) = (n / 200 * 100 + n % 100, if n % 200 < 100 { "PENDING" } else { "COMPLETED" });
            let minute = transaction % 40_000;
            let sent = Sent { status, second: n, made_minute: minute, received_minute: minute, amount: n + 1, ..payment(0) };
            let id = format!("\"payment-{transaction}\"");
            let payload = new_event(&sent).payload.replace("\"0\"", &id);
            let envelope = Envelope::parse(payload.as_bytes(), None).unwrap();
            let at = DateTime::from_timestamp_millis(sent.received()).unwrap();
            let new = NewEvent {
                event: Event::interpret(&envelope, at).unwrap(),
                identity: EventIdentity::of(Endpoint::Netbanx, Some("a"), &envelope),
                ..new_event(&sent)
            };
            let new = NewEvent { payload: payload.clone(), ..new };
            if transaction % 10 == 0 { understood(new, Rules::UnknownFamily) } else { new }
        };
        let mut n = 0;
        while n < events {
            batch::write(db, &(n..n + 100).map(event).collect::<Vec<_>>()).await.unwrap();
            n += 100;
        }
        while rollups::fold(db).await.unwrap().1 {}
        of_before(db).await;
        println!("{name}: {events} webhooks written in {:?}", begun.elapsed());
        let begun = std::time::Instant::now();
        let is_done = std::sync::atomic::AtomicBool::new(false);
        let done = || is_done.load(std::sync::atomic::Ordering::Relaxed);
        let mut slowest = std::time::Duration::ZERO;
        let replayed = async {
            let mut replay = Replay::begin(db, Range::default()).await.unwrap();
            while !replay.step().await.unwrap().is_last {}
            is_done.store(true, std::sync::atomic::Ordering::Relaxed);
            replay.counts()
        };
        let read = async {
            let mut reads = 0;
            while !done() {
                let asked = std::time::Instant::now();
                rollups::read(db, store::Scope::All, Mode::Live, Grain::Day, 0, i64::MAX).await.unwrap();
                transaction::Entity::find().one(db).await.unwrap();
                slowest = slowest.max(asked.elapsed());
                reads += 1;
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
            reads
        };
        let fold = async {
            while !done() {
                drop(rollups::fold(db).await);
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        };
        let (counts, reads, ()) = tokio::join!(replayed, read, fold);
        let took = begun.elapsed();
        let rate = events as f64 / took.as_secs_f64();
        assert_eq!((counts.events, counts.changed > 0), (events as u64, true), "{name}: {counts:?}");
        assert!(reads > 0, "{name}: nobody read meanwhile");
        println!(
            "{name}: {counts:?} in {took:?}: {rate:.0} webhooks per second; {reads} reads beside it, the slowest {slowest:?}"
        );
    }
}
