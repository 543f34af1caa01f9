//! One comparison of reports with our transactions, chunk by chunk: what is held of it does not grow with the reports but for
//! the ids of the transactions that were named, 16 bytes each.
//!
//! 1. Rows are looked up by id, 5,000 at a time. One that is not found is deferred: it is kept as an item of the run.
//! 2. When every row has been seen, and so each transaction is with the row that names it, deferred rows are looked up
//!    by reference among the transactions that are left: first those of nearly the same time, then those of the same day.
//! 3. What is left of the rows is missing here; transactions within the reports' span of time that are left are missing there.

mod candidates;

use std::collections::HashSet;

pub(crate) use candidates::transaction;
use common::{CompanyId, Kind, Mode};
use reconcile::{
    Field, Item, Malformed, Report, Row, Totals, Transaction, item,
    matching::{ById, NEAR_MS, WINDOW_MS, by_id, differences, has_reference},
    row::unsigned,
    totals::Sort,
};
use sea_orm::DatabaseConnection;
use serde_json::{Value, json};
use store::{
    entity::reconciliation,
    reconciliations::{self, DEFERRED, NewItem, Outcome},
};

use crate::Error;

/// Rows, and transactions, that are looked at together.
const CHUNK: usize = 5_000;
/// Deferred rows that are looked at together: a reference may have many transactions.
const DEFERRED_CHUNK: u64 = 1_000;
const UNKNOWN: &str = "no transaction here has its id, or its reference, kind, amount and currency within a day";
const UNKNOWN_ID: &str = "no transaction here has its id";
const NAMED_TWICE: &str = "another row of the reports names the same transaction";

/// What is told while a report is read: rows so far, and the report.
pub type Progress<'p> = &'p mut (dyn FnMut(u64, &Report) + Send);

/// A comparison that goes on.
#[derive(Debug)]
pub struct Comparison<'d> {
    db: &'d DatabaseConnection,
    company: CompanyId,
    mode: Mode,
    kinds: Vec<Kind>,
    run: reconciliation::Model,
    /// Whether rows come by time, so that the transactions of a chunk are those of a short span.
    is_by_time: bool,
    /// Transactions that a row was given.
    taken: HashSet<u128>,
    /// Transactions that rows name which cannot be read.
    named: HashSet<u128>,
    /// Items that are not written yet.
    items: Vec<NewItem>,
    /// The number of the last item.
    last: i64,
    rows: u64,
    matched: u64,
    span: Option<(i64, i64)>,
    totals: Totals,
    files: Vec<Value>,
}

impl<'d> Comparison<'d> {
    /// Begins a run of the transactions of `company` and `mode`; of `kinds`, or of every kind where there are none.
    pub async fn begin(
        db: &'d DatabaseConnection,
        company: CompanyId,
        mode: Mode,
        kinds: Vec<Kind>,
        reports: &[Report],
    ) -> Result<Self, Error> {
        let files: Vec<Value> = reports.iter().map(|report| json!({"name": report.name(), "rows": 0})).collect();
        let run = reconciliations::begin(db, company, mode.as_str(), &json!(files).to_string()).await?;
        let (taken, named, items, totals) = (HashSet::new(), HashSet::new(), Vec::new(), Totals::default());
        let (is_by_time, last, rows, matched, span) = (true, 0, 0, 0, None);
        Ok(Self { db, company, mode, kinds, run, is_by_time, taken, named, items, last, rows, matched, span, totals, files })
    }

    /// The run as it is kept while it goes on.
    pub fn run(&self) -> &reconciliation::Model {
        &self.run
    }

    /// Compares all of `reports` and keeps what was found. Dropped before its end it leaves a run without one.
    pub async fn compare(mut self, mut reports: Vec<Report>, progress: Progress<'_>) -> Result<reconciliation::Model, Error> {
        // A row's id leaves no doubt: rows that have none come afterwards.
        reports.sort_by_key(|report| !report.has(Field::Id));
        for report in reports {
            self.read(report, progress).await?;
        }
        self.is_by_time = false;
        for window in [NEAR_MS, WINDOW_MS] {
            self.look_up_deferred(window).await?;
        }
        if let Some(span) = self.span {
            self.find_missing_there(span).await?;
        }
        self.write(&[]).await?;
        let outcome = Outcome {
            files: json!(self.files).to_string(),
            rows: self.rows,
            matched: self.matched,
            span: self.span,
            totals: self.totals.view().to_string(),
        };
        Ok(reconciliations::finish(self.db, &self.run, outcome).await?)
    }

