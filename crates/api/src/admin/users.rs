//! `/api/v1/users`: who may sign in.

use actix_web::{HttpRequest, HttpResponse, web};
use common::CompanyId;
use http_service::{Problem, ProblemKind, success, uncached};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::shown::time;
use store::{
    Scope, companies,
    entity::user,
    users::{self, Role, second_factor},
};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    Api,
    admin::audit::{Author, PERMISSION},
    auth::{self, Caller},
    begin, commit,
    http::{body, openapi::problems, query},
    query_failed,
    reads::views::Success,
    refused, rollback,
};

/// A person who may sign in.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct User {
    id: Uuid,
    email: String,
    /// administrator, company-administrator, member, read-only, or by-provider: what a provider tells at each sign-in.
    role: String,
    /// Null: all companies.
    company_id: Option<Uuid>,
    /// The OpenID Connect provider that signs them in; null: they have a password.
    provider: Option<String>,
    /// Whether they have a second factor here.
    second_factor: bool,
    /// Until when too many failed sign-ins lock them out.
    locked_until: Option<String>,
    created_at: Option<String>,
}

impl User {
    fn of(row: user::Model, second_factor: bool) -> Self {
        Self {
            id: row.id,
            email: row.email,
            role: row.role,
            company_id: (!row.company_id.is_nil()).then_some(row.company_id),
            provider: row.issuer,
            second_factor,
            locked_until: row.locked_until.filter(|until| *until > clock::now_ms()).and_then(time),
            created_at: time(row.created_at),
        }
    }
}

/// All users that one may see.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Users {
    users: Vec<User>,
}

/// A user to add.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewUser {
    email: String,
    /// administrator, company-administrator, member or read-only.
    role: String,
    /// The company's slug; absent for administrators, and for one's own.
    company: Option<String>,
    /// 12 to 200 characters.
    password: String,
}

/// List the users, of one's own company unless one is an administrator. Needs `manage:secrets`.
#[utoipa::path(get, path = "/api/v1/users", tag = "management",
    responses((status = 200, body = Success<Users>, description = "At most 1,000"), problems::Known))]
pub(crate) async fn list(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let scope = auth::caller(&api, &request, PERMISSION).await?.scope();
    let rows = users::list(&api.db, scope).await.map_err(|e| query_failed(&e))?;
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let enrolled = second_factor::who_has_one(&api.db, &ids).await.map_err(|e| query_failed(&e))?;
    let user = |row: user::Model| {
        let has_one = enrolled.contains(&row.id);
        User::of(row, has_one)
    };
    let users = Users { users: rows.into_iter().map(user).collect() };
    Ok(uncached(HttpResponse::Ok(), users))
}

/// Add a user. Needs `manage:secrets`; nobody gives more than they have.
#[utoipa::path(post, path = "/api/v1/users", tag = "management", request_body = NewUser,
    responses((status = 201, body = Success<User>, description = "Added"), problems::Change))]
pub(crate) async fn add(api: web::Data<Api>, request: HttpRequest, body: web::Payload) -> Result<HttpResponse, Problem> {
    let caller = auth::caller(&api, &request, PERMISSION).await?;
    let NewUser { email, role, company, password } = body::json(body).await?;
    let role = Role::parse(&role)
        .ok_or_else(|| Problem::parameter("role", format!("role must be one of {}", Role::ALL.map(Role::as_str).join(", "))))?;
    let company = company_of(&api, &caller, company.as_deref()).await?;
    allowed(&caller, role.permissions().iter().copied())?;
    let author = Author::of(&api, &request, &caller).about(company);
    let tx = begin(&api).await?;
    let row = users::add(&tx, &email, role, company, &password).await.map_err(|e| refused(&e))?;
    author.note(&tx, "user.add", &json!({"user": row.id, "role": role.as_str()})).await?;
    commit(tx).await?;
    Ok(HttpResponse::Created().json(success(User::of(row, false))))
}

