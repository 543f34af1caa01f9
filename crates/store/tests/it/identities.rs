//! What a version before 1.0 stored stays recognised, and events of one event id with different facts are conflicts.

use common::{CompanyId, Endpoint, Envelope, Event, EventIdentity};
use sea_orm::{ConnectionTrait, DatabaseConnection, EntityTrait, PaginatorTrait, Statement};
use serde_json::{Value, json};
use store::{
    batch::{NewEvent, Writer, Written},
    entity::{event_conflict, event_id, event_identity, legacy_identity, webhook_event},
    retention::{self, Retention},
    state,
};
use uuid::Uuid;

use crate::Database;

const HOUR_MS: i64 = 3_600_000;

fn event(body: &Value) -> NewEvent {
    let payload = body.to_string();
    let envelope = Envelope::parse(payload.as_bytes(), None).unwrap();
    let received = chrono::DateTime::from_timestamp_millis(clock::now_ms()).unwrap();
    NewEvent {
        webhook_id: Uuid::now_v7(),
        company_id: CompanyId(Uuid::from_u128(1)),
        endpoint: Endpoint::Netbanx,
        identity: EventIdentity::of(Endpoint::Netbanx, Some("acme"), &envelope),
        legacy: Some(EventIdentity::legacy(Endpoint::Netbanx, Some("acme"), &envelope)),
        event_key: EventIdentity::of_event_id(Endpoint::Netbanx, Some("acme"), &envelope),
        received_ms: received.timestamp_millis(),
        event: Event::interpret(&envelope, received).unwrap(),
        payload: payload.clone(),
        trace: None,
    }
}

fn payment(id: &Value, payment: &str, amount: i64) -> NewEvent {
    event(&json!({"id": id, "eventType": "PAYMENT_COMPLETED", "attemptNumber": amount % 2, "payload":
        {"id": payment, "amount": amount, "currencyCode": "EUR", "status": "COMPLETED", "statusTime": "2026-11-01T10:00:00Z"}}))
}

/// What a worker of a version before 1.0 makes of a job of its ingress.
fn of_former(mut event: NewEvent) -> NewEvent {
    event.identity = event.legacy.take().unwrap();
    event.event_key = None;
    event
}

async fn write(db: &DatabaseConnection, events: &[NewEvent]) -> (usize, usize) {
    let Written { new, known } = Writer::new(db.clone(), 0).write(events).await.unwrap();
    (new, known)
}

/// As an installation is that was upgraded `hours` ago, and stored `events` before.
async fn upgraded(db: &DatabaseConnection, hours: i64, events: &[NewEvent]) {
    let former: Vec<NewEvent> = events.iter().cloned().map(of_former).collect();
    assert_eq!(write(db, &former).await, (events.len(), 0));
    let since = (clock::now_ms() - hours * HOUR_MS).to_string();
    state::set(db, state::LEGACY_IDENTITY_SINCE, &since).await.unwrap();
}

async fn conflicts(db: &DatabaseConnection) -> Vec<(Uuid, Uuid)> {
    let rows = event_conflict::Entity::find().all(db).await.unwrap();
    rows.into_iter().map(|row| (row.event_id, row.other_id)).collect()
}

async fn entries_without_event(db: &DatabaseConnection) -> i64 {
    let sql = "SELECT COUNT(*) AS n FROM event_identities WHERE event_id NOT IN (SELECT id FROM webhook_events)";
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await.unwrap().unwrap();
    row.try_get("", "n").unwrap()
}

#[tokio::test]
async fn what_a_former_version_stored_is_recognised_fact_by_fact() {
    for database in [Database::sqlite().await, Database::postgres().await] {
        let db = &database.db;
        for hours in [1, 72] {
            let first = payment(&json!(format!("e{hours}")), "p", 100);
            let nameless = event(&json!({"eventType": "NEW", "a": hours}));
            upgraded(db, hours, &[first.clone(), nameless]).await;
            let again = || [payment(&json!(format!("e{hours}")), "p", 100), event(&json!({"eventType": "NEW", "a": hours}))];
            // Any number of times, in any order.
            assert_eq!(write(db, &again()).await, (0, 2), "{hours} hours after the upgrade");
            assert_eq!(write(db, &again()).await, (0, 2));
            // The same event id, another payment and amount: kept, once, and marked.
            let other = || payment(&json!(format!("e{hours}")), "q", 200);
            let reused = other();
            assert_eq!(write(db, std::slice::from_ref(&reused)).await, (1, 0));
            assert_eq!(write(db, &[other()]).await, (0, 1));
            let marked = conflicts(db).await;
            for pair in [(first.webhook_id, reused.webhook_id), (reused.webhook_id, first.webhook_id)] {
                assert!(marked.contains(&pair), "{hours} hours after the upgrade: {marked:?}");
            }
            assert_eq!(write(db, &again()).await, (0, 2));
            assert_eq!(entries_without_event(db).await, 0);
        }
    }
}

