//! A file while it is written: pages of rows from one moment of the database.

use std::{collections::VecDeque, fmt, io::Write};

use actix_web::{HttpRequest, HttpResponse, http::header};
use flate2::{Compression, write::GzEncoder};
use futures::stream;
use http_service::Problem;
use redis_client::fred::bytes::Bytes;
use sea_orm::{Condition, DatabaseTransaction};
use serde::Serialize;
use serde_json::Value;
use store::{
    Scope,
    entity::{account, audit_entry, reconciliation_item, transaction, webhook_event},
    reads::{self, EventFilter, Position, TransactionFilter, Window},
    shown::Transaction,
};

use super::{
    ExportQuery,
    columns::{ACCOUNTS, ACCOUNTS_WITH_METHODS, AUDIT, EVENTS, EVENTS_WITH_BODIES, TRANSACTIONS},
    csv,
    items::{self, Items},
};
use crate::{
    Api,
    admin::audit,
    http::{
        cached::{COMPUTE, accepts_gzip},
        query,
    },
    query_failed,
    reads::{
        accounts::{self, AccountFilter},
        events::Event,
    },
    stream::{Limits, Place},
};

/// Rows that are read at once.
const PAGE: u64 = 1_000;
/// Files that are written at once: each holds a connection to the database. No company takes them all.
pub(crate) const PLACES: Limits = Limits { what: "files", all: 3, of_company: 2, of_sender: 2 };

/// Who asks may have a file.
pub(super) struct Permitted {
    /// The rows that they see.
    pub scope: Scope,
    /// The file's place among those that are written.
    pub place: Place,
}

/// What a file holds, read page by page.
#[derive(Debug, Clone)]
pub(super) enum Source {
    Transactions(TransactionFilter),
    /// With their bodies, where a CSV file is to have them: lines of JSON always do.
    Events(EventFilter, bool),
    Accounts(AccountFilter),
    Audit,
    Items(Items),
    /// All of it is there already, with the columns of a CSV file.
    Rows(VecDeque<Value>, &'static [&'static str]),
}

/// The form of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Csv,
    JsonLines,
}

/// A row as JSON.
pub(super) fn value(row: impl Serialize) -> Value {
    serde_json::to_value(row).unwrap_or_default()
}

/// A row of a file.
enum Row {
    Fields(Value),
    /// As a line of JSON.
    Line(String),
}

impl Row {
    /// A webhook, whose body has numbers that are to stay as they were written.
    fn of_event(mut event: Event, form: Form) -> Self {
        if form == Form::JsonLines {
            return Self::Line(serde_json::to_string(&event).unwrap_or_default());
        }
        let body = event.take_body();
        let mut fields = value(event);
        if let (Some(fields), Some(body)) = (fields.as_object_mut(), body) {
            fields.insert("payload".to_owned(), body.get().into());
        }
        Self::Fields(fields)
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fields(fields) => fields.fmt(f),
            Self::Line(line) => f.write_str(line),
        }
    }
}

/// A file while it is written.
struct Export {
    snapshot: Option<DatabaseTransaction>,
    source: Source,
    /// What holds for its rows: worked out once, since a search asks the database for it.
    all: Condition,
    scope: Scope,
    form: Form,
    columns: &'static [&'static str],
    after: Option<Position>,
    is_over: bool,
    gzip: Option<GzEncoder<Vec<u8>>>,
    _place: Place,
}

/// Answers with the rows of `source` as a file of that name.
pub(super) async fn send(
    api: &Api,
    request: &HttpRequest,
    name: &str,
    form: Form,
    permitted: Permitted,
    source: Source,
) -> Result<HttpResponse, Problem> {
    let Permitted { scope, place } = permitted;
    let snapshot = store::snapshot(&api.db).await.map_err(|e| query_failed(&e))?;
    let all = wanted(&snapshot, scope, &source).await.map_err(|e| query_failed(&e))?;
    let rows = count(&snapshot, all.clone(), &source).await.map_err(|e| query_failed(&e))?;
    let is_compressed = accepts_gzip(request);
    let columns = columns_of(&source);
    let gzip = is_compressed.then(|| GzEncoder::new(Vec::new(), Compression::fast()));
    let mut export =
        Export { snapshot: Some(snapshot), source, all, scope, form, columns, after: None, is_over: false, gzip, _place: place };
    let head = if form == Form::Csv { csv::head(columns, query::read::<ExportQuery>(request)?.bom.0) } else { String::new() };
    // The first page is read before the answer begins: what fails, fails with a problem.
    let first = export.page(head).await.map_err(|e| query_failed(&e))?;
    let begun = stream::once(async move { Ok::<Bytes, store::Error>(first) });
    let pages = stream::try_unfold(export, |mut export| async move {
        if export.is_over {
            return Ok(None);
        }
        let page = export.page(String::new()).await?;
        Ok(Some((page, export)))
    });
    let (kind, ending) = if form == Form::Csv { ("text/csv; charset=utf-8", "csv") } else { ("application/jsonl", "jsonl") };
    let mut answer = HttpResponse::Ok();
    answer
        .content_type(kind)
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::VARY, "Authorization, Cookie, Accept-Encoding"))
        .insert_header(("x-row-count", rows.to_string()))
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}.{ending}\"")));
    if is_compressed {
        answer.insert_header((header::CONTENT_ENCODING, "gzip"));
    }
    Ok(answer.streaming(Box::pin(futures::StreamExt::chain(begun, pages))))
}

