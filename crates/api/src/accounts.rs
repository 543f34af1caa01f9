//! `/api/v1/accounts`.

use ::web::{Problem, ProblemKind, success};
use actix_web::{HttpRequest, HttpResponse, web};
use common::OnboardingStage;
use serde_json::{Value, json};
use store::reads;

use crate::{
    Api, auth,
    params::{self, Params},
    query_failed, views,
};

const PERMISSION: &str = "read:accounts";

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

pub(crate) async fn list(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let caller = auth::caller(&api, &request, PERMISSION).await?;
    let params = Params::read(request.query_string())?;
    let scope = caller.narrowed(params.company(&api, caller.scope()).await?)?;
    let paging = params.paging()?;
    let status = params.one_of("status", &STATUSES)?;
    let stage = params.one_of("onboardingStage", &OnboardingStage::ALL.iter().map(|s| s.as_str()).collect::<Vec<_>>())?;
    let with_methods = params.flag("includePaymentMethods")?;
    let page = reads::accounts(&api.db, scope, status, stage, paging.window).await.map_err(|e| query_failed(&e))?;
    let methods =
        if with_methods { Some(reads::payment_methods(&api.db, &page.rows).await.map_err(|e| query_failed(&e))?) } else { None };
    let last = page.rows.last().map(|row| (row.updated_at, row.id));
    let rows: Vec<Value> = page.rows.iter().map(|row| views::account(row, methods.as_deref())).collect();
    Ok(HttpResponse::Ok().json(success(json!({"pagination": paging.describe(rows.len(), page.total, last), "accounts": rows}))))
}

pub(crate) async fn show(api: web::Data<Api>, request: HttpRequest, path: web::Path<String>) -> Result<HttpResponse, Problem> {
    let scope = auth::caller(&api, &request, PERMISSION).await?.scope();
    let found = reads::account(&api.db, scope, params::id(&path)?).await.map_err(|e| query_failed(&e))?;
    let (row, steps) = found.ok_or_else(|| Problem::new(ProblemKind::NotFound, "there is no such account"))?;
    let methods = reads::payment_methods(&api.db, std::slice::from_ref(&row)).await.map_err(|e| query_failed(&e))?;
    let mut view = views::account(&row, Some(&methods));
    if let Some(fields) = view.as_object_mut() {
        fields.insert("history".to_owned(), steps.iter().map(views::account_step).collect());
    }
    Ok(HttpResponse::Ok().json(success(view)))
}
