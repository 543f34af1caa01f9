//! `/api/v1/endpoints`: where companies' own systems are told of what changed. What was told is in [`super::attempts`].

use actix_web::{HttpRequest, HttpResponse, web};
use http_service::{Problem, ProblemKind, uncached};
use outbound::Policy;
use sea_orm::DatabaseTransaction;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::shown::time;
use store::{
    Scope,
    entity::endpoint,
    outbound::{
        DISABLED, ENABLED,
        attempts::{self, Health},
        endpoints::{self, Changes},
        join_types,
    },
    secrets::Vault,
};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    Api,
    admin::{
        audit::{Author, PERMISSION},
        users::one_company,
    },
    auth, begin, commit,
    http::{
        body::{self, clearable},
        openapi::problems,
        query::{self, OfCompany},
    },
    query_failed,
    reads::views::Success,
    refused,
};

/// Messages per second that can be set.
const RATES: std::ops::RangeInclusive<i64> = 1..=10_000;

/// Where a company's own system is told of what changed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Endpoint {
    id: Uuid,
    company_id: Uuid,
    /// Messages are posted there.
    url: String,
    description: String,
    /// transaction.created, transaction.updated, account.updated, webhook.unreadable, reconciliation.difference; `*`: all, those to come included.
    event_types: Vec<String>,
    /// enabled or disabled.
    state: String,
    /// Why it is disabled.
    reason: Option<String>,
    /// Messages per second at most; null: as many as there are.
    rate: Option<i64>,
    /// Since when every attempt has failed; null: the last one did not.
    failing_since: Option<String>,
    /// Until when the key before the last rotation signs, too.
    previous_key_until: Option<String>,
    created_at: Option<String>,
    updated_at: Option<String>,
}

impl From<endpoint::Model> for Endpoint {
    fn from(row: endpoint::Model) -> Self {
        Self {
            id: row.id,
            company_id: row.company_id,
            url: row.url,
            description: row.description,
            event_types: row.event_types.split(' ').map(str::to_owned).collect(),
            state: row.state,
            reason: row.reason,
            rate: row.rate,
            failing_since: row.failing_since.and_then(time),
            previous_key_until: row.previous_until.filter(|until| *until > clock::now_ms()).and_then(time),
            created_at: time(row.created_at),
            updated_at: time(row.updated_at),
        }
    }
}

/// Endpoints that one may see.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Endpoints {
    endpoints: Vec<Endpoint>,
}

/// An endpoint and how it fares.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EndpointDetail {
    #[serde(flatten)]
    endpoint: Endpoint,
    /// Messages that wait for their first or next attempt, counted up to 10,000.
    pending: i64,
    /// Messages of the last 30 days that were given up, counted up to 10,000.
    failed: i64,
    /// Attempts of the last day, of the last 10,000.
    attempts: i64,
    /// The share of them that was answered 2xx, 0 to 1; null: there was none.
    success_rate: Option<f64>,
    /// How long they took on average, in milliseconds.
    mean_duration_ms: Option<f64>,
}

impl EndpointDetail {
    fn new(endpoint: Endpoint, health: Health) -> Self {
        let share = |part: i64| (health.attempts > 0).then(|| part as f64 / health.attempts as f64);
        Self {
            endpoint,
            pending: health.pending,
            failed: health.failed,
            attempts: health.attempts,
            success_rate: share(health.delivered),
            mean_duration_ms: share(health.duration_ms),
        }
    }
}

/// An endpoint to add.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewEndpoint {
    /// The company's slug; absent for one's own.
    company: Option<String>,
    /// An https URL with a public address and without credentials.
    url: String,
    /// Some of transaction.created, transaction.updated, account.updated, webhook.unreadable and reconciliation.difference, or
    /// `*`.
    event_types: Vec<String>,
    /// For people, up to 255 characters.
    description: Option<String>,
    /// Messages per second at most, up to 10,000; 0 or absent: as many as there are.
    rate: Option<i64>,
}

/// What is to be changed of an endpoint; what is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct EndpointChange {
    /// An https URL with a public address and without credentials.
    #[schema(nullable = false)]
    url: Option<String>,
    /// Some of transaction.created, transaction.updated, account.updated, webhook.unreadable and reconciliation.difference, or
    /// `*`.
    #[schema(nullable = false)]
    event_types: Option<Vec<String>>,
    /// For people, up to 255 characters; null: none.
    #[serde(default, deserialize_with = "clearable")]
    #[schema(value_type = Option<String>)]
    #[allow(clippy::option_option, reason = "absent, null and a value are three things")]
    description: Option<Option<String>>,
    /// enabled or disabled. While it is disabled no message is made for it; those that wait go on when it is enabled.
    #[schema(nullable = false)]
    state: Option<String>,
    /// Messages per second at most, up to 10,000; 0 or null: as many as there are.
    #[serde(default, deserialize_with = "clearable")]
    #[schema(value_type = Option<i64>)]
    #[allow(clippy::option_option, reason = "absent, null and a value are three things")]
    rate: Option<Option<i64>>,
}

