//! `/api/v1/session`: people sign in, learn who they are, and sign out.

use actix_web::{
    HttpRequest, HttpResponse,
    cookie::{Cookie, SameSite, time::Duration},
    http::header,
    web,
};
use http_service::{Problem, ProblemKind, uncached};
use serde::{Deserialize, Serialize};
use store::{
    Scope,
    users::{
        self, NewSession, Origin,
        sign_in::{self, Attempt, Outcome, SignedIn},
    },
};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    Api,
    admin::audit,
    auth::{
        self, Caller,
        credentials::{self, COOKIE, HOST_COOKIE},
        demand, same_site,
    },
    http::{body, openapi::problems},
    query_failed,
    reads::views::Success,
};

/// The cookie by which a browser is known that somebody signed in from.
pub(crate) const DEVICE_COOKIE: &str = "netbanx_device";
/// Longest time for a sign-in.
const SIGN_IN: std::time::Duration = std::time::Duration::from_secs(9);

/// Longest code that is looked at, in bytes.
pub(crate) const CODE_LENGTH: usize = 64;

/// An e-mail address, a password, and a code where the user has a second factor.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Credentials {
    /// The user's e-mail address.
    email: String,
    /// The user's password.
    password: String,
    /// Where the user has a second factor: the code that their app shows, or an unused recovery code.
    code: Option<String>,
}

/// Who somebody is and what they may do.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Identity {
    /// `user:ID` or `token:ID`.
    actor: String,
    /// Of a person.
    email: Option<String>,
    /// Of a person: administrator, company-administrator, member, read-only, or by-provider.
    role: Option<String>,
    /// Absent: all companies.
    company_id: Option<Uuid>,
    /// What they may do.
    permissions: Vec<String>,
    /// To be sent in `X-CSRF-Token` with whatever a session changes.
    csrf_token: Option<String>,
    /// Whether a second factor is demanded that is not set up yet: until then nothing else is permitted.
    must_enrol: bool,
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
            must_enrol: caller.must_enrol,
        }
    }
}

/// Sign in. Five failures in a row lock a user out for 15 minutes; a wrong address, a wrong password
/// and a lock-out are answered alike. Whoever has a second factor gets `second-factor-required` for a right password without a
/// code, which counts as a failure until a sign-in succeeds, and `second-factor-wrong` for a code that is wrong or was used.
#[utoipa::path(post, path = "/api/v1/session", tag = "session", request_body = Credentials, security(()),
    responses((status = 200, body = Success<Identity>, description = "Signed in; the cookie carries the session"), problems::SignIn))]
pub(crate) async fn sign_in(api: web::Data<Api>, request: HttpRequest, body: web::Payload) -> Result<HttpResponse, Problem> {
    same_site::check(&request)?;
    same_site::check_json(&request)?;
    let Credentials { email, password, code } = body::json(body).await?;
    if password.chars().count() > users::PASSWORD_MAX {
        return Err(Problem::parameter("password", format!("a password has {} characters at most", users::PASSWORD_MAX)));
    }
    if code.as_ref().is_some_and(|code| code.len() > CODE_LENGTH) {
        return Err(Problem::parameter("code", format!("a code has {CODE_LENGTH} characters at most")));
    }
    let address = api.addresses.of(&request);
    api.sign_ins.check(address, &email)?;
    let (devices, told) = (credentials::cookies(request.headers(), &[DEVICE_COOKIE]), audit::address_of(&api, &request));
    let attempt = Attempt {
        email: &email,
        password: &password,
        code: code.as_deref(),
        devices: &devices,
        origin: origin(&request, told.as_deref()),
        vault: api.vault.as_deref(),
    };
    let outcome = store::deadline::within(SIGN_IN, sign_in::sign_in(&api.db, attempt)).await;
    let refused = |kind, detail| {
        api.sign_ins.failed(address, &email);
        tracing::warn!("a sign-in failed");
        Err(Problem::new(kind, detail))
    };
    match outcome.map_err(|e| demand::failed(&api, &e))? {
        Outcome::SignedIn(signed_in) => {
            let SignedIn { user, session, device } = *signed_in;
            signed_in_as(&api, user, session, device).await
        }
        Outcome::Refused => refused(ProblemKind::SignInFailed, "the address or the password is wrong, or the user is locked out"),
        Outcome::CodeMissing => {
            Err(Problem::new(ProblemKind::SecondFactorRequired, "send the code that your app shows, or a recovery code, in code"))
        }
        Outcome::CodeWrong => refused(ProblemKind::SecondFactorWrong, "the code is wrong, or it was used before"),
    }
}

