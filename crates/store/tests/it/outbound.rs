//! Messages are rows of the batch that makes the change; what is due of them is the earliest of each transaction.

use common::{CompanyId, Endpoint, Envelope, Event, EventIdentity};
use sea_orm::{ConnectionTrait, DatabaseConnection, EntityTrait, PaginatorTrait, QueryOrder, TransactionTrait};
use serde_json::{Value, json};
use store::{
    Scope, Vault,
    batch::{NewEvent, Writer},
    entity::{delivery_attempt, endpoint, outbound_message},
    outbound::{
        DELIVERED, DISABLED, FAILED,
        attempts::{self, SCANNED, Told, Wanted},
        deliveries::{self, Attempt, Due, Next},
        endpoints::{self, Changes},
        resend,
    },
    retention::{self, Retention},
};
use uuid::Uuid;

use crate::Database;

const COMPANY: CompanyId = CompanyId(Uuid::from_u128(1));
const DAY_MS: i64 = 86_400_000;

fn payment(payment: &str, status: &str, second: u32) -> NewEvent {
    let time = format!("2026-11-01T10:00:{second:02}Z");
    let body = json!({"eventType": format!("PAYMENT_{status}"), "payload":
        {"id": payment, "amount": 5, "currencyCode": "EUR", "status": status, "statusTime": time}});
    let payload = body.to_string();
    let envelope = Envelope::parse(payload.as_bytes(), None).unwrap();
    let received = chrono::DateTime::from_timestamp_millis(clock::now_ms()).unwrap();
    NewEvent {
        webhook_id: Uuid::now_v7(),
        company_id: COMPANY,
        endpoint: Endpoint::Netbanx,
        identity: EventIdentity::of(Endpoint::Netbanx, None, &envelope),
        legacy: None,
        event_key: None,
        received_ms: received.timestamp_millis(),
        event: Event::interpret(&envelope, received).unwrap(),
        payload: payload.clone(),
        trace: None,
    }
}

pub(crate) async fn add(db: &DatabaseConnection, company: CompanyId, types: &str) -> endpoint::Model {
    let vault = Vault::new(&[[7; 32]]).unwrap();
    let new = Changes { url: Some("https://example.com/".to_owned()), event_types: Some(types.to_owned()), ..Changes::default() };
    let tx = db.begin().await.unwrap();
    let (row, _) = endpoints::add(&tx, &vault, company, new).await.unwrap();
    tx.commit().await.unwrap();
    row
}

async fn write(db: &DatabaseConnection, events: &[NewEvent]) {
    Writer::new(db.clone(), 0).write(events).await.unwrap();
}

/// Type, transaction and status of all messages, in their order.
async fn messages(db: &DatabaseConnection) -> Vec<(String, String, String)> {
    let rows = outbound_message::Entity::find().order_by_asc(outbound_message::Column::Sequence).all(db).await.unwrap();
    let told = rows.iter().map(|row| {
        let body: Value = serde_json::from_str(&row.payload).unwrap();
        assert_eq!(body["type"], row.event_type);
        let text = |name: &str| body["data"][name].as_str().unwrap().to_owned();
        (row.event_type.clone(), text("externalId"), text("status"))
    });
    told.collect()
}

async fn due(db: &DatabaseConnection, to: &endpoint::Model) -> Vec<Due> {
    deliveries::due(db, to, clock::now_ms() + 1, 100).await.unwrap()
}

/// What became of an attempt to deliver `due`.
fn attempt(due: &Due, at_ms: i64, next: Next) -> Attempt {
    let (message_id, number, due_ms) = (due.message_id, due.attempts + 1, due.next_at);
    Attempt { message_id, number, due_ms, at_ms, duration_ms: 3, status: Some(500), error: None, size: 0, excerpt: None, next }
}

