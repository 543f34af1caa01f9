//! Lists as files of any size: CSV (RFC 4180) and JSON Lines, page after page while they are read, all from one moment.
//! Here are the routes, those of what comparisons found in `items`; `file` writes.

mod columns;
mod csv;
mod file;
pub(crate) mod items;

use std::collections::VecDeque;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{HeaderName, HeaderValue},
    web,
};
use http_service::Problem;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;

use columns::{FIGURES, GROUPS};
pub(crate) use file::PLACES;
use file::{Form, Permitted, Source, send, value};

use crate::{
    Api,
    admin::audit::{self, Author},
    analytics::{self, AnalyticsQuery, Group},
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

/// Groups of a file at most: they are held in memory together.
const MOST_GROUPS: usize = 100_000;

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
/// All rows are of one moment. Amounts are integers in minor units. An apostrophe stands before each sign by which a spreadsheet would
/// begin a formula. `X-Row-Count` says how many rows there are; a transfer that breaks off is not complete. Compressed where
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

/// Export stored webhooks as CSV. Needs `read:events`. Their masked bodies come with `include=payload`.
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
    let (_, filter, with_bodies) = events::asked(request)?;
    send(api, request, "events", form, permitted, Source::Events(filter, with_bodies)).await
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
///
/// With `groupBy` there is a row for each group (`key`) of the whole span and currency instead. Sums are exact, of any size. `count` is
/// of the row's currency; the counts of all currencies together stand on the first row of a point or group, so that each is there once.
/// `X-Approximate: true` says what `isApproximate` does.
#[utoipa::path(get, path = "/api/v1/analytics.csv", tag = "analytics", params(OfCompany, AnalyticsQuery, ExportQuery),
    responses((status = 200, content_type = "text/csv", body = String, description = "The rows"), problems::List))]
pub(crate) async fn analytics_csv(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    of_analytics(&api, &request, Form::Csv).await
}

/// Export the series of figures as JSON Lines: a point on each, with `groupBy` a group. Needs `read:analytics`.
#[utoipa::path(get, path = "/api/v1/analytics.jsonl", tag = "analytics", params(OfCompany, AnalyticsQuery),
    responses((status = 200, content_type = "application/jsonl", body = String, description = "The rows"), problems::List))]
pub(crate) async fn analytics_jsonl(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    of_analytics(&api, &request, Form::JsonLines).await
}

async fn of_analytics(api: &Api, request: &HttpRequest, form: Form) -> Result<HttpResponse, Problem> {
    let permitted = permitted(api, request, analytics::PERMISSION).await?;
    let figures = analytics::asked(api.clone(), &query::read(request)?, permitted.scope, MOST_GROUPS).await?;
    if figures.asked.more_groups.is_some() {
        let reason = format!("there are more than {MOST_GROUPS} groups; ask for a shorter span");
        return Err(Problem::parameter("groupBy", reason));
    }
    let source = match (&figures.asked.groups, form) {
        (None, Form::JsonLines) => Source::Rows(figures.series.iter().map(value).collect(), FIGURES),
        (None, Form::Csv) => Source::Rows(by_currency(figures.series.iter().map(value)), FIGURES),
        (Some(groups), Form::JsonLines) => Source::Rows(groups.iter().map(value).collect(), GROUPS),
        (Some(groups), Form::Csv) => Source::Rows(by_currency(groups.iter().map(flat)), GROUPS),
    };
    let mut answer = send(api, request, "analytics", form, permitted, source).await?;
    if figures.asked.is_approximate {
        answer.headers_mut().insert(APPROXIMATE, HeaderValue::from_static("true"));
    }
    Ok(answer)
}

/// Says of figures that retention removed what exact ones need.
const APPROXIMATE: HeaderName = HeaderName::from_static("x-approximate");

/// A group with its figures beside its key.
fn flat(group: &Group) -> Value {
    let mut row = value(&group.transactions);
    if let Some(row) = row.as_object_mut() {
        row.insert("key".to_owned(), group.key.as_str().into());
    }
    row
}

/// What of a point, or group, stands on each of its rows: its counts are of all currencies, and once in the file.
const OF_EACH_ROW: [&str; 2] = ["start", "key"];

/// A row for each point, or group, and currency; one without a currency where it has none. A cell has room for sums of any size: they
/// are the exact ones.
fn by_currency(points: impl Iterator<Item = Value>) -> VecDeque<Value> {
    let mut rows = VecDeque::new();
    for mut point in points {
        let Some(Value::Array(currencies)) = point.get_mut("byCurrency").map(Value::take) else { continue };
        let currencies = if currencies.is_empty() { vec![json!({})] } else { currencies };
        for (n, currency) in currencies.into_iter().enumerate() {
            let mut row = point.clone();
            if let (Some(row), 1..) = (row.as_object_mut(), n) {
                row.retain(|name, _| OF_EACH_ROW.contains(&name.as_str()));
            }
            if let (Some(row), Value::Object(own)) = (row.as_object_mut(), currency) {
                row.extend(own);
                if let Some(Value::Object(exact)) = row.remove("exact") {
                    row.extend(exact);
                }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_the_exact_sums_of_its_currency() {
        let nzd =
            json!({"currency": "NZD", "netAmount": i64::MAX, "exact": {"netAmount": "9907919180215090100"}, "isSaturated": true});
        let points = [
            json!({"start": "a", "total": 3, "byCurrency": [nzd, {"currency": "USD", "netAmount": -5}]}),
            json!({"start": "b", "byCurrency": []}),
        ];
        let rows = by_currency(points.into_iter());
        let told: Vec<_> = rows.iter().map(|row| [&row["start"], &row["currency"], &row["netAmount"]]).collect();
        let (nzd, usd) = (json!(["a", "NZD", "9907919180215090100"]), json!(["a", "USD", -5]));
        assert_eq!(json!(told), json!([nzd, usd, ["b", null, null]]));
        let totals: Vec<_> = rows.iter().map(|row| &row["total"]).collect();
        assert_eq!(json!(totals), json!([3, null, null]), "a count of all currencies is there once");
    }
}
