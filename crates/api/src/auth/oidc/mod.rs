//! `/api/v1/session/oidc`: people sign in by an OpenID Connect provider (authorization code flow with PKCE, state and nonce).
//!
//! | module | part |
//! | --- | --- |
//! | `pending` | sign-ins that were begun: in Redis, each for ten minutes and once |
//! | `provider` | what the provider is asked: its configuration, tokens, claims |
//! | `fetch` | its answers, within a time and a size |
//! | `rights` | claims, and what they permit |
//!
//! ```text
//! GET /api/v1/session/oidc ── 303, cookie ──▶ provider ── 303 ──▶ …/callback?code&state ── 303, session ──▶ /
//! ```
//!
//! A browser gets pages: what goes wrong leads to the sign-in page, which says it. Programs get problem documents.

mod fetch;
mod pending;
mod provider;
mod rights;

use std::time::Duration;

use actix_web::{
    HttpRequest, HttpResponse,
    cookie::{Cookie, SameSite, time},
    http::header,
    web::{self, Query},
};
use common::CompanyId;
use http_service::{Problem, ProblemKind, Rate, RateLimit, uncached};
use redis_client::fred::clients::Client;
use serde::{Deserialize, Serialize};
use settings::OidcSettings;
use store::{
    companies,
    users::federated::{self, Rights},
};
use utoipa::{IntoParams, ToSchema};

use crate::{
    Api,
    admin::audit,
    auth::{credentials, session},
    http::openapi::{problems, queries},
    query_failed,
    reads::views::Success,
};
use pending::{Pending, PendingSignIns};
use provider::{Known, Provider};

/// The cookie that ties a sign-in that was begun to its browser, over plain HTTP and over TLS.
const COOKIES: [&str; 2] = ["netbanx_oidc", "__Host-netbanx_oidc"];
/// What parts the states of a cookie: none has it.
const BETWEEN: &str = ".";
/// Sign-ins of one browser that are remembered at once.
const TABS: usize = 5;
/// Longest time for all that the provider is asked in one request.
const ASKED: Duration = Duration::from_secs(8);
/// Sign-ins that one replica begins: what Redis keeps of them is bounded.
const BEGUN: Rate = Rate { burst: 200, each: Duration::from_millis(50) };

/// Sign-in by the provider.
#[derive(Debug)]
pub(crate) struct Oidc {
    settings: OidcSettings,
    provider: Provider,
    pending: PendingSignIns,
    begun: RateLimit<()>,
}

impl Oidc {
    /// By the provider of `settings`; what was begun is kept in `redis`.
    pub fn new(settings: OidcSettings, redis: Client, name: &str) -> Result<Self, crate::Error> {
        let provider = Provider::new(settings.clone())?;
        Ok(Self { settings, provider, pending: PendingSignIns::new(redis, name), begun: RateLimit::new(BEGUN, 1) })
    }
}

/// Why somebody is not let in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    /// The answer belongs to no sign-in that this browser began, or to one that was answered before.
    #[error("state")]
    State,
    /// The provider, or the person there, declined.
    #[error("declined")]
    Declined,
    /// The code is none of the provider's, or was used before.
    #[error("code")]
    Code,
    /// The ID token is not the provider's, not for us, too old, or not for this sign-in.
    #[error("id-token")]
    IdToken,
    /// No role that they have there permits anything here.
    #[error("no-role")]
    NoRole,
    /// The company that they belong to there is none here.
    #[error("no-company")]
    NoCompany,
}

impl Refused {
    fn problem(&self) -> Problem {
        let detail = match self {
            Self::State => "this sign-in was not begun in this browser, is too old or was used before; begin again",
            Self::Declined => "the provider declined the sign-in",
            Self::Code | Self::IdToken => "what the provider sent does not prove who you are; begin again",
            Self::NoRole => "the provider knows you, but no role of yours there gives you access here",
            Self::NoCompany => "the provider knows you, but not under a company that is known here",
        };
        Problem::new(ProblemKind::ProviderRefused, detail)
    }
}

