//! What older rules stored becomes, by a replay, what a fresh installation has that was sent the same.

use chrono::DateTime;
use common::{Endpoint, Envelope, Event, EventIdentity, Family, Grain, Kind, Mode, Status, event};
use proptest::{prelude::*, test_runner::TestRunner};
use sea_orm::{ConnectionTrait, DatabaseConnection, EntityTrait};
use serde_json::{Value, json};
use store::{
    batch::{self, NewEvent},
    entity::{account, account_payment_method, account_status, transaction, webhook_event},
    replay::{Counts, Range, Replay, Subject},
    rollups, verify,
};
use uuid::Uuid;

use crate::{
    Database,
    figures::{any_event, company, kept, new_event},
    naive::{MINUTE, START, Sent},
};

/// How an older version understood a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rules {
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
pub enum Told {
    Transaction(Sent, Rules),
    Account { id: u8, status: &'static str, second: i64, card: Option<u8>, received: i64, rules: Rules },
}

/// A batch; whether it came by the rules of now while the replay was at work.
type Batch = (Vec<Told>, bool);

pub fn account(id: u8, status: &str, second: i64, card: Option<u8>, received_ms: i64) -> NewEvent {
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
        trace: None,
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
pub fn understood(mut new: NewEvent, rules: Rules) -> NewEvent {
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
pub async fn rows(db: &DatabaseConnection) -> Value {
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
        "entries": count(db, "transaction_keys k JOIN transactions t ON t.company_id = k.company_id AND t.id = k.transaction_id").await,
        "all entries": count(db, "transaction_keys").await,
    })
}

pub async fn count(db: &DatabaseConnection, from: &str) -> i64 {
    let sql = format!("SELECT count(*) AS n FROM {from}");
    let row = db.query_one_raw(sea_orm::Statement::from_string(db.get_database_backend(), sql)).await.unwrap();
    row.unwrap().try_get("", "n").unwrap()
}

pub async fn empty(db: &DatabaseConnection) {
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

pub async fn of_before(db: &DatabaseConnection) {
    for table in ["transactions", "accounts"] {
        db.execute_unprepared(&format!("UPDATE {table} SET rules_version = 0")).await.unwrap();
    }
}

/// All of a dry run, and its changes.
pub async fn told_dry(db: &DatabaseConnection, size: u64) -> (Counts, Vec<store::replay::Change>) {
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
