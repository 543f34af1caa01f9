//! What is told of a moment that has passed is what was told then.

use std::collections::BTreeMap;

use common::{Grain, Mode, Sum};
use proptest::{prelude::*, test_runner::TestRunner};
use sea_orm::{ConnectionTrait, DatabaseConnection, EntityTrait};
use store::{
    Scope,
    as_of::{self, KnownFigures},
    batch,
    entity::{transaction, webhook_event},
    reads,
    rollups::{self, Point},
    row_sums::{self, Column, Span},
};
use uuid::Uuid;

use crate::{
    Database,
    figures::{any_event, company, new_event},
    naive::{MINUTE, START, Sent},
};

type Figures = BTreeMap<(i64, String), Sum>;
type Shown = (transaction::Model, Vec<webhook_event::Model>);

/// What was told at a moment.
struct Then {
    at_ms: i64,
    transactions: BTreeMap<Uuid, Shown>,
    figures: BTreeMap<(String, &'static str), Figures>,
    by_account: BTreeMap<&'static str, Figures>,
}

const FROM: i64 = START - 40 * 60 * MINUTE;
const UNTIL: i64 = START + 40 * 60 * MINUTE;

fn span(scope: Scope, mode: Mode) -> Span {
    Span { scope, mode, from_ms: Grain::Minute.bucket(FROM), until_ms: UNTIL, width_ms: MINUTE, as_of_ms: None }
}

fn summed<'p>(points: impl IntoIterator<Item = (&'p str, &'p Point)>) -> Figures {
    let mut figures = Figures::new();
    for (name, point) in points {
        figures.entry((point.bucket_ms, format!("{name} {}", point.series))).or_default().add(point.sum);
    }
    figures.retain(|_, sum| !sum.is_zero());
    figures
}

fn scopes() -> [(String, Scope); 3] {
    [("all", Scope::All), ("a", Scope::Company(company(0).0)), ("b", Scope::Company(company(1).0))]
        .map(|(n, s)| (n.to_owned(), s))
}

fn without_state(row: transaction::Model) -> transaction::Model {
    transaction::Model { state: String::new(), ..row }
}

async fn told(db: &DatabaseConnection, at_ms: i64) -> Then {
    let mut then = Then { at_ms, transactions: BTreeMap::new(), figures: BTreeMap::new(), by_account: BTreeMap::new() };
    for row in transaction::Entity::find().all(db).await.unwrap() {
        let (row, events) = reads::transaction(db, Scope::All, row.id).await.unwrap().unwrap();
        then.transactions.insert(row.id, (without_state(row), events));
    }
    for mode in Mode::ALL {
        for (name, scope) in scopes() {
            let Span { from_ms, until_ms, .. } = span(scope, mode);
            let points = rollups::read(db, scope, mode, Grain::Minute, from_ms, until_ms).await.unwrap();
            then.figures.insert((name, mode.as_str()), summed(points.iter().map(|point| ("", point))));
        }
        let points = row_sums::by_column(db, span(Scope::All, mode), Column::FailureReason).await.unwrap();
        then.by_account.insert(mode.as_str(), summed(points.iter().map(|(name, point)| (name.as_str(), point))));
    }
    then
}

async fn check(db: &DatabaseConnection, story: &[Vec<Sent>]) {
    let mut moments = Vec::new();
    for (n, batch) in story.iter().enumerate() {
        // Received in the order of the story, some batches at the same moment.
        let received_minute = n as i64 / 2 * 7;
        let events: Vec<_> = batch.iter().map(|sent| new_event(&Sent { received_minute, ..sent.clone() })).collect();
        batch::write(db, &events).await.unwrap();
        if n % 3 == 0 {
            rollups::fold(db).await.unwrap();
        }
        if n % 2 == 1 || n + 1 == story.len() {
            moments.push(told(db, START + received_minute * MINUTE).await);
        }
    }
    let all: Vec<Uuid> = transaction::Entity::find().all(db).await.unwrap().iter().map(|row| row.id).collect();
    for then in moments {
        // As well as a moment before the next webhook.
        for at_ms in [then.at_ms, then.at_ms + 6 * MINUTE] {
            for id in &all {
                let known = as_of::transaction(db, Scope::All, *id, at_ms).await.unwrap();
                let known = known.map(|known| (without_state(known.row), known.events));
                assert_eq!(known.as_ref(), then.transactions.get(id), "{at_ms}");
            }
            for (name, scope) in scopes() {
                let known = KnownFigures::begin(db, scope, at_ms).await.unwrap().unwrap();
                for mode in Mode::ALL {
                    let points = known.sums(span(scope, mode)).await.unwrap();
                    let figures = summed(points.iter().map(|point| ("", point)));
                    assert_eq!(Some(&figures), then.figures.get(&(name.clone(), mode.as_str())), "{name} {mode:?}");
                    if scope == Scope::All {
                        let points = known.by_column(span(scope, mode), Column::FailureReason).await.unwrap();
                        let figures = summed(points.iter().map(|(name, point)| (name.as_str(), point)));
                        assert_eq!(Some(&figures), then.by_account.get(mode.as_str()));
                    }
                }
                assert!(!known.is_approximate(FROM));
            }
        }
    }
    let before = START - MINUTE;
    for id in &all {
        assert!(as_of::transaction(db, Scope::All, *id, before).await.unwrap().is_none());
    }
}

fn what_was_told_then(database: impl Future<Output = Database>, cases: u32) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(2).build().unwrap();
    let database = runtime.block_on(database);
    let mut runner = TestRunner::new(ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() });
    let story = prop::collection::vec(prop::collection::vec(any_event(), 1..5), 1..8);
    let outcome = runner.run(&story, |story| {
        runtime.block_on(async {
            for table in ["webhook_events", "event_identities", "transactions", "transaction_keys", "rollups", "rollup_deltas"] {
                database.db.execute_unprepared(&format!("DELETE FROM {table}")).await.unwrap();
            }
            check(&database.db, &story).await;
        });
        Ok(())
    });
    outcome.unwrap();
}

#[test]
fn any_moment_is_told_as_it_was_told_then_on_sqlite() {
    what_was_told_then(Database::sqlite(), 30);
}

#[test]
fn any_moment_is_told_as_it_was_told_then_on_postgres() {
    what_was_told_then(Database::postgres(), 15);
}
