//! `/api/v1/events`: stored webhooks, masked.

use ::web::{Problem, ProblemKind, success};
use actix_web::{HttpRequest, HttpResponse, web};
use common::normal;
use serde_json::{Value, json};
use store::reads::{self, EventFilter};

use crate::{
    Api, auth,
    params::{self, Params},
    query_failed, views,
};

const PERMISSION: &str = "read:events";

pub(crate) async fn list(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let caller = auth::caller(&api, &request, PERMISSION).await?;
    let params = Params::read(request.query_string())?;
    let scope = caller.narrowed(params.company(&api, caller.scope()).await?)?;
    let paging = params.paging()?;
    let (from_ms, until_ms) = params.span()?;
    let filter = EventFilter {
        name: params.text("eventName")?.map(|name| normal::canonical_name(&name)),
        mode: params.one_of("mode", &["live", "test"])?,
        account_id: params.text("accountId")?,
        resource_id: params.text("resourceId")?,
        merchant_ref_num: params.text("merchantRefNum")?,
        from_ms,
        until_ms,
    };
    let page = reads::events(&api.db, scope, &filter, paging.window).await.map_err(|e| query_failed(&e))?;
    let last = page.rows.last().map(|row| (row.received_at, row.id));
    let rows: Vec<Value> = page.rows.iter().map(views::event).collect();
    Ok(HttpResponse::Ok().json(success(json!({"pagination": paging.describe(rows.len(), page.total, last), "events": rows}))))
}

pub(crate) async fn show(api: web::Data<Api>, request: HttpRequest, path: web::Path<String>) -> Result<HttpResponse, Problem> {
    let scope = auth::caller(&api, &request, PERMISSION).await?.scope();
    let found = reads::event(&api.db, scope, params::id(&path)?).await.map_err(|e| query_failed(&e))?;
    let row = found.ok_or_else(|| Problem::new(ProblemKind::NotFound, "there is no such event"))?;
    Ok(HttpResponse::Ok().json(success(views::event(&row))))
}