    async fn read(&mut self, mut report: Report, progress: Progress<'_>) -> Result<(), Error> {
        let before = self.rows;
        let has_ids = report.has(Field::Id);
        self.is_by_time = true;
        loop {
            // Reading blocks, and requests are answered beside it.
            let chunk = tokio::task::spawn_blocking(move || {
                let rows = chunk_of(&mut report);
                (report, rows)
            });
            let (back, chunk) = chunk.await.map_err(|_| Error::Stopped)?;
            report = back;
            let (rows, bad) = chunk?;
            let count = rows.len() + bad.len();
            self.rows += count as u64;
            for row in &rows {
                if let Some(from) = row.time_ms {
                    let until = from + row.spans_ms;
                    self.span = Some(self.span.map_or((from, until), |span| (span.0.min(from), span.1.max(until))));
                }
            }
            self.look_up(rows, &bad, has_ids).await?;
            self.write(&[]).await?;
            progress(self.rows, &report);
            if count < CHUNK {
                break;
            }
        }
        let mut about = json!({"name": report.name(), "rows": self.rows - before});
        let untold = [Field::Status, Field::Amount, Field::Currency, Field::Time].into_iter().filter(|field| !report.has(*field));
        if let Some(about) = about.as_object_mut() {
            about.insert("withoutColumns".to_owned(), untold.map(Field::as_str).collect());
        }
        if let Some(file) = self.files.get_mut(report.number()) {
            *file = about;
        }
        Ok(())
    }

    async fn look_up(&mut self, rows: Vec<Row>, bad: &[Malformed], has_ids: bool) -> Result<(), Error> {
        // Of a row that cannot be read the kind is not known.
        let keys = rows.iter().filter_map(|row| Some((row.kind, row.id.as_deref()?)));
        let known = self.known(keys.chain(bad.iter().filter_map(|row| Some((None, row.id.as_deref()?))))).await?;
        let of = |id: &Option<String>| id.as_ref().and_then(|id| known.get(id)).map(Vec::as_slice).unwrap_or_default();
        let mut unknown = Vec::new();
        for row in rows {
            match by_id(&row, of(&row.id), |ours| self.taken.contains(&ours.row_id.as_u128())) {
                ById::Found(ours) => self.settle(&row, ours),
                ById::Taken => {
                    self.totals.add_row(Sort::MissingHere, &row);
                    self.add(Item::missing_here(&row, NAMED_TWICE));
                }
                ById::Unknown => unknown.push(row),
            }
        }
        for malformed in bad {
            self.named.extend(of(&malformed.id).iter().map(|ours| ours.row_id.as_u128()));
            self.add(Item::malformed(malformed));
        }
        let found = if has_ids { vec![None; unknown.len()] } else { self.by_reference(&unknown, NEAR_MS).await? };
        for (row, ours) in unknown.iter().zip(found) {
            if let Some(ours) = ours {
                self.settle(row, &ours);
            } else {
                let reason = if has_reference(row) { UNKNOWN } else { UNKNOWN_ID };
                self.add_as(DEFERRED, Item::missing_here(row, reason));
            }
        }
        Ok(())
    }

