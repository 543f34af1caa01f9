//! `/api/v1/events`: stored webhooks, masked.

use actix_web::{HttpRequest, HttpResponse, web};
use common::normalize;
use http_service::{Problem, ProblemKind};
use store::{
    entity::webhook_event,
    reads::{self, EventFilter},
};

use uuid::Uuid;

use crate::{
    Api, auth,
    http::{
        cached,
        openapi::{params as documented, problems},
        params::{self, Params},
    },
    query_failed,
    reads::views::{Event, Events, Success},
};

pub(crate) const PERMISSION: &str = "read:events";

/// List stored webhooks, the latest received first. Needs `read:events`. Bodies come with `include=payload`.
#[utoipa::path(get, path = "/api/v1/events", tag = "events", params(documented::Events),
    responses((status = 200, body = Success<Events>, description = "A page"),
        (status = 304, description = "As If-None-Match has it"), problems::List))]
pub(crate) async fn list(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let caller = auth::caller(&api, &request, PERMISSION).await?;
    let params = Params::read(request.query_string())?;
    let scope = caller.narrowed(params.company(&api, caller.scope()).await?)?;
    let paging = params.paging("receivedAt")?;
    let filter = filter(&params)?;
    let with_bodies = params.some_of("include", &["payload"])?.contains(&"payload");
    let key = format!("{filter:?}{paging:?}{with_bodies}");
    cached::answer(&api, &request, cached::EVENTS, scope, &key, move |api| async move {
        let page = reads::events(&api.db, scope, &filter, paging.window).await.map_err(|e| query_failed(&e))?;
        let last = page.rows.last().map(|row| (row.received_at, row.id));
        let pagination = paging.describe(page.rows.len(), page.total, last);
        let mut events = told(&api, page.rows).await?;
        if !with_bodies {
            events.iter_mut().for_each(Event::leave_out_body);
        }
        Ok(Events { events, pagination })
    })
    .await
}

/// The filter that parameters ask for.
pub(crate) fn filter(params: &Params) -> Result<EventFilter, Problem> {
    let (from_ms, until_ms) = params.span()?;
    Ok(EventFilter {
        name: params.text("eventName")?.map(|name| normalize::canonical_name(&name).into()),
        mode: params.one_of("mode", &["live", "test"])?,
        account_id: params.text("accountId")?,
        resource_id: params.text("resourceId")?,
        merchant_ref_num: params.text("merchantRefNum")?,
        from_ms,
        until_ms,
        is_conflicting: params.flag("conflicting")?,
    })
}

/// Show a stored webhook. Needs `read:events`.
#[utoipa::path(get, path = "/api/v1/events/{id}", tag = "events", params(documented::Id),
    responses((status = 200, body = Success<Event>, description = "The webhook"),
        (status = 304, description = "As If-None-Match has it"), problems::Show))]
pub(crate) async fn show(api: web::Data<Api>, request: HttpRequest, path: web::Path<String>) -> Result<HttpResponse, Problem> {
    let scope = auth::caller(&api, &request, PERMISSION).await?.scope();
    let id = params::id(&path)?;
    cached::answer(&api, &request, cached::EVENT, scope, &id.to_string(), move |api| async move {
        let found = reads::event(&api.db, scope, id).await.map_err(|e| query_failed(&e))?;
        told(&api, found.into_iter().collect())
            .await?
            .pop()
            .ok_or_else(|| Problem::new(ProblemKind::NotFound, "there is no such event"))
    })
    .await
}

/// Stored webhooks as they are shown.
pub(crate) async fn told(api: &Api, rows: Vec<webhook_event::Model>) -> Result<Vec<Event>, Problem> {
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let late = reads::late(&api.db, ids.iter().copied()).await.map_err(|e| query_failed(&e))?;
    let mut conflicts = reads::conflicts(&api.db, ids).await.map_err(|e| query_failed(&e))?;
    let told = rows.into_iter().map(|row| {
        let (id, mut event) = (row.id, Event::from(row));
        event.beyond_history = late.contains(&id);
        event.conflicts_with = conflicts.remove(&id).unwrap_or_default();
        event
    });
    Ok(told.collect())
}
