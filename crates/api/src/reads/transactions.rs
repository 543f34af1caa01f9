//! `/api/v1/transactions`.

use actix_web::{HttpRequest, HttpResponse, web};
use common::{Kind, Status};
use http_service::{Problem, ProblemKind};
use store::reads::{self, Scope, TransactionFilter, TransactionOrder};

use crate::{
    Api, auth,
    http::{
        cached,
        openapi::{params as documented, problems},
        params::{self, Paging, Params},
    },
    query_failed,
    reads::views::{Event, Success, TransactionDetail, Transactions},
};

pub(crate) const PERMISSION: &str = "read:transactions";
/// What the list may be ordered by.
pub(crate) const ORDERS: [(&str, TransactionOrder); 3] = [
    ("transactionTime", TransactionOrder::TransactionTime),
    ("statusTime", TransactionOrder::StatusTime),
    ("amount", TransactionOrder::Amount),
];

/// List transactions, by the time they were made. Needs `read:transactions`.
#[utoipa::path(get, path = "/api/v1/transactions", tag = "transactions", params(documented::Transactions),
    responses((status = 200, body = Success<Transactions>, description = "A page"),
        (status = 304, description = "As If-None-Match has it"), problems::List))]
pub(crate) async fn list(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let caller = auth::caller(&api, &request, PERMISSION).await?;
    let params = Params::read(request.query_string())?;
    let scope = caller.narrowed(params.company(&api, caller.scope()).await?)?;
    let paging = params.paging_by(&ORDERS)?;
    let filter = filter(&params)?;
    let key = key(&filter, paging);
    cached::answer(&api, &request, cached::TRANSACTIONS, scope, &key, move |api| page(api, scope, filter, paging)).await
}

/// The filter that parameters ask for.
pub(crate) fn filter(params: &Params) -> Result<TransactionFilter, Problem> {
    let (from_ms, until_ms) = params.span()?;
    let (amount_min, amount_max, currency) = (params.amount("amountMin")?, params.amount("amountMax")?, params.currencies()?);
    if (amount_min.is_some() || amount_max.is_some()) && currency.len() != 1 {
        let name = if amount_min.is_some() { "amountMin" } else { "amountMax" };
        return Err(Problem::parameter(name, format!("{name} needs one currency: amounts of several do not compare")));
    }
    if amount_min.zip(amount_max).is_some_and(|(least, most)| least > most) {
        return Err(Problem::parameter("amountMax", "amountMax must not be less than amountMin"));
    }
    Ok(TransactionFilter {
        mode: Some(params.mode()?),
        status: params.some_of("status", &Status::ALL.iter().map(|status| status.as_str()).collect::<Vec<_>>())?,
        kind: params.some_of("kind", &Kind::ALL.iter().map(|kind| kind.as_str()).collect::<Vec<_>>())?,
        currency,
        payment_method: params.texts("paymentMethod")?.iter().map(|method| method.to_uppercase()).collect(),
        failure_reason: params.text("failureReason")?,
        amount_min,
        amount_max,
        account_id: params.text("accountId")?,
        merchant_ref_num: params.text("merchantRefNum")?,
        from_ms,
        until_ms,
        q: params.text("q")?,
    })
}

/// What tells a page from others of its scope.
pub(crate) fn key(filter: &TransactionFilter, paging: Paging) -> String {
    format!("{filter:?}{paging:?}")
}

/// A page, from the database.
pub(crate) async fn page(api: Api, scope: Scope, filter: TransactionFilter, paging: Paging) -> Result<Transactions, Problem> {
    let page = reads::transactions(&api.db, scope, &filter, paging.window).await.map_err(|e| query_failed(&e))?;
    let last = page.rows.last().map(|row| paging.window.order.position(row));
    let pagination = paging.describe(page.rows.len(), page.total, last);
    Ok(Transactions { transactions: page.rows.iter().map(Into::into).collect(), pagination })
}

/// Show a transaction with the webhooks that made it. Needs `read:transactions`;
/// the bodies of the webhooks, `read:events` as well.
#[utoipa::path(get, path = "/api/v1/transactions/{id}", tag = "transactions", params(documented::Id),
    responses((status = 200, body = Success<TransactionDetail>, description = "The transaction"),
        (status = 304, description = "As If-None-Match has it"), problems::Show))]
pub(crate) async fn show(api: web::Data<Api>, request: HttpRequest, path: web::Path<String>) -> Result<HttpResponse, Problem> {
    let caller = auth::caller(&api, &request, PERMISSION).await?;
    let (scope, with_bodies) = (caller.scope(), caller.may("read:events"));
    let id = params::id(&path)?;
    let key = if with_bodies { id.to_string() } else { format!("{id} without bodies") };
    cached::answer(&api, &request, cached::TRANSACTION, scope, &key, move |api| async move {
        let found = reads::transaction(&api.db, scope, id).await.map_err(|e| query_failed(&e))?;
        let (row, events) = found.ok_or_else(|| Problem::new(ProblemKind::NotFound, "there is no such transaction"))?;
        let mut events = crate::reads::events::told(&api, events).await?;
        if !with_bodies {
            events.iter_mut().for_each(Event::leave_out_body);
        }
        Ok(TransactionDetail { transaction: (&row).into(), events })
    })
    .await
}