    /// Looks for the transactions of deferred rows: by id, whatever their kind, and by reference.
    async fn look_up_deferred(&mut self, window_ms: i64) -> Result<(), Error> {
        let mut after = 0;
        loop {
            let page = reconciliations::items(self.db, &self.run, DEFERRED, after, DEFERRED_CHUNK).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.number;
            let rows: Vec<Row> =
                page.iter().map(|item| item::row_of(&serde_json::from_str(&item.detail).unwrap_or_default())).collect();
            let known = self.known(rows.iter().filter_map(|row| Some((None, row.id.as_deref()?)))).await?;
            let (mut settled, mut unknown) = (Vec::new(), Vec::new());
            for (row, item) in rows.into_iter().zip(&page) {
                let candidates = row.id.as_ref().and_then(|id| known.get(id)).map(Vec::as_slice).unwrap_or_default();
                let of_any_kind = Row { kind: None, ..row.clone() };
                match by_id(&of_any_kind, candidates, |ours| self.taken.contains(&ours.row_id.as_u128())) {
                    ById::Found(ours) => {
                        self.settle(&row, ours);
                        settled.push(item.number);
                    }
                    ById::Taken | ById::Unknown => unknown.push((row, item.number)),
                }
            }
            let (rows, numbers): (Vec<Row>, Vec<i64>) = unknown.into_iter().unzip();
            let found = self.by_reference(&rows, window_ms).await?;
            for ((row, number), ours) in rows.iter().zip(numbers).zip(found) {
                match ours {
                    Some(ours) => {
                        self.settle(row, &ours);
                        settled.push(number);
                    }
                    // The last look: it stays, and is missing here when the run is finished.
                    None if window_ms == WINDOW_MS => self.totals.add_row(Sort::MissingHere, row),
                    None => {}
                }
            }
            self.write(&settled).await?;
        }
    }

    async fn find_missing_there(&mut self, span: (i64, i64)) -> Result<(), Error> {
        let mut after = None;
        loop {
            let (db, company, mode, before) = (self.db, self.company, self.mode, self.run.started_at);
            let page = reconciliations::within(db, company, mode, &self.kinds, span, before, after, CHUNK as u64).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some((last.transaction_time, last.id));
            let is_named = |id: u128| self.taken.contains(&id) || self.named.contains(&id);
            let missing: Vec<Transaction> = page.into_iter().filter(|own| !is_named(own.id.as_u128())).map(transaction).collect();
            for ours in missing {
                self.totals.add_transaction(Sort::MissingThere, &ours);
                self.add(Item::missing_there(&ours));
            }
            self.write(&[]).await?;
        }
    }

    /// `row` is `ours`.
    fn settle(&mut self, row: &Row, ours: &Transaction) {
        self.taken.insert(ours.row_id.as_u128());
        let differences = differences(row, ours);
        if differences.is_empty() {
            self.matched += 1;
            // Where the report is silent, our transaction tells the group.
            let (kind, currency) = (row.kind.or(Some(ours.kind)), row.currency.clone().or_else(|| ours.currency.clone()));
            let amount = row.amount.or(ours.amount).map(|amount| unsigned(ours.kind, amount));
            let time_ms = row.time_ms.or(Some(ours.time_ms));
            self.totals.add_row(Sort::Matched, &Row { kind, currency, amount, time_ms, ..Row::default() });
        } else {
            self.totals.add_row(Sort::Differing, row);
            self.add(Item::differing(row, ours, &differences));
        }
    }

    fn add(&mut self, item: Item) {
        self.add_as(item.finding.as_str(), item);
    }

    fn add_as(&mut self, finding: &'static str, item: Item) {
        self.last += 1;
        self.items.push(NewItem { finding, number: self.last, key: item.key, detail: item.detail.to_string() });
    }

    /// Writes the items that wait, and forgets the deferred ones that are `settled`.
    async fn write(&mut self, settled: &[i64]) -> Result<(), Error> {
        let items = std::mem::take(&mut self.items);
        Ok(reconciliations::add_items(self.db, &self.run, items, settled).await?)
    }
}

/// The next rows of `report`, up to [`CHUNK`]: those that can be read, and those that cannot.
fn chunk_of(report: &mut Report) -> Result<(Vec<Row>, Vec<Malformed>), reconcile::Error> {
    let (mut rows, mut bad) = (Vec::new(), Vec::new());
    while rows.len() + bad.len() < CHUNK {
        match report.next_row()? {
            Some(Ok(row)) => rows.push(row),
            Some(Err(malformed)) => bad.push(malformed),
            None => break,
        }
    }
    Ok((rows, bad))
}
