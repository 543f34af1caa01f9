//! `/api/v1/transactions/totals`: what a list of transactions adds up to.

use actix_web::{HttpRequest, HttpResponse, web};
use http_service::Problem;
use serde::Serialize;
use store::{
    Scope,
    reads::{self, TransactionFilter},
    rollups::Point,
};
use utoipa::ToSchema;

use crate::{
    Api,
    analytics::{amounts::Amounts, figures},
    auth,
    http::{
        cached,
        openapi::problems,
        query::{self, OfCompany},
    },
    query_failed,
    reads::{
        transactions::{PERMISSION, TransactionQuery, filter},
        views::Success,
    },
};

/// What the transactions of a list add up to.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TransactionTotals {
    /// How many transactions were added up.
    count: i64,
    /// Whether these are all; else there are more than the 10,000 that are counted one by one, and these are some of them.
    is_exact: bool,
    /// By ISO 4217 code; never summed over different currencies.
    by_currency: Vec<Amounts>,
}

impl TransactionTotals {
    fn of(points: &[Point], is_exact: bool) -> Self {
        let sums = figures::transactions(&points.iter().collect::<Vec<_>>());
        Self { count: sums.total, is_exact, by_currency: sums.by_currency }
    }
}

/// Add up the transactions of a list, by currency. Needs `read:transactions`.
///
/// It takes the filters of the list, and amounts are as in analytics: `completedAmount` is of payments that are COMPLETED and so on.
/// By status, kind, currency, method, mode and whole minutes that are still counted by minute (always by whole days of UTC) the
/// totals are exact however many transactions there are. By anything else 10,000 transactions are added up at most, which
/// `isExact` tells.
#[utoipa::path(get, path = "/api/v1/transactions/totals", tag = "transactions", params(OfCompany, TransactionQuery),
    responses((status = 200, body = Success<TransactionTotals>, description = "The totals"),
        (status = 304, description = "As If-None-Match has it"), problems::List))]
pub(crate) async fn show(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let caller = auth::caller(&api, &request, PERMISSION).await?;
    let scope = OfCompany::scope(&api, &request, &caller).await?;
    let filter = filter(query::read::<TransactionQuery>(&request)?)?;
    let key = format!("{filter:?}");
    cached::answer(&api, &request, cached::TOTALS, scope, &key, move |api| totals(api, scope, filter)).await
}

async fn totals(api: Api, scope: Scope, filter: TransactionFilter) -> Result<TransactionTotals, Problem> {
    let totals = reads::totals(&api.db, scope, &filter).await.map_err(|e| query_failed(&e))?;
    Ok(TransactionTotals::of(&totals.points, totals.is_exact))
}
