//! `/api/v1/events`: stored webhooks, masked.

use std::borrow::Cow;

use actix_web::{HttpRequest, HttpResponse, web};
use common::{Envelope, normalize};
use http_service::Problem;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use store::{
    entity::webhook_event,
    reads::{self, EventFilter},
    shown::{company, time},
};
use utoipa::{IntoParams, ToSchema};
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
    reads::views::{Pagination, Success},
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
    /// Received at or after. A date (`2025-01-31`, a day in UTC) or a time (`2025-01-31T12:00:00Z`).
    #[param(inline)]
    start_date: Option<Day>,
    /// Received before; a plain date counts as a whole. A date (`2025-01-31`, a day in UTC) or a time (`2025-01-31T12:00:00Z`).
    #[param(inline)]
    end_date: Option<Day>,
    /// Both unless one is asked for.
    #[param(inline)]
    mode: Option<OneMode>,
    /// `-receivedAt` (the default) or `receivedAt`.
    #[param(inline)]
    sort: Option<EventSort>,
}

/// A stored webhook.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Event {
    id: Uuid,
    event_name: String,
    /// Where it was received.
    endpoint: String,
    /// transaction, account or other.
    category: String,
    /// Of a transaction.
    kind: Option<String>,
    /// live or test.
    mode: String,
    resource_id: Option<String>,
    account_id: Option<String>,
    merchant_ref_num: Option<String>,
    company_id: Option<Uuid>,
    /// Equal for every redelivery of this event.
    identity: String,
    status_time: Option<String>,
    received_at: Option<String>,
    /// Whether it tells of a time whose history had been removed when it came: it is kept, and changed no transaction, no
    /// account and no figure but that of webhooks received.
    pub beyond_history: bool,
    /// Other events that have its sender's event id and tell different facts; all are kept.
    pub conflicts_with: Vec<Uuid>,
    /// The time of its status as it was sent, where that was not believed: it lay more than ten minutes ahead of the receipt.
    stated_time: Option<String>,
    /// The body as it was sent, bank and card numbers masked. Null for a sender without `read:events`, and in lists unless
    /// `include=payload` asks for it.
    #[schema(value_type = Option<Object>)]
    payload: Option<Box<RawValue>>,
}

fn stated_time(row: &webhook_event::Model) -> Option<String> {
    let envelope = Envelope::parse(row.payload.as_bytes(), Some(&row.name)).ok()?;
    let told = envelope
        .status_time()
        .filter(|told| told.timestamp_millis() > row.received_at && row.status_time != told.timestamp_millis());
    told.and_then(|_| envelope.status_time_text()).map(Cow::into_owned)
}

impl Event {
    /// Leaves out conflicts with events that were received later than `at_ms`: their ids tell when.
    pub fn forget_conflicts_since(&mut self, at_ms: i64) {
        let received_ms = |id: &Uuid| id.as_u128() >> 80;
        self.conflicts_with.retain(|id| received_ms(id) <= u128::from(at_ms.unsigned_abs()));
    }

    /// For a sender who may not read bodies.
    pub fn leave_out_body(&mut self) {
        self.payload = None;
    }

    /// Its body, for those who show it in a form of their own.
    pub fn take_body(&mut self) -> Option<Box<RawValue>> {
        self.payload.take()
    }
}

impl From<webhook_event::Model> for Event {
    fn from(row: webhook_event::Model) -> Self {
        let stated_time = stated_time(&row);
        Self {
            id: row.id,
            event_name: row.name,
            endpoint: row.endpoint,
            category: row.category,
            kind: row.kind,
            mode: row.mode,
            resource_id: row.resource_id,
            account_id: row.account_id,
            merchant_ref_num: row.merchant_ref_num,
            company_id: company(row.company_id),
            identity: row.identity,
            status_time: time(row.status_time),
            received_at: time(row.received_at),
            beyond_history: false,
            conflicts_with: Vec::new(),
            stated_time,
            // It was written by us from parsed JSON; should it ever not parse, it is shown as null.
            payload: RawValue::from_string(row.payload).ok(),
        }
    }
}

/// A page of stored webhooks.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Events {
    pub events: Vec<Event>,
    pub pagination: Pagination,
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
        let pagination = paging.describe(&page, last);
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
