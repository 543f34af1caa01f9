//! What a report does not say for sure, or not at all: nothing is guessed, nothing is taken over.

use e2e::{Database, Platform};
use serde_json::{Value, json};

use crate::reconciliation::{Told, answer, reconcile, report, send, storing_on, told};

fn of_kind(number: usize, kind: &'static str, amount: i64) -> Told {
    Told { kind, status: "COMPLETED", amount, currency: "EUR", ..told(number) }
}

async fn what_a_report_does_not_say_for_sure_is_left_alone(database: Database) {
    let platform = storing_on(database).await;
    let ours = [of_kind(0, "PAYMENT", 100), of_kind(1, "PAYMENT", 101), of_kind(2, "REFUND", 40), of_kind(3, "CHARGEBACK", 30)];
    send(&platform, ours.clone().into_iter()).await;
    let status = |status| Told { status, ..ours[0].clone() };
    let missing = |number, kind, amount| of_kind(number, kind, amount);
    let mut rows = report([
        status("Approved"),
        ours[1].clone(),
        Told { amount: -40, ..ours[2].clone() },
        Told { amount: -31, ..ours[3].clone() },
        Told { status: "Not settled", ..missing(10, "PAYMENT", 10) },
        missing(11, "PAYMENT", -11),
        missing(12, "REFUND", -12),
        Told { time: "2999-01-01T00:00:00Z".parse().unwrap(), ..missing(13, "PAYMENT", 13) },
    ]);
    rows.extend(b"no-time,r,PAYMENT,COMPLETED,14,EUR,\nno-amount,r,PAYMENT,COMPLETED,,EUR,2025-03-01T00:00:00Z\n");
    let (_, found) = answer(&reconcile(&platform, &["-"], &rows));
    let counts = ["matched", "missingHere", "differing", "malformed"].map(|name| match &found[name] {
        Value::Array(items) => items.len().into(),
        number => number.clone(),
    });
    assert_eq!(counts, [2, 6, 2, 0].map(Value::from), "{found}");
    let item = |list: &str, id: &str| found[list].as_array().unwrap().iter().find(|item| item["id"] == id).unwrap().clone();
    let approved = item("differing", &ours[0].id);
    assert_eq!((&approved["status"], &approved["statusWord"]), (&Value::Null, &json!("Approved")), "{approved}");
    assert_eq!(approved["differences"], json!([{"field": "status", "here": "COMPLETED", "there": "Approved"}]));
    assert_eq!(item("missingHere", &told(10).id)["statusWord"], "Not settled");
    assert_eq!(item("differing", &ours[3].id)["differences"], json!([{"field": "amount", "here": 30, "there": 31}]));
    let run = found["reconciliation"].as_str().unwrap();
    let shown = platform.netbanx_given(&["reconcile", "--company", "acme", "--show", run], b"");
    assert!(String::from_utf8_lossy(&shown.stdout).contains("status is COMPLETED here, Approved there"), "{shown:?}");

    // Of those the chargeback and the refund say all that is needed.
    let output = reconcile(&platform, &["--show", run, "--take-over", "all", "--summary"], b"");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("2 taken over"), "{said}");
    for left in [
        "2 not: its status is not known",
        "1 not: its amount is negative",
        "1 not: its time is in the future",
        "1 not: the report does not tell its time",
        "1 not: the report does not tell its amount",
    ] {
        assert!(said.contains(left), "{left}: {said}");
    }
    let count = async |wanted: &str| platform.count(&format!("SELECT COUNT(*) AS n FROM transactions WHERE {wanted}")).await;
    assert_eq!(count("status = 'COMPLETED'").await, 5);
    assert_eq!(count("kind = 'REFUND' AND amount IN (40, 12)").await, 2);
    assert_eq!(count("kind = 'CHARGEBACK' AND amount = 31").await, 1);
    assert_eq!(count("amount < 0 OR amount IS NULL OR status <> 'COMPLETED'").await, 0);
    platform.netbanx(&["rollup", "verify"]);
}

#[tokio::test]
async fn reconciliation_takes_over_nothing_doubtful_on_sqlite() {
    what_a_report_does_not_say_for_sure_is_left_alone(Database::Sqlite).await;
}

#[tokio::test]
async fn reconciliation_takes_over_nothing_doubtful_on_postgres() {
    what_a_report_does_not_say_for_sure_is_left_alone(Database::Postgres).await;
}

fn fails(platform: &Platform, args: &[&str], input: &[u8], text: &str) {
    let output = reconcile(platform, args, input);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{args:?}: {errors}");
    assert!(errors.contains(text), "{args:?}: {errors}");
}

#[tokio::test]
async fn a_reconciliation_does_not_guess_columns_and_zones() {
    let platform = storing_on(Database::Sqlite).await;
    let failed = |args: &[&str], input: &[u8], text: &str| fails(&platform, args, input, text);
    // Columns and formats that may mean several things.
    failed(&["-"], b"id,status,status\n", "has the column 'status' 2 times");
    failed(&["-"], b"id,id\n", "has the column 'id' 2 times");
    failed(&["-", "--map", "status=kind", "--map", "status=status"], b"id,kind,status\n", "a column for status twice");
    failed(&["-", "--time-format", "%d/%m/%Y %H:%M %Z"], b"id,time\n", "must not have %Z");
}

#[tokio::test]
async fn a_reconciliation_settles_only_what_is_open_and_with_a_reason() {
    let platform = storing_on(Database::Sqlite).await;
    let failed = |args: &[&str], input: &[u8], text: &str| fails(&platform, args, input, text);
    let ours = [of_kind(0, "PAYMENT", 100), of_kind(1, "PAYMENT", 101), of_kind(2, "PAYMENT", 102)];
    send(&platform, ours.clone().into_iter()).await;
    failed(&["--save-mapping", " ", "--amounts", "major"], b"", "saveMapping must have 1 to 64 characters");
    // Of three, one is broken, one is not named, one differs.
    let mut rows = report([Told { amount: 1, ..ours[0].clone() }, ours[2].clone()]);
    rows.extend(b"broken,r\n");
    let (_, found) = answer(&reconcile(&platform, &["-"], &rows));
    let run = found["reconciliation"].as_str().unwrap();
    let number = |list: &str| found[list][0]["item"].to_string();
    let (differs, broken, unnamed) = (number("differing"), number("malformed"), number("missingThere"));
    failed(&["--show", run, "--take-over", "99"], b"", "has no item 99");
    failed(&["--show", run, "--take-over", &broken], b"", "is malformed");
    failed(&["--show", run, "--take-over", &unnamed], b"", "is missing there");
    let long = "x".repeat(256);
    for reason in ["", "  ", "a\tb", &long] {
        failed(&["--show", run, "--ignore", &differs, "--reason", reason], b"", "a reason has 1 to 255 characters");
    }
    // Nothing was done where one part of it cannot be.
    failed(&["--show", run, "--ignore", &differs, "--reason", "theirs", "--take-over", "99"], b"", "has no item 99");
    let (_, ignored) = answer(&reconcile(&platform, &["--show", run, "--ignore", &differs, "--reason", " theirs "], b""));
    assert_eq!((&ignored["differing"], &ignored["ignored"]), (&json!([]), &json!(1)), "{ignored}");
    failed(&["--show", run, "--take-over", &differs], b"", "is not open any more");
    assert_eq!(platform.count("SELECT COUNT(*) AS n FROM webhook_events WHERE payload LIKE '%\"report\"%'").await, 0);
    assert_eq!(platform.count("SELECT COUNT(*) AS n FROM reconciliation_items WHERE reason = 'theirs'").await, 1);
}
