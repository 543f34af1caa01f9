//! What older rules stored becomes, by a replay, what a fresh installation has that was sent the same.

use chrono::DateTime;
use common::{Endpoint, Envelope, Event, EventIdentity, Family, Grain, Kind, Mode, RULES_VERSION, Status, event};
use proptest::{prelude::*, test_runner::TestRunner};
use sea_orm::{ConnectionTrait, DatabaseConnection, EntityTrait};
use serde_json::{Value, json};
use store::{
    batch::{self, NewEvent},
    entity::{account, account_payment_method, account_status, transaction, webhook_event},
    now_ms,
    replay::{Counts, Range, Replay, Subject},
    retention::{self, Retention},
    rollups, verify,
};
use uuid::Uuid;

use crate::{
    Database,
    figures::{any_event, company, kept, new_event, payment},
    naive::{MINUTE, START, Sent},
};

/// How an older version understood a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rules {
    Now,
    /// It did not know the family.
    UnknownFamily,
    /// It did not know the status.
    UnknownStatus,
    /// It took it for another kind.
    OtherKind,
    /// It took the id from another field.
    OtherId,
    OtherMode,
    OtherReference,
}

/// A webhook and how it was understood when it was stored.
#[derive(Debug, Clone)]
enum Told {
    Transaction(Sent, Rules),
    Account { id: u8, status: &'static str, second: i64, card: Option<u8>, received: i64, rules: Rules },
}

/// A batch; whether it came by the rules of now while the replay was at work.
type Batch = (Vec<Told>, bool);

fn account(id: u8, status: &str, second: i64, card: Option<u8>, received_ms: i64) -> NewEvent {
    let payload =
        json!({"eventType": format!("ACCT_{status}"), "payload": {"id": format!("r{id}"), "accountNumber": format!("a{id}"),
        "acctStatus": status, "creditCardId": card.map(|card| card.to_string()),
        "statusTime": DateTime::from_timestamp_millis(START + second * 1000).unwrap().to_rfc3339()}})
        .to_string();
    let envelope = Envelope::parse(payload.as_bytes(), None).unwrap();
    NewEvent {
        webhook_id: Uuid::now_v7(),
        company_id: company(0),
        endpoint: Endpoint::AccountStatus,
        identity: EventIdentity::of(Endpoint::AccountStatus, Some("a"), &envelope),
        legacy: None,
        event_key: None,
        received_ms,
        event: Event::interpret(&envelope, DateTime::from_timestamp_millis(received_ms).unwrap()).unwrap(),
        payload,
    }
}

impl Told {
    fn event(&self) -> NewEvent {
        match self {
            Self::Transaction(sent, _) => new_event(sent),
            Self::Account { id, status, second, card, received, .. } => {
                account(*id, status, *second, *card, START + received * MINUTE)
            }
        }
    }

