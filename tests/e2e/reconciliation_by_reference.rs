//! Rows of a report that have no ids.

use chrono::TimeDelta;
use e2e::Database;
use serde_json::{Value, json};

use crate::reconciliation::{Told, answer, ids, ids_of, reconcile, report, send, storing_on, told};

#[tokio::test]
async fn rows_without_ids_are_matched_by_reference_within_a_day_on_sqlite() {
    rows_without_ids_are_matched_by_reference(Database::Sqlite).await;
}

#[tokio::test]
async fn rows_without_ids_are_matched_by_reference_within_a_day_on_postgres() {
    rows_without_ids_are_matched_by_reference(Database::Postgres).await;
}

async fn rows_without_ids_are_matched_by_reference(database: Database) {
    let platform = storing_on(database).await;
    let purchase = |number: usize, hours: i64| Told {
        reference: "r".to_owned(),
        kind: "PAYMENT",
        status: "COMPLETED",
        amount: 500,
        currency: "EUR",
        time: told(0).time + TimeDelta::hours(hours),
        ..told(number)
    };
    send(&platform, [purchase(0, 0), purchase(1, 24), purchase(2, 90)].into_iter()).await;
    let without_id = |told: Told| Told { id: String::new(), ..told };
    // Each is one transaction at most: the third row finds none left, the fourth is too far away.
    let rows_of = |hours: [i64; 4]| hours.map(|hours| without_id(purchase(0, hours)));
    let (status, found) = answer(&reconcile(&platform, &["-"], &report(rows_of([1, 23, 2, 115]))));
    assert_eq!((status, &found["matched"]), (1, &json!(2)), "{found}");
    let lines = |list: &Value| list.as_array().unwrap().iter().map(|item| item["line"].as_u64().unwrap()).collect::<Vec<_>>();
    assert_eq!(lines(&found["missingHere"]), [4, 5]);
    assert_eq!(ids(&found["missingThere"]), ids_of(&[purchase(2, 90)]));
    // The same where the report has no ids at all, and rows are looked up as they are read.
    let (_, again) = answer(&reconcile(&platform, &["--map", "id=", "-"], &report(rows_of([1, 23, 2, 115]))));
    assert_eq!((&again["matched"], lines(&again["missingHere"])), (&json!(2), vec![4, 5]), "{again}");
    // A row with an id of its own goes first, wherever it stands; twice named is once too often.
    let rows = [without_id(purchase(0, 1)), purchase(0, 0), purchase(0, 0)];
    let (_, found) = answer(&reconcile(&platform, &["-"], &report(rows)));
    assert_eq!((&found["matched"], lines(&found["missingHere"])), (&json!(2), vec![4]), "{found}");
    assert!(found["missingHere"][0]["reason"].as_str().unwrap().contains("another row"), "{found}");
}