/// How one may sign in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Methods {
    /// By e-mail address and password.
    password: bool,
    /// By the OpenID Connect provider: a browser goes to `/api/v1/session/oidc`.
    oidc: bool,
}

/// How may one sign in?
#[utoipa::path(get, path = "/api/v1/session/methods", tag = "session", security(()),
    responses((status = 200, body = Success<Methods>, description = "The ways"), problems::Public))]
pub(crate) async fn methods(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    queries::check(&request)?;
    let methods = Methods { password: true, oidc: api.oidc.is_some() };
    Ok(uncached(HttpResponse::Ok(), methods))
}

/// Sign in by the OpenID Connect provider: leads a browser there.
#[utoipa::path(get, path = "/api/v1/session/oidc", tag = "session", security(()),
    responses((status = 303, description = "To the provider"), problems::Provider))]
pub(crate) async fn begin(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    or_page(&request, begun(&api, &request).await)
}

async fn begun(api: &Api, request: &HttpRequest) -> Result<HttpResponse, Problem> {
    queries::check(request)?;
    let oidc = configured(api)?;
    api.sign_ins.check_address(api.addresses.of(request))?;
    oidc.begun
        .take(())
        .map_err(|wait| Problem::new(ProblemKind::TooManyRequests, "too many people sign in at this moment").retry_after(wait))?;
    let (url, state, pending) = in_time(oidc.provider.begin()).await?;
    oidc.pending.keep(&state, &pending).await?;
    let mut states = states(request);
    states.push(state);
    let cookie = cookie(api, &states);
    Ok(HttpResponse::SeeOther()
        .cookie(cookie)
        .insert_header((header::LOCATION, url))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .finish())
}

/// What the provider answers, by the browser; others of its parameters are not looked at.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Answer {
    /// For which the provider gives tokens, once.
    code: Option<String>,
    /// That of the sign-in that was begun.
    state: Option<String>,
    /// Why there is no code.
    error: Option<String>,
}

/// The provider sends browsers back here; nobody else calls it.
#[utoipa::path(get, path = "/api/v1/session/oidc/callback", tag = "session", params(Answer), security(()),
    responses((status = 303, description = "Signed in; to the dashboard"), problems::Provider))]
pub(crate) async fn callback(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let answered = signed_in(&api, &request).await;
    let mut answer = or_page(&request, answered)?;
    let state = Query::<Answer>::from_query(request.query_string()).ok().and_then(|answer| answer.state.clone());
    let mut left = states(&request);
    left.retain(|own| Some(own) != state.as_ref());
    answer.add_cookie(&cookie(&api, &left)).map_err(|_| Problem::new(ProblemKind::Internal, "a cookie cannot be sent"))?;
    Ok(answer)
}

async fn signed_in(api: &Api, request: &HttpRequest) -> Result<HttpResponse, Problem> {
    let oidc = configured(api)?;
    let address = api.addresses.of(request);
    api.sign_ins.check_address(address)?;
    let told = audit::address_of(api, request);
    let origin = session::origin(request, told.as_deref());
    let mut known = None;
    let refused = match proved(api, oidc, request, &mut known).await {
        Ok(rights) => {
            let known = known.ok_or_else(|| refusal(&Refused::IdToken))?;
            let signed_in = store::deadline::within(
                super::LOOK_UP,
                federated::sign_in(&api.db, known.person(&oidc.settings.issuer), &rights, origin),
            );
            let (_, session) = signed_in.await.map_err(|e| query_failed(&e))?;
            return Ok(HttpResponse::SeeOther()
                .cookie(session::of_session(api, session))
                .insert_header((header::LOCATION, "/"))
                .insert_header((header::CACHE_CONTROL, "no-store"))
                .finish());
        }
        Err(Failed::Refused(refused)) => refused,
        Err(Failed::Problem(problem)) => return Err(problem),
    };
    api.sign_ins.failed_from(address);
    let person = known.as_ref().map(|known| known.person(&oidc.settings.issuer));
    let ended = federated::refuse(&api.db, person, &refused.to_string(), origin).await.map_err(|e| query_failed(&e))?;
    if let Some(user) = ended {
        api.revocations.note(&format!("user:{user}")).await;
    }
    Err(refusal(&refused))
}

