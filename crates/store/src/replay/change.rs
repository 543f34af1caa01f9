//! What changes, field by field, as people and programs are told.

use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

/// What a change is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Subject {
    /// A transaction's row.
    Transaction,
    /// An account's row.
    Account,
    /// A stored webhook's own columns.
    Event,
}

/// A field that changes.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// What it is of.
    pub of: Subject,
    /// Whose it is: the row's id; the nil id of a row that is new.
    pub id: Uuid,
    /// Its id at Netbanx.
    pub external_id: Option<String>,
    /// As the API names it.
    pub field: String,
    /// What it is; null where there is nothing, or no row.
    pub before: Value,
    /// What it becomes; null where there is nothing, or no row any more.
    pub after: Value,
}

/// The fields by which `before` and `after` differ.
pub(super) fn differences(
    of: Subject,
    id: Uuid,
    external_id: Option<&str>,
    before: Option<&impl Serialize>,
    after: Option<&impl Serialize>,
) -> Vec<Change> {
    let fields = |value: Option<Value>| match value {
        Some(Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    };
    let before = fields(before.and_then(|before| serde_json::to_value(before).ok()));
    let after = fields(after.and_then(|after| serde_json::to_value(after).ok()));
    let names = before.keys().chain(after.keys().filter(|name| !before.contains_key(*name)));
    let value = |of: &serde_json::Map<String, Value>, name: &str| of.get(name).cloned().unwrap_or_default();
    names
        .filter(|name| name.as_str() != "id" && value(&before, name) != value(&after, name))
        .map(|name| Change {
            of,
            id,
            external_id: external_id.map(str::to_owned),
            field: name.clone(),
            before: value(&before, name),
            after: value(&after, name),
        })
        .collect()
}
