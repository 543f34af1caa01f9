//! `/api/v1/transactions`.

use actix_web::{HttpRequest, HttpResponse, web};
use common::normalize::canonical_name;
use http_service::{Problem, ProblemKind};
use serde::{Deserialize, Serialize};
use store::{
    Scope, as_of,
    reads::{self, TransactionFilter},
    shown::{Transaction, time},
};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    Api, auth,
    http::{
        cached,
        openapi::problems,
        query::{
            self, Amount, AsOf, Currencies, Day, OfCompany, Page, Text, Texts,
            choice::{Kinds, Named, OneMode, Statuses},
            page::{Paging, TransactionSort},
        },
    },
    query_failed,
    reads::{
        events::{Event, told},
        views::{Pagination, Success},
    },
};

pub(crate) const PERMISSION: &str = "read:transactions";

/// Which transactions are asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct TransactionQuery {
    /// Normal statuses, separated by commas: PENDING, COMPLETED, FAILED, CANCELLED, RETURNED.
    #[param(inline)]
    status: Statuses,
    /// Kinds, separated by commas: PAYMENT, SETTLEMENT, REFUND, CHARGEBACK, VERIFICATION, PAYOUT.
    #[param(inline)]
    kind: Kinds,
    /// ISO 4217; several, separated by commas. XXX stands for none, as in figures; then a page looks through 10,000 rows at most.
    #[param(inline)]
    currency: Currencies,
    /// At least so much, in minor units of the one `currency` that must be given. For this, `amountMax`, `paymentMethod` and
    /// `failureReason` a page looks through 10,000 rows at most: it may have fewer than `limit`, even none, and `nextCursor` goes on.
    #[param(inline)]
    amount_min: Option<Amount>,
    /// At most so much, in minor units of the one `currency` that must be given.
    #[param(inline)]
    amount_max: Option<Amount>,
    /// Methods such as CARD, separated by commas. UNKNOWN stands for none, as in figures.
    #[param(inline)]
    payment_method: Texts,
    /// The whole reason as `failureReason` has it.
    #[param(inline)]
    failure_reason: Option<Text>,
    /// The merchant's account at Netbanx.
    #[param(inline)]
    account_id: Option<Text>,
    /// The merchant's reference of the purchase.
    #[param(inline)]
    merchant_ref_num: Option<Text>,
    /// Made at or after. A date (`2025-01-31`, a day in UTC) or a time (`2025-01-31T12:00:00Z`).
    #[param(inline)]
    start_date: Option<Day>,
    /// Made before; a plain date counts as a whole. A date (`2025-01-31`, a day in UTC) or a time (`2025-01-31T12:00:00Z`).
    #[param(inline)]
    end_date: Option<Day>,
    /// Begins the id at Netbanx or the merchant's reference, or, from three characters on, is a part of one among the 10,000 newest
    /// transactions; letters as they are written. What is just this comes first.
    #[param(inline)]
    q: Option<Text>,
    /// Live unless asked otherwise.
    #[param(inline)]
    mode: Option<OneMode>,
    /// `-transactionTime` (the default), `transactionTime`, `-statusTime`, `statusTime`, `-amount` or `amount`. By another order than
    /// that of `transactionTime` come the 10,000 newest, which are all where `totalIsExact`.
    #[param(inline)]
    sort: Option<TransactionSort>,
}

/// A page of transactions.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Transactions {
    pub transactions: Vec<Transaction>,
    pub pagination: Pagination,
}

/// A transaction with the webhooks that made it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TransactionDetail {
    #[serde(flatten)]
    pub transaction: Transaction,
    /// The oldest first, at most 500.
    pub events: Vec<Event>,
    /// The moment as of which this is, where one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub as_of: Option<String>,
    /// True where retention may have removed webhooks that the transaction was known by at that moment.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    pub is_approximate: bool,
}

/// List transactions, by the time they were made. Needs `read:transactions`.
#[utoipa::path(get, path = "/api/v1/transactions", tag = "transactions", params(Page, OfCompany, TransactionQuery),
    responses((status = 200, body = Success<Transactions>, description = "A page"),
        (status = 304, description = "As If-None-Match has it"), problems::List))]
pub(crate) async fn list(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let caller = auth::caller(&api, &request, PERMISSION).await?;
    let scope = OfCompany::scope(&api, &request, &caller).await?;
    let (paging, filter) = asked(&request)?;
    let key = key(&filter, paging);
    cached::answer(&api, &request, cached::TRANSACTIONS, scope, &key, move |api| page(api, scope, filter, paging)).await
}

