//! `/api/v1/events`: stored webhooks, masked.

use actix_web::{HttpRequest, HttpResponse, web};
use common::normalize;
use http_service::Problem;
use serde::Deserialize;
use store::{
    entity::webhook_event,
    reads::{self, EventFilter},
};
use utoipa::IntoParams;
use uuid::Uuid;

use crate::{
    Api, auth,
    http::{
        cached,
        openapi::problems,
        query::{
            self, Day, Flag, OfCompany, Page, Text,
            choice::{Named, OneMode, names},
            page::{EventSort, Paging},
        },
    },
    query_failed,
    reads::views::{Event, Events, Success},
};

pub(crate) const PERMISSION: &str = "read:events";

names! {
    /// What may come with a webhook.
    Part { Payload = "payload" }
}

/// Which stored webhooks are asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct EventQuery {
    /// `payload`: with their bodies.
    #[param(inline)]
    include: Option<Part>,
    /// Only those that another event of their event id contradicts.
    #[param(inline)]
    conflicting: Flag,
    /// In any spelling that Netbanx uses.
    #[param(inline)]
    event_name: Option<Text>,
    /// The merchant's account at Netbanx.
    #[param(inline)]
    account_id: Option<Text>,
    /// What it is about.
    #[param(inline)]
    resource_id: Option<Text>,
    /// The merchant's reference of the purchase.
    #[param(inline)]
    merchant_ref_num: Option<Text>,
    /// Received at or after. A date (`2025-01-31`) or a time (`2025-01-31T12:00:00Z`).
    #[param(inline)]
    start_date: Option<Day>,
    /// Received before; a plain date counts as a whole. A date (`2025-01-31`) or a time (`2025-01-31T12:00:00Z`).
    #[param(inline)]
    end_date: Option<Day>,
    /// Both unless one is asked for.
    #[param(inline)]
    mode: Option<OneMode>,
    /// `-receivedAt` (the default) or `receivedAt`.
    #[param(inline)]
    sort: Option<EventSort>,
}

/// List stored webhooks, the latest received first. Needs `read:events`. Bodies come with `include=payload`.
#[utoipa::path(get, path = "/api/v1/events", tag = "events", params(Page, OfCompany, EventQuery),
    responses((status = 200, body = Success<Events>, description = "A page"),
        (status = 304, description = "As If-None-Match has it"), problems::List))]
pub(crate) async fn list(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let caller = auth::caller(&api, &request, PERMISSION).await?;
    let scope = OfCompany::scope(&api, &request, &caller).await?;
    let (paging, filter, with_bodies) = asked(&request)?;
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

/// The page and the filter that parameters ask for, and whether bodies are wanted.
pub(crate) fn asked(request: &HttpRequest) -> Result<(Paging, EventFilter, bool), Problem> {
    let query: EventQuery = query::read(request)?;
    let (from_ms, until_ms) = Day::span(query.start_date, query.end_date)?;
    let filter = EventFilter {
        name: query.event_name.map(|Text(name)| normalize::canonical_name(&name).into()),
        mode: query.mode.map(|mode| mode.0.name()),
        account_id: Text::of(query.account_id),
        resource_id: Text::of(query.resource_id),
        merchant_ref_num: Text::of(query.merchant_ref_num),
        from_ms,
        until_ms,
        is_conflicting: query.conflicting.0,
    };
    Ok((query::read::<Page>(request)?.paging(query.sort)?, filter, query.include == Some(Part::Payload)))
}

/// Show a stored webhook. Needs `read:events`.
#[utoipa::path(get, path = "/api/v1/events/{id}", tag = "events", params(query::Id),
    responses((status = 200, body = Success<Event>, description = "The webhook"),
        (status = 304, description = "As If-None-Match has it"), problems::Show))]
pub(crate) async fn show(api: web::Data<Api>, request: HttpRequest, path: web::Path<String>) -> Result<HttpResponse, Problem> {
    let scope = auth::caller(&api, &request, PERMISSION).await?.scope();
    let id = query::id(&path)?;
    cached::answer(&api, &request, cached::EVENT, scope, &id.to_string(), move |api| async move {
        let found = reads::event(&api.db, scope, id).await.map_err(|e| query_failed(&e))?;
        told(&api, found.into_iter().collect()).await?.pop().ok_or_else(|| query::not_found("event"))
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
