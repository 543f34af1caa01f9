//! The keys of endpoints: sealed, replaced, and rewrapped.

use common::CompanyId;
use sea_orm::{ConnectionTrait, TransactionTrait};
use store::{Scope, Vault, outbound::endpoints, secrets};
use uuid::Uuid;

use crate::{Database, outbound::add};

const COMPANY: CompanyId = CompanyId(Uuid::from_u128(1));

async fn keys_are_sealed_and_rotate(database: Database) {
    let db = &database.db;
    let (old, new) = (Vault::new(&[[7; 32]]).unwrap(), Vault::new(&[[8; 32], [7; 32]]).unwrap());
    let to = add(db, COMPANY, "*").await;
    let tx = db.begin().await.unwrap();
    let (rotated, text) = endpoints::rotate(&tx, &old, Scope::Company(COMPANY.0), to.id).await.unwrap().unwrap();
    assert!(endpoints::rotate(&tx, &old, Scope::Company(Uuid::nil()), to.id).await.unwrap().is_none());
    tx.commit().await.unwrap();
    let (now, first) = (clock::now_ms(), endpoints::keys(&old, &to, 0).unwrap().remove(0));
    let both = endpoints::keys(&old, &rotated, now).unwrap();
    assert_eq!((both.len(), &both[1]), (2, &first));
    assert_eq!(endpoints::keys(&old, &rotated, now + endpoints::GRACE_MS + 60_000).unwrap().len(), 1);
    assert!(text.starts_with("whsec_") && !rotated.secret.contains(&text));
    // Under another master key.
    assert_eq!(secrets::rewrap(db, &new).await.unwrap(), 2);
    assert_eq!(secrets::rewrap(db, &new).await.unwrap(), 0);
    let row = endpoints::get(db, Scope::All, to.id).await.unwrap().unwrap();
    assert_eq!(endpoints::keys(&Vault::new(&[[8; 32]]).unwrap(), &row, now).unwrap(), both);
    assert!(endpoints::keys(&old, &row, now).is_err());
}

/// Who got a key within the last day can verify, however often it was replaced since.
async fn every_key_of_the_last_day_signs(database: Database) {
    let db = &database.db;
    let (old, new) = (Vault::new(&[[7; 32]]).unwrap(), Vault::new(&[[8; 32], [7; 32]]).unwrap());
    let to = add(db, COMPANY, "*").await;
    let rotate = || async {
        let tx = db.begin().await.unwrap();
        let rotated = endpoints::rotate(&tx, &old, Scope::Company(COMPANY.0), to.id).await?;
        tx.commit().await.unwrap();
        Ok::<_, store::Error>(rotated.unwrap().0)
    };
    let mut expected = endpoints::keys(&old, &to, 0).unwrap();
    for n in 1..=endpoints::MAX_REPLACED {
        let row = rotate().await.unwrap();
        let keys = endpoints::keys(&old, &row, clock::now_ms()).unwrap();
        assert_eq!((keys.len(), &keys[1..]), (n + 1, &expected[..]), "all before it sign, the latest first");
        expected = keys;
    }
    assert!(matches!(rotate().await, Err(store::Error::Conflict(_))), "a signature more for each");
    let row = endpoints::get(db, Scope::All, to.id).await.unwrap().unwrap();
    assert_eq!(endpoints::keys(&old, &row, clock::now_ms()).unwrap(), expected, "it changed nothing");
    // All but the current one have ended a day later.
    assert_eq!(endpoints::keys(&old, &row, clock::now_ms() + endpoints::GRACE_MS).unwrap(), expected[..1]);
    // Another master key: the current one, the previous one and the text with the others.
    assert_eq!(secrets::rewrap(db, &new).await.unwrap(), 3);
    let row = endpoints::get(db, Scope::All, to.id).await.unwrap().unwrap();
    let only_new = Vault::new(&[[8; 32]]).unwrap();
    assert_eq!(endpoints::keys(&only_new, &row, clock::now_ms()).unwrap(), expected);
    // When the oldest has ended there is room again, and what has ended goes.
    let text = row.earlier_secrets.clone().unwrap();
    let mut earlier: Vec<(i64, String)> = serde_json::from_str(&text).unwrap();
    earlier.last_mut().unwrap().0 = 1;
    let ended = serde_json::to_string(&earlier).unwrap();
    let sql = format!("UPDATE endpoints SET earlier_secrets = '{ended}'");
    db.execute_unprepared(&sql).await.unwrap();
    let tx = db.begin().await.unwrap();
    let (row, _) = endpoints::rotate(&tx, &only_new, Scope::All, to.id).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    assert_eq!(endpoints::keys(&only_new, &row, clock::now_ms()).unwrap()[1..], expected[..endpoints::MAX_REPLACED]);
    // As the version before leaves it.
    db.execute_unprepared("UPDATE endpoints SET earlier_secrets = NULL").await.unwrap();
    let row = endpoints::get(db, Scope::All, to.id).await.unwrap().unwrap();
    assert_eq!(endpoints::keys(&only_new, &row, clock::now_ms()).unwrap().len(), 2);
}

#[tokio::test]
async fn keys_are_sealed_and_rotate_sqlite() {
    keys_are_sealed_and_rotate(Database::sqlite().await).await;
}

#[tokio::test]
async fn keys_are_sealed_and_rotate_postgres() {
    keys_are_sealed_and_rotate(Database::postgres().await).await;
}

#[tokio::test]
async fn every_key_of_the_last_day_signs_sqlite() {
    every_key_of_the_last_day_signs(Database::sqlite().await).await;
}

#[tokio::test]
async fn every_key_of_the_last_day_signs_postgres() {
    every_key_of_the_last_day_signs(Database::postgres().await).await;
}