/// The answer to somebody who signed in by their password.
async fn signed_in_as(
    api: &Api,
    user: store::entity::user::Model,
    session: NewSession,
    device: Option<String>,
) -> Result<HttpResponse, Problem> {
    let caller = auth::of_user(api, user).await.map_err(|e| query_failed(&e))?;
    let caller = caller.ok_or_else(|| Problem::new(ProblemKind::Internal, "the user's role is unknown"))?;
    let identity = Identity::of(&caller, Some(session.csrf.clone()));
    let mut answer = HttpResponse::Ok();
    answer.cookie(of_session(api, session));
    if let Some(device) = device {
        answer.cookie(cookie(api, DEVICE_COOKIE, device, Duration::milliseconds(sign_in::DEVICE_MS)));
    }
    Ok(uncached(answer, identity))
}

/// Where a request comes from; `address` as `audit::address_of` tells it.
pub(crate) fn origin<'r>(request: &'r HttpRequest, address: Option<&'r str>) -> Origin<'r> {
    let user_agent = request.headers().get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    Origin { address, user_agent }
}

/// The cookie that carries `session`.
pub(crate) fn of_session(api: &Api, session: NewSession) -> Cookie<'static> {
    cookie(api, session_cookie(api), session.cookie, Duration::milliseconds(users::SESSION_MS))
}

/// Who am I?
#[utoipa::path(get, path = "/api/v1/session", tag = "session",
    responses((status = 200, body = Success<Identity>, description = "The sender"), problems::Known))]
pub(crate) async fn show(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let caller = auth::anyone_enrolling(&api, &request).await?;
    let csrf = match &caller.user {
        Some(_) => Some(users::csrf_of(auth::of_cookies(&api, &request).await?.1)),
        None => None,
    };
    Ok(uncached(HttpResponse::Ok(), Identity::of(&caller, csrf)))
}

/// Sign out. Ends the session everywhere within a second.
#[utoipa::path(delete, path = "/api/v1/session", tag = "session",
    responses((status = 204, description = "Signed out"), problems::Known))]
pub(crate) async fn sign_out(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let caller = auth::anyone_enrolling(&api, &request).await?;
    let author = audit::Author::of(&api, &request, &caller);
    author.note_alone(&api, "session.sign-out", &serde_json::json!({})).await?;
    for session in credentials::sessions(request.headers()) {
        users::sign_out(&api.db, session).await.map_err(|e| query_failed(&e))?;
        auth::forget_session(&api, &users::key_of(session)).await;
    }
    let mut over = cookie(&api, session_cookie(&api), String::new(), Duration::ZERO);
    over.make_removal();
    Ok(HttpResponse::NoContent().cookie(over).finish())
}

/// What the session's cookie is called here.
fn session_cookie(api: &Api) -> &'static str {
    if api.secure_cookies { HOST_COOKIE } else { COOKIE }
}

fn cookie(api: &Api, name: &'static str, value: String, lasts: Duration) -> Cookie<'static> {
    Cookie::build(name, value)
        .path("/")
        .http_only(true)
        .same_site(SameSite::Strict)
        .secure(api.secure_cookies)
        .max_age(lasts)
        .finish()
}
