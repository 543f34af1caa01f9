//! `/api/v1/receivers`: where a portal sends its webhooks, and the keys that it signs them with.

use std::{str::FromStr, time::Duration};

use ::receivers::Change;
use actix_web::{HttpRequest, HttpResponse, web};
use common::{
    CompanyId, Endpoint,
    signature::{self, KeyEncoding},
};
use http_service::{Problem, ProblemKind, uncached};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::shown::time;
use store::{
    Scope,
    entity::receiver_secret,
    secrets::{self, Vault},
};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    Api,
    admin::{
        audit::{Author, PERMISSION},
        companies::{self, Company},
        users::{company_of, owner},
    },
    auth, begin, commit,
    http::{
        body,
        openapi::problems,
        query::{self, OfCompany, choice::OneEndpoint},
    },
    query_failed,
    reads::views::Success,
    refused,
};

/// For how long the key before stays active, unless it is told.
const GRACE_HOURS: u16 = 24;
/// Keys of each receiver that are shown, the latest.
const SHOWN: usize = 5;
/// Longest wait for Redis to take a change.
const PUBLISH: Duration = Duration::from_secs(5);

/// A receiver, in a path.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[allow(dead_code, reason = "it describes what `endpoint` reads")]
pub(crate) struct OfEndpoint {
    /// netbanx, account-status, direct-debit or alternate-payments.
    #[param(inline)]
    endpoint: OneEndpoint,
}

/// A receiver's key, in a path.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[allow(dead_code, reason = "it describes what `revoke` reads")]
pub(crate) struct OfKey {
    /// netbanx, account-status, direct-debit or alternate-payments.
    #[param(inline)]
    endpoint: OneEndpoint,
    /// The key's version, from 1 on.
    version: i32,
}

/// A receiver and its keys.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Receiver {
    /// netbanx, account-status, direct-debit or alternate-payments.
    endpoint: &'static str,
    /// Null: the endpoint's default receiver, for webhooks whose account tells the company.
    company: Option<Company>,
    /// Below the address at which ingress is reached.
    path: String,
    /// What to paste into the portal; null where `INGRESS_PUBLIC_URL` is not set: then ingress shares the API's address.
    url: Option<String>,
    /// The latest first, at most five.
    keys: Vec<Key>,
}

/// A key's state; the key itself is never told again.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Key {
    version: i32,
    /// utf8, base64 or hex.
    encoding: String,
    active_from: Option<String>,
    /// Null: until it is replaced.
    active_until: Option<String>,
    is_active: bool,
}

/// Receivers that one may see.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Receivers {
    receivers: Vec<Receiver>,
}

/// A key to set.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewKey {
    /// The company's slug; absent for one's own, or for the endpoint's default receiver if one is an administrator.
    company: Option<String>,
    /// The key as the portal shows it; absent: a new one is made and shown this once.
    key: Option<String>,
    /// How the text becomes key bytes: utf8 (the default), base64 or hex.
    encoding: Option<String>,
    /// For how many hours the key before stays active, 0 to 720; 24 unless told.
    grace_hours: Option<u16>,
}

/// A key that was set.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SetKey {
    version: i32,
    /// Shown this once, and only where it was made here.
    key: Option<String>,
}

/// Which receiver to test.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tested {
    /// The company's slug; absent as in a new key.
    company: Option<String>,
}

/// A webhook signed with the receiver's newest active key, to be sent to its URL.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TestWebhook {
    path: String,
    url: Option<String>,
    /// The body, byte for byte.
    body: String,
    /// The value of the `Signature` header.
    signature: String,
}

fn endpoint(name: &str) -> Result<Endpoint, Problem> {
    Endpoint::from_str(name).map_err(|e| Problem::new(ProblemKind::UnknownEndpoint, e.to_string()))
}

fn path_of(endpoint: Endpoint, company: Option<&Company>) -> String {
    company.map_or_else(|| format!("/api/webhooks/{endpoint}"), |company| format!("/api/webhooks/{endpoint}/{}", company.slug))
}

fn url_of(api: &Api, path: &str) -> Option<String> {
    api.ingress_url.as_ref().map(|base| format!("{base}{path}"))
}

