//! `/api/v1/session`: people sign in, learn who they are, and sign out.

use actix_web::{
    HttpRequest, HttpResponse,
    cookie::{Cookie, SameSite, time::Duration},
    web,
};
use common::CompanyId;
use http_service::{Problem, ProblemKind, success};
use serde::{Deserialize, Serialize};
use store::{reads::Scope, users};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    Api,
    admin::audit,
    auth::{self, COOKIE, Caller},
    http::{openapi::problems, params},
    query_failed,
    reads::views::Success,
};

/// An e-mail address and a password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Credentials {
    /// The user's e-mail address.
    email: String,
    /// The user's password.
    password: String,
}

/// Who somebody is and what they may do.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Identity {
    /// `user:ID` or `token:ID`.
    actor: String,
    /// Of a person.
    email: Option<String>,
    /// Of a person: administrator, company-administrator, member or read-only.
    role: Option<String>,
    /// Absent: all companies.
    company_id: Option<Uuid>,
    /// What they may do.
    permissions: Vec<String>,
    /// To be sent in `X-CSRF-Token` with whatever a session changes.
    csrf_token: Option<String>,
}

impl Identity {
    fn of(caller: &Caller, csrf_token: Option<String>) -> Self {
        Self {
            actor: caller.actor.clone(),
            email: caller.user.as_ref().map(|user| user.email.clone()),
            role: caller.user.as_ref().map(|user| user.role.clone()),
            company_id: match caller.scope() {
                Scope::All => None,
                Scope::Company(id) => Some(id),
            },
            permissions: caller.permissions().into_iter().map(str::to_owned).collect(),
            csrf_token,
        }
    }
}

/// Sign in. Five failures in a row lock a user out for 15 minutes; a wrong address, a wrong password
/// and a lock-out are answered alike.
#[utoipa::path(post, path = "/api/v1/session", tag = "session", request_body = Credentials, security(()),
    responses((status = 200, body = Success<Identity>, description = "Signed in; the cookie carries the session"), problems::SignIn))]
pub(crate) async fn sign_in(api: web::Data<Api>, body: web::Payload) -> Result<HttpResponse, Problem> {
    let Credentials { email, password } = params::body(body).await?;
    let known = users::sign_in(&api.db, &email, &password).await.map_err(|e| query_failed(&e))?;
    let Some((user, session)) = known else {
        tracing::warn!("a sign-in failed");
        return Err(Problem::new(ProblemKind::SignInFailed, "the address or the password is wrong, or the user is locked out"));
    };
    audit::note_by(&api, &format!("user:{}", user.id), CompanyId(user.company_id), "session.sign-in", "{}").await?;
    let caller = auth::of_user(user).ok_or_else(|| Problem::new(ProblemKind::Internal, "the user's role is unknown"))?;
    let identity = Identity::of(&caller, Some(session.csrf));
    let cookie = cookie(&api, session.cookie, Duration::milliseconds(users::SESSION_MS));
    Ok(HttpResponse::Ok().cookie(cookie).insert_header(("cache-control", "no-store")).json(success(identity)))
}

/// Who am I?
#[utoipa::path(get, path = "/api/v1/session", tag = "session",
    responses((status = 200, body = Success<Identity>, description = "The sender"), problems::Known))]
pub(crate) async fn show(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let caller = auth::anyone(&api, &request).await?;
    let csrf = caller.user.as_ref().and_then(|_| request.cookie(COOKIE)).map(|cookie| users::csrf_of(cookie.value()));
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(success(Identity::of(&caller, csrf))))
}

/// Sign out. Ends the session everywhere within a second.
#[utoipa::path(delete, path = "/api/v1/session", tag = "session",
    responses((status = 204, description = "Signed out"), problems::Known))]
pub(crate) async fn sign_out(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    auth::anyone(&api, &request).await?;
    if let Some(session) = request.cookie(COOKIE) {
        users::sign_out(&api.db, session.value()).await.map_err(|e| query_failed(&e))?;
        api.callers.invalidate(&format!("session:{}", session.value())).await;
    }
    let mut over = cookie(&api, String::new(), Duration::ZERO);
    over.make_removal();
    Ok(HttpResponse::NoContent().cookie(over).finish())
}

fn cookie(api: &Api, value: String, lasts: Duration) -> Cookie<'static> {
    Cookie::build(COOKIE, value)
        .path("/")
        .http_only(true)
        .same_site(SameSite::Strict)
        .secure(api.secure_cookies)
        .max_age(lasts)
        .finish()
}