#[tokio::test]
async fn events_that_share_a_legacy_identity_are_kept_in_one_batch() {
    for database in [Database::sqlite().await, Database::postgres().await] {
        let db = &database.db;
        for hours in [1, 72] {
            upgraded(db, hours, &[]).await;
            let id = json!(format!("twice{hours}"));
            let batch = || [payment(&id, "p", 1), payment(&id, "q", 2), payment(&id, "p", 1)];
            assert_eq!(write(db, &batch()).await, (2, 1));
            assert_eq!(write(db, &batch()).await, (0, 3));
        }
        assert_eq!(conflicts(db).await.len(), 4);
        assert_eq!(entries_without_event(db).await, 0);
    }
}

#[tokio::test]
async fn workers_of_both_versions_store_an_event_once_during_a_roll_out() {
    for database in [Database::sqlite().await, Database::postgres().await] {
        let db = &database.db;
        upgraded(db, 1, &[]).await;
        // This version first: the former one meets the legacy identity.
        let here = || payment(&json!("here"), "a", 1);
        assert_eq!(write(db, &[here()]).await, (1, 0));
        assert_eq!(write(db, &[of_former(here())]).await, (0, 1));
        // The former one first, with a job of an ingress of this version: it stores today's identity alone.
        let mut there = payment(&json!("there"), "b", 2);
        (there.legacy, there.event_key) = (None, None);
        assert_eq!(write(db, &[there]).await, (1, 0));
        assert_eq!(write(db, &[payment(&json!("there"), "b", 2)]).await, (0, 1));
        assert_eq!(entries_without_event(db).await, 0);
        // The same job once more, after its worker died before it was acknowledged.
        let job = payment(&json!("job"), "c", 3);
        assert_eq!(write(db, &[of_former(job.clone())]).await, (1, 0));
        assert_eq!(write(db, std::slice::from_ref(&job)).await, (0, 1));
        assert_eq!(write(db, &[job]).await, (0, 1));

        // Once no worker of the former version can be at work, what was made for them goes, and nothing else.
        assert!(legacy_identity::Entity::find().count(db).await.unwrap() >= 2);
        let long_ago = (clock::now_ms() - 72 * HOUR_MS).to_string();
        state::set(db, state::LEGACY_IDENTITY_SINCE, &long_ago).await.unwrap();
        let retention = Retention { history_days: 0, minute_days: 0, hour_days: 0 };
        while retention::step(db, retention).await.unwrap() > 0 {}
        assert_eq!(legacy_identity::Entity::find().count(db).await.unwrap(), 0);
        assert_eq!(event_identity::Entity::find().count(db).await.unwrap(), 3, "one for each event");
        // The third was stored by the former version alone, long after its time: nobody looks for such any more.
        for known in [here(), payment(&json!("there"), "b", 2)] {
            assert_eq!(write(db, &[known]).await, (0, 1));
        }
        // All that is stored came after the roll-out would have ended: nothing is left to look for.
        assert_eq!(state::get(db, state::LEGACY_IDENTITY_SINCE).await.unwrap(), None);
    }
}

#[tokio::test]
async fn one_event_id_with_different_facts_is_a_conflict_until_retention_takes_it() {
    for database in [Database::sqlite().await, Database::postgres().await] {
        let db = &database.db;
        let zero = json!(0);
        let events = [payment(&zero, "p", 1), payment(&zero, "q", 2)];
        assert_eq!(write(db, &events[..1]).await, (1, 0));
        assert!(conflicts(db).await.is_empty());
        assert_eq!(write(db, &events[1..]).await, (1, 0));
        let mut expected = vec![(events[0].webhook_id, events[1].webhook_id), (events[1].webhook_id, events[0].webhook_id)];
        let mut found = conflicts(db).await;
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected);
        // Redeliveries change nothing; an event without an event id is none of one.
        assert_eq!(write(db, &[payment(&zero, "p", 1), payment(&zero, "q", 2)]).await, (0, 2));
        let without = event(&json!({"eventType": "PAYMENT_COMPLETED", "payload": {"id": "r", "status": "COMPLETED"}}));
        assert_eq!(write(db, &[without]).await, (1, 0));
        assert_eq!((conflicts(db).await.len(), event_id::Entity::find().count(db).await.unwrap()), (2, 1));

        db.execute_unprepared("UPDATE webhook_events SET received_at = 1").await.unwrap();
        if db.get_database_backend() == sea_orm::DbBackend::Postgres {
            let month = clock::now().checked_add_months(chrono::Months::new(2)).unwrap();
            store::dialect::partitions::retire(db, month.timestamp_millis()).await.unwrap();
        }
        let retention = Retention { history_days: 30, minute_days: 0, hour_days: 0 };
        while retention::step(db, retention).await.unwrap() > 0 {}
        assert_eq!(webhook_event::Entity::find().count(db).await.unwrap(), 0);
        assert_eq!((conflicts(db).await.len(), event_id::Entity::find().count(db).await.unwrap()), (0, 0));
        assert_eq!(event_identity::Entity::find().count(db).await.unwrap(), 0);
    }
}