fn vault(api: &Api) -> Result<&Vault, Problem> {
    api.vault.as_deref().ok_or_else(|| Problem::new(ProblemKind::Unavailable, "keys cannot be read here: MASTER_KEY is not set"))
}

fn no_key() -> Problem {
    query::not_found("active key")
}

fn receiver(api: &Api, endpoint: Endpoint, company: Option<&Company>, rows: &[receiver_secret::Model]) -> Receiver {
    let (now, id) = (clock::now_ms(), company.map_or(CompanyId::NONE.0, |company| company.id));
    let own = rows.iter().rev().filter(|row| row.endpoint == endpoint.as_str() && row.company_id == id).take(SHOWN);
    let keys = own
        .map(|row| Key {
            version: row.version,
            encoding: row.encoding.clone(),
            active_from: time(row.active_from),
            active_until: row.active_until.and_then(time),
            is_active: row.active_until.is_none_or(|until| until > now),
        })
        .collect();
    let path = path_of(endpoint, company);
    Receiver { endpoint: endpoint.as_str(), company: company.cloned(), url: url_of(api, &path), path, keys }
}

/// List receivers with their keys' states. Needs `manage:secrets`.
///
/// A company's four, and for administrators without `company` the four default ones as well as those of every company
/// that has a key.
#[utoipa::path(get, path = "/api/v1/receivers", tag = "management", params(OfCompany),
    responses((status = 200, body = Success<Receivers>, description = "By endpoint"), problems::List))]
pub(crate) async fn list(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let caller = auth::caller(&api, &request, PERMISSION).await?;
    let scope = OfCompany::scope(&api, &request, &caller).await?;
    let rows = secrets::list(&api.db, scope).await.map_err(|e| query_failed(&e))?;
    let mut known: Vec<Option<Company>> = Vec::new();
    if scope == Scope::All {
        known.push(None);
    }
    let has_key = |id: Uuid| rows.iter().any(|row| row.company_id == id);
    known.extend(
        companies::seen_by(&api, scope).await?.into_iter().filter(|company| scope != Scope::All || has_key(company.id)).map(Some),
    );
    let receivers = known
        .iter()
        .flat_map(|company| Endpoint::ALL.map(|endpoint| receiver(&api, endpoint, company.as_ref(), &rows)))
        .collect();
    Ok(uncached(HttpResponse::Ok(), Receivers { receivers }))
}

/// Set a receiver's key; the one before stays active for a while. Needs `manage:secrets`.
///
/// At most two keys are active at once. It takes effect on every replica within a second.
#[utoipa::path(post, path = "/api/v1/receivers/{endpoint}/keys", tag = "management", params(OfEndpoint),
    request_body = NewKey, responses((status = 201, body = Success<SetKey>, description = "Set"), problems::ShowChange))]
pub(crate) async fn add(
    api: web::Data<Api>,
    request: HttpRequest,
    path: web::Path<String>,
    body: web::Payload,
) -> Result<HttpResponse, Problem> {
    let caller = auth::caller(&api, &request, PERMISSION).await?;
    let endpoint = endpoint(&path)?;
    let NewKey { company, key, encoding, grace_hours } = body::json(body).await?;
    let encoding = KeyEncoding::parse(encoding.as_deref().unwrap_or("utf8"))
        .ok_or_else(|| Problem::parameter("encoding", "encoding must be utf8, base64 or hex"))?;
    let grace_hours = grace_hours.unwrap_or(GRACE_HOURS);
    if grace_hours > 720 {
        return Err(Problem::parameter("graceHours", "graceHours must be from 0 to 720"));
    }
    if let Some(Err(error)) = key.as_ref().map(|key| secrets::check_key(key.trim(), encoding)) {
        return Err(Problem::parameter("key", error.to_string()));
    }
    let company = company_of(&api, &caller, company.as_deref()).await?;
    let is_made = key.is_none();
    let key = match key {
        Some(key) => key.trim().to_owned(),
        None => secrets::generate(encoding).map_err(|e| refused(&e))?,
    };
    let grace_ms = i64::from(grace_hours) * 3_600_000;
    let author = Author::of(&api, &request, &caller).about(company);
    let tx = begin(&api).await?;
    let version = secrets::add(&tx, vault(&api)?, endpoint, company, &key, encoding, grace_ms).await.map_err(|e| refused(&e))?;
    author.note(&tx, "secret.set", &json!({"endpoint": endpoint, "company": company, "version": version})).await?;
    commit(tx).await?;
    publish(&api, Change::Keys(endpoint, company)).await;
    let set = SetKey { version, key: is_made.then_some(key) };
    Ok(uncached(HttpResponse::Created(), set))
}