/// The page and the filter that parameters ask for.
pub(crate) fn asked(request: &HttpRequest) -> Result<(Paging, TransactionFilter), Problem> {
    let (page, query): (Page, TransactionQuery) = (query::read(request)?, query::read(request)?);
    Ok((page.paging(query.sort)?, filter(query)?))
}

/// The filter that parameters ask for.
pub(crate) fn filter(query: TransactionQuery) -> Result<TransactionFilter, Problem> {
    let (from_ms, until_ms) = Day::span(query.start_date, query.end_date)?;
    let amount = |asked: Option<Amount>| asked.map(|Amount(minor)| minor);
    let (amount_min, amount_max, Currencies(currency)) = (amount(query.amount_min), amount(query.amount_max), query.currency);
    if (amount_min.is_some() || amount_max.is_some()) && currency.len() != 1 {
        let name = if amount_min.is_some() { "amountMin" } else { "amountMax" };
        return Err(Problem::parameter(name, format!("{name} needs one currency: amounts of several do not compare")));
    }
    if amount_min.zip(amount_max).is_some_and(|(least, most)| least > most) {
        return Err(Problem::parameter("amountMax", "amountMax must not be less than amountMin"));
    }
    Ok(TransactionFilter {
        mode: Some(query.mode.map_or("live", |mode| mode.0.name())),
        status: query.status.names(),
        kind: query.kind.names(),
        currency,
        payment_method: query.payment_method.0.iter().map(|method| canonical_name(method).into()).collect(),
        failure_reason: Text::of(query.failure_reason),
        amount_min,
        amount_max,
        account_id: Text::of(query.account_id),
        merchant_ref_num: Text::of(query.merchant_ref_num),
        from_ms,
        until_ms,
        q: Text::of(query.q),
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
    let pagination = paging.describe(&page, last);
    Ok(Transactions { transactions: page.rows.into_iter().map(Into::into).collect(), pagination })
}

/// Show a transaction with the webhooks that made it. Needs `read:transactions`;
/// the bodies of the webhooks, `read:events` as well. With `asOf` as it was known at that moment, by the rules of now.
#[utoipa::path(get, path = "/api/v1/transactions/{id}", tag = "transactions", params(query::Id, AsOf),
    responses((status = 200, body = Success<TransactionDetail>, description = "The transaction"),
        (status = 304, description = "As If-None-Match has it"), problems::Show))]
pub(crate) async fn show(api: web::Data<Api>, request: HttpRequest, path: web::Path<String>) -> Result<HttpResponse, Problem> {
    let caller = auth::caller(&api, &request, PERMISSION).await?;
    let (scope, with_bodies) = (caller.scope(), caller.may("read:events"));
    let id = query::id(&path)?;
    let at_ms = query::read::<AsOf>(&request)?.as_of.map(|moment| moment.ms);
    let bodies = if with_bodies { "" } else { " without bodies" };
    let key = at_ms.map_or_else(|| format!("{id}{bodies}"), |at_ms| format!("{id}{bodies} as of {at_ms}"));
    cached::answer(&api, &request, cached::TRANSACTION, scope, &key, move |api| async move {
        let mut detail = detail(&api, scope, id, at_ms).await?;
        if !with_bodies {
            detail.events.iter_mut().for_each(Event::leave_out_body);
        }
        Ok(detail)
    })
    .await
}

/// A transaction as it is, or as it was known at `at_ms`.
async fn detail(api: &Api, scope: Scope, id: Uuid, at_ms: Option<i64>) -> Result<TransactionDetail, Problem> {
    let Some(at_ms) = at_ms else {
        let found = reads::transaction(&api.db, scope, id).await.map_err(|e| query_failed(&e))?;
        let (row, events) = found.ok_or_else(|| query::not_found("transaction"))?;
        let events = told(api, events).await?;
        return Ok(TransactionDetail { transaction: row.into(), events, as_of: None, is_approximate: false });
    };
    let found = as_of::transaction(&api.db, scope, id, at_ms).await.map_err(|e| query_failed(&e))?;
    let as_of::KnownTransaction { row, events, is_approximate } = found.ok_or_else(|| {
        Problem::new(ProblemKind::NotFound, "nothing was known of that transaction at that moment, or there is none")
    })?;
    let mut events = told(api, events).await?;
    for event in &mut events {
        event.forget_conflicts_since(at_ms);
    }
    Ok(TransactionDetail { transaction: row.into(), events, as_of: time(at_ms), is_approximate })
}
