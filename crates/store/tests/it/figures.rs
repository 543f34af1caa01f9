//! Roll-ups are always what a recount gives.

use std::collections::BTreeMap;

use chrono::DateTime;
use common::{CompanyId, Endpoint, Envelope, Event, EventIdentity, Grain, Mode};
use proptest::{prelude::*, test_runner::TestRunner};
use sea_orm::{ConnectionTrait, DatabaseConnection};
use serde_json::json;
use store::{
    Scope,
    batch::{self, NewEvent},
    rollups, verify,
};
use uuid::Uuid;

use crate::{
    Database,
    naive::{self, Figures, MINUTE, START, Sent},
};

const COMPANIES: usize = 2;

pub fn company(n: usize) -> CompanyId {
    CompanyId(Uuid::from_u128(n as u128 + 1))
}

fn body(sent: &Sent) -> String {
    let time = |ms: i64| DateTime::from_timestamp_millis(ms).unwrap().to_rfc3339();
    let reason = matches!(sent.status, "FAILED" | "RETURNED").then(|| format!("because {}", sent.status));
    json!({
        "eventType": sent.name(), "resourceId": sent.id.to_string(), "mode": if sent.is_test { "test" } else { "live" },
        "payload": {"id": sent.id.to_string(), "status": sent.status, "amount": sent.amount, "currencyCode": sent.currency,
            "paymentType": sent.method, "statusTime": time(sent.status_time()), "txnTime": time(sent.made()), "statusReason": reason},
    })
    .to_string()
}

fn identity(sent: &Sent) -> EventIdentity {
    let body = body(sent);
    let envelope = Envelope::parse(body.as_bytes(), None).unwrap();
    EventIdentity::of(Endpoint::Netbanx, Some(if sent.company == 0 { "a" } else { "b" }), &envelope)
}

/// The event as a new webhook: a redelivery has an id of its own.
pub fn new_event(sent: &Sent) -> NewEvent {
    let payload = body(sent);
    let envelope = Envelope::parse(payload.as_bytes(), None).unwrap();
    NewEvent {
        webhook_id: Uuid::now_v7(),
        company_id: company(sent.company),
        endpoint: Endpoint::Netbanx,
        identity: identity(sent),
        legacy: None,
        event_key: None,
        received_ms: sent.received(),
        event: Event::interpret(&envelope, DateTime::from_timestamp_millis(sent.received()).unwrap()).unwrap(),
        payload,
        trace: None,
    }
}

pub fn any_event() -> impl Strategy<Value = Sent> {
    let what = (
        0..COMPANIES,
        prop::sample::select(vec!["PAYMENT", "REFUND"]),
        0_u8..4,
        prop::sample::select(vec!["PENDING", "COMPLETED", "FAILED", "CANCELLED", "RETURNED"]),
    );
    let money = (1_i64..1000, prop::sample::select(vec!["EUR", "JPY"]), prop::sample::select(vec!["CARD", "SEPA"]));
    // Minutes on both sides of an hour and of a day.
    let times = (0_i64..4, -1500_i64..1500, -70_i64..70, prop::bool::weighted(0.1));
    (what, money, times).prop_map(|((company, kind, id, status), (amount, currency, method), (second, made, received, test))| {
        Sent {
            company,
            kind,
            id,
            status,
            second,
            amount,
            currency,
            method,
            made_minute: made,
            is_test: test,
            received_minute: received,
        }
    })
}

/// What happens to a batch.
#[derive(Debug, Clone, Copy)]
enum Fate {
    /// Written and acknowledged.
    Written,
    /// Written; its worker dies before it acknowledges, and the jobs come again.
    WrittenTwice,
    /// Written, and differences are folded meanwhile.
    Folded,
}

fn any_story() -> impl Strategy<Value = Vec<(Vec<Sent>, Fate)>> {
    let events = prop::collection::vec(any_event(), 1..40);
    // Redelivered ones come again, as Netbanx sends them: with the same content.
    let delivered = events.prop_flat_map(|events| {
        let again = prop::sample::subsequence(events.clone(), 0..=events.len());
        (Just(events), again).prop_map(|(events, again)| [events, again].concat())
    });
    let fate = prop::sample::select(vec![Fate::Written, Fate::Written, Fate::WrittenTwice, Fate::Folded]);
    (delivered.prop_shuffle(), prop::collection::vec((1_usize..9, fate), 40)).prop_map(|(events, sizes)| {
        let mut rest = events.into_iter().peekable();
        let mut batches = Vec::new();
        for (size, fate) in sizes.into_iter().cycle() {
            if rest.peek().is_none() {
                break;
            }
            batches.push((rest.by_ref().take(size).collect(), fate));
        }
        batches
    })
}