    fn rules(&self) -> Rules {
        match self {
            Self::Transaction(_, rules) | Self::Account { rules, .. } => *rules,
        }
    }
}

/// The event as rules of before understood it.
fn understood(mut new: NewEvent, rules: Rules) -> NewEvent {
    let event = &mut new.event;
    match rules {
        Rules::Now => {}
        Rules::UnknownFamily => {
            (event.family, event.change) = (Family::of("SOMETHING_NEW"), event::Change::Nothing);
        }
        Rules::OtherMode => event.mode = if event.mode == Mode::Live { Mode::Test } else { Mode::Live },
        Rules::OtherReference => event.merchant_ref_num = Some("another".into()),
        Rules::UnknownStatus => match &mut event.change {
            event::Change::Transaction(facts) => facts.status = Status::Pending,
            event::Change::Account(facts) => facts.status = "UNHEARD".into(),
            event::Change::Nothing => {}
        },
        Rules::OtherKind => {
            if let event::Change::Transaction(facts) = &mut event.change {
                facts.kind = Kind::Payout;
                event.family = Family::of("PAYOUT_DONE");
            }
        }
        Rules::OtherId => match &mut event.change {
            event::Change::Transaction(facts) => {
                facts.external_id = "1".into();
                event.resource_id = Some("1".into());
            }
            event::Change::Account(facts) => {
                facts.external_id = "a1".into();
                event.account_id = Some("a1".into());
            }
            event::Change::Nothing => {}
        },
    }
    new
}

fn any_rules() -> impl Strategy<Value = Rules> {
    use Rules::{Now, OtherId, OtherKind, OtherMode, OtherReference, UnknownFamily, UnknownStatus};
    prop::sample::select(vec![Now, Now, UnknownFamily, UnknownStatus, OtherKind, OtherId, OtherMode, OtherReference])
}

fn any_told() -> impl Strategy<Value = Told> {
    let status = prop::sample::select(vec!["ENABLED", "REJECTED", "SUBMITTED"]);
    let account = (0_u8..3, status, 0_i64..4, prop::option::of(0_u8..3), -70_i64..70, any_rules());
    let account = account.prop_map(|(id, status, second, card, received, rules)| Told::Account {
        id,
        status,
        second,
        card,
        received,
        rules,
    });
    prop_oneof![3 => (any_event(), any_rules()).prop_map(|(sent, rules)| Told::Transaction(sent, rules)), 1 => account]
}

fn any_story() -> impl Strategy<Value = Vec<Batch>> {
    prop::collection::vec((prop::collection::vec(any_told(), 1..7), prop::bool::weighted(0.2)), 1..9)
}

/// Rows as they are but for ids that are made when they are written.
async fn rows(db: &DatabaseConnection) -> Value {
    let mut transactions = transaction::Entity::find().all(db).await.unwrap();
    for row in &mut transactions {
        row.id = Uuid::nil();
    }
    let mut accounts = account::Entity::find().all(db).await.unwrap();
    for row in &mut accounts {
        row.id = Uuid::nil();
    }
    let steps = account_status::Entity::find().all(db).await.unwrap();
    let methods = account_payment_method::Entity::find().all(db).await.unwrap();
    let events = webhook_event::Entity::find().all(db).await.unwrap();
    let sorted = |mut texts: Vec<String>| {
        texts.sort();
        texts
    };
    let text = |row: &dyn std::fmt::Debug| format!("{row:?}");
    json!({
        "transactions": sorted(transactions.iter().map(|row| text(row)).collect()),
        "accounts": sorted(accounts.iter().map(|row| text(row)).collect()),
        "steps": sorted(steps.iter().map(|row| text(row)).collect()),
        "methods": sorted(methods.iter().map(|row| text(row)).collect()),
        "events": sorted(events.iter().map(|row| text(row)).collect()),
        "entries": count(db, "transaction_keys k JOIN transactions t ON t.id = k.transaction_id").await,
        "all entries": count(db, "transaction_keys").await,
    })
}

async fn count(db: &DatabaseConnection, from: &str) -> i64 {
    let sql = format!("SELECT count(*) AS n FROM {from}");
    let row = db.query_one_raw(sea_orm::Statement::from_string(db.get_database_backend(), sql)).await.unwrap();
    row.unwrap().try_get("", "n").unwrap()
}

async fn empty(db: &DatabaseConnection) {
    for table in [
        "webhook_events",
        "event_identities",
        "transactions",
        "transaction_keys",
        "rollups",
        "rollup_deltas",
        "accounts",
        "account_statuses",
        "account_payment_methods",
    ] {
        db.execute_unprepared(&format!("DELETE FROM {table}")).await.unwrap();
    }
}

async fn of_before(db: &DatabaseConnection) {
    for table in ["transactions", "accounts"] {
        db.execute_unprepared(&format!("UPDATE {table} SET rules_version = 0")).await.unwrap();
    }
}

/// All of a dry run, and its changes.
async fn told_dry(db: &DatabaseConnection, size: u64) -> (Counts, Vec<store::replay::Change>) {
    let mut replay = Replay::dry(db, Range::default()).await.unwrap().with_slices_of(size);
    let mut changes = Vec::new();
    loop {
        let step = replay.step().await.unwrap();
        changes.extend(step.changes);
        if step.is_last {
            return (replay.counts(), changes);
        }
    }
}

async fn check(old: &DatabaseConnection, fresh: &DatabaseConnection, story: &[Batch], size: u64) {
    let batches: Vec<(Vec<(NewEvent, Rules)>, bool)> = story
        .iter()
        .map(|(batch, is_meanwhile)| (batch.iter().map(|told| (told.event(), told.rules())).collect(), *is_meanwhile))
        .collect();
    let (before, meanwhile): (Vec<_>, Vec<_>) = batches.iter().partition(|(_, is_meanwhile)| !is_meanwhile);
    for (batch, _) in &before {
        let events: Vec<NewEvent> = batch.iter().map(|(new, rules)| understood(new.clone(), *rules)).collect();
        batch::write(old, &events).await.unwrap();
    }
    rollups::fold(old).await.unwrap();
    of_before(old).await;

    let untouched = rows(old).await;
    let (dry, changes) = told_dry(old, size).await;
    assert_eq!(rows(old).await, untouched, "a dry run changes nothing");

    let mut meanwhile_left = meanwhile.iter();
    let mut slices = 0;
    let counts = loop {
        // Killed after each third slice: another one goes on.
        let mut replay = Replay::begin(old, Range::default()).await.unwrap().with_slices_of(size);
        assert_eq!(replay.is_resumed(), slices > 0);
        let mut is_done = false;
        for _ in 0..3 {
            is_done = replay.step().await.unwrap().is_last;
            slices += 1;
            if let Some((batch, _)) = meanwhile_left.next() {
                let events: Vec<NewEvent> = batch.iter().map(|(new, _)| new.clone()).collect();
                batch::write(old, &events).await.unwrap();
            }
            if is_done {
                break;
            }
        }
        if is_done {
            break replay.counts();
        }
    };
    for (batch, _) in meanwhile_left {
        batch::write(old, &batch.iter().map(|(new, _)| new.clone()).collect::<Vec<_>>()).await.unwrap();
    }
    for (batch, _) in before.iter().chain(&meanwhile) {
        batch::write(fresh, &batch.iter().map(|(new, _)| new.clone()).collect::<Vec<_>>()).await.unwrap();
    }
    let (of_old, of_fresh) = (rows(old).await, rows(fresh).await);
    for (name, rows) in of_old.as_object().unwrap() {
        assert_eq!(Some(rows), of_fresh.get(name), "{name}");
    }
    for grain in Grain::ALL {
        assert_eq!(kept(old, grain).await, kept(fresh, grain).await, "{grain:?}");
    }
    assert_eq!(verify::verify(old).await.unwrap().differences, []);
    if meanwhile.is_empty() {
        assert_eq!(dry.events, counts.events);
        let is_told = changes.iter().any(|change| change.of != Subject::Event);
        if size == 500 {
            assert_eq!(dry, counts, "within a slice a dry run knows all");
        }
        assert_eq!((dry.changed > 0, is_told), (counts.changed > 0, counts.changed > 0), "{changes:?}");
    }

    let (again, changes) = told_dry(old, size).await;
    assert_eq!((again.changed, changes), (0, vec![]), "a second one finds nothing to do");
}

fn any_story_becomes_what_a_fresh_installation_has(databases: impl Future<Output = [Database; 2]>, cases: u32) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(2).build().unwrap();
    let [old, fresh] = runtime.block_on(databases);
    let mut runner = TestRunner::new(ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() });
    let outcome = runner.run(&(any_story(), prop::sample::select(vec![1_u64, 3, 500])), |(story, size)| {
        runtime.block_on(async {
            empty(&old.db).await;
            empty(&fresh.db).await;
            check(&old.db, &fresh.db, &story, size).await;
        });
        Ok(())
    });
    outcome.unwrap();
}

#[test]
fn any_story_replayed_is_what_a_fresh_installation_has_on_sqlite() {
    any_story_becomes_what_a_fresh_installation_has(async { [Database::sqlite().await, Database::sqlite().await] }, 60);
}

#[test]
fn any_story_replayed_is_what_a_fresh_installation_has_on_postgres() {
    any_story_becomes_what_a_fresh_installation_has(async { [Database::postgres().await, Database::postgres().await] }, 40);
}

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

/// How fast it is, with reads and batches beside it: `REPLAY_EVENTS=200000 cargo test --release -p store -- --ignored replay_rate
/// --nocapture`. A million in five minutes is 3,333 per second.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes"]
async fn replay_rate() {
    let events: i64 = std::env::var("REPLAY_EVENTS").map_or(100_000, |text| text.parse().unwrap());
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
                rollups::read(db, store::reads::Scope::All, Mode::Live, Grain::Day, 0, i64::MAX).await.unwrap();
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
        println!(
            "{name}: {counts:?} in {took:?}: {rate:.0} webhooks per second; {reads} reads beside it, the slowest {slowest:?}"
        );
    }
}
