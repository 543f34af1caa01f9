//! `/api/v1/reconciliations`: Netbanx's reports compared with what we have, private to each company.
//!
//! | module | part |
//! | --- | --- |
//! | here | runs: listed and shown |
//! | [`start`] | a report comes in, and is compared in the background |
//! | [`upload`] | the body of a request as a file without a name |
//! | [`items`] | what a run found; leaving it alone, taking it over |
//! | [`ask`] | what Netbanx itself says of that |
//! | [`mappings`] | how reports are read, as it was saved |

pub(crate) mod ask;
pub(crate) mod items;
pub(crate) mod mappings;
pub(crate) mod start;
mod upload;

use actix_web::{HttpRequest, HttpResponse, web};
use clock::now_ms;
use http_service::{Problem, ProblemKind, uncached};
use serde::Serialize;
use serde_json::value::RawValue;
use store::{
    Scope,
    entity::reconciliation,
    reconciliations::{self, Changes, SILENT_MS},
    shown::time,
};
use utoipa::ToSchema;
use uuid::Uuid;

pub(crate) use start::PLACES;

use crate::{
    Api, auth,
    http::{
        openapi::problems,
        query::{self, OfCompany, page::After},
    },
    query_failed,
    reads::{transactions, views::Success},
};

/// A comparison of a report with our transactions.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Reconciliation {
    id: Uuid,
    company_id: Uuid,
    /// live or test: which transactions.
    mode: String,
    /// running, finished, or stopped: it did not come to its end.
    state: &'static str,
    /// Why it stopped.
    failure: Option<String>,
    started_at: Option<String>,
    finished_at: Option<String>,
    /// How much of the report was read, in percent; null: that is not known yet.
    percent: Option<i64>,
    /// Rows that were read so far, or all.
    rows: i64,
    /// Rows that say what we have.
    matched: i64,
    /// Open items: rows that have no transaction here.
    missing_here: i64,
    /// Open items: transactions that no row names.
    missing_there: i64,
    /// Open items: rows that say something else than their transaction.
    differing: i64,
    /// Open items: rows that cannot be read.
    malformed: i64,
    /// Items that are left alone.
    ignored: i64,
    /// The time of the earliest row.
    from: Option<String>,
    /// The time of the latest row.
    until: Option<String>,
    /// Whether any row tells a time: otherwise nobody knows what is missing there.
    is_missing_there_known: bool,
    /// Differences that the comparison before had not; null: there is none before, or this one goes on.
    new: Option<u64>,
    /// Differences of the comparison before that are gone.
    gone: Option<u64>,
    /// Name, rows and missing columns of each report.
    #[schema(value_type = Vec<Object>)]
    files: Option<Box<RawValue>>,
}

impl Reconciliation {
    fn new(run: &reconciliation::Model, changes: Changes) -> Self {
        let is_alive = run.alive_at.is_some_and(|at| now_ms() - at < SILENT_MS);
        let state = match run.finished_at {
            Some(_) => "finished",
            None if is_alive => "running",
            None => "stopped",
        };
        Self {
            id: run.id,
            company_id: run.company_id,
            mode: run.mode.clone(),
            state,
            failure: run.failure.clone(),
            started_at: time(run.started_at),
            finished_at: run.finished_at.and_then(time),
            percent: run.percent,
            rows: run.row_count,
            matched: run.matched,
            missing_here: run.missing_here,
            missing_there: run.missing_there,
            differing: run.differing,
            malformed: run.malformed,
            ignored: run.ignored,
            from: run.from_time.and_then(time),
            until: run.until_time.and_then(time),
            is_missing_there_known: run.from_time.is_some(),
            new: changes.map(|(new, _)| new),
            gone: changes.map(|(_, gone)| gone),
            files: RawValue::from_string(run.files.clone()).ok(),
        }
    }
}

/// A comparison with its sums.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReconciliationDetail {
    #[serde(flatten)]
    reconciliation: Reconciliation,
    /// Counts and sums in minor units by day, currency and kind.
    #[schema(value_type = Vec<Object>)]
    totals: Option<Box<RawValue>>,
}

/// A page of comparisons.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Reconciliations {
    reconciliations: Vec<Reconciliation>,
    /// Goes on behind this page; null at the end.
    next_cursor: Option<String>,
}

/// The run of that id, if it is within `scope`.
pub(crate) async fn known(api: &Api, scope: Scope, id: Uuid) -> Result<reconciliation::Model, Problem> {
    let found = reconciliations::get(&api.db, scope, id).await.map_err(|e| query_failed(&e))?;
    found.ok_or_else(|| query::not_found("reconciliation"))
}

/// What is new and gone since the comparison before, as it is kept with `run`.
async fn changes(api: &Api, run: &reconciliation::Model) -> Result<Changes, Problem> {
    reconciliations::changes(&api.db, run).await.map_err(|e| query_failed(&e))
}

fn failed(error: &comparison::Error) -> Problem {
    match error {
        comparison::Error::Store(error) => crate::refused(error),
        comparison::Error::NoSuchItem(_) => query::not_found("item"),
        comparison::Error::NotOpen(_) | comparison::Error::NothingToTakeOver(..) => {
            Problem::new(ProblemKind::Conflict, error.to_string())
        }
        other => {
            tracing::error!(error = %other, "a comparison failed");
            Problem::new(ProblemKind::Internal, "the comparison failed")
        }
    }
}

/// List comparisons with reports, the latest first. Needs `read:transactions`. They are kept for 400 days.
#[utoipa::path(get, path = "/api/v1/reconciliations", tag = "reconciliation", params(After, OfCompany),
    responses((status = 200, body = Success<Reconciliations>, description = "A page"),
        problems::List))]
pub(crate) async fn list(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let caller = auth::caller(&api, &request, transactions::PERMISSION).await?;
    let scope = OfCompany::scope(&api, &request, &caller).await?;
    let page: After = query::read(&request)?;
    let rows = reconciliations::list(&api.db, scope, page.id(), page.limit()).await.map_err(|e| query_failed(&e))?;
    let next_cursor = page.next(rows.iter().map(|row| row.id));
    let mut reconciliations = Vec::with_capacity(rows.len());
    for row in &rows {
        reconciliations.push(Reconciliation::new(row, changes(&api, row).await?));
    }
    Ok(uncached(HttpResponse::Ok(), Reconciliations { reconciliations, next_cursor }))
}

/// Show a comparison with a report: how far it is, its counts, its sums. Needs `read:transactions`.
#[utoipa::path(get, path = "/api/v1/reconciliations/{id}", tag = "reconciliation", params(query::Id),
    responses((status = 200, body = Success<ReconciliationDetail>, description = "The comparison"), problems::Show))]
pub(crate) async fn show(api: web::Data<Api>, request: HttpRequest, path: web::Path<String>) -> Result<HttpResponse, Problem> {
    let scope = auth::caller(&api, &request, transactions::PERMISSION).await?.scope();
    let run = known(&api, scope, query::id(&path)?).await?;
    let changes = changes(&api, &run).await?;
    let totals = RawValue::from_string(run.totals.clone()).ok();
    let detail = ReconciliationDetail { reconciliation: Reconciliation::new(&run, changes), totals };
    Ok(uncached(HttpResponse::Ok(), detail))
}
