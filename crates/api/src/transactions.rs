//! `/api/v1/transactions`.

use ::web::{Problem, ProblemKind, success};
use actix_web::{HttpRequest, HttpResponse, web};
use common::{Kind, Status};
use serde_json::{Value, json};
use store::reads::{self, TransactionFilter};

use crate::{
    Api, auth,
    params::{self, Params},
    query_failed, views,
};

const PERMISSION: &str = "read:transactions";

pub(crate) async fn list(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let caller = auth::caller(&api, &request, PERMISSION).await?;
    let params = Params::read(request.query_string())?;
    let scope = caller.narrowed(params.company(&api, caller.scope()).await?)?;
    let paging = params.paging()?;
    let (from_ms, until_ms) = params.span()?;
    let filter = TransactionFilter {
        mode: Some(params.mode()?),
        status: params.one_of("status", &Status::ALL.iter().map(|s| s.as_str()).collect::<Vec<_>>())?,
        kind: params.one_of("kind", &Kind::ALL.iter().map(|k| k.as_str()).collect::<Vec<_>>())?,
        currency: params.currency()?,
        account_id: params.text("accountId")?,
        merchant_ref_num: params.text("merchantRefNum")?,
        from_ms,
        until_ms,
        q: params.text("q")?,
    };
    let page = reads::transactions(&api.db, scope, &filter, paging.window).await.map_err(|e| query_failed(&e))?;
    let last = page.rows.last().map(|row| (row.transaction_time, row.id));
    let rows: Vec<Value> = page.rows.iter().map(views::transaction).collect();
    Ok(HttpResponse::Ok()
        .json(success(json!({"pagination": paging.describe(rows.len(), page.total, last), "transactions": rows}))))
}

pub(crate) async fn show(api: web::Data<Api>, request: HttpRequest, path: web::Path<String>) -> Result<HttpResponse, Problem> {
    let scope = auth::caller(&api, &request, PERMISSION).await?.scope();
    let found = reads::transaction(&api.db, scope, params::id(&path)?).await.map_err(|e| query_failed(&e))?;
    let (row, events) = found.ok_or_else(|| Problem::new(ProblemKind::NotFound, "there is no such transaction"))?;
    let mut view = views::transaction(&row);
    if let Some(fields) = view.as_object_mut() {
        fields.insert("events".to_owned(), events.iter().map(views::event).collect());
    }
    Ok(HttpResponse::Ok().json(success(view)))
}
