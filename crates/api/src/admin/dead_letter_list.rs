//! `/api/webhooks/queue/dead`: dead letters, by filter and page.

use actix_web::{HttpRequest, HttpResponse, web};
use http_service::{Problem, success};
use serde::Deserialize;
use serde_json::{Value, json};
use store::Scope;
use utoipa::{IntoParams, ToSchema};

use super::queue::{PERMISSION, queue_failed};
use crate::{
    Api,
    admin::dead_letters::{self, Filter},
    auth,
    http::{
        openapi::problems,
        query::{
            self, Day, OfCompany, Text,
            choice::{Named, names},
            page::Rows,
        },
    },
    reads::views::Success,
};

names! {
    /// Why a letter is dead.
    DeadKind {
        /// Every attempt failed.
        Failed = dead_letters::KINDS[0],
        /// It could not be interpreted when it was received.
        Unreadable = dead_letters::KINDS[1],
    }
}
names! {
    /// A lane, by its name in the contract.
    LaneName { Payments = "payments", Others = "others" }
}

/// Which dead letters are asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct DeadLetterQuery {
    /// In any spelling that Netbanx uses.
    #[param(inline)]
    event_name: Option<Text>,
    /// What failed on every attempt, or what could not be interpreted when it was received.
    #[param(inline)]
    kind: Option<DeadKind>,
    /// Whose last error contains this text.
    #[param(inline)]
    error: Option<Text>,
    /// payments or others.
    #[param(inline)]
    lane: Option<LaneName>,
    /// Died at or after. A date (`2025-01-31`, a day in UTC) or a time (`2025-01-31T12:00:00Z`).
    #[param(inline)]
    start_date: Option<Day>,
    /// Died before; a plain date counts as a whole. A date (`2025-01-31`, a day in UTC) or a time (`2025-01-31T12:00:00Z`).
    #[param(inline)]
    end_date: Option<Day>,
}

/// Where a list of dead letters goes on, and how long it is.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeadPage {
    /// Letters on a page.
    #[param(inline)]
    limit: Rows,
    /// The `nextCursor` of another page: go on behind it.
    #[param(inline)]
    cursor: Option<Text>,
}

/// A dead letter, in a path.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[allow(dead_code, reason = "it describes what `show` reads")]
pub(crate) struct JobId {
    /// The job's id.
    id: String,
}

/// Dead letters.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "it describes what `list` makes")]
pub(crate) struct DeadLettersAnswer {
    #[schema(value_type = Vec<Object>)]
    dead_letters: Vec<Value>,
    /// limit and nextCursor.
    #[schema(value_type = Object)]
    pagination: Value,
}

/// List dead letters, the latest first. Needs `manage:queue`.
#[utoipa::path(get, path = "/api/webhooks/queue/dead", tag = "queue", params(OfCompany, DeadPage, DeadLetterQuery),
    responses((status = 200, body = Success<DeadLettersAnswer>, description = "A page"), problems::List))]
pub(crate) async fn list(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let scope = auth::caller(&api, &request, PERMISSION).await?.scope();
    let mut filter = filter(&api, query::read(&request)?, query::read(&request)?, scope).await?;
    let DeadPage { limit, cursor } = query::read(&request)?;
    filter.query.limit = limit.0 as usize;
    let bad_cursor = |error: queue::dead::BadCursor| Problem::parameter("cursor", format!("cursor {error}"));
    filter.query.after = cursor.map(|Text(text)| text.parse().map_err(bad_cursor)).transpose()?;
    let page = api.queue.dead_letters(&filter.query, |letter| filter.matches(letter)).await.map_err(|e| queue_failed(&e))?;
    let letters: Vec<Value> = page.letters.iter().map(|letter| dead_letters::view(letter, false)).collect();
    let next = page.next.map(|cursor| cursor.to_string());
    let pagination = json!({"limit": filter.query.limit, "nextCursor": next});
    Ok(HttpResponse::Ok().json(success(json!({"deadLetters": letters, "pagination": pagination}))))
}

/// Show a dead letter with its masked body. Needs `manage:queue`.
#[utoipa::path(get, path = "/api/webhooks/queue/dead/{id}", tag = "queue", params(JobId),
    responses((status = 200, body = Success<serde_json::Value>, description = "The dead letter"), problems::Show))]
pub(crate) async fn show(api: web::Data<Api>, request: HttpRequest, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    let scope = auth::caller(&api, &request, PERMISSION).await?.scope();
    let filter = filter_of(scope);
    let letter = find(&api, &id).await?.filter(|letter| filter.matches(letter));
    let letter = letter.ok_or_else(|| query::not_found("dead letter"))?;
    Ok(HttpResponse::Ok().json(success(dead_letters::view(&letter, true))))
}

/// The dead letter of that id.
pub(super) async fn find(api: &Api, id: &str) -> Result<Option<queue::DeadLetter>, Problem> {
    api.queue.dead_letter(id).await.map_err(|e| queue_failed(&e))
}

/// All dead letters of a scope.
pub(super) fn filter_of(scope: Scope) -> Filter {
    let company = match scope {
        Scope::All => None,
        Scope::Company(id) => Some(id),
    };
    Filter { company, ..Filter::default() }
}

/// The dead letters that are asked for, within a scope.
pub(super) async fn filter(api: &Api, company: OfCompany, query: DeadLetterQuery, scope: Scope) -> Result<Filter, Problem> {
    let mut filter = filter_of(auth::narrowed(scope, company.id(api, scope).await?)?);
    if let Some(Text(name)) = query.event_name {
        filter.event_name(&name);
    }
    filter.kind = query.kind.map(|kind| kind.name().to_owned());
    filter.error = Text::of(query.error);
    filter.query.lane = query.lane.and_then(|lane| dead_letters::lane(lane.name()));
    (filter.query.from_ms, filter.query.until_ms) = Day::span(query.start_date, query.end_date)?;
    Ok(filter)
}
