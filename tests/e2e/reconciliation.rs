//! Reports of Netbanx compared with what we have.

use std::{collections::BTreeMap, io::Write, process::Output};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use e2e::{Database, Platform, Service};
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};

/// A transaction as Netbanx has it, and as its report tells it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Told {
    pub(crate) id: String,
    pub(crate) reference: String,
    pub(crate) kind: &'static str,
    pub(crate) status: &'static str,
    pub(crate) amount: i64,
    pub(crate) currency: &'static str,
    pub(crate) time: DateTime<Utc>,
}

const HEADER: &str = "id,merchantRefNum,kind,status,amount,currency,time\n";

impl Told {
    fn webhook(&self) -> Value {
        let time = self.time.to_rfc3339_opts(SecondsFormat::Millis, true);
        json!({"eventType": format!("{}_{}", self.kind, self.status), "mode": "live", "payload": {
            "id": self.id, "merchantRefNum": self.reference, "status": self.status, "amount": self.amount,
            "currencyCode": self.currency, "txnTime": time, "statusTime": time,
        }})
    }

    fn row(&self) -> String {
        let time = self.time.to_rfc3339_opts(SecondsFormat::Millis, true);
        let Self { id, reference, kind, status, amount, currency, .. } = self;
        format!("{id},{reference},{kind},{status},{amount},{currency},{time}\n")
    }
}

/// The `number`th transaction, a minute after the one before. Every tenth is a settlement that has the id of the payment
/// before it.
pub(crate) fn told(number: usize) -> Told {
    let begin: DateTime<Utc> = "2025-03-01T00:00:00Z".parse().unwrap();
    let (kind, id) = match number % 10 {
        4 => ("REFUND", number),
        9 => ("SETTLEMENT", number - 1),
        _ => ("PAYMENT", number),
    };
    Told {
        id: format!("id-{id:05}"),
        reference: format!("ref-{}", number / 3),
        kind,
        status: ["COMPLETED", "FAILED", "PENDING", "CANCELLED"][number / 7 % 4],
        amount: 100 + number as i64 % 50,
        currency: ["EUR", "USD", "JPY", "KWD"][number % 4],
        time: begin + TimeDelta::minutes(number as i64),
    }
}

pub(crate) async fn send(platform: &Platform, all: impl Iterator<Item = Told>) {
    let bodies: Vec<Value> = all.map(|told| told.webhook()).collect();
    for some in bodies.chunks(50) {
        let answer = platform.send("/api/webhooks/netbanx/acme", json!(some).to_string()).await;
        assert!(answer.status().is_success(), "{}", answer.status());
    }
    platform.drained().await;
}

pub(crate) fn report(rows: impl IntoIterator<Item = Told>) -> Vec<u8> {
    let rows = rows.into_iter().map(|told| told.row());
    std::iter::once(HEADER.to_owned()).chain(rows).collect::<String>().into_bytes()
}

pub(crate) fn reconcile(platform: &Platform, args: &[&str], input: &[u8]) -> Output {
    platform.netbanx_given(&[&["reconcile", "--company", "acme", "--json"], args].concat(), input)
}

/// The exit status and the last line of the answer.
pub(crate) fn answer(output: &Output) -> (i32, Value) {
    let text = String::from_utf8_lossy(&output.stdout);
    let last = text.lines().last().unwrap_or_default();
    let errors = String::from_utf8_lossy(&output.stderr);
    (output.status.code().unwrap(), serde_json::from_str(last).unwrap_or_else(|_| panic!("{text}{errors}")))
}

/// Id and kind of what was found, in order.
pub(crate) fn ids(list: &Value) -> Vec<(String, String)> {
    let text = |item: &Value, name: &str| item[name].as_str().unwrap().to_owned();
    let mut ids: Vec<(String, String)> =
        list.as_array().unwrap().iter().map(|item| (text(item, "id"), text(item, "kind"))).collect();
    ids.sort();
    ids
}

pub(crate) fn ids_of(all: &[Told]) -> Vec<(String, String)> {
    let mut ids: Vec<(String, String)> = all.iter().map(|told| (told.id.clone(), told.kind.to_owned())).collect();
    ids.sort();
    ids
}