async fn changes_are_told_in_order(database: Database) {
    let db = &database.db;
    let to = add(db, COMPANY, "*").await;
    let created_alone = add(db, COMPANY, "transaction.created").await;
    let stranger = add(db, CompanyId(Uuid::from_u128(2)), "*").await;
    // Both states in one batch, the later first; then the same again, and what changes nothing that shows.
    let (processing, completed) = (payment("a", "PROCESSING", 1), payment("a", "COMPLETED", 2));
    write(db, &[completed.clone(), processing.clone(), payment("b", "COMPLETED", 1)]).await;
    write(db, &[processing, completed]).await;
    write(db, &[payment("b", "PROCESSING", 0)]).await;
    let told = messages(db).await;
    let of = |id: &str| -> Vec<(&str, &str)> {
        told.iter().filter(|told| told.1 == id).map(|told| (told.0.as_str(), told.2.as_str())).collect()
    };
    assert_eq!(of("a"), [("transaction.created", "PENDING"), ("transaction.updated", "COMPLETED")]);
    assert_eq!(of("b"), [("transaction.created", "COMPLETED")], "a late event that changes nothing visible is not told");
    assert_eq!(due(db, &created_alone).await.len(), 2);
    assert!(due(db, &stranger).await.is_empty());

    // Of a transaction the earliest alone, until it arrived or is given up.
    let first = due(db, &to).await;
    assert_eq!(first.len(), 2);
    let a = first.iter().find(|due| due.payload.contains("PENDING")).unwrap();
    let later = clock::now_ms() + 60_000;
    deliveries::record(db, &to, &[attempt(a, 5, Next::Again(later))], true, 0).await.unwrap();
    assert!(due(db, &to).await.iter().all(|due| due.payload.contains("\"b\"")), "it waits, and what follows it waits too");
    let retried = deliveries::due(db, &to, later, 100).await.unwrap();
    let a = retried.iter().find(|due| due.message_id == a.message_id).unwrap();
    assert_eq!(a.attempts, 1);
    deliveries::record(db, &to, &[attempt(a, 6, Next::GivenUp)], true, 0).await.unwrap();
    let second = due(db, &to).await;
    assert!(second.iter().any(|due| due.payload.contains("transaction.updated")), "what follows goes on");
    let delivered: Vec<Attempt> = second.iter().map(|due| attempt(due, 7, Next::Delivered)).collect();
    deliveries::record(db, &to, &delivered, true, 0).await.unwrap();
    assert!(due(db, &to).await.is_empty());
    let health = attempts::health(db, &to).await.unwrap();
    assert_eq!((health.pending, health.failed), (0, 1));

    // Sent again, it stands before what follows it.
    let tx = db.begin().await.unwrap();
    assert_eq!(resend::failed_since(&tx, &to, 0).await.unwrap(), 1);
    assert_eq!(resend::range(&tx, &created_alone, 0, i64::MAX).await.unwrap(), 2);
    assert!(!resend::one(&tx, &stranger, a.message_id).await.unwrap(), "another company's message is none");
    tx.commit().await.unwrap();
    assert_eq!(due(db, &to).await.iter().map(|due| due.message_id).collect::<Vec<_>>(), [a.message_id]);
}

