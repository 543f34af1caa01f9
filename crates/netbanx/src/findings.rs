//! What a comparison found, as text or as JSON: read from the database page by page, whatever there is of it.

use std::io::{BufWriter, Write, stdout};

use comparison::view::{about, count, names, parsed, told, view};
use reconcile::{Finding, item};
use sea_orm::DatabaseConnection;
use serde_json::Value;
use store::{
    entity::{reconciliation::Model, reconciliation_item},
    reconciliations::{self, Changes},
};

use crate::Error;

/// Items that are read at once.
const PAGE: u64 = 1_000;
/// Items of a sort that are shown as text.
const SHOWN: usize = 20;
/// Groups of totals that are shown as text.
const GROUPS: usize = 40;

/// One line: the figures and, unless it is a summary, every item.
pub(crate) async fn write_json(db: &DatabaseConnection, run: &Model, changes: Changes, is_summary: bool) -> Result<(), Error> {
    if is_summary {
        outln!("{}", view(run, changes));
        return Ok(());
    }
    let files = names(run);
    let mut out = BufWriter::new(stdout());
    write!(out, r#"{{"matched":{}"#, run.matched)?;
    for finding in Finding::ALL {
        write!(out, r#","{}":["#, finding.as_str())?;
        let (mut after, mut between) = (0, "");
        while let Some(page) = page(db, run, finding, after).await? {
            for item in page {
                write!(out, "{between}{}", told(&item, &files))?;
                (after, between) = (item.number, ",");
            }
        }
        write!(out, "]")?;
    }
    let rest = about(run, changes).to_string();
    writeln!(out, ",{}", rest.strip_prefix('{').unwrap_or(&rest))?;
    Ok(out.flush()?)
}

async fn page(
    db: &DatabaseConnection,
    run: &Model,
    finding: Finding,
    after: i64,
) -> Result<Option<Vec<reconciliation_item::Model>>, Error> {
    let page = reconciliations::items(db, run, finding.as_str(), after, PAGE).await?;
    Ok((!page.is_empty()).then_some(page))
}

/// For people: figures, and the first items of each sort.
pub(crate) async fn write_text(db: &DatabaseConnection, run: &Model, changes: Changes, is_summary: bool) -> Result<(), Error> {
    let files = names(run);
    let mut out = BufWriter::new(stdout());
    writeln!(out, "{}", line(run, changes))?;
    for file in parsed(&run.files).as_array().into_iter().flatten() {
        let text = |name: &str| file.get(name).map(Value::to_string).unwrap_or_default();
        let untold = file.get("withoutColumns").and_then(Value::as_array).filter(|fields| !fields.is_empty());
        let fields: Vec<&str> = untold.into_iter().flatten().filter_map(Value::as_str).collect();
        let name = file.get("name").and_then(Value::as_str).unwrap_or_default();
        let note = if fields.is_empty() {
            String::new()
        } else {
            format!("; not compared, for it has no column: {}", fields.join(", "))
        };
        writeln!(out, "  {name}: {} rows{note}", text("rows"))?;
    }
    if run.from_time.is_none() && run.finished_at.is_some() {
        writeln!(out, "what is missing there cannot be known: no row tells a time")?;
    }
    for finding in Finding::ALL.into_iter().filter(|finding| !is_summary && count(run, *finding) > 0) {
        let title = match finding {
            Finding::MissingHere => "missing here: rows that have no transaction",
            Finding::MissingThere => "missing there: transactions that no row names",
            Finding::Differing => "differing",
            Finding::Malformed => "malformed: rows that cannot be read",
        };
        writeln!(out, "\n{title} ({})", count(run, finding))?;
        let page = page(db, run, finding, 0).await?.unwrap_or_default();
        for item in page.iter().take(SHOWN) {
            writeln!(out, "  {}", item_line(&told(item, &files)))?;
        }
        if count(run, finding) > SHOWN as i64 {
            writeln!(out, "  … and {} more: --show {} --json lists all", count(run, finding) - SHOWN as i64, run.id)?;
        }
    }
    if !is_summary {
        write_totals(&mut out, &parsed(&run.totals))?;
    }
    Ok(out.flush()?)
}

fn write_totals(out: &mut impl Write, totals: &Value) -> std::io::Result<()> {
    let groups = totals.as_array().map(Vec::as_slice).unwrap_or_default();
    if groups.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nby day, currency and kind: count and sum in minor units")?;
    for group in groups.iter().take(GROUPS) {
        let text = |name: &str| group.get(name).and_then(Value::as_str).unwrap_or("-").to_owned();
        write!(out, "  {} {} {}", text("day"), text("currency"), text("kind"))?;
        for (name, words) in [
            ("matched", "matched"),
            ("missingHere", "missing here"),
            ("missingThere", "missing there"),
            ("differing", "differing"),
        ] {
            if let Some(cell) = group.get(name) {
                let number = |name: &str| cell.get(name).map(Value::to_string).unwrap_or_default();
                write!(out, ", {words} {} ({})", number("count"), number("amount"))?;
            }
        }
        writeln!(out)?;
    }
    if groups.len() > GROUPS {
        writeln!(out, "  … and {} more: --json lists all", groups.len() - GROUPS)?;
    }
    Ok(())
}

/// A run in a line.
pub(crate) fn line(run: &Model, changes: Changes) -> String {
    let started = item::time(run.started_at).unwrap_or_default();
    if run.finished_at.is_none() {
        return format!("{started}\t{}\tdid not come to its end", run.id);
    }
    let ignored = if run.ignored > 0 { format!(", {} ignored", run.ignored) } else { String::new() };
    let changes = changes.map_or(String::new(), |(new, gone)| format!("; since the comparison before: {new} new, {gone} gone"));
    format!(
        "{started}\t{}\t{} rows: {} matched, {} missing here, {} missing there, {} differing, {} malformed{ignored}{changes}",
        run.id, run.row_count, run.matched, run.missing_here, run.missing_there, run.differing, run.malformed
    )
}

/// An item in a line; what it has nothing of is `-`.
fn item_line(item: &Value) -> String {
    let shown = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let text = |name: &str| item.get(name).filter(|value| !value.is_null()).map_or("-".to_owned(), shown);
    let place = item.get("line").map_or(String::new(), |line| format!("{}:{line}  ", text("file")));
    // A status that nobody knows, as the report writes it.
    let status = if item.get("statusWord").is_some() { "statusWord" } else { "status" };
    let what: Vec<String> = ["id", "merchantRefNum", "kind", status, "amount", "currency", "time"]
        .into_iter()
        .filter(|name| item.get(*name).is_some())
        .map(text)
        .collect();
    let differences = item.get("differences").and_then(Value::as_array).into_iter().flatten().map(|difference| {
        let side = |name: &str| difference.get(name).map_or_else(String::new, shown);
        format!("{} is {} here, {} there", side("field"), side("here"), side("there"))
    });
    let differences: Vec<String> = differences.collect();
    let why = if differences.is_empty() { text("reason") } else { differences.join("; ") };
    format!("#{} {place}{}: {why}", text("item"), what.join(" "))
}
