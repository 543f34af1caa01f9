//! Who asks: a program by its token, or a person by the session cookie; and what they may do.

pub(crate) mod credentials;
pub(crate) mod demand;
pub(crate) mod oidc;
pub(crate) mod quotas;
mod revocations;
pub(crate) mod same_site;
pub(crate) mod session;
pub(crate) mod sign_in_limit;

pub use revocations::Revocations;

use std::{sync::Arc, time::Duration};

use actix_web::{HttpRequest, http::Method};
use http_service::{Problem, ProblemKind};
use store::{
    Scope, tokens,
    users::{self, Role},
};
use uuid::Uuid;

use crate::{Api, http::openapi::queries, query_failed};

/// The header that shows that a page of ours sent a change.
pub(crate) const CSRF_HEADER: &str = "x-csrf-token";
/// Longest wait for the database to tell who asks.
pub(crate) const LOOK_UP: Duration = Duration::from_secs(8);

/// The authenticated sender of a request.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// Which rows they may see.
    scope: Scope,
    /// Who they are in the audit log: `token:ID` or `user:ID`.
    pub actor: String,
    /// The user, if it is a person.
    pub user: Option<store::entity::user::Model>,
    permissions: Vec<String>,
    is_admin: bool,
    /// Whether they have to set up a second factor before anything else.
    pub must_enrol: bool,
}

impl Caller {
    /// What they may see.
    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// The same, of one company only if they asked for it.
    pub fn narrowed(&self, company: Option<Uuid>) -> Result<Scope, Problem> {
        narrowed(self.scope, company)
    }

    /// Whether they have `permission`.
    pub fn may(&self, permission: &str) -> bool {
        self.is_admin || self.permissions.iter().any(|own| own == permission)
    }

    /// All that they may do.
    pub fn permissions(&self) -> Vec<&str> {
        tokens::PERMISSIONS.into_iter().filter(|permission| self.may(permission)).collect()
    }

    fn new(company: Uuid, permissions: Vec<String>, actor: String, user: Option<store::entity::user::Model>) -> Self {
        Self {
            scope: if company.is_nil() { Scope::All } else { Scope::Company(company) },
            is_admin: company.is_nil() && permissions.iter().any(|own| own == "admin"),
            actor,
            user,
            permissions,
            must_enrol: false,
        }
    }
}

/// `scope`, of one company only if that is asked for.
pub(crate) fn narrowed(scope: Scope, company: Option<Uuid>) -> Result<Scope, Problem> {
    match (scope, company) {
        (scope, None) => Ok(scope),
        (Scope::Company(own), Some(wanted)) if own != wanted => Err(other_company()),
        (_, Some(wanted)) => Ok(Scope::Company(wanted)),
    }
}

/// The refusal to anyone who asks for another company than their own.
pub(crate) fn other_company() -> Problem {
    Problem::new(ProblemKind::Forbidden, "that is another company's")
}

/// The sender of `request`, if they have `permission`.
pub(crate) async fn caller(api: &Api, request: &HttpRequest, permission: &str) -> Result<Arc<Caller>, Problem> {
    let caller = anyone(api, request).await?;
    if caller.may(permission) {
        Ok(caller)
    } else {
        Err(Problem::new(ProblemKind::Forbidden, format!("this needs the permission {permission}")))
    }
}

/// The sender of `request`, whatever they may do, once its query string holds nothing that the operation does not have.
pub(crate) async fn anyone(api: &Api, request: &HttpRequest) -> Result<Arc<Caller>, Problem> {
    let caller = anyone_enrolling(api, request).await?;
    if caller.must_enrol {
        return Err(Problem::new(ProblemKind::SecondFactorDemanded, "set up a second factor first: it is demanded of you"));
    }
    Ok(caller)
}

/// The same, also of somebody who has to set up a second factor first.
pub(crate) async fn anyone_enrolling(api: &Api, request: &HttpRequest) -> Result<Arc<Caller>, Problem> {
    let caller = identified(api, request).await?;
    queries::check(request)?;
    Ok(caller)
}

/// Of a session, what changes anything must show its CSRF token.
async fn identified(api: &Api, request: &HttpRequest) -> Result<Arc<Caller>, Problem> {
    if let Some(token) = credentials::token(request.headers()) {
        let found = known(api, Credential::Token(token)).await?;
        let caller = found.ok_or_else(|| denied("the token is unknown, expired or revoked"))?;
        api.quotas.count(request, &caller)?;
        return Ok(caller);
    }
    let (caller, session) = of_cookies(api, request).await?;
    api.quotas.count(request, &caller)?;
    let is_safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if !is_safe && !shows_csrf(request, session) {
        return Err(Problem::new(ProblemKind::CsrfMissing, format!("send the session's CSRF token in {CSRF_HEADER}")));
    }
    same_site::check(request)?;
    Ok(caller)
}

/// The first session cookie that stands for somebody, and who that is.
pub(crate) async fn of_cookies<'r>(api: &Api, request: &'r HttpRequest) -> Result<(Arc<Caller>, &'r str), Problem> {
    let sessions = credentials::sessions(request.headers());
    let detail =
        if sessions.is_empty() { "send Authorization: Bearer TOKEN, or sign in" } else { "the session is over; sign in again" };
    for session in sessions {
        if let Some(caller) = known(api, Credential::Session(session)).await? {
            return Ok((caller, session));
        }
    }
    Err(denied(detail))
}

