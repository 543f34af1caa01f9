//! Lists as files of any size: CSV (RFC 4180) and JSON Lines, page after page while they are read, all from one moment.
//! Here are the routes, those of what comparisons found in `items`; `file` writes.

mod csv;
mod file;
pub(crate) mod items;

use std::collections::VecDeque;

use actix_web::{HttpRequest, HttpResponse, web};
use http_service::Problem;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;

pub(crate) use file::PLACES;
use file::{Form, Permitted, Source, send, value};

use crate::{
    Api,
    admin::audit::{self, Author},
    analytics::{self, Analytics, AnalyticsQuery},
    auth,
    http::{
        openapi::problems,
        query::{self, Flag, OfCompany, Page},
    },
    reads::{
        accounts::{self, AccountQuery},
        events::{self, EventQuery},
        transactions::{self, TransactionQuery},
    },
};

/// Of a file for spreadsheets.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExportQuery {
    /// Begins with a byte order mark, by which spreadsheets know UTF-8.
    #[param(inline)]
    bom: Flag,
}

/// Export transactions as CSV, the newest first, all that the filters of the list hold for. Needs `read:transactions`.
///
/// All rows are of one moment. Amounts are integers in minor units. Texts that a spreadsheet would take for a formula begin with
/// an apostrophe. `X-Row-Count` says how many rows there are; a transfer that breaks off is not complete. Compressed where
/// `Accept-Encoding` asks for gzip.
#[utoipa::path(get, path = "/api/v1/transactions.csv", tag = "transactions", params(Page, OfCompany, TransactionQuery, ExportQuery),
    responses((status = 200, content_type = "text/csv", body = String, description = "The rows"), problems::List))]
pub(crate) async fn transactions_csv(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    of_transactions(&api, &request, Form::Csv).await
}

/// Export transactions as JSON Lines, an object as in the list on each. Needs `read:transactions`.
#[utoipa::path(get, path = "/api/v1/transactions.jsonl", tag = "transactions", params(Page, OfCompany, TransactionQuery),
    responses((status = 200, content_type = "application/jsonl", body = String, description = "The rows"), problems::List))]
pub(crate) async fn transactions_jsonl(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    of_transactions(&api, &request, Form::JsonLines).await
}

async fn of_transactions(api: &Api, request: &HttpRequest, form: Form) -> Result<HttpResponse, Problem> {
    let permitted = permitted(api, request, transactions::PERMISSION).await?;
    let (_, filter) = transactions::asked(request)?;
    send(api, request, "transactions", form, permitted, Source::Transactions(filter)).await
}

/// Export stored webhooks as CSV, without their bodies. Needs `read:events`.
#[utoipa::path(get, path = "/api/v1/events.csv", tag = "events", params(Page, OfCompany, EventQuery, ExportQuery),
    responses((status = 200, content_type = "text/csv", body = String, description = "The rows"), problems::List))]
pub(crate) async fn events_csv(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    of_events(&api, &request, Form::Csv).await
}

/// Export stored webhooks as JSON Lines, with their masked bodies. Needs `read:events`.
#[utoipa::path(get, path = "/api/v1/events.jsonl", tag = "events", params(Page, OfCompany, EventQuery),
    responses((status = 200, content_type = "application/jsonl", body = String, description = "The rows"), problems::List))]
pub(crate) async fn events_jsonl(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    of_events(&api, &request, Form::JsonLines).await
}

async fn of_events(api: &Api, request: &HttpRequest, form: Form) -> Result<HttpResponse, Problem> {
    let permitted = permitted(api, request, events::PERMISSION).await?;
    let (_, filter, _) = events::asked(request)?;
    send(api, request, "events", form, permitted, Source::Events(filter)).await
}

/// Export accounts as CSV. Needs `read:accounts`.
#[utoipa::path(get, path = "/api/v1/accounts.csv", tag = "accounts", params(Page, OfCompany, AccountQuery, ExportQuery),
    responses((status = 200, content_type = "text/csv", body = String, description = "The rows"), problems::List))]
pub(crate) async fn accounts_csv(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    of_accounts(&api, &request, Form::Csv).await
}