/// The story with one content for each identity, so that it does not matter which webhook of it comes first.
fn unambiguous(story: Vec<(Vec<Sent>, Fate)>) -> Vec<(Vec<Sent>, Fate)> {
    let mut first: BTreeMap<(usize, String), Sent> = BTreeMap::new();
    let mut settle = |sent: Sent| first.entry((sent.company, identity(&sent).as_str().to_owned())).or_insert(sent).clone();
    story.into_iter().map(|(batch, fate)| (batch.into_iter().map(&mut settle).collect(), fate)).collect()
}

/// How the batches of a story are written.
#[derive(Debug, Clone, Copy)]
enum Order {
    /// One after the other.
    InTurn,
    /// All at the same time, as workers do: none waits for another for ever.
    AtOnce,
}

async fn tell(db: &DatabaseConnection, story: &[(Vec<Sent>, Fate)], order: Order) {
    let batches = story.iter().map(|(batch, fate)| async {
        let events: Vec<NewEvent> = batch.iter().map(new_event).collect();
        batch::write(db, &events).await.unwrap();
        match fate {
            Fate::Written => {}
            Fate::WrittenTwice => drop(batch::write(db, &events).await.unwrap()),
            Fate::Folded => drop(rollups::fold(db).await.unwrap()),
        }
    });
    match order {
        Order::InTurn => {
            for batch in batches {
                batch.await;
            }
        }
        Order::AtOnce => drop(futures::future::join_all(batches).await),
    }
}

pub async fn kept(db: &DatabaseConnection, grain: Grain) -> Figures {
    let mut figures = Figures::new();
    let whose = (0..COMPANIES).map(|n| (Some(n), Scope::Company(company(n).0))).chain([(None, Scope::All)]);
    for (name, scope) in whose {
        for mode in [Mode::Live, Mode::Test] {
            let (from, until) = (grain.bucket(START - 3000 * MINUTE), START + 3000 * MINUTE);
            for point in rollups::read(db, scope, mode, grain, from, until).await.unwrap() {
                if !point.sum.is_zero() {
                    let key = (name, mode == Mode::Test, point.bucket_ms, point.series.to_string());
                    figures.insert(key, (point.sum.count, i64::try_from(point.sum.amount).unwrap()));
                }
            }
        }
    }
    figures
}

async fn check(db: &DatabaseConnection, story: &[(Vec<Sent>, Fate)], order: Order) {
    tell(db, story, order).await;
    let sent: Vec<Sent> = story.iter().flat_map(|(batch, _)| batch.clone()).collect();
    for round in 0..2 {
        for grain in Grain::ALL {
            let rank = |event: &Sent| identity(event).as_str()[..16].to_owned();
            assert_eq!(kept(db, grain).await, naive::figures(&sent, grain.ms(), rank), "{grain:?}, round {round}");
        }
        assert_eq!(verify::verify(db).await.unwrap().differences, []);
        rollups::fold(db).await.unwrap();
    }
}

async fn empty(db: &DatabaseConnection) {
    for table in ["webhook_events", "event_identities", "transactions", "transaction_keys", "rollups", "rollup_deltas"] {
        db.execute_unprepared(&format!("DELETE FROM {table}")).await.unwrap();
    }
}

fn any_story_gives_the_figures_of_a_recount(database: impl Future<Output = Database>, cases: u32, order: Order) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(2).build().unwrap();
    let database = runtime.block_on(database);
    let mut runner = TestRunner::new(ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() });
    let outcome = runner.run(&any_story(), |story| {
        let story = match order {
            Order::InTurn => story,
            Order::AtOnce => unambiguous(story),
        };
        runtime.block_on(async {
            empty(&database.db).await;
            check(&database.db, &story, order).await;
        });
        Ok(())
    });
    outcome.unwrap();
}

#[test]
fn any_story_gives_the_figures_of_a_recount_on_sqlite() {
    any_story_gives_the_figures_of_a_recount(Database::sqlite(), 60, Order::InTurn);
}

#[test]
fn any_story_gives_the_figures_of_a_recount_on_postgres() {
    any_story_gives_the_figures_of_a_recount(Database::postgres(), 40, Order::InTurn);
}

#[test]
fn any_story_of_batches_at_once_gives_the_figures_of_a_recount() {
    any_story_gives_the_figures_of_a_recount(Database::postgres(), 40, Order::AtOnce);
}

pub fn payment(n: i64) -> Sent {
    Sent {
        company: 0,
        kind: "PAYMENT",
        id: (n % 250) as u8,
        status: "COMPLETED",
        second: n,
        amount: 100,
        currency: "EUR",
        method: "CARD",
        made_minute: 0,
        is_test: false,
        received_minute: 0,
    }
}

