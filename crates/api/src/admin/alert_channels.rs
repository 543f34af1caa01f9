//! `/api/v1/alert-channels`: where alerts are told. What each was told is in [`super::alert_notices`].

use actix_web::{HttpRequest, HttpResponse, web};
use http_service::{Problem, ProblemKind, uncached};
use notify::{
    Configuration,
    configuration::{Entered, KINDS},
};
use sea_orm::DatabaseTransaction;
use serde_json::json;
use store::{
    Scope,
    alerting::channels::{self, Changes},
    entity::alert_channel,
    outbound::endpoints,
};
use uuid::Uuid;

use super::{
    alert_channel_forms::{
        AlertChannel, AlertChannelChange, AlertChannels, MadeAlertChannel, NewAlertChannel, checked, refused as unfit,
    },
    endpoints::vault,
};
use crate::{
    Api,
    admin::{
        audit::{Author, PERMISSION},
        users::company_of,
    },
    auth, begin, commit,
    http::{
        body,
        openapi::problems,
        query::{self, OfCompany},
    },
    query_failed,
    reads::views::Success,
    refused,
};

pub(super) fn not_found() -> Problem {
    query::not_found("alert channel")
}

/// The channel of that id, if it is within `scope`.
pub(super) async fn known(api: &Api, scope: Scope, id: Uuid) -> Result<alert_channel::Model, Problem> {
    channels::get(&api.db, scope, id).await.map_err(|e| query_failed(&e))?.ok_or_else(not_found)
}

/// What a channel needs, opened.
pub(super) fn opened(api: &Api, row: &alert_channel::Model) -> Result<Configuration, Problem> {
    let text = channels::open(vault(api)?, row).map_err(|e| query_failed(&e))?;
    let unreadable = |_| Problem::new(ProblemKind::Internal, "the channel cannot be read");
    serde_json::from_str(&text).map_err(unreadable)
}

/// What a channel is to need, checked, over what it needed before.
async fn configured(api: &Api, kind: &str, entered: Entered, before: Option<Configuration>) -> Result<Configuration, Problem> {
    let (_, secret) = endpoints::random_key().map_err(|e| refused(&e))?;
    let checked = Configuration::checked(kind, entered, before, &api.outbound, move || secret).await;
    checked.map_err(|error| unfit(&error))
}

fn kept(configuration: &Configuration) -> Result<(String, String), Problem> {
    configuration.kept().map_err(|error| unfit(&error))
}

/// List alert channels, the oldest first. Needs `manage:secrets`.
#[utoipa::path(get, path = "/api/v1/alert-channels", tag = "alerts", params(OfCompany),
    responses((status = 200, body = Success<AlertChannels>, description = "At most 1,000"), problems::List))]
pub(crate) async fn list(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let caller = auth::caller(&api, &request, PERMISSION).await?;
    let scope = OfCompany::scope(&api, &request, &caller).await?;
    let rows = channels::list(&api.db, scope).await.map_err(|e| query_failed(&e))?;
    let channels = AlertChannels { channels: rows.into_iter().map(Into::into).collect() };
    Ok(uncached(HttpResponse::Ok(), channels))
}

/// Show an alert channel. Needs `manage:secrets`.
#[utoipa::path(get, path = "/api/v1/alert-channels/{id}", tag = "alerts", params(query::Id),
    responses((status = 200, body = Success<AlertChannel>, description = "The channel"), problems::Show))]
pub(crate) async fn show(api: web::Data<Api>, request: HttpRequest, path: web::Path<String>) -> Result<HttpResponse, Problem> {
    let scope = auth::caller(&api, &request, PERMISSION).await?.scope();
    let row = known(&api, scope, query::id(&path)?).await?;
    Ok(uncached(HttpResponse::Ok(), AlertChannel::from(row)))
}

/// Add an alert channel. Needs `manage:secrets`.
///
/// It is told of what stands, and from then on once when an alert begins and once when it is over. A company may have 20, and so may
/// the platform.
#[utoipa::path(post, path = "/api/v1/alert-channels", tag = "alerts", request_body = NewAlertChannel,
    responses((status = 201, body = Success<MadeAlertChannel>, description = "Added"), problems::Change))]