/// Export accounts as JSON Lines. Needs `read:accounts`.
#[utoipa::path(get, path = "/api/v1/accounts.jsonl", tag = "accounts", params(Page, OfCompany, AccountQuery),
    responses((status = 200, content_type = "application/jsonl", body = String, description = "The rows"), problems::List))]
pub(crate) async fn accounts_jsonl(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    of_accounts(&api, &request, Form::JsonLines).await
}

async fn of_accounts(api: &Api, request: &HttpRequest, form: Form) -> Result<HttpResponse, Problem> {
    let permitted = permitted(api, request, accounts::PERMISSION).await?;
    let (_, filter) = accounts::asked(request)?;
    send(api, request, "accounts", form, permitted, Source::Accounts(filter)).await
}

/// Export the audit log as CSV, the latest first. Needs `manage:secrets`.
#[utoipa::path(get, path = "/api/v1/audit.csv", tag = "management", params(ExportQuery),
    responses((status = 200, content_type = "text/csv", body = String, description = "The rows"), problems::List))]
pub(crate) async fn audit_csv(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let permitted = permitted(&api, &request, audit::PERMISSION).await?;
    send(&api, &request, "audit", Form::Csv, permitted, Source::Audit).await
}

/// Export the audit log as JSON Lines, the latest first. Needs `manage:secrets`.
#[utoipa::path(get, path = "/api/v1/audit.jsonl", tag = "management",
    responses((status = 200, content_type = "application/jsonl", body = String, description = "The rows"), problems::List))]
pub(crate) async fn audit_jsonl(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let permitted = permitted(&api, &request, audit::PERMISSION).await?;
    send(&api, &request, "audit", Form::JsonLines, permitted, Source::Audit).await
}

/// Export the series of figures as CSV: a row for each point and currency. Needs `read:analytics`.
#[utoipa::path(get, path = "/api/v1/analytics.csv", tag = "analytics", params(OfCompany, AnalyticsQuery, ExportQuery),
    responses((status = 200, content_type = "text/csv", body = String, description = "The rows"), problems::List))]
pub(crate) async fn analytics_csv(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    of_analytics(&api, &request, Form::Csv).await
}

/// Export the series of figures as JSON Lines: a point on each. Needs `read:analytics`.
#[utoipa::path(get, path = "/api/v1/analytics.jsonl", tag = "analytics", params(OfCompany, AnalyticsQuery),
    responses((status = 200, content_type = "application/jsonl", body = String, description = "The rows"), problems::List))]
pub(crate) async fn analytics_jsonl(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    of_analytics(&api, &request, Form::JsonLines).await
}

async fn of_analytics(api: &Api, request: &HttpRequest, form: Form) -> Result<HttpResponse, Problem> {
    let permitted = permitted(api, request, analytics::PERMISSION).await?;
    let figures = analytics::asked(api.clone(), &query::read(request)?, permitted.scope).await?;
    let rows = if form == Form::Csv { by_currency(&figures) } else { points(&figures) };
    send(api, request, "analytics", form, permitted, Source::Rows(rows)).await
}

fn points(figures: &Analytics) -> VecDeque<Value> {
    figures.series.iter().map(value).collect()
}

/// A row for each point and currency; one without a currency where a point has none.
fn by_currency(figures: &Analytics) -> VecDeque<Value> {
    let mut rows = VecDeque::new();
    for mut point in points(figures) {
        let Some(Value::Array(currencies)) = point.get_mut("byCurrency").map(Value::take) else { continue };
        let currencies = if currencies.is_empty() { vec![json!({})] } else { currencies };
        for currency in currencies {
            let mut row = point.clone();
            if let (Some(row), Value::Object(own)) = (row.as_object_mut(), currency) {
                row.extend(own);
            }
            rows.push_back(row);
        }
    }
    rows
}

/// The rows that the caller may see, and a place for the file; that it was asked for is noted.
async fn permitted(api: &Api, request: &HttpRequest, permission: &str) -> Result<Permitted, Problem> {
    let caller = auth::caller(api, request, permission).await?;
    let scope = OfCompany::scope(api, request, &caller).await?;
    let place = api.exports.open(&caller.actor, caller.scope())?;
    let author = Author::of(api, request, &caller);
    author.note_alone(api, "export", &json!({"path": request.path(), "asked": request.query_string()})).await?;
    Ok(Permitted { scope, place })
}