#[tokio::test]
async fn batches_side_by_side_on_one_bucket_lose_nothing() {
    let database = Database::postgres().await;
    let writers = (0..8).map(|writer| {
        let db = database.db.clone();
        tokio::spawn(async move {
            for batch in 0..10 {
                let events: Vec<NewEvent> = (0..5).map(|n| new_event(&payment(writer * 1000 + batch * 10 + n))).collect();
                batch::write(&db, &events).await.unwrap();
                if batch % 3 == 0 {
                    rollups::fold(&db).await.unwrap();
                }
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    assert_eq!(verify::verify(&database.db).await.unwrap().differences, []);
    let points = rollups::read(&database.db, Scope::All, Mode::Live, Grain::Day, 0, i64::MAX).await.unwrap();
    let received = points.iter().find(|point| point.series.to_string() == "w|processed").unwrap();
    assert_eq!(received.sum.count, 400);
}

#[tokio::test]
async fn a_wrong_bucket_is_found_and_a_rebuild_mends_it_while_batches_go_on() {
    for database in [Database::sqlite().await, Database::postgres().await] {
        let db = &database.db;
        for n in 0..20 {
            batch::write(db, &[new_event(&payment(n))]).await.unwrap();
        }
        rollups::fold(db).await.unwrap();
        batch::write(db, &[new_event(&payment(30))]).await.unwrap();
        db.execute_unprepared("UPDATE rollups SET amount = amount + 1 WHERE grain = 'hour' AND series LIKE 't|%'").await.unwrap();
        let found = verify::verify(db).await.unwrap().differences;
        // On several servers nothing is kept of all companies together; a process that met such a database keeps it nowhere.
        let whose = if std::env::var_os("TEST_DISTRIBUTED").is_some() { 1 } else { 2 };
        assert_eq!(found.len(), whose, "of the company and of all: {found:?}");
        assert_eq!(found[0].kept.amount - found[0].counted.amount, 1);

        let (rebuilt, written) = tokio::join!(verify::rebuild(db), async {
            for n in 40..50 {
                batch::write(db, &[new_event(&payment(n))]).await.unwrap();
            }
        });
        assert!(rebuilt.unwrap() > 0);
        let () = written;
        assert_eq!(verify::verify(db).await.unwrap().differences, []);
        rollups::fold(db).await.unwrap();
        assert_eq!(verify::verify(db).await.unwrap().differences, []);
    }
}

#[tokio::test]
async fn what_is_given_up_or_taken_over_counts_once() {
    let database = Database::sqlite().await;
    let db = &database.db;
    let (webhook, name) = (Uuid::now_v7(), Uuid::now_v7());
    for _ in 0..3 {
        rollups::failed(db, webhook, company(0), Mode::Live, START, None).await.unwrap();
        let mut duplicates = common::Deltas::default();
        duplicates.webhooks(START, Mode::Live, common::WebhookOutcome::Duplicate, 7);
        rollups::collect(db, name, &BTreeMap::from([(company(0), duplicates)])).await.unwrap();
    }
    let points = rollups::read(db, Scope::Company(company(0).0), Mode::Live, Grain::Hour, 0, i64::MAX).await.unwrap();
    let counts: BTreeMap<String, i64> = points.iter().map(|point| (point.series.to_string(), point.sum.count)).collect();
    assert_eq!(counts, BTreeMap::from([("w|failed".to_owned(), 1), ("w|duplicate".to_owned(), 7)]));
    assert_eq!(verify::verify(db).await.unwrap().differences, []);
}

#[tokio::test]
async fn a_company_has_traffic_from_its_first_commit_on() {
    let database = Database::sqlite().await;
    let db = &database.db;
    let [live, test] = ["live", "test"].map(|slug| store::companies::add(db, slug, slug, None));
    let (live, test) = (live.await.unwrap().id, test.await.unwrap().id);
    let event = |company_id, is_test| NewEvent {
        company_id: CompanyId(company_id),
        ..new_event(&Sent { is_test, ..payment(i64::from(is_test)) })
    };
    batch::write(db, &[event(live, false), event(test, true)]).await.unwrap();
    let traffic = async || rollups::traffic(db, Grain::Day, START - 2 * 86_400_000).await.unwrap();
    let one = traffic().await;
    assert_eq!(one.keys().collect::<Vec<_>>(), [&live], "before it is folded");
    while rollups::fold(db).await.unwrap().1 {}
    assert_eq!(traffic().await, one, "and after: nothing is new");
    assert!(rollups::traffic(db, Grain::Day, START + 3 * 86_400_000).await.unwrap().is_empty(), "long after");
    let more = NewEvent { company_id: CompanyId(live), ..new_event(&payment(2)) };
    batch::write(db, &[more]).await.unwrap();
    assert!(traffic().await[&live] > one[&live], "one more");
}