/// Whatever an attempt ends with that began before the message was re-sent: the message is delivered again.
async fn what_is_resent_while_it_is_delivered_is_delivered_again(database: Database) {
    let db = &database.db;
    let to = add(db, COMPANY, "*").await;
    write(db, &[payment("a", "COMPLETED", 1), payment("b", "COMPLETED", 1)]).await;
    for next in [Next::Delivered, Next::GivenUp, Next::Again(clock::now_ms() + 60_000)] {
        let begun = due(db, &to).await;
        let [again, other] = begun.as_slice() else { panic!("both are due: {begun:?}") };
        let tx = db.begin().await.unwrap();
        assert!(resend::one(&tx, &to, again.message_id).await.unwrap());
        tx.commit().await.unwrap();
        let ended: Vec<Attempt> = begun.iter().map(|due| attempt(due, 5, next)).collect();
        deliveries::record(db, &to, &ended, true, 0).await.unwrap();
        let left = deliveries::due(db, &to, clock::now_ms() + 2, 100).await.unwrap();
        assert_eq!(
            left.iter().map(|due| (due.message_id, due.attempts)).collect::<Vec<_>>(),
            [(again.message_id, 0)],
            "{next:?}"
        );
        let tx = db.begin().await.unwrap();
        assert!(resend::one(&tx, &to, other.message_id).await.unwrap());
        tx.commit().await.unwrap();
        // The millisecond that was given to it so that it differs.
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
}

async fn an_endpoint_has_one_owner(database: Database) {
    let db = &database.db;
    let to = add(db, COMPANY, "*").await;
    let (one, other, now) = (Uuid::now_v7(), Uuid::now_v7(), clock::now_ms());
    assert_eq!(deliveries::lease(db, one, now + 10_000, 5_000).await.unwrap().len(), 1);
    assert!(deliveries::lease(db, other, now + 10_000, 5_000).await.unwrap().is_empty());
    let renewed = deliveries::lease(db, one, now + 20_000, 5_000).await.unwrap();
    assert_eq!(renewed[0].lease_until, now + 20_000);
    deliveries::release(db, one).await.unwrap();
    assert_eq!(deliveries::lease(db, other, now + 10_000, 5_000).await.unwrap()[0].id, to.id);

    // Failing for days ends it; a success in between does not.
    write(db, &[payment("a", "COMPLETED", 1), payment("b", "COMPLETED", 1)]).await;
    let first = due(db, &to).await;
    let again = Next::Again(0);
    let limit = now - 5 * DAY_MS;
    assert!(!deliveries::record(db, &to, &[attempt(&first[0], now - 6 * DAY_MS, Next::Delivered)], true, limit).await.unwrap());
    assert!(!deliveries::record(db, &to, &[attempt(&first[1], now - 4 * DAY_MS, again)], true, limit).await.unwrap());
    assert!(!deliveries::record(db, &to, &[attempt(&first[1], now, again)], true, limit).await.unwrap());
    assert!(deliveries::record(db, &to, &[attempt(&first[1], now, again)], true, now).await.unwrap());
    let row = endpoints::get(db, Scope::All, to.id).await.unwrap().unwrap();
    assert_eq!(row.state, DISABLED);
    assert!(deliveries::lease(db, other, now + 20_000, 5_000).await.unwrap().is_empty());
    write(db, &[payment("c", "COMPLETED", 1)]).await;
    assert_eq!(messages(db).await.len(), 2, "nothing is made for a disabled endpoint");
}

/// An attempt was on its way when its endpoint was removed.
async fn of_a_removed_endpoint_nothing_is_noted(database: Database) {
    let db = &database.db;
    let to = add(db, COMPANY, "*").await;
    write(db, &[payment("a", "COMPLETED", 1)]).await;
    let due = due(db, &to).await;
    let tx = db.begin().await.unwrap();
    assert!(endpoints::remove(&tx, Scope::All, to.id).await.unwrap().is_some());
    tx.commit().await.unwrap();
    assert!(deliveries::record(db, &to, &[attempt(&due[0], 5, Next::Delivered)], true, 0).await.unwrap(), "no more goes there");
    assert_eq!(delivery_attempt::Entity::find().count(db).await.unwrap(), 0);
}

async fn told(db: &DatabaseConnection, to: &endpoint::Model, wanted: Wanted<'_>) -> Vec<Told> {
    attempts::list(db, to, wanted, None, 10).await.unwrap().attempts
}

async fn attempts_are_found_by_what_came_of_them_and_when(database: Database) {
    let db = &database.db;
    let to = add(db, COMPANY, "*").await;
    write(db, &[payment("a", "PENDING", 1)]).await;
    let now = clock::now_ms();
    let all = due(db, &to).await;
    deliveries::record(db, &to, &[attempt(&all[0], now - 60_000, Next::Again(now))], true, 0).await.unwrap();
    let again = due(db, &to).await;
    deliveries::record(db, &to, &[attempt(&again[0], now - 1000, Next::Delivered)], true, 0).await.unwrap();
    let tx = db.begin().await.unwrap();
    resend::test(&tx, &to).await.unwrap();
    tx.commit().await.unwrap();
    let test = due(db, &to).await;
    deliveries::record(db, &to, &[attempt(&test[0], now, Next::Delivered)], true, 0).await.unwrap();
    for (wanted, expected) in [
        (Wanted::default(), 3),
        (Wanted { state: Some(FAILED), ..Wanted::default() }, 1),
        (Wanted { state: Some(DELIVERED), ..Wanted::default() }, 2),
        (Wanted { event_type: Some("endpoint.test"), ..Wanted::default() }, 1),
        (Wanted { event_type: Some("transaction.created"), ..Wanted::default() }, 2),
        (Wanted { event_type: Some("account.updated"), ..Wanted::default() }, 0),
        (Wanted { from_ms: Some(now - 60_000), until_ms: Some(now - 1000), ..Wanted::default() }, 1),
        (Wanted { from_ms: Some(now - 1000), ..Wanted::default() }, 2),
        (Wanted { until_ms: Some(now - 60_000), ..Wanted::default() }, 0),
        (Wanted { status: Some(299), ..Wanted::default() }, 0),
    ] {
        assert_eq!(told(db, &to, wanted).await.len(), expected, "{wanted:?}");
    }
    let types: Vec<_> = told(db, &to, Wanted::default()).await.into_iter().filter_map(|one| one.event_type).collect();
    assert_eq!(types, ["endpoint.test", "transaction.created", "transaction.created"]);
    // A page at a time.
    let first = attempts::list(db, &to, Wanted::default(), None, 2).await.unwrap();
    assert_eq!(first.attempts.len(), 2);
    let rest = attempts::list(db, &to, Wanted::default(), first.next, 2).await.unwrap();
    assert_eq!((rest.attempts.len(), rest.next), (1, None));
}

/// However rare it is: the page ends after as many attempts as one looks through, and says where to go on.
async fn what_is_rare_is_found_page_by_page(database: Database) {
    let db = &database.db;
    let to = add(db, COMPANY, "*").await;
    write(db, &[payment("a", "PENDING", 1)]).await;
    let one = due(db, &to).await.remove(0);
    deliveries::record(db, &to, &[attempt(&one, clock::now_ms(), Next::Again(0))], true, 0).await.unwrap();
    let many: Vec<Attempt> = (0..SCANNED).map(|_| attempt(&one, clock::now_ms(), Next::Delivered)).collect();
    for some in many.chunks(1000) {
        deliveries::record(db, &to, some, true, 0).await.unwrap();
    }
    let rare = Wanted { state: Some(FAILED), ..Wanted::default() };
    let first = attempts::list(db, &to, rare, None, 10).await.unwrap();
    assert!(first.attempts.is_empty() && first.next.is_some(), "{first:?}");
    let second = attempts::list(db, &to, rare, first.next, 10).await.unwrap();
    assert_eq!((second.attempts.len(), second.next), (1, None));
}

/// More messages than one number of the sequence stands for.
async fn many_at_once_keep_their_order(database: Database) {
    let db = &database.db;
    let to = add(db, COMPANY, "*").await;
    let all: Vec<NewEvent> = (0..1_200).map(|n| payment(&format!("p{n}"), "PENDING", 1)).collect();
    write(db, &all).await;
    write(db, &[payment("p7", "COMPLETED", 2), payment("p1199", "COMPLETED", 2)]).await;
    let rows = outbound_message::Entity::find().order_by_asc(outbound_message::Column::Sequence).all(db).await.unwrap();
    assert!(rows.is_sorted_by(|a, b| a.sequence < b.sequence), "each has a number of its own");
    let told = messages(db).await;
    assert_eq!(told.len(), 1_202);
    let last: Vec<&str> = told[1_200..].iter().map(|told| told.1.as_str()).collect();
    assert!(last == ["p7", "p1199"] || last == ["p1199", "p7"], "what came later has the greater numbers: {last:?}");
    // Numbers of a message and of its delivery are one.
    let due = deliveries::due(db, &to, clock::now_ms() + 1, 5_000).await.unwrap();
    assert_eq!(due.len(), 1_200, "of each transaction the earliest");
    assert!(due.iter().all(|due| due.payload.contains("PENDING")));
}

async fn what_is_old_goes(database: Database) {
    let db = &database.db;
    let to = add(db, COMPANY, "*").await;
    write(db, &[payment("a", "COMPLETED", 1)]).await;
    let due = due(db, &to).await;
    deliveries::record(db, &to, &[attempt(&due[0], clock::now_ms(), Next::Delivered)], true, 0).await.unwrap();
    let kept = Retention { history_days: 0, minute_days: 7, hour_days: 100 };
    retention::step(db, kept).await.unwrap();
    assert_eq!(told(db, &to, Wanted::default()).await.len(), 1);
    let age = 31 * DAY_MS;
    for (table, column) in [("outbound_messages", "created_at"), ("deliveries", "created_at"), ("delivery_attempts", "at")] {
        db.execute_unprepared(&format!("UPDATE {table} SET {column} = {column} - {age}")).await.unwrap();
    }
    while retention::step(db, kept).await.unwrap() > 0 {}
    assert!(told(db, &to, Wanted::default()).await.is_empty());
    assert!(messages(db).await.is_empty());
}

#[tokio::test]
async fn changes_are_told_in_order_sqlite() {
    changes_are_told_in_order(Database::sqlite().await).await;
}

#[tokio::test]
async fn changes_are_told_in_order_postgres() {
    changes_are_told_in_order(Database::postgres().await).await;
}

#[tokio::test]
async fn many_at_once_keep_their_order_sqlite() {
    many_at_once_keep_their_order(Database::sqlite().await).await;
}

#[tokio::test]
async fn many_at_once_keep_their_order_postgres() {
    many_at_once_keep_their_order(Database::postgres().await).await;
}

#[tokio::test]
async fn what_is_resent_while_it_is_delivered_is_delivered_again_sqlite() {
    what_is_resent_while_it_is_delivered_is_delivered_again(Database::sqlite().await).await;
}

#[tokio::test]
async fn what_is_resent_while_it_is_delivered_is_delivered_again_postgres() {
    what_is_resent_while_it_is_delivered_is_delivered_again(Database::postgres().await).await;
}

#[tokio::test]
async fn an_endpoint_has_one_owner_sqlite() {
    an_endpoint_has_one_owner(Database::sqlite().await).await;
}

#[tokio::test]
async fn an_endpoint_has_one_owner_postgres() {
    an_endpoint_has_one_owner(Database::postgres().await).await;
}

#[tokio::test]
async fn of_a_removed_endpoint_nothing_is_noted_sqlite() {
    of_a_removed_endpoint_nothing_is_noted(Database::sqlite().await).await;
}

#[tokio::test]
async fn of_a_removed_endpoint_nothing_is_noted_postgres() {
    of_a_removed_endpoint_nothing_is_noted(Database::postgres().await).await;
}

#[tokio::test]
async fn what_is_old_goes_sqlite() {
    what_is_old_goes(Database::sqlite().await).await;
}

#[tokio::test]
async fn what_is_old_goes_postgres() {
    what_is_old_goes(Database::postgres().await).await;
}

#[tokio::test]
async fn attempts_are_found_by_what_came_of_them_and_when_sqlite() {
    attempts_are_found_by_what_came_of_them_and_when(Database::sqlite().await).await;
}

#[tokio::test]
async fn what_is_rare_is_found_page_by_page_sqlite() {
    what_is_rare_is_found_page_by_page(Database::sqlite().await).await;
}

#[tokio::test]
async fn attempts_are_found_by_what_came_of_them_and_when_postgres() {
    attempts_are_found_by_what_came_of_them_and_when(Database::postgres().await).await;
}

#[tokio::test]
async fn what_is_rare_is_found_page_by_page_postgres() {
    what_is_rare_is_found_page_by_page(Database::postgres().await).await;
}