fn refusal(refused: &Refused) -> Problem {
    tracing::warn!(reason = %refused, "a sign-in by the provider was refused");
    refused.problem()
}

/// Why no session came of it.
pub(crate) enum Failed {
    Refused(Refused),
    Problem(Problem),
}

impl From<Refused> for Failed {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<Problem> for Failed {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

/// What the sender of `request`, whom `known` tells as soon as that is proved, may do.
async fn proved(api: &Api, oidc: &Oidc, request: &HttpRequest, known: &mut Option<Known>) -> Result<Rights, Failed> {
    let answer = Query::<Answer>::from_query(request.query_string()).map_err(|_| Refused::State)?.into_inner();
    let pending = in_browser(oidc, request, answer.state.as_deref()).await?;
    let code = answer.code.filter(|_| answer.error.is_none()).ok_or(Refused::Declined)?;
    let found = known.insert(in_time(oidc.provider.who(code, pending)).await?);
    let permissions = rights::permissions(&oidc.settings, &found.claims).ok_or(Refused::NoRole)?;
    if rights::is_administrator(&permissions) {
        return Ok(Rights { permissions, company: CompanyId::NONE });
    }
    let slug = rights::company(&oidc.settings, &found.claims).ok_or(Refused::NoCompany)?;
    let company = store::deadline::within(super::LOOK_UP, companies::find(&api.db, &slug)).await.map_err(|e| query_failed(&e))?;
    Ok(Rights { permissions, company: CompanyId(company.ok_or(Refused::NoCompany)?.id) })
}

/// The sign-in that this browser began and that the provider answers; it can be answered once.
async fn in_browser(oidc: &Oidc, request: &HttpRequest, state: Option<&str>) -> Result<Pending, Failed> {
    let state = state.ok_or(Refused::State)?;
    let pending = oidc.pending.take(state).await?;
    let is_own = states(request).iter().any(|own| store::users::same(own, state));
    Ok(pending.filter(|_| is_own).ok_or(Refused::State)?)
}

fn configured(api: &Api) -> Result<&Oidc, Problem> {
    api.oidc.as_deref().ok_or_else(|| Problem::new(ProblemKind::NotFound, "no sign-in provider is configured"))
}

async fn in_time<T, E: From<Problem>>(asked: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    tokio::time::timeout(ASKED, asked).await.unwrap_or_else(|_| Err(fetch::unavailable().into()))
}

/// What went wrong, on the sign-in page where a browser asks.
fn or_page(request: &HttpRequest, answer: Result<HttpResponse, Problem>) -> Result<HttpResponse, Problem> {
    let accepted = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match answer {
        Err(problem) if accepted.contains("text/html") => Ok(HttpResponse::SeeOther()
            .insert_header((header::LOCATION, format!("/#/sign-in?problem={}", problem.kind().name())))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .finish()),
        other => other,
    }
}

/// The sign-ins that this browser began, the latest last: each of its tabs may have begun one.
fn states(request: &HttpRequest) -> Vec<String> {
    let told = credentials::cookies(request.headers(), &COOKIES);
    told.into_iter().flat_map(|value| value.split(BETWEEN)).filter(|state| !state.is_empty()).map(str::to_owned).collect()
}

/// Lax: it is the provider's page that leads back. Without a state it removes the one that is there.
fn cookie(api: &Api, states: &[String]) -> Cookie<'static> {
    let [plain, of_host] = COOKIES;
    let latest = states.get(states.len().saturating_sub(TABS)..).unwrap_or_default();
    let mut cookie = Cookie::build(if api.secure_cookies { of_host } else { plain }, latest.join(BETWEEN))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(api.secure_cookies)
        .max_age(time::Duration::seconds(pending::KEPT_SECS))
        .finish();
    if latest.is_empty() {
        cookie.make_removal();
    }
    cookie
}