pub(crate) async fn add(api: web::Data<Api>, request: HttpRequest, body: web::Payload) -> Result<HttpResponse, Problem> {
    let caller = auth::caller(&api, &request, PERMISSION).await?;
    let new: NewAlertChannel = body::json(body).await?;
    let company = company_of(&api, &caller, new.company.as_deref()).await?;
    if !KINDS.contains(&new.kind.as_str()) {
        return Err(Problem::parameter("kind", format!("kind must be one of {}", KINDS.join(", "))));
    }
    let entered = Entered { to: new.to, url: new.url, routing_key: new.routing_key };
    let configuration = configured(&api, &new.kind, entered, None).await?;
    if matches!(configuration, Configuration::Email { .. }) && !api.notify.as_ref().is_some_and(notify::Sender::can_mail) {
        let detail = "kind email needs a mail server, and none is set here: SMTP_URL and ALERT_MAIL_FROM of the API";
        return Err(Problem::parameter("kind", detail));
    }
    let asked = AlertChannelChange {
        name: Some(new.name),
        to: None,
        url: None,
        routing_key: None,
        alerts: new.alerts,
        min_severity: new.min_severity,
        quiet_hours: new.quiet_hours.map(Some),
        reminder_hours: new.reminder_hours,
        state: None,
    };
    let changes = Changes { configuration: Some(kept(&configuration)?), ..checked(asked, company.known().is_none())? };
    let author = Author::of(&api, &request, &caller).about(company);
    let tx = begin(&api).await?;
    let row = channels::add(&tx, vault(&api)?, company, &new.kind, changes).await.map_err(|e| refused(&e))?;
    author.note(&tx, "alert-channel.add", &told(&row)).await?;
    commit(tx).await?;
    let secret = configuration.signing_key().map(str::to_owned);
    Ok(uncached(HttpResponse::Created(), MadeAlertChannel { channel: row.into(), secret }))
}

/// Change an alert channel. Needs `manage:secrets`.
#[utoipa::path(patch, path = "/api/v1/alert-channels/{id}", tag = "alerts", params(query::Id), request_body = AlertChannelChange,
    responses((status = 200, body = Success<AlertChannel>, description = "As it is now"), problems::ShowChange))]
pub(crate) async fn change(
    api: web::Data<Api>,
    request: HttpRequest,
    path: web::Path<String>,
    body: web::Payload,
) -> Result<HttpResponse, Problem> {
    let caller = auth::caller(&api, &request, PERMISSION).await?;
    let id = query::id(&path)?;
    let before = known(&api, caller.scope(), id).await?;
    let mut asked: AlertChannelChange = body::changes(body, &["quietHours"]).await?;
    let entered = Entered { to: asked.to.take(), url: asked.url.take(), routing_key: asked.routing_key.take() };
    let configuration = if entered.to.is_some() || entered.url.is_some() || entered.routing_key.is_some() {
        let old = opened(&api, &before)?;
        Some(kept(&configured(&api, &before.kind, entered, Some(old)).await?)?)
    } else {
        None
    };
    let changes = Changes { configuration, ..checked(asked, before.company_id.is_nil())? };
    let tx = begin(&api).await?;
    let changed = channels::change(&tx, vault(&api)?, caller.scope(), id, changes).await.map_err(|e| refused(&e))?;
    let row = changed.ok_or_else(not_found)?;
    note(&api, &request, &caller, &tx, "alert-channel.change", &row).await?;
    commit(tx).await?;
    Ok(uncached(HttpResponse::Ok(), AlertChannel::from(row)))
}

/// Remove an alert channel with what it was told. Needs `manage:secrets`.
#[utoipa::path(delete, path = "/api/v1/alert-channels/{id}", tag = "alerts", params(query::Id),
    responses((status = 204, description = "Removed"), problems::Show))]
pub(crate) async fn remove(api: web::Data<Api>, request: HttpRequest, path: web::Path<String>) -> Result<HttpResponse, Problem> {
    let caller = auth::caller(&api, &request, PERMISSION).await?;
    let id = query::id(&path)?;
    let tx = begin(&api).await?;
    let row = channels::remove(&tx, caller.scope(), id).await.map_err(|e| query_failed(&e))?.ok_or_else(not_found)?;
    note(&api, &request, &caller, &tx, "alert-channel.remove", &row).await?;
    commit(tx).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// What the audit log tells of a channel: nothing that is secret.
fn told(row: &alert_channel::Model) -> serde_json::Value {
    json!({"channel": row.id, "kind": row.kind, "target": row.target, "alerts": row.alerts, "state": row.state})
}

/// Notes in `tx` what was done with a channel.
async fn note(
    api: &Api,
    request: &HttpRequest,
    caller: &auth::Caller,
    tx: &DatabaseTransaction,
    action: &str,
    row: &alert_channel::Model,
) -> Result<(), Problem> {
    Author::of(api, request, caller).about(common::CompanyId(row.company_id)).note(tx, action, &told(row)).await
}
