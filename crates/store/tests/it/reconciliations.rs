//! Comparisons with reports: what a run and the one before tell of each other, and how transactions are sought for rows.

use common::{CompanyId, Kind, Mode};
use sea_orm::{ConnectionTrait, DatabaseConnection, EntityTrait};
use store::{
    Scope,
    entity::{reconciliation, reconciliation_item},
    reconciliations::{self, By, Decision, NewItem, Outcome},
};
use uuid::Uuid;

use crate::Database;

/// A run of `mode` that came to its end, and found these as missing here, numbered from 1.
async fn ended(db: &DatabaseConnection, company: CompanyId, mode: &str, found: &[&str]) -> reconciliation::Model {
    let run = reconciliations::begin(db, company, mode, "[]").await.unwrap();
    let items = found.iter().zip(1..).map(|(key, number)| NewItem {
        finding: "missingHere",
        number,
        key: (*key).to_owned(),
        detail: "{}".to_owned(),
    });
    reconciliations::add_items(db, &run, items.collect(), &[]).await.unwrap();
    reconciliations::finish(db, &run, Outcome::default()).await.unwrap()
}

/// What changed in each run of the company, the latest first.
async fn changes(db: &DatabaseConnection, company: CompanyId) -> Vec<reconciliations::Changes> {
    let mut all = Vec::new();
    for run in reconciliations::list(db, Scope::Company(company.0), None, 10).await.unwrap() {
        all.push(reconciliations::changes(db, &run).await.unwrap());
    }
    all
}

#[tokio::test]
async fn a_run_keeps_what_is_new_and_gone_since_the_one_before() {
    for database in [Database::sqlite().await, Database::postgres().await] {
        let (db, company) = (&database.db, CompanyId(Uuid::now_v7()));
        let first = ended(db, company, "live", &["a", "b", "c"]).await;
        ended(db, company, "test", &["a"]).await;
        ended(db, CompanyId(Uuid::now_v7()), "live", &["a"]).await;
        let second = ended(db, company, "live", &["b", "d", "e"]).await;
        reconciliations::begin(db, company, "live", "[]").await.unwrap();
        // One that goes on, then two that have one before, or none of their mode.
        assert_eq!(changes(db, company).await, [None, Some((2, 2)), None, None]);

        // What is settled is new no longer, nor gone in the run after.
        let ignored = Decision::Ignored { reason: "theirs" };
        reconciliations::decide(db, &second, &[1, 2], ignored, By::COMMAND).await.unwrap();
        reconciliations::decide(db, &second, &[3], Decision::TakenOver, By::COMMAND).await.unwrap();
        assert_eq!(changes(db, company).await, [None, Some((0, 2)), None, None]);
        reconciliations::decide(db, &first, &[1, 2], ignored, By::COMMAND).await.unwrap();
        assert_eq!(changes(db, company).await, [None, Some((0, 1)), None, None]);
        let run = reconciliations::run(db, company, second.id).await.unwrap();
        assert_eq!((run.missing_here, run.ignored), (0, 2));

        // A version before keeps nothing of it: whoever asks first has it counted, and then it stays.
        db.execute_unprepared("UPDATE reconciliations SET before_id = NULL, new_count = NULL, gone_count = NULL").await.unwrap();
        let counted = [None, Some((0, 1)), None, None];
        assert_eq!(changes(db, company).await, counted);
        // Nothing is counted for who asks again.
        reconciliation_item::Entity::delete_many().exec(db).await.unwrap();
        assert_eq!(changes(db, company).await, counted);
    }
}

/// Ten transactions at each of ten references, of both modes, all kinds, and an amount of their own number.
async fn fill(db: &DatabaseConnection, company: CompanyId) {
    let mut statements = Vec::new();
    let hex = |id: Uuid| {
        if db.get_database_backend() == sea_orm::DbBackend::Sqlite { format!("X'{}'", id.simple()) } else { format!("'{id}'") }
    };
    for n in 0..100 {
        let (id, owner) = (hex(Uuid::now_v7()), hex(company.0));
        let (kind, mode) = (Kind::ALL[n % 3].as_str(), if n % 20 == 7 { "test" } else { "live" });
        statements.push(format!(
            "INSERT INTO transactions (id, company_id, kind, external_id, status, raw_status, amount, currency, merchant_ref_num,
               mode, transaction_time, status_time, created_at, updated_at, state, rules_version)
             VALUES ({id}, {owner}, '{kind}', 'p{n}', 'COMPLETED', 'X', {n}, 'EUR', 'r{}', '{mode}', {n}, 0, 0, 0, '{{}}', 1)",
            n % 10
        ));
        statements.push(format!("INSERT INTO transaction_keys VALUES ({owner}, '{kind}', 'p{n}', {id})"));
    }
    for statement in statements {
        db.execute_unprepared(&statement).await.unwrap();
    }
}

#[tokio::test]
async fn transactions_are_sought_by_many_ids_and_by_many_references() {
    for database in [Database::sqlite().await, Database::postgres().await] {
        let (db, company) = (&database.db, CompanyId(Uuid::now_v7()));
        fill(db, company).await;
        fill(db, CompanyId(Uuid::now_v7())).await;
        let ids = |found: Vec<reconciliations::Known>| {
            let mut ids: Vec<usize> = found.iter().map(|known| known.external_id[1..].parse().unwrap()).collect();
            ids.sort_unstable();
            ids
        };

        // p7 is of a test, p8 is no payment, and nobody has 'nobody'.
        let wanted = ["p3", "p6", "p7", "p8", "p8", "nobody", "p99", "it's \"\\ ü"];
        let by = async |kind: Option<Kind>, mode| {
            reconciliations::by_keys(db, company, mode, wanted.map(|id| (kind, id))).await.unwrap()
        };
        assert_eq!(ids(by(None, Mode::Live).await), [3, 6, 8, 99]);
        let found = by(Some(Kind::Payment), Mode::Live).await;
        assert!(found.iter().all(|known| known.kind == "PAYMENT" && known.currency.as_deref() == Some("EUR")), "{found:?}");
        assert_eq!((ids(found), ids(by(None, Mode::Test).await)), (vec![3, 6, 99], vec![7]));
        assert_eq!(reconciliations::by_keys(db, company, Mode::Live, []).await.unwrap(), []);

        // Each reference at its own times.
        let by = async |references: &[(&'static str, (i64, i64))], amounts: &[i64], limit| {
            let (references, amounts) = (references.iter().copied().collect(), amounts.iter().copied().collect());
            ids(reconciliations::by_references(db, company, Mode::Live, &references, &amounts, limit).await.unwrap())
        };
        let all: Vec<i64> = (0..100).collect();
        let references = [("r1", (11, 31)), ("r2", (0, 2)), ("r7", (0, 99)), ("nobody's", (0, 99))];
        assert_eq!(by(&references, &all, 100).await, [2, 11, 17, 21, 31, 37, 57, 77, 97]);
        assert_eq!(by(&references, &[11, 12, 17, 31, 1], 100).await, [11, 17, 31]);
        assert_eq!(by(&references, &all, 4).await.len(), 4);
        assert_eq!((by(&references, &[], 4).await, by(&[], &all, 4).await), (vec![], vec![]));

        let within = async |limit| reconciliations::all_within(db, company, Mode::Live, (5, 9), limit).await.unwrap().map(ids);
        assert_eq!((within(4).await, within(3).await), (Some(vec![5, 6, 8, 9]), None), "all of a span, or none");
    }
}
