//! What a comparison found, item by item, as it is kept and told.

use chrono::{DateTime, SecondsFormat};
use common::{Kind, Status, envelope};
use ring::digest;
use serde_json::{Value, json};

use crate::{Difference, Malformed, Row, Transaction, row::DAY_MS};

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// A row that has no transaction here.
    MissingHere,
    /// A transaction of ours that no row names.
    MissingThere,
    /// A row and its transaction that do not say the same.
    Differing,
    /// A row that cannot be read.
    Malformed,
}

impl Finding {
    /// Every one, in the order in which they are told.
    pub const ALL: [Self; 4] = [Self::MissingHere, Self::MissingThere, Self::Differing, Self::Malformed];

    /// Its name in answers and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MissingHere => "missingHere",
            Self::MissingThere => "missingThere",
            Self::Differing => "differing",
            Self::Malformed => "malformed",
        }
    }
}

/// A difference of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// What sort.
    pub finding: Finding,
    /// The same for the same difference in every run.
    pub key: String,
    /// What is told of it.
    pub detail: Value,
}

impl Item {
    /// Of a row that has no transaction here.
    pub fn missing_here(row: &Row, reason: &str) -> Self {
        let mut detail = of_row(row);
        add(&mut detail, "reason", reason.into());
        Self::of(Finding::MissingHere, detail, &[])
    }

    /// Of a transaction that no row names.
    pub fn missing_there(ours: &Transaction) -> Self {
        let mut detail = fields(
            Some(&ours.id),
            ours.merchant_ref_num.as_deref(),
            Some(ours.kind),
            Some(ours.status),
            ours.amount,
            ours.currency.as_deref(),
            Some(ours.time_ms),
        );
        add(&mut detail, "transactionId", ours.row_id.to_string().into());
        add(&mut detail, "reason", "no row of the report names it".into());
        Self::of(Finding::MissingThere, detail, &["status", "amount", "currency", "time", "merchantRefNum"])
    }

    /// Of a row and its transaction. The item has the row's values; `differences` tells ours beside them.
    pub fn differing(row: &Row, ours: &Transaction, differences: &[Difference]) -> Self {
        let mut detail = of_row(row);
        let names: Vec<&str> = differences.iter().map(|difference| difference.field).collect();
        if row.id.as_deref() != Some(ours.id.as_str()) {
            add(&mut detail, "idHere", ours.id.as_str().into());
        }
        add(&mut detail, "transactionId", ours.row_id.to_string().into());
        add(&mut detail, "differences", differences.iter().map(Value::from).collect());
        add(&mut detail, "reason", format!("{} not the same here and there", joined(&names)).into());
        Self::of(Finding::Differing, detail, &["time", "merchantRefNum"])
    }

    /// Of a row that cannot be read.
    pub fn malformed(bad: &Malformed) -> Self {
        let detail = json!({"file": bad.file, "line": bad.line, "id": bad.id, "reason": bad.reason});
        Self::of(Finding::Malformed, detail, &[])
    }

    /// Its key is made of the detail but for where a row stands, and for `passing` fields, which may change by themselves.
    fn of(finding: Finding, detail: Value, passing: &[&str]) -> Self {
        let mut lasting = detail.clone();
        if let Some(fields) = lasting.as_object_mut().filter(|_| finding != Finding::Malformed) {
            fields.retain(|name, _| {
                !["file", "line", "transactionId", "reason"].contains(&name.as_str()) && !passing.contains(&name.as_str())
            });
        }
        let hash = digest::digest(&digest::SHA256, format!("{} {lasting}", finding.as_str()).as_bytes());
        let key = hex::encode(hash).get(..32).unwrap_or_default().to_owned();
        Self { finding, key, detail }
    }
}

fn joined(names: &[&str]) -> String {
    match names {
        [one] => format!("{one} is"),
        [others @ .., last] => format!("{} and {last} are", others.join(", ")),
        [] => "nothing is".to_owned(),
    }
}

fn of_row(row: &Row) -> Value {
    let currency = row.currency.as_deref();
    let mut detail =
        fields(row.id.as_deref(), row.merchant_ref_num.as_deref(), row.kind, row.status, row.amount, currency, row.time_ms);
    if row.spans_ms > 0 {
        add(&mut detail, "isWholeDay", true.into());
    }
    if let Some(word) = &row.unknown_status {
        add(&mut detail, "statusWord", word.as_str().into());
    }
    add(&mut detail, "file", row.file.into());
    add(&mut detail, "line", row.line.into());
    detail
}

/// The row that an item's detail tells of.
pub fn row_of(detail: &Value) -> Row {
    let text = |name: &str| detail.get(name).and_then(Value::as_str);
    let place = |name: &str| detail.get(name).and_then(Value::as_u64).unwrap_or_default();
    Row {
        file: place("file") as usize,
        line: place("line"),
        id: text("id").map(str::to_owned),
        merchant_ref_num: text("merchantRefNum").map(str::to_owned),
        kind: text("kind").and_then(Kind::parse),
        status: text("status").and_then(Status::parse),
        unknown_status: text("statusWord").map(str::to_owned),
        amount: detail.get("amount").and_then(Value::as_i64),
        currency: text("currency").map(str::to_owned),
        time_ms: text("time").and_then(envelope::time).map(|time| time.timestamp_millis()),
        spans_ms: if detail.get("isWholeDay").is_some() { DAY_MS - 1 } else { 0 },
    }
}

fn fields(
    id: Option<&str>,
    merchant_ref_num: Option<&str>,
    kind: Option<Kind>,
    status: Option<Status>,
    amount: Option<i64>,
    currency: Option<&str>,
    time_ms: Option<i64>,
) -> Value {
    json!({
        "id": id, "merchantRefNum": merchant_ref_num, "kind": kind, "status": status, "amount": amount, "currency": currency,
        "time": time_ms.and_then(time),
    })
}

/// A time as answers tell it.
pub fn time(ms: i64) -> Option<String> {
    DateTime::from_timestamp_millis(ms).map(|time| time.to_rfc3339_opts(SecondsFormat::Millis, true))
}

fn add(detail: &mut Value, name: &str, value: Value) {
    if let Some(fields) = detail.as_object_mut() {
        fields.insert(name.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_known_again_wherever_its_row_stands() {
        let row = |line, amount| Row { line, id: Some("p".to_owned()), amount: Some(amount), ..Row::default() };
        let key = |row: &Row| Item::missing_here(row, "no webhook").key;
        assert_eq!(key(&row(2, 5)), key(&row(9, 5)));
        assert_ne!(key(&row(2, 5)), key(&row(2, 6)));
        let full = Row {
            file: 1,
            merchant_ref_num: Some("r".to_owned()),
            kind: Some(Kind::Refund),
            status: Some(Status::Returned),
            currency: Some("JPY".to_owned()),
            time_ms: Some(1_738_281_600_000),
            spans_ms: DAY_MS - 1,
            ..row(7, -5)
        };
        assert_eq!(row_of(&Item::missing_here(&full, "no webhook").detail), full);
        let unknown = Row { status: None, unknown_status: Some("Approved".to_owned()), ..full };
        assert_eq!(row_of(&Item::missing_here(&unknown, "no webhook").detail), unknown);
        assert_eq!(row_of(&Item::missing_here(&Row::default(), "no webhook").detail), Row::default());
        let bad = |line| Item::malformed(&Malformed { file: 0, line, reason: "r".to_owned(), id: None }).key;
        assert_ne!(bad(2), bad(3));
    }
}
