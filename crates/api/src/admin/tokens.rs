//! `/api/v1/tokens`: API tokens for programs.

use actix_web::{HttpRequest, HttpResponse, web};
use http_service::{Problem, ProblemKind, uncached};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::shown::time;
use store::{entity::api_token, tokens};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    Api,
    admin::{
        audit::{Author, PERMISSION},
        users::{allowed, company_of},
    },
    auth, begin, commit,
    http::{body, openapi::problems, query},
    query_failed,
    reads::views::Success,
    refused,
};

/// An API token; the token itself is known to its owner alone.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Token {
    id: Uuid,
    name: String,
    /// Null: all companies.
    company_id: Option<Uuid>,
    permissions: Vec<String>,
    created_at: Option<String>,
    /// Null: never.
    expires_at: Option<String>,
    revoked_at: Option<String>,
    /// Who made it: `user:ID`, `token:ID` or `command`; null before version 1.0.
    created_by: Option<String>,
    /// When it was last used, to a minute.
    last_used_at: Option<String>,
}

impl From<api_token::Model> for Token {
    fn from(row: api_token::Model) -> Self {
        Self {
            id: row.id,
            name: row.name,
            company_id: (!row.company_id.is_nil()).then_some(row.company_id),
            permissions: row.permissions.split(' ').map(str::to_owned).collect(),
            created_at: time(row.created_at),
            expires_at: row.expires_at.and_then(time),
            revoked_at: row.revoked_at.and_then(time),
            created_by: row.created_by,
            last_used_at: row.last_used_at.and_then(time),
        }
    }
}

/// All tokens that one may see.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Tokens {
    tokens: Vec<Token>,
}

/// A token to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewToken {
    /// For people, 1 to 100 characters.
    name: String,
    /// The company's slug; absent for one's own, or for all if one is an administrator.
    company: Option<String>,
    /// At least one.
    permissions: Vec<String>,
    /// After how many days it ends, 1 to 3,650; absent: 365.
    expires_days: Option<u16>,
}

/// A token that was made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MadeToken {
    id: Uuid,
    /// Shown this once.
    token: String,
}

/// List the API tokens, the latest first. Needs `manage:secrets`.
#[utoipa::path(get, path = "/api/v1/tokens", tag = "management",
    responses((status = 200, body = Success<Tokens>, description = "At most 1,000"), problems::Known))]
pub(crate) async fn list(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let scope = auth::caller(&api, &request, PERMISSION).await?.scope();
    let rows = tokens::list(&api.db, scope).await.map_err(|e| query_failed(&e))?;
    let tokens = Tokens { tokens: rows.into_iter().map(Into::into).collect() };
    Ok(uncached(HttpResponse::Ok(), tokens))
}

/// Make an API token. Needs `manage:secrets`; nobody gives more than they have.
#[utoipa::path(post, path = "/api/v1/tokens", tag = "management", request_body = NewToken,
    responses((status = 201, body = Success<MadeToken>, description = "Made"), problems::Change))]
pub(crate) async fn add(api: web::Data<Api>, request: HttpRequest, body: web::Payload) -> Result<HttpResponse, Problem> {
    let caller = auth::caller(&api, &request, PERMISSION).await?;
    let NewToken { name, company, permissions, expires_days } = body::json(body).await?;
    if permissions.is_empty() || permissions.len() > tokens::PERMISSIONS.len() {
        return Err(Problem::parameter("permissions", format!("permissions are some of {}", tokens::PERMISSIONS.join(", "))));
    }
    if expires_days.is_some_and(|days| !(1..=3650).contains(&days)) {
        return Err(Problem::parameter("expiresDays", "expiresDays must be from 1 to 3650"));
    }
    let company = company_of(&api, &caller, company.as_deref()).await?;
    allowed(&caller, permissions.iter().map(String::as_str))?;
    let expires_at = clock::now_ms() + i64::from(expires_days.unwrap_or(tokens::DEFAULT_DAYS)) * 86_400_000;
    let author = Author::of(&api, &request, &caller).about(company);
    let tx = begin(&api).await?;
    let made = tokens::add(&tx, company, &name, &permissions, Some(expires_at), &caller.actor).await;
    let (id, token) = made.map_err(|e| refused(&e))?;
    author.note(&tx, "token.add", &json!({"token": id, "permissions": permissions, "expiresAt": time(expires_at)})).await?;
    commit(tx).await?;
    Ok(uncached(HttpResponse::Created(), MadeToken { id, token }))
}

/// Revoke an API token: it ends everywhere within a second. Needs `manage:secrets`.
#[utoipa::path(delete, path = "/api/v1/tokens/{id}", tag = "management", params(query::Id),
    responses((status = 204, description = "Revoked"), problems::Show))]
pub(crate) async fn revoke(api: web::Data<Api>, request: HttpRequest, path: web::Path<String>) -> Result<HttpResponse, Problem> {
    let caller = auth::caller(&api, &request, PERMISSION).await?;
    let id = query::id(&path)?;
    let tx = begin(&api).await?;
    if !tokens::revoke(&tx, caller.scope(), id).await.map_err(|e| query_failed(&e))? {
        return Err(Problem::new(ProblemKind::NotFound, "there is no such token, or it was revoked before"));
    }
    Author::of(&api, &request, &caller).note(&tx, "token.revoke", &json!({"token": id})).await?;
    commit(tx).await?;
    api.revocations.note(&format!("token:{id}")).await;
    Ok(HttpResponse::NoContent().finish())
}
