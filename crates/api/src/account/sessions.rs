//! `/api/v1/account/sessions`: where somebody is signed in, and how they end it.

use actix_web::{HttpRequest, HttpResponse, web};
use http_service::{Problem, ProblemKind, uncached};
use serde::Serialize;
use serde_json::json;
use store::shown::time;
use store::users::sessions::{self, Listed};
use utoipa::ToSchema;
use uuid::Uuid;

use super::Person;
use crate::{
    Api, auth, begin, commit,
    http::{openapi::problems, query},
    query_failed,
    reads::views::Success,
};

/// A session of one's own.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OwnSession {
    /// By which it is ended.
    id: Uuid,
    /// Whether it is the one that asks.
    is_this: bool,
    created_at: Option<String>,
    /// To a minute.
    last_used_at: Option<String>,
    /// When it ends by itself; sooner where nobody uses it.
    expires_at: Option<String>,
    /// Where it was signed in from.
    address: Option<String>,
    /// What its browser calls itself, shortened.
    user_agent: Option<String>,
}

impl From<Listed> for OwnSession {
    fn from(Listed { id, is_this, row }: Listed) -> Self {
        Self {
            id,
            is_this,
            created_at: time(row.created_at),
            last_used_at: row.used_at.and_then(time),
            expires_at: time(row.expires_at),
            address: row.address,
            user_agent: row.user_agent,
        }
    }
}

/// The sessions of one's own.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OwnSessions {
    sessions: Vec<OwnSession>,
}

/// List one's own sessions, the latest first.
#[utoipa::path(get, path = "/api/v1/account/sessions", tag = "account",
    responses((status = 200, body = Success<OwnSessions>, description = "At most 50"), problems::Known))]
pub(crate) async fn list(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let person = Person::of(&api, &request).await?;
    let listed = sessions::list(&api.db, person.user.id, person.cookie).await.map_err(|e| query_failed(&e))?;
    let own = OwnSessions { sessions: listed.into_iter().map(Into::into).collect() };
    Ok(uncached(HttpResponse::Ok(), own))
}

/// End a session of one's own: it ends everywhere within a second.
#[utoipa::path(delete, path = "/api/v1/account/sessions/{id}", tag = "account", params(query::Id),
    responses((status = 204, description = "Ended"), problems::Show))]
pub(crate) async fn end(api: web::Data<Api>, request: HttpRequest, path: web::Path<String>) -> Result<HttpResponse, Problem> {
    let person = Person::of(&api, &request).await?;
    let id = query::id(&path)?;
    let listed = sessions::list(&api.db, person.user.id, person.cookie).await.map_err(|e| query_failed(&e))?;
    let found = listed.into_iter().find(|session| session.id == id);
    let key = found.ok_or_else(|| Problem::new(ProblemKind::NotFound, "there is no such session of yours"))?.row.token_hash;
    let tx = begin(&api).await?;
    sessions::end(&tx, std::slice::from_ref(&key)).await.map_err(|e| query_failed(&e))?;
    person.author.note(&tx, "session.end", &json!({"user": person.user.id, "count": 1})).await?;
    commit(tx).await?;
    auth::forget_session(&api, &key).await;
    Ok(HttpResponse::NoContent().finish())
}

/// End every session of one's own but this: they end everywhere within a second.
#[utoipa::path(delete, path = "/api/v1/account/sessions", tag = "account",
    responses((status = 204, description = "Ended"), problems::Known))]
pub(crate) async fn end_others(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let person = Person::of(&api, &request).await?;
    let others = sessions::list(&api.db, person.user.id, person.cookie).await.map_err(|e| query_failed(&e))?;
    let keys: Vec<String> = others.into_iter().filter(|session| !session.is_this).map(|session| session.row.token_hash).collect();
    let tx = begin(&api).await?;
    let count = sessions::end(&tx, &keys).await.map_err(|e| query_failed(&e))?;
    person.author.note(&tx, "session.end", &json!({"user": person.user.id, "count": count})).await?;
    commit(tx).await?;
    for key in keys {
        auth::forget_session(&api, &key).await;
    }
    Ok(HttpResponse::NoContent().finish())
}