async fn each_difference_is_found_and_none_else(database: Database) {
    const ALL: usize = 2_000;
    let platform = storing_on(database).await;
    let of = |rest: usize| (0..ALL).filter(move |number| number % 100 == rest).map(told).collect::<Vec<Told>>();
    let (held_back, unreported) = (of(7), of(41));
    send(&platform, (0..ALL).filter(|number| number % 100 != 7).map(told)).await;

    let mut altered = BTreeMap::new();
    let mut rows = Vec::new();
    for number in (0..ALL).map(|number| number * 7_919 % ALL) {
        let mut row = told(number);
        if number % 100 == 23 {
            let field = ["status", "amount", "currency"][number / 100 % 3];
            match field {
                "status" => row.status = if row.status == "FAILED" { "COMPLETED" } else { "FAILED" },
                "amount" => row.amount += 1,
                _ => row.currency = "SEK",
            }
            altered.insert(row.id.clone(), field);
        }
        // The first and the last tell the span.
        if number % 100 != 41 {
            rows.push(row);
        }
    }
    let invented: Vec<Told> = (0..20)
        .map(|number| Told { id: format!("invented-{number}"), reference: "nobody's".to_owned(), ..told(number * 90) })
        .collect();
    rows.extend(invented.clone());
    let altered_report = report(rows);

    let output = reconcile(&platform, &["-"], &altered_report);
    let (status, found) = answer(&output);
    assert_eq!((status, output.stderr.len()), (1, 0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 1);
    assert_eq!(ids(&found["missingHere"]), ids_of(&[held_back.clone(), invented.clone()].concat()));
    assert_eq!(ids(&found["missingThere"]), ids_of(&unreported));
    assert_eq!(found["malformed"], json!([]));
    assert_eq!(found["matched"], ALL - 20 - 20 - 20);
    let differing: BTreeMap<String, &str> = found["differing"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| {
            let differences = item["differences"].as_array().unwrap();
            assert_eq!(differences.len(), 1, "{item}");
            assert_ne!(differences[0]["here"], differences[0]["there"]);
            (item["id"].as_str().unwrap().to_owned(), differences[0]["field"].as_str().unwrap())
        })
        .collect();
    assert_eq!(differing, altered);
    let sum = |found: &Value, name: &str| -> u64 {
        let groups = found["totals"].as_array().unwrap();
        groups.iter().map(|group| group[name]["count"].as_u64().unwrap_or(0)).sum()
    };
    assert_eq!(
        [sum(&found, "matched"), sum(&found, "missingHere"), sum(&found, "missingThere"), sum(&found, "differing")],
        [1_940, 40, 20, 20]
    );

    // What was held back comes; the same report is short of that alone.
    send(&platform, held_back.iter().cloned()).await;
    let (status, figures) = answer(&reconcile(&platform, &["--summary", "-"], &altered_report));
    let counts =
        ["matched", "missingHere", "missingThere", "differing", "malformed", "new", "gone"].map(|name| figures[name].clone());
    assert_eq!((status, json!(counts)), (1, json!([1_960, 20, 20, 20, 0, 0, 20])));

    // What the report says is taken over: nothing is missing here or differs then.
    let run = figures["reconciliation"].as_str().unwrap();
    let (status, left) = answer(&reconcile(&platform, &["--show", run, "--take-over", "all", "--summary"], b""));
    assert_eq!((status, &left["missingHere"], &left["differing"], &left["missingThere"]), (1, &json!(0), &json!(0), &json!(20)));
    let (_, again) = answer(&reconcile(&platform, &["--summary", "-"], &altered_report));
    let counts = ["matched", "missingHere", "missingThere", "differing"].map(|name| again[name].clone());
    assert_eq!(json!(counts), json!([2_000, 0, 20, 0]));
    platform.netbanx(&["rollup", "verify"]);
    platform.netbanx(&["audit", "verify"]);
    let of_report = "SELECT COUNT(*) AS n FROM webhook_events WHERE payload LIKE '%\"source\":\"report\"%'";
    assert_eq!(platform.count(of_report).await, 40);

    // A report that says what we have.
    let complete = [altered_report, report(unreported).split_off(HEADER.len())].concat();
    let (status, clean) = answer(&reconcile(&platform, &["-"], &complete));
    assert_eq!((status, &clean["matched"], &clean["gone"]), (0, &json!(ALL + 20), &json!(20)), "{clean}");
    let runs = answer(&reconcile(&platform, &["--list"], b"")).1;
    let runs: Vec<Value> = runs["reconciliations"].as_array().unwrap().iter().map(|run| run["missingHere"].clone()).collect();
    assert_eq!(runs, [0, 0, 0, 40]);
    // Kept as it was told.
    let first = found["reconciliation"].as_str().unwrap();
    let (status, shown) = answer(&reconcile(&platform, &["--show", first], b""));
    assert_eq!((status, shown), (1, found));
}

#[tokio::test]
async fn each_difference_is_found_on_sqlite() {
    each_difference_is_found_and_none_else(Database::Sqlite).await;
}

#[tokio::test]
async fn each_difference_is_found_on_postgres() {
    each_difference_is_found_and_none_else(Database::Postgres).await;
}

#[tokio::test]
async fn reports_in_every_form_say_the_same() {
    let platform = storing_on(Database::Sqlite).await;
    let all: Vec<Told> = [("EUR", 123_456, "Bestellung für Müller"), ("JPY", 5_000, "r2"), ("KWD", 1_234, "r3")]
        .into_iter()
        .enumerate()
        .map(|(number, (currency, amount, reference))| Told {
            reference: reference.to_owned(),
            currency,
            amount,
            kind: "PAYMENT",
            status: "COMPLETED",
            ..told(number)
        })
        .collect();
    send(&platform, all.iter().cloned()).await;
    let plain = String::from_utf8(report(all)).unwrap();
    let latin: Vec<u8> = plain.chars().map(|c| c as u8).collect();
    let utf16: Vec<u8> = std::iter::once(0xfeff).chain(plain.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let quoted: String = plain
        .lines()
        .map(|line| format!("{}\r\n", line.split(',').map(|f| format!("\"{f}\"")).collect::<Vec<_>>().join(",")))
        .collect();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(plain.as_bytes()).unwrap();
    let other_names = plain.replace(HEADER, "Payment ID,Merchant Ref,TYPE,State,Gross Amount,currency_code,Transaction Date\n");
    let major = plain.replace("123456", "1234.56").replace(",1234,", ",1.234,").replace("COMPLETED", "settled");
    let comma = major.replace(',', ";").replace("1234.56", "1234,56").replace("1.234", "1,234");
    let forms: [(&str, Vec<u8>, &[&str]); 12] = [
        ("plain", plain.clone().into_bytes(), &[]),
        ("marked", [b"\xef\xbb\xbf", plain.as_bytes()].concat(), &[]),
        ("Windows-1252", latin, &[]),
        ("UTF-16", utf16, &[]),
        ("semicolons", plain.replace(',', ";").into_bytes(), &[]),
        ("tabs", plain.replace(',', "\t").into_bytes(), &[]),
        ("quoted", quoted.into_bytes(), &[]),
        ("gzip", gzip.finish().unwrap(), &[]),
        ("other names", other_names.into_bytes(), &[]),
        ("major units", major.into_bytes(), &["--amounts", "major"]),
        ("decimal commas", comma.into_bytes(), &["--amounts", "major", "--decimal-comma"]),
        ("named columns", plain.replace("status", "Zustand").into_bytes(), &["--map", "status=zustand"]),
    ];
    for (name, bytes, args) in forms {
        let file = platform.file("report.csv", &bytes);
        let (status, found) = answer(&reconcile(&platform, &[args, &[file.as_str()]].concat(), b""));
        assert_eq!((status, &found["matched"]), (0, &json!(3)), "{name}: {found}");
        assert!(found["files"][0]["withoutColumns"].as_array().unwrap().is_empty(), "{name}: {found}");
        // The references were read as well: without ids they are what is matched by.
        let (status, found) = answer(&reconcile(&platform, &[args, &["--map", "id=", file.as_str()]].concat(), b""));
        assert_eq!((status, &found["matched"]), (0, &json!(3)), "{name} by reference: {found}");
    }
}

#[tokio::test]
async fn exit_statuses_mappings_and_rows_that_cannot_be_read() {
    let platform = storing_on(Database::Sqlite).await;
    send(&platform, (0..3).map(|number| Told { kind: "PAYMENT", ..told(number) })).await;
    let payment = |number| Told { kind: "PAYMENT", ..told(number) };
    let failed = |args: &[&str], input: &[u8], text: &str| {
        let output = reconcile(&platform, args, input);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {errors}");
        assert!(errors.contains(text), "{args:?}: {errors}");
    };
    failed(&["/nowhere/report.csv"], b"", "/nowhere/report.csv");
    failed(&["-"], b"", "standard input is empty");
    failed(&["-"], b"reference,amount\n", "has no column for id (or, to match without ids, for kind, currency, time)");
    failed(&["-"], b"reference,amount\n", "its columns are: reference, amount");
    failed(&["-", "--mapping", "none"], b"id\n", "no mapping was saved as 'none'");
    failed(&["-", "--map", "colour=x"], b"id\n", "'colour' is no field");
    failed(&[], b"", "FILES");
    failed(&["--company", "nobody", "-"], b"id\n", "");

    // Malformed rows are told, and the rest is compared.
    let mut rows = report((0..3).map(payment));
    rows.extend(b"id-00001,r,PAYMENT,COMPLETED,much,EUR,\n\"id-9,broken\nid-00002,r\n");
    let (status, found) = answer(&reconcile(&platform, &["-"], &rows));
    assert_eq!((status, &found["matched"]), (1, &json!(3)), "{found}");
    let bad = |found: &Value| {
        let items = found["malformed"].as_array().unwrap().clone();
        items.iter().map(|item| (item["line"].as_u64().unwrap(), item["reason"].as_str().unwrap().to_owned())).collect::<Vec<_>>()
    };
    let expected =
        [(5, "amount 'much' is not a number"), (6, "a quotation mark is not closed"), (7, "has 2 fields where the header has 7")];
    assert_eq!(bad(&found), expected.map(|(line, reason)| (line, reason.to_owned())), "{found}");
    // A row that names a transaction does so although it cannot be read.
    let unreadable = report([payment(0), payment(2)]);
    let unreadable = [&unreadable[..], b"id-00001,r,PAYMENT,COMPLETED,much,EUR,\n"].concat();
    let (_, found) = answer(&reconcile(&platform, &["-"], &unreadable));
    assert_eq!((&found["missingThere"], bad(&found).len()), (&json!([]), 1), "{found}");

    // Other kinds of ours are not asked for, and transactions of tests are others.
    let one = report([payment(0), Told { id: "fee".to_owned(), ..payment(2) }]);
    let (_, found) = answer(&reconcile(&platform, &["--summary", "-"], &one));
    assert_eq!((&found["missingHere"], &found["missingThere"]), (&json!(0), &json!(1)), "by reference: {found}");
    let (_, found) = answer(&reconcile(&platform, &["--summary", "--kind", "refund", "-"], &one));
    assert_eq!((&found["matched"], &found["missingThere"]), (&json!(2), &json!(0)), "{found}");
    let (_, found) = answer(&reconcile(&platform, &["--summary", "--mode", "test", "-"], &one));
    assert_eq!((&found["matched"], &found["missingHere"], &found["missingThere"]), (&json!(0), &json!(2), &json!(0)), "{found}");

    // Without times nobody knows what is missing there.
    let (status, found) = answer(&reconcile(&platform, &["-"], b"id\nid-00000\n"));
    assert_eq!((status, &found["isMissingThereKnown"], &found["matched"]), (0, &json!(false), &json!(1)));
    let text = platform.netbanx_given(&["reconcile", "--company", "acme", "-"], b"id\nid-00000\n");
    assert!(String::from_utf8_lossy(&text.stdout).contains("cannot be known"), "{text:?}");

    // A mapping by name.
    let saved = reconcile(&platform, &["--save-mapping", "bank", "--map", "id=Nr", "--amounts", "major"], b"");
    assert!(saved.status.success(), "{saved:?}");
    let told = format!("Nr,amount,currency\nid-00000,{}.00,EUR\n", payment(0).amount / 100);
    let (status, found) = answer(&reconcile(&platform, &["--mapping", "bank", "-"], told.as_bytes()));
    assert_eq!((status, &found["matched"]), (0, &json!(1)), "{found}");

    // What is left alone stays so.
    let (status, found) = answer(&reconcile(&platform, &["-"], b"id\nstranger\n"));
    assert_eq!(status, 1);
    let (run, item) = (found["reconciliation"].as_str().unwrap(), found["missingHere"][0]["item"].to_string());
    let (status, _) = answer(&reconcile(&platform, &["--show", run, "--ignore", &item, "--reason", "theirs"], b""));
    assert_eq!(status, 0);
    let (status, found) = answer(&reconcile(&platform, &["-"], b"id\nid-00000\nstranger\n"));
    assert_eq!((status, &found["ignored"], &found["missingHere"]), (0, &json!(1), &json!([])), "{found}");
    platform.netbanx(&["audit", "verify"]);
}

/// A platform that stores webhooks and answers nobody.
pub(crate) async fn storing_on(database: Database) -> Platform {
    let mut platform = Platform::prepare(database).await;
    platform.run(Service::Ingress).await;
    platform.run(Service::Worker).await;
    platform
}