/// Remove a user and end their sessions. Needs `manage:secrets`.
#[utoipa::path(delete, path = "/api/v1/users/{id}", tag = "management", params(query::Id),
    responses((status = 204, description = "Removed"), problems::Show))]
pub(crate) async fn remove(api: web::Data<Api>, request: HttpRequest, path: web::Path<String>) -> Result<HttpResponse, Problem> {
    let caller = auth::caller(&api, &request, PERMISSION).await?;
    let id = query::id(&path)?;
    let tx = begin(&api).await?;
    if !users::remove(&tx, caller.scope(), id).await.map_err(|e| query_failed(&e))? {
        return Err(query::not_found("user"));
    }
    Author::of(&api, &request, &caller).note(&tx, "user.remove", &json!({"user": id})).await?;
    commit(tx).await?;
    api.revocations.note(&format!("user:{id}")).await;
    Ok(HttpResponse::NoContent().finish())
}

/// Turn off another's second factor, because they lost it. Their sessions end. Needs `manage:secrets`; one's own is turned off
/// with a code.
#[utoipa::path(delete, path = "/api/v1/users/{id}/second-factor", tag = "management", params(query::Id),
    responses((status = 204, description = "Off"), problems::ShowChange))]
pub(crate) async fn reset_second_factor(
    api: web::Data<Api>,
    request: HttpRequest,
    path: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let caller = auth::caller(&api, &request, PERMISSION).await?;
    let id = query::id(&path)?;
    if caller.user.as_ref().is_some_and(|own| own.id == id) {
        return Err(Problem::new(ProblemKind::Conflict, "turn your own second factor off with a code"));
    }
    let found = users::get(&api.db, caller.scope(), id).await.map_err(|e| query_failed(&e))?;
    let user = found.ok_or_else(|| query::not_found("user"))?;
    let tx = begin(&api).await?;
    if !users::reset_second_factor(&tx, id).await.map_err(|e| query_failed(&e))? {
        rollback(tx).await?;
        return Err(Problem::new(ProblemKind::NotFound, "this user has no second factor"));
    }
    let author = Author::of(&api, &request, &caller).about(CompanyId(user.company_id));
    author.note(&tx, "second-factor.reset", &json!({"user": id})).await?;
    commit(tx).await?;
    api.revocations.note(&format!("user:{id}")).await;
    Ok(HttpResponse::NoContent().finish())
}

/// The company that something new is for: the one that is named, else the caller's own.
pub(crate) async fn company_of(api: &Api, caller: &Caller, slug: Option<&str>) -> Result<CompanyId, Problem> {
    let named = match slug {
        Some(slug) => {
            let found = companies::find(&api.db, slug).await.map_err(|e| query_failed(&e))?;
            Some(found.ok_or_else(|| Problem::parameter("company", "there is no such company"))?.id)
        }
        None => None,
    };
    Ok(owner(caller.narrowed(named)?))
}

/// The same where it must be a company.
pub(crate) async fn one_company(api: &Api, caller: &Caller, slug: Option<&str>) -> Result<CompanyId, Problem> {
    let company = company_of(api, caller, slug).await?;
    company.known().map(CompanyId).ok_or_else(no_company)
}

/// A company is wanted, and none is named.
pub(crate) fn no_company() -> Problem {
    Problem::parameter("company", "company must be a company's slug")
}

/// The company whose own something is within `scope`; none where all are meant.
pub(crate) fn owner(scope: Scope) -> CompanyId {
    match scope {
        Scope::All => CompanyId::NONE,
        Scope::Company(id) => CompanyId(id),
    }
}

/// Nobody hands on what they do not have.
pub(crate) fn allowed<'p>(caller: &Caller, mut permissions: impl Iterator<Item = &'p str>) -> Result<(), Problem> {
    match permissions.find(|permission| !caller.may(permission)) {
        Some(missing) => Err(Problem::new(ProblemKind::Forbidden, format!("you cannot give {missing}: you do not have it"))),
        None => Ok(()),
    }
}
