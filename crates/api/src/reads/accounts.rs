//! `/api/v1/accounts`.

use actix_web::{HttpRequest, HttpResponse, web};
use common::OnboardingStage;
use http_service::{Problem, ProblemKind};
use store::reads;

use crate::{
    Api, auth,
    http::{
        cached,
        openapi::{params as documented, problems},
        params::{self, Params},
    },
    query_failed,
    reads::views::{Account, AccountDetail, Accounts, Success},
};

pub(crate) const PERMISSION: &str = "read:accounts";

/// Account statuses: the words of the `ACCT_` events.
const STATUSES: [&str; 11] = [
    "APPROVED",
    "ENABLED",
    "DISABLED",
    "PENDING",
    "REJECTED",
    "DEFERRED",
    "PROCESSING",
    "RETURNED",
    "SUBMITTED",
    "WAITING",
    "WITHDRAWN",
];

/// List accounts, the latest changed first. Needs `read:accounts`.
#[utoipa::path(get, path = "/api/v1/accounts", tag = "accounts", params(documented::Accounts),
    responses((status = 200, body = Success<Accounts>, description = "A page"),
        (status = 304, description = "As If-None-Match has it"), problems::List))]
pub(crate) async fn list(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let caller = auth::caller(&api, &request, PERMISSION).await?;
    let params = Params::read(request.query_string())?;
    let scope = caller.narrowed(params.company(&api, caller.scope()).await?)?;
    let paging = params.paging("updatedAt")?;
    let AccountFilter { status, stage } = filter(&params)?;
    let with_methods = params.flag("includePaymentMethods")?;
    let key = format!("{status:?}{stage:?}{with_methods}{paging:?}");
    cached::answer(&api, &request, cached::ACCOUNTS, scope, &key, move |api| async move {
        let page = reads::accounts(&api.db, scope, status, stage, paging.window).await.map_err(|e| query_failed(&e))?;
        let methods = if with_methods {
            Some(reads::payment_methods(&api.db, &page.rows).await.map_err(|e| query_failed(&e))?)
        } else {
            None
        };
        let last = page.rows.last().map(|row| (row.updated_at, row.id));
        let pagination = paging.describe(page.rows.len(), page.total, last);
        let accounts = page.rows.into_iter().map(|row| Account::new(row, methods.as_deref())).collect();
        Ok(Accounts { accounts, pagination })
    })
    .await
}

/// Filters of accounts; absent ones do not filter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AccountFilter {
    pub status: Option<&'static str>,
    pub stage: Option<&'static str>,
}

/// The filter that parameters ask for.
pub(crate) fn filter(params: &Params) -> Result<AccountFilter, Problem> {
    let stages: Vec<&'static str> = OnboardingStage::ALL.iter().map(|stage| stage.as_str()).collect();
    Ok(AccountFilter { status: params.one_of("status", &STATUSES)?, stage: params.one_of("onboardingStage", &stages)? })
}

/// Show an account with its payment methods and its history. Needs `read:accounts`.
#[utoipa::path(get, path = "/api/v1/accounts/{id}", tag = "accounts", params(documented::Id),
    responses((status = 200, body = Success<AccountDetail>, description = "The account"),
        (status = 304, description = "As If-None-Match has it"), problems::Show))]
pub(crate) async fn show(api: web::Data<Api>, request: HttpRequest, path: web::Path<String>) -> Result<HttpResponse, Problem> {
    let scope = auth::caller(&api, &request, PERMISSION).await?.scope();
    let id = params::id(&path)?;
    cached::answer(&api, &request, cached::ACCOUNT, scope, &id.to_string(), move |api| async move {
        let found = reads::account(&api.db, scope, id).await.map_err(|e| query_failed(&e))?;
        let (row, steps) = found.ok_or_else(|| Problem::new(ProblemKind::NotFound, "there is no such account"))?;
        let methods = reads::payment_methods(&api.db, std::slice::from_ref(&row)).await.map_err(|e| query_failed(&e))?;
        Ok(AccountDetail { account: Account::new(row, Some(&methods)), history: steps.iter().map(Into::into).collect() })
    })
    .await
}
