//! `/api/v1/accounts`.

use actix_web::{HttpRequest, HttpResponse, web};
use http_service::Problem;
use serde::{Deserialize, Serialize};
use store::{
    entity::{account, account_payment_method, account_status},
    reads,
    shown::{Account, time},
};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    Api, auth,
    http::{
        cached,
        openapi::problems,
        query::{
            self, Flag, OfCompany, Page,
            choice::{Named, OneStage, names},
            page::{AccountSort, Paging},
        },
    },
    query_failed,
    reads::views::{Pagination, Success},
};

pub(crate) const PERMISSION: &str = "read:accounts";

names! {
    /// Account statuses: the words of the `ACCT_` events.
    AccountStatus {
        Approved = "APPROVED",
        Enabled = "ENABLED",
        Disabled = "DISABLED",
        Pending = "PENDING",
        Rejected = "REJECTED",
        Deferred = "DEFERRED",
        Processing = "PROCESSING",
        Returned = "RETURNED",
        Submitted = "SUBMITTED",
        Waiting = "WAITING",
        Withdrawn = "WITHDRAWN",
    }
}

/// Which accounts are asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct AccountQuery {
    /// A word of the account events, for example ENABLED.
    #[param(inline)]
    status: Option<AccountStatus>,
    /// How far they have come.
    #[param(inline)]
    onboarding_stage: Option<OneStage>,
    /// Whether the payment methods of each come with it.
    #[param(inline)]
    include_payment_methods: Flag,
    /// `-updatedAt` (the default) or `updatedAt`.
    #[param(inline)]
    sort: Option<AccountSort>,
}

/// A page of accounts.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Accounts {
    pub accounts: Vec<Account>,
    pub pagination: Pagination,
}

/// An account with its history.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AccountDetail {
    #[serde(flatten)]
    pub account: Account,
    /// The oldest step first, at most 500.
    pub history: Vec<AccountStep>,
}

/// One step of an account's history.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AccountStep {
    status: String,
    event_name: String,
    status_time: Option<String>,
    event_id: Uuid,
}

impl From<&account_status::Model> for AccountStep {
    fn from(row: &account_status::Model) -> Self {
        Self {
            status: row.status.clone(),
            event_name: row.event_name.clone(),
            status_time: time(row.status_time),
            event_id: row.id,
        }
    }
}

/// List accounts, the latest changed first. Needs `read:accounts`.
#[utoipa::path(get, path = "/api/v1/accounts", tag = "accounts", params(Page, OfCompany, AccountQuery),
    responses((status = 200, body = Success<Accounts>, description = "A page"),
        (status = 304, description = "As If-None-Match has it"), problems::List))]
pub(crate) async fn list(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let caller = auth::caller(&api, &request, PERMISSION).await?;
    let scope = OfCompany::scope(&api, &request, &caller).await?;
    let (paging, AccountFilter { status, stage, with_methods }) = asked(&request)?;
    let key = format!("{status:?}{stage:?}{with_methods}{paging:?}");
    cached::answer(&api, &request, cached::ACCOUNTS, scope, &key, move |api| async move {
        let page = reads::accounts(&api.db, scope, status, stage, paging.window).await.map_err(|e| query_failed(&e))?;
        let methods = if with_methods {
            Some(reads::payment_methods(&api.db, &page.rows).await.map_err(|e| query_failed(&e))?)
        } else {
            None
        };
        let last = page.rows.last().map(|row| (row.updated_at, row.id));
        let pagination = paging.describe(&page, last);
        let accounts = page.rows.into_iter().map(|row| shown(row, methods.as_deref())).collect();
        Ok(Accounts { accounts, pagination })
    })
    .await
}

/// An account, with its payment methods where they are asked for.
pub(crate) fn shown(row: account::Model, methods: Option<&[account_payment_method::Model]>) -> Account {
    let (company, external_id) = (row.company_id, row.external_id.clone());
    let account = Account::from(row);
    match methods {
        Some(methods) => account.with_methods((company, &external_id), methods),
        None => account,
    }
}

/// Filters of accounts; absent ones do not filter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AccountFilter {
    pub status: Option<&'static str>,
    pub stage: Option<&'static str>,
    pub with_methods: bool,
}

/// The page and the filter that parameters ask for.
pub(crate) fn asked(request: &HttpRequest) -> Result<(Paging, AccountFilter), Problem> {
    let AccountQuery { status, onboarding_stage, include_payment_methods, sort } = query::read(request)?;
    let (status, stage) = (status.map(Named::name), onboarding_stage.map(|stage| stage.0.name()));
    let filter = AccountFilter { status, stage, with_methods: include_payment_methods.0 };
    Ok((query::read::<Page>(request)?.paging(sort)?, filter))
}

/// Show an account with its payment methods and its history. Needs `read:accounts`.
#[utoipa::path(get, path = "/api/v1/accounts/{id}", tag = "accounts", params(query::Id),
    responses((status = 200, body = Success<AccountDetail>, description = "The account"),
        (status = 304, description = "As If-None-Match has it"), problems::Show))]
pub(crate) async fn show(api: web::Data<Api>, request: HttpRequest, path: web::Path<String>) -> Result<HttpResponse, Problem> {
    let scope = auth::caller(&api, &request, PERMISSION).await?.scope();
    let id = query::id(&path)?;
    cached::answer(&api, &request, cached::ACCOUNT, scope, &id.to_string(), move |api| async move {
        let found = reads::account(&api.db, scope, id).await.map_err(|e| query_failed(&e))?;
        let (row, steps) = found.ok_or_else(|| query::not_found("account"))?;
        let methods = reads::payment_methods(&api.db, std::slice::from_ref(&row)).await.map_err(|e| query_failed(&e))?;
        Ok(AccountDetail { account: shown(row, Some(&methods)), history: steps.iter().map(Into::into).collect() })
    })
    .await
}
