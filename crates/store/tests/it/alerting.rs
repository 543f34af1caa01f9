//! An alert stands once for each channel, one process tells it, and what a channel needs is sealed.

use common::CompanyId;
use sea_orm::TransactionTrait;
use store::{
    Scope, Vault,
    alerting::{
        CRITICAL, WARNING,
        channels::{self, Changes},
        notices::{self, Standing, Told},
        rules,
    },
    entity::alert_channel,
    secrets,
};
use uuid::Uuid;

use crate::Database;

const COMPANY: CompanyId = CompanyId(Uuid::from_u128(1));

fn alert(name: &str) -> Standing {
    let text = str::to_owned;
    Standing { alert: text(name), severity: text(WARNING), message: text("wrong"), action: text("mend it"), since_ms: 1 }
}

async fn add(database: &Database, vault: &Vault, company: CompanyId) -> alert_channel::Model {
    let tx = database.db.begin().await.unwrap();
    let configuration = Some(("hooks.example.com".to_owned(), r#"{"kind":"slack","url":"secret"}"#.to_owned()));
    let row = channels::add(&tx, vault, company, "slack", Changes { configuration, ..Changes::default() }).await.unwrap();
    tx.commit().await.unwrap();
    row
}

async fn once(database: Database) {
    let vault = Vault::new(&[[7; 32]]).unwrap();
    let (db, channel) = (&database.db, add(&database, &vault, COMPANY).await);
    let other = add(&database, &vault, CompanyId::NONE).await;
    let all = |_: &Standing| true;
    // Two processes see it begin, and one of them again.
    let standing = [alert("silence"), alert("chargebacks")];
    let both = tokio::join!(notices::stand(db, &channel, &standing, all), notices::stand(db, &channel, &standing, all));
    assert!(both.0.is_ok() && both.1.is_ok(), "{both:?}");
    notices::stand(db, &channel, &standing, all).await.unwrap();
    notices::stand(db, &other, &standing[..1], all).await.unwrap();
    assert_eq!(notices::of_channel(db, &channel).await.unwrap().len(), 2);

    let open = notices::open(db).await.unwrap();
    let row = open.iter().find(|row| row.channel_id == channel.id && row.alert == "silence").unwrap();
    let later = clock::now_ms() + 60_000;
    assert!(notices::claim(db, row, later).await.unwrap());
    assert!(!notices::claim(db, row, later + 1).await.unwrap(), "one process tells it");
    notices::note(db, row, &Told::Failed { reason: "away".to_owned(), next_ms: 5 }).await.unwrap();
    let failed = notices::of_channel(db, &channel).await.unwrap().into_iter().find(|found| found.id == row.id).unwrap();
    assert_eq!((failed.attempts, failed.next_at, failed.error.as_deref()), (1, 5, Some("away")));
    notices::note(db, &failed, &Told::Begin).await.unwrap();

    // What is seen no longer ends; what is held does not.
    notices::hold(db, &other).await.unwrap();
    let before = clock::now_ms() + 1;
    notices::end(db, before - 3_600_000).await.unwrap();
    assert!(notices::open(db).await.unwrap().iter().all(|row| row.ended_at.is_none()), "they were seen within the hour");
    notices::end(db, before).await.unwrap();
    let ended = notices::of_channel(db, &channel).await.unwrap().into_iter().find(|found| found.id == row.id).unwrap();
    assert!(ended.told_at.is_some() && ended.ended_at == Some(ended.seen_at) && ended.attempts == 0, "{ended:?}");
    notices::note(db, &ended, &Told::End).await.unwrap();
    assert!(notices::open(db).await.unwrap().iter().all(|row| row.id != ended.id));
    // The next time it is another notice.
    notices::stand(db, &channel, &standing[..1], all).await.unwrap();
    assert_eq!(notices::of_channel(db, &channel).await.unwrap().len(), 3);
    // What was told while the database was away is not told again.
    let id = Uuid::now_v7();
    notices::take_over(db, &other, &alert("database-away"), id, 9).await.unwrap();
    notices::stand(db, &other, &[alert("database-away")], all).await.unwrap();
    let taken = notices::of_channel(db, &other).await.unwrap();
    assert_eq!(taken.iter().filter(|row| row.alert == "database-away").map(|row| row.id).collect::<Vec<_>>(), [id]);
}

#[tokio::test]
async fn an_alert_stands_once_and_one_process_tells_it_sqlite() {
    once(Database::sqlite().await).await;
}

#[tokio::test]
async fn an_alert_stands_once_and_one_process_tells_it_postgres() {
    once(Database::postgres().await).await;
}

async fn as_it_is_now(database: Database) {
    let vault = Vault::new(&[[7; 32]]).unwrap();
    let (db, channel) = (&database.db, add(&database, &vault, COMPANY).await);
    let wants = |alert: &Standing| alert.alert == "redis-away";
    notices::stand(db, &channel, &[alert("redis-away"), alert("silence")], wants).await.unwrap();
    let begun = notices::of_channel(db, &channel).await.unwrap();
    assert_eq!(
        begun.iter().map(|row| row.alert.as_str()).collect::<Vec<_>>(),
        ["redis-away"],
        "what it does not want is no notice"
    );
    notices::note(db, &begun[0], &Told::Begin).await.unwrap();

    let worse = Standing { severity: CRITICAL.to_owned(), message: "worse".to_owned(), ..alert("redis-away") };
    // Also where the channel was changed since: what it was told of stands still.
    notices::stand(db, &channel, &[worse], |_| false).await.unwrap();
    let row = notices::of_channel(db, &channel).await.unwrap().remove(0);
    assert_eq!((row.id, row.severity.as_str(), row.message.as_str()), (begun[0].id, CRITICAL, "worse"));
    assert_eq!(row.told_severity.as_deref(), Some(WARNING));
    assert!(row.seen_at >= begun[0].seen_at);
    notices::note(db, &row, &Told::Reminder).await.unwrap();
    let row = notices::of_channel(db, &channel).await.unwrap().remove(0);
    assert_eq!(row.told_severity.as_deref(), Some(CRITICAL));
}

#[tokio::test]
async fn a_notice_tells_an_alert_as_it_is_now_sqlite() {
    as_it_is_now(Database::sqlite().await).await;
}

#[tokio::test]
async fn a_notice_tells_an_alert_as_it_is_now_postgres() {
    as_it_is_now(Database::postgres().await).await;
}

async fn sealed(database: Database) {
    let (old, new) = (Vault::new(&[[7; 32]]).unwrap(), Vault::new(&[[8; 32], [7; 32]]).unwrap());
    let (db, row) = (&database.db, add(&database, &old, COMPANY).await);
    assert!(row.configuration.starts_with("v2:") && !format!("{row:?}").contains("v2:"));
    assert_eq!(secrets::rewrap(db, &new).await.unwrap(), 1);
    let row = channels::get(db, Scope::Company(COMPANY.0), row.id).await.unwrap().unwrap();
    assert!(channels::open(&old, &row).is_err());
    assert!(channels::open(&new, &row).unwrap().contains("secret"));
    let moved = alert_channel::Model { company_id: Uuid::from_u128(2), ..row.clone() };
    assert!(channels::open(&new, &moved).is_err(), "it is bound to its company");
    assert!(channels::get(db, Scope::Company(Uuid::from_u128(2)), row.id).await.unwrap().is_none());

    let tx = db.begin().await.unwrap();
    let changes = Changes { is_enabled: Some(false), quiet: Some((60, 120, "UTC".to_owned())), ..Changes::default() };
    let changed = channels::change(&tx, &new, Scope::All, row.id, changes).await.unwrap().unwrap();
    assert_eq!((changed.state.as_str(), changed.quiet_until), ("disabled", 120));
    let own = store::entity::alert_rule::Model { silence_hours: 0, ..rules::defaults(COMPANY.0) };
    rules::set(&tx, own).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(rules::get(db, COMPANY).await.unwrap().silence_hours, 0);
    assert_eq!(rules::get(db, CompanyId(Uuid::from_u128(2))).await.unwrap(), rules::defaults(Uuid::from_u128(2)));
    assert!(channels::enabled(db, 10).await.unwrap().is_empty());
    let tx = db.begin().await.unwrap();
    assert!(channels::remove(&tx, Scope::All, row.id).await.unwrap().is_some());
    tx.commit().await.unwrap();
    assert!(channels::list(db, Scope::All).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_a_channel_needs_is_sealed_and_moves_to_a_new_key_sqlite() {
    sealed(Database::sqlite().await).await;
}

#[tokio::test]
async fn what_a_channel_needs_is_sealed_and_moves_to_a_new_key_postgres() {
    sealed(Database::postgres().await).await;
}