/// What a request shows.
#[derive(Debug, Clone, Copy)]
enum Credential<'r> {
    Token(&'r str),
    Session(&'r str),
}

impl Credential<'_> {
    fn key(self) -> String {
        match self {
            Self::Token(token) => format!("token:{token}"),
            Self::Session(cookie) => session_subject(&users::key_of(cookie)),
        }
    }

    /// What its revocation is noted under, besides whose it is.
    fn subject(self) -> String {
        match self {
            // A token is revoked by its id alone.
            Self::Token(_) => String::new(),
            Self::Session(_) => self.key(),
        }
    }

    /// Who it stands for, which is remembered under its `key` for while the database is away.
    async fn look_up(self, api: &Api, key: &str) -> Result<Option<Arc<Caller>>, store::Error> {
        let found = match self {
            Self::Token(token) => of_token(api, token).await,
            Self::Session(cookie) => of_session(api, cookie).await,
        }?;
        match &found {
            Some(caller) => api.last_known.insert(key.to_owned(), caller.clone()).await,
            None => api.last_known.invalidate(key).await,
        }
        Ok(found)
    }
}

/// What a session is known, and its end noted, under: by its key, a digest of its cookie.
fn session_subject(key: &str) -> String {
    format!("session:{key}")
}

/// A credential's caller, as of half a second ago at most: what is revoked ends within a second.
async fn known(api: &Api, credential: Credential<'_>) -> Result<Option<Arc<Caller>>, Problem> {
    let key = credential.key();
    let found = match api.callers.get(&key).await {
        Some(known) => Ok(known),
        // In a box: who is known need not make room for what looking somebody up takes.
        None => Box::pin(api.callers.try_get_with_by_ref(&key, credential.look_up(api, &key))).await,
    };
    match found {
        Ok(Some(caller)) => {
            // Whoever sets up a second factor now, here or by another replica, goes on at once.
            if caller.must_enrol {
                api.callers.invalidate(&key).await;
            }
            Ok(Some(caller))
        }
        Ok(None) => Ok(None),
        Err(error) => known_before(api, credential, &error).await,
    }
}

/// While the database is away, anyone who was known lately still is, unless they were revoked since: operators must be able to
/// look.
async fn known_before(api: &Api, credential: Credential<'_>, error: &store::Error) -> Result<Option<Arc<Caller>>, Problem> {
    let caller = api.last_known.get(&credential.key()).await.filter(|_| matches!(error, store::Error::Unavailable(_)));
    let Some(caller) = caller else { return Err(query_failed(error)) };
    if api.revocations.has_any(&[&caller.actor, &credential.subject()]).await {
        return Err(query_failed(error));
    }
    Ok(Some(caller))
}

/// Forgets a session, by its key, at once, here and in all replicas.
pub(crate) async fn forget_session(api: &Api, key: &str) {
    let subject = session_subject(key);
    api.callers.invalidate(&subject).await;
    api.last_known.invalidate(&subject).await;
    api.revocations.note(&subject).await;
}

async fn of_token(api: &Api, token: &str) -> Result<Option<Arc<Caller>>, store::Error> {
    let found = store::deadline::within(LOOK_UP, tokens::find(&api.db, token)).await?;
    Ok(found.map(|row| {
        let permissions = row.permissions.split(' ').map(str::to_owned).collect();
        Arc::new(Caller::new(row.company_id, permissions, format!("token:{}", row.id), None))
    }))
}

async fn of_session(api: &Api, cookie: &str) -> Result<Option<Arc<Caller>>, store::Error> {
    let caller = async {
        let Some(user) = users::of_session(&api.db, cookie).await? else { return Ok(None) };
        of_user(api, user).await
    };
    Ok(store::deadline::within(LOOK_UP, caller).await?.map(Arc::new))
}

/// The caller that a user is; none if their role is unknown.
pub(crate) async fn of_user(api: &Api, user: store::entity::user::Model) -> Result<Option<Caller>, store::Error> {
    let permissions = match (&user.permissions, Role::parse(&user.role)) {
        (Some(told), _) => told.split(' ').map(str::to_owned).collect(),
        (None, Some(role)) => role.permissions().iter().map(|own| (*own).to_owned()).collect(),
        (None, None) => return Ok(None),
    };
    let must_enrol = demand::is_open(api, &user).await?;
    let caller = Caller::new(user.company_id, permissions, format!("user:{}", user.id), Some(user));
    Ok(Some(Caller { must_enrol, ..caller }))
}

fn shows_csrf(request: &HttpRequest, cookie: &str) -> bool {
    let shown = request.headers().get(CSRF_HEADER).and_then(|value| value.to_str().ok());
    // A digest, not a secret, is compared: the time it takes tells nothing of use.
    shown.is_some_and(|shown| users::same(shown, &users::csrf_of(cookie)))
}

fn denied(detail: &str) -> Problem {
    Problem::new(ProblemKind::Unauthenticated, detail)
}
