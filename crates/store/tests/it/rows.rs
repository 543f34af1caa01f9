//! Rows come back as they were written, whatever their texts hold.

use sea_orm::{ConnectionTrait, EntityTrait};
use store::{
    Error,
    batch::{self, NewEvent},
    entity::{transaction, webhook_event},
};
use uuid::Uuid;

use crate::{
    Database,
    figures::{new_event, payment},
};

/// Texts that some way of giving rows to a database could take for something else.
const TEXTS: [&str; 9] = ["", "NULL", "{a,b}", "a\"b\\", "é\u{1f600}", "a\tb\nc", "'; --", " ", "\\x1f"];

#[tokio::test]
async fn texts_come_back_as_they_were() {
    for database in [Database::sqlite().await, Database::postgres().await] {
        let db = &database.db;
        // One alone, then all together: with and without an empty text beside it.
        for batch in [&TEXTS[..1], &TEXTS[1..]] {
            let events: Vec<_> = batch
                .iter()
                .map(|text| {
                    let mut event = new_event(&payment(0));
                    event.identity = common::EventIdentity::stored(&Uuid::now_v7().simple().to_string());
                    event.payload = (*text).to_owned();
                    event.event.merchant_ref_num = (!text.is_empty()).then(|| (*text).into());
                    event.event.account_id = None;
                    event
                })
                .collect();
            assert_eq!(batch::write(db, &events).await.unwrap().new, events.len());
            for event in &events {
                let row = webhook_event::Entity::find_by_id(event.webhook_id).one(db).await.unwrap().unwrap();
                assert_eq!(
                    (&row.payload, row.merchant_ref_num.as_deref(), &row.account_id),
                    (&event.payload, event.event.merchant_ref_num.as_deref(), &None)
                );
                assert_eq!((row.identity.as_str(), row.received_at), (event.identity.as_str(), event.received_ms));
            }
        }
        let made = transaction::Entity::find().all(db).await.unwrap();
        assert_eq!((made.len(), made[0].outcome.as_deref(), made[0].account_id.as_deref()), (1, None, None));
    }
}

/// An event with a text that would part a column.
pub fn refused() -> NewEvent {
    let mut event = new_event(&payment(0));
    event.event.merchant_ref_num = Some("a\u{1f}b".into());
    event
}

#[tokio::test]
async fn what_would_part_a_column_is_refused_and_nothing_of_its_batch_is_kept() {
    let database = Database::postgres().await;
    let refused = batch::write(&database.db, &[new_event(&payment(2)), refused()]).await.unwrap_err();
    assert!(matches!(&refused, Error::Refused(reason) if reason.contains("U+001F")), "{refused}");
    assert!(webhook_event::Entity::find().one(&database.db).await.unwrap().is_none());
}

#[tokio::test]
async fn a_database_without_its_tables_is_told_from_bad_data_and_how_to_mend_it() {
    for database in [Database::sqlite().await, Database::postgres().await] {
        database.db.execute_unprepared("DROP TABLE companies").await.unwrap();
        let error = store::companies::list(&database.db).await.unwrap_err();
        assert!(matches!(&error, Error::Unavailable(reason) if reason.contains("netbanx migrate")), "{error}");
    }
}

#[tokio::test]
async fn a_sqlite_file_that_may_not_be_written_is_not_blamed_on_the_data() {
    let database = Database::sqlite().await;
    // Its state is a connection's own, so there is but one.
    let db = store::connect(&format!("sqlite://{}/netbanx.db", database.directory.display()), 1).await.unwrap();
    db.execute_unprepared("PRAGMA query_only = ON").await.unwrap();
    let added = store::companies::add(&db, "Acme", "acme", None).await;
    assert!(matches!(added, Err(Error::Unavailable(_))), "{added:?}");
}

#[tokio::test]
async fn a_database_that_is_not_there_yet_is_waited_for() {
    let server = std::env::var("TEST_POSTGRES_URL").expect("TEST_POSTGRES_URL must name a server: run `make test`");
    let (base, _) = server.rsplit_once('/').unwrap();
    let asked = match store::connect(&format!("{base}/netbanx_not_made"), 1).await {
        Ok(db) => store::ping(&db).await,
        Err(error) => Err(error),
    };
    assert!(matches!(asked, Err(Error::Unavailable(_))), "{asked:?}");
}
