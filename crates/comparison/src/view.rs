//! A run and its items as answers tell them.

use reconcile::{Finding, item};
use serde_json::{Value, json};
use store::{
    entity::{reconciliation::Model, reconciliation_item},
    reconciliations::Changes,
};

/// Whether anything is to be looked at.
pub fn differs(run: &Model) -> bool {
    Finding::ALL.into_iter().any(|finding| count(run, finding) > 0)
}

/// How many open items of that sort a run has.
pub fn count(run: &Model, finding: Finding) -> i64 {
    match finding {
        Finding::MissingHere => run.missing_here,
        Finding::MissingThere => run.missing_there,
        Finding::Differing => run.differing,
        Finding::Malformed => run.malformed,
    }
}

/// JSON of the database; null where it is none.
pub fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

/// A run without its lists.
pub fn view(run: &Model, changes: Changes) -> Value {
    let mut view = json!({"matched": run.matched});
    if let Some(fields) = view.as_object_mut() {
        fields.extend(Finding::ALL.map(|finding| (finding.as_str().to_owned(), count(run, finding).into())));
        if let Value::Object(rest) = about(run, changes) {
            fields.extend(rest);
        }
    }
    view
}

/// What is told of a run beside its counts.
pub fn about(run: &Model, changes: Changes) -> Value {
    json!({
        "reconciliation": run.id, "mode": run.mode, "startedAt": item::time(run.started_at),
        "finishedAt": run.finished_at.and_then(item::time), "files": parsed(&run.files), "rows": run.row_count,
        "from": run.from_time.and_then(item::time), "until": run.until_time.and_then(item::time),
        "isMissingThereKnown": run.from_time.is_some(), "ignored": run.ignored,
        "new": changes.map(|(new, _)| new), "gone": changes.map(|(_, gone)| gone), "totals": parsed(&run.totals),
    })
}

/// The names of a run's files, in order.
pub fn names(run: &Model) -> Vec<String> {
    let files = parsed(&run.files);
    let name = |file: &Value| file.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    files.as_array().map(|files| files.iter().map(name).collect()).unwrap_or_default()
}

/// An item with its number and the name of its file.
pub fn told(item: &reconciliation_item::Model, files: &[String]) -> Value {
    let mut detail = parsed(&item.detail);
    if let Some(fields) = detail.as_object_mut() {
        fields.insert("item".to_owned(), item.number.into());
        if let Some(file) = fields.get_mut("file") {
            let name = file.as_u64().and_then(|number| files.get(number as usize));
            *file = name.map_or(Value::Null, |name| name.as_str().into());
        }
    }
    detail
}