fn columns_of(source: &Source) -> &'static [&'static str] {
    match source {
        Source::Transactions(_) => TRANSACTIONS,
        Source::Events(_, true) => EVENTS_WITH_BODIES,
        Source::Events(_, false) => EVENTS,
        Source::Accounts(filter) if filter.with_methods => ACCOUNTS_WITH_METHODS,
        Source::Accounts(_) => ACCOUNTS,
        Source::Audit => AUDIT,
        Source::Items(_) => items::COLUMNS,
        Source::Rows(_, columns) => columns,
    }
}

/// What holds for the rows of `source`.
async fn wanted(tx: &DatabaseTransaction, scope: Scope, source: &Source) -> Result<Condition, store::Error> {
    Ok(match source {
        Source::Transactions(filter) => reads::wanted(tx, scope, filter).await?,
        Source::Events(filter, _) => reads::wanted_events(scope, filter),
        Source::Accounts(filter) => reads::wanted_accounts(scope, filter.status, filter.stage),
        Source::Audit => store::audit::seen_by(scope),
        Source::Items(items) => items.wanted(),
        Source::Rows(..) => Condition::all(),
    })
}

async fn count(tx: &DatabaseTransaction, all: Condition, source: &Source) -> Result<u64, store::Error> {
    match source {
        Source::Transactions(_) => reads::count_all(tx, transaction::Entity, all).await,
        Source::Events(..) => reads::count_all(tx, webhook_event::Entity, all).await,
        Source::Accounts(_) => reads::count_all(tx, account::Entity, all).await,
        Source::Audit => reads::count_all(tx, audit_entry::Entity, all).await,
        Source::Items(_) => reads::count_all(tx, reconciliation_item::Entity, all).await,
        Source::Rows(rows, _) => Ok(rows.len() as u64),
    }
}

impl Export {
    /// The next page's bytes, after `head`.
    async fn page(&mut self, head: String) -> Result<Bytes, store::Error> {
        let rows = store::deadline::within(COMPUTE, self.rows()).await?;
        self.is_over = (rows.len() as u64) < PAGE;
        let mut text = head;
        for row in &rows {
            match (self.form, row) {
                (Form::Csv, Row::Fields(row)) => csv::line(self.columns, row, &mut text),
                (_, row) => {
                    text.push_str(&row.to_string());
                    text.push('\n');
                }
            }
        }
        if self.is_over {
            // The moment that was looked at is let go of as soon as it can be.
            if let Some(snapshot) = self.snapshot.take() {
                snapshot.rollback().await?;
            }
        }
        Ok(self.compressed(text))
    }

    fn compressed(&mut self, text: String) -> Bytes {
        let Some(gzip) = &mut self.gzip else { return text.into() };
        // Writing to memory does not fail.
        let _ = gzip.write_all(text.as_bytes());
        let _ = if self.is_over { gzip.try_finish() } else { gzip.flush() };
        std::mem::take(gzip.get_mut()).into()
    }

    async fn rows(&mut self) -> Result<Vec<Row>, store::Error> {
        if let Source::Rows(rows, _) = &mut self.source {
            let page = rows.len().min(PAGE as usize);
            return Ok(rows.drain(..page).map(Row::Fields).collect());
        }
        let Some(tx) = &self.snapshot else { return Ok(Vec::new()) };
        let window =
            Window { limit: PAGE, offset: 0, after: self.after, ascending: false, order: reads::TransactionOrder::default() };
        Ok(match &mut self.source {
            Source::Transactions(_) => {
                let rows = reads::transactions_after(tx, self.all.clone(), window).await?;
                self.after = rows.last().map(|row| (row.transaction_time, row.id));
                rows.into_iter().map(|row| Row::Fields(value(Transaction::from(row)))).collect()
            }
            Source::Events(..) => {
                let rows = reads::events_after(tx, self.all.clone(), window).await?;
                self.after = rows.last().map(|row| (row.received_at, row.id));
                rows.into_iter().map(|row| Row::of_event(row.into(), self.form)).collect()
            }
            Source::Accounts(filter) => {
                let rows = reads::accounts_after(tx, self.all.clone(), window).await?;
                self.after = rows.last().map(|row| (row.updated_at, row.id));
                let methods = if filter.with_methods { Some(reads::payment_methods(tx, &rows).await?) } else { None };
                rows.into_iter().map(|row| Row::Fields(value(accounts::shown(row, methods.as_deref())))).collect()
            }
            Source::Audit => {
                let rows = store::audit::list(tx, self.scope, self.after.map(|(_, id)| id), PAGE).await?;
                self.after = rows.last().map(|row| (row.at, row.id));
                audit::shown(tx, self.scope, rows).await?.iter().map(|entry| Row::Fields(value(entry))).collect()
            }
            Source::Items(items) => items.page(tx, self.form, PAGE).await?.into_iter().map(Row::Fields).collect(),
            Source::Rows(..) => Vec::new(),
        })
    }
}