/// End a receiver's key now. Needs `manage:secrets`.
#[utoipa::path(delete, path = "/api/v1/receivers/{endpoint}/keys/{version}", tag = "management",
    params(OfKey, OfCompany),
    responses((status = 204, description = "Ended"), problems::Show))]
pub(crate) async fn revoke(
    api: web::Data<Api>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let caller = auth::caller(&api, &request, PERMISSION).await?;
    let (name, version) = path.into_inner();
    let endpoint = endpoint(&name)?;
    let version: i32 = version.parse().map_err(|_| Problem::parameter("version", "version must be a number"))?;
    let company = owner(OfCompany::scope(&api, &request, &caller).await?);
    let author = Author::of(&api, &request, &caller).about(company);
    let tx = begin(&api).await?;
    if !secrets::revoke(&tx, endpoint, company, version).await.map_err(|e| query_failed(&e))? {
        return Err(no_key());
    }
    author.note(&tx, "secret.revoke", &json!({"endpoint": endpoint, "company": company, "version": version})).await?;
    commit(tx).await?;
    let is_published = publish(&api, Change::Keys(endpoint, company)).await;
    if !is_published {
        let detail = "the key is revoked, but ingress could not be told: it may accept the key until Redis and a worker are back";
        return Err(Problem::new(ProblemKind::Unavailable, detail));
    }
    Ok(HttpResponse::NoContent().finish())
}

/// Make a signed test webhook of a receiver, to be sent to its URL as the portal would. Needs `manage:secrets`.
///
/// It is of mode `test` and changes no transaction, account or live figure.
#[utoipa::path(post, path = "/api/v1/receivers/{endpoint}/test", tag = "management", params(OfEndpoint),
    request_body = Tested, responses((status = 200, body = Success<TestWebhook>, description = "The webhook"), problems::ShowChange))]
pub(crate) async fn test(
    api: web::Data<Api>,
    request: HttpRequest,
    path: web::Path<String>,
    body: web::Payload,
) -> Result<HttpResponse, Problem> {
    let caller = auth::caller(&api, &request, PERMISSION).await?;
    let endpoint = endpoint(&path)?;
    let Tested { company } = body::json(body).await?;
    let company = company_of(&api, &caller, company.as_deref()).await?;
    let rows = secrets::active(&api.db, endpoint, company).await.map_err(|e| query_failed(&e))?;
    let newest = rows.first().ok_or_else(no_key)?;
    let key = vault(&api)?.open(newest).map_err(|e| refused(&e))?;
    let known = companies::seen_by(&api, Scope::Company(company.0)).await?;
    let path = path_of(endpoint, known.first());
    let id = Uuid::now_v7();
    let body = json!({
        "id": id, "eventType": "CONNECTION_TEST", "mode": "test", "resourceId": id,
        "payload": {"id": id, "merchantRefNum": "connection-test", "statusTime": time(clock::now_ms())},
    })
    .to_string();
    let signature = signature::sign(&key, body.as_bytes());
    let author = Author::of(&api, &request, &caller).about(company);
    author.note_alone(&api, "secret.test", &json!({"endpoint": endpoint, "company": company, "version": newest.version})).await?;
    let webhook = TestWebhook { url: url_of(&api, &path), path, body, signature };
    Ok(uncached(HttpResponse::Ok(), webhook))
}

/// Publishes what changed; returns whether ingress knows it now. Without Redis a worker does it as soon as that is back.
async fn publish(api: &Api, change: Change<'_>) -> bool {
    match store::deadline::answered(PUBLISH, api.publisher.publish(change)).await {
        Some(Ok(())) => return true,
        Some(Err(error)) => tracing::warn!(%error, "ingress learns of a changed receiver later"),
        None => tracing::warn!("ingress learns of a changed receiver later: Redis does not answer"),
    }
    false
}