/// An endpoint with its new key.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MadeEndpoint {
    #[serde(flatten)]
    endpoint: Endpoint,
    /// The key that signs its messages (Standard Webhooks), shown this once.
    secret: String,
}

pub(super) fn vault(api: &Api) -> Result<&Vault, Problem> {
    let missing = || Problem::new(ProblemKind::Unavailable, "keys cannot be made here: MASTER_KEY is not set");
    api.vault.as_deref().ok_or_else(missing)
}

pub(super) fn not_found() -> Problem {
    query::not_found("endpoint")
}

/// The endpoint of that id, if it is within `scope`.
pub(super) async fn known(api: &Api, scope: Scope, id: Uuid) -> Result<endpoint::Model, Problem> {
    endpoints::get(&api.db, scope, id).await.map_err(|e| query_failed(&e))?.ok_or_else(not_found)
}

/// The changes that a request asks for, each checked.
async fn checked(policy: &Policy, asked: EndpointChange) -> Result<Changes, Problem> {
    let EndpointChange { url, event_types, description, state, rate } = asked;
    let mut changes = Changes::default();
    if let Some(url) = url {
        let url = policy.check_entered(&url).await.map_err(|e| Problem::parameter("url", e.to_string()))?;
        changes.url = Some(url.into());
    }
    if let Some(types) = event_types {
        changes.event_types = Some(join_types(&types).map_err(|e| Problem::parameter("eventTypes", e.to_string()))?);
    }
    changes.description = description.map(Option::unwrap_or_default);
    changes.is_enabled = is_enabled(state.as_deref())?;
    changes.rate = match rate {
        None => None,
        Some(None | Some(0)) => Some(None),
        Some(Some(rate)) if RATES.contains(&rate) => Some(Some(rate)),
        Some(Some(_)) => return Err(Problem::parameter("rate", "rate must be from 0 to 10000")),
    };
    Ok(changes)
}

/// Whether what is in that state is told of anything; none where no state is asked for.
pub(super) fn is_enabled(state: Option<&str>) -> Result<Option<bool>, Problem> {
    match state {
        None => Ok(None),
        Some(ENABLED) => Ok(Some(true)),
        Some(DISABLED) => Ok(Some(false)),
        Some(_) => Err(Problem::parameter("state", "state must be enabled or disabled")),
    }
}

/// List endpoints, the oldest first. Needs `manage:secrets`.
#[utoipa::path(get, path = "/api/v1/endpoints", tag = "endpoints", params(OfCompany),
    responses((status = 200, body = Success<Endpoints>, description = "At most 1,000"), problems::List))]
pub(crate) async fn list(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let caller = auth::caller(&api, &request, PERMISSION).await?;
    let scope = OfCompany::scope(&api, &request, &caller).await?;
    let rows = endpoints::list(&api.db, scope).await.map_err(|e| query_failed(&e))?;
    let endpoints = Endpoints { endpoints: rows.into_iter().map(Into::into).collect() };
    Ok(uncached(HttpResponse::Ok(), endpoints))
}

/// Show an endpoint and how it fares. Needs `manage:secrets`.
#[utoipa::path(get, path = "/api/v1/endpoints/{id}", tag = "endpoints", params(query::Id),
    responses((status = 200, body = Success<EndpointDetail>, description = "The endpoint"), problems::Show))]
pub(crate) async fn show(api: web::Data<Api>, request: HttpRequest, path: web::Path<String>) -> Result<HttpResponse, Problem> {
    let scope = auth::caller(&api, &request, PERMISSION).await?.scope();
    let row = known(&api, scope, query::id(&path)?).await?;
    let health = attempts::health(&api.db, &row).await.map_err(|e| query_failed(&e))?;
    let detail = EndpointDetail::new(row.into(), health);
    Ok(uncached(HttpResponse::Ok(), detail))
}

/// Add an endpoint. Needs `manage:secrets`.
///
/// It is told of what changes from two seconds later on; `resend` with a range of time tells it of what was before. A company may
/// have 20.
#[utoipa::path(post, path = "/api/v1/endpoints", tag = "endpoints", request_body = NewEndpoint,
    responses((status = 201, body = Success<MadeEndpoint>, description = "Added"), problems::Change))]
pub(crate) async fn add(api: web::Data<Api>, request: HttpRequest, body: web::Payload) -> Result<HttpResponse, Problem> {
    let caller = auth::caller(&api, &request, PERMISSION).await?;
    let NewEndpoint { company, url, event_types, description, rate } = body::json(body).await?;
    let company = one_company(&api, &caller, company.as_deref()).await?;
    let asked = EndpointChange {
        url: Some(url),
        event_types: Some(event_types),
        description: description.map(Some),
        state: None,
        rate: rate.map(Some),
    };
    let changes = checked(&api.outbound, asked).await?;
    let author = Author::of(&api, &request, &caller).about(company);
    let tx = begin(&api).await?;
    let (row, secret) = endpoints::add(&tx, vault(&api)?, company, changes).await.map_err(|e| refused(&e))?;
    author.note(&tx, "endpoint.add", &told(&row)).await?;
    commit(tx).await?;
    let made = MadeEndpoint { endpoint: row.into(), secret };
    Ok(uncached(HttpResponse::Created(), made))
}

/// Change an endpoint. Needs `manage:secrets`; takes effect within two seconds.
#[utoipa::path(patch, path = "/api/v1/endpoints/{id}", tag = "endpoints", params(query::Id), request_body = EndpointChange,
    responses((status = 200, body = Success<Endpoint>, description = "As it is now"), problems::ShowChange))]
pub(crate) async fn change(
    api: web::Data<Api>,
    request: HttpRequest,
    path: web::Path<String>,
    body: web::Payload,
) -> Result<HttpResponse, Problem> {
    let caller = auth::caller(&api, &request, PERMISSION).await?;
    let id = query::id(&path)?;
    known(&api, caller.scope(), id).await?;
    let changes = checked(&api.outbound, body::changes(body, &["description", "rate"]).await?).await?;
    let tx = begin(&api).await?;
    let row = endpoints::change(&tx, caller.scope(), id, changes).await.map_err(|e| refused(&e))?.ok_or_else(not_found)?;
    note(&api, &request, &caller, &tx, "endpoint.change", &row).await?;
    commit(tx).await?;
    Ok(uncached(HttpResponse::Ok(), Endpoint::from(row)))
}

/// Remove an endpoint with what is known of its messages. Needs `manage:secrets`.
#[utoipa::path(delete, path = "/api/v1/endpoints/{id}", tag = "endpoints", params(query::Id),
    responses((status = 204, description = "Removed"), problems::Show))]
pub(crate) async fn remove(api: web::Data<Api>, request: HttpRequest, path: web::Path<String>) -> Result<HttpResponse, Problem> {
    let caller = auth::caller(&api, &request, PERMISSION).await?;
    let id = query::id(&path)?;
    let tx = begin(&api).await?;
    let row = endpoints::remove(&tx, caller.scope(), id).await.map_err(|e| query_failed(&e))?.ok_or_else(not_found)?;
    note(&api, &request, &caller, &tx, "endpoint.remove", &row).await?;
    commit(tx).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Give an endpoint a new key; each that was replaced signs, too, for a day. Needs `manage:secrets`.
///
/// From two seconds later on the new key signs; until then only those before it do, so a receiver should accept both for a few
/// seconds. 409 where four keys were replaced within a day.
#[utoipa::path(post, path = "/api/v1/endpoints/{id}/rotate", tag = "endpoints", params(query::Id),
    responses((status = 200, body = Success<MadeEndpoint>, description = "With its new key"), problems::ShowChange))]
pub(crate) async fn rotate(api: web::Data<Api>, request: HttpRequest, path: web::Path<String>) -> Result<HttpResponse, Problem> {
    let caller = auth::caller(&api, &request, PERMISSION).await?;
    let id = query::id(&path)?;
    let tx = begin(&api).await?;
    let rotated = endpoints::rotate(&tx, vault(&api)?, caller.scope(), id).await.map_err(|e| refused(&e))?;
    let (row, secret) = rotated.ok_or_else(not_found)?;
    note(&api, &request, &caller, &tx, "endpoint.rotate", &row).await?;
    commit(tx).await?;
    let made = MadeEndpoint { endpoint: row.into(), secret };
    Ok(uncached(HttpResponse::Ok(), made))
}

/// What the audit log tells of an endpoint: its host, and nothing of a URL's path and query, which may be secret.
fn told(row: &endpoint::Model) -> serde_json::Value {
    let host = row.url.split('/').nth(2).unwrap_or_default();
    json!({"endpoint": row.id, "host": host, "eventTypes": row.event_types, "state": row.state, "rate": row.rate})
}

/// Notes in `tx` what was done with an endpoint.
pub(super) async fn note(
    api: &Api,
    request: &HttpRequest,
    caller: &auth::Caller,
    tx: &DatabaseTransaction,
    action: &str,
    row: &endpoint::Model,
) -> Result<(), Problem> {
    Author::of(api, request, caller).about(common::CompanyId(row.company_id)).note(tx, action, &told(row)).await
}
