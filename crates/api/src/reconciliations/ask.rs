//! `POST /api/v1/reconciliations/{id}/items/{number}/ask`: what Netbanx itself says of what a comparison found.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use common::CompanyId;
use http_service::{Problem, ProblemKind, uncached};
use lookup::{Answer, Client, Error, Told, automatic};
use serde::Serialize;
use serde_json::json;
use store::{
    batch::Writer,
    lookups::{self, Outcome, Wanted},
    shown::time,
};
use utoipa::ToSchema;

use super::items::{self, ItemPath};
use crate::{Api, admin::audit::Author, http::openapi::problems, query_failed, reads::views::Success};

/// Longest wait for Netbanx, its pauses and further tries among it.
const LONGEST: Duration = Duration::from_secs(25);
/// Longest wait for the cache to learn of it: afterwards its answers end with their time to live.
const INVALIDATE: Duration = Duration::from_secs(5);

/// What Netbanx says.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NetbanxAnswer {
    /// stored: it told something new, which is an event now; unchanged: it told what is known; unknown: it knows nothing of it.
    outcome: &'static str,
    /// What it told; of a reference there may be several.
    found: Vec<FoundAtNetbanx>,
}

/// A transaction as Netbanx has it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FoundAtNetbanx {
    /// payment, settlement or refund.
    kind: &'static str,
    /// At Netbanx.
    id: String,
    /// In normal form.
    status: &'static str,
    /// As Netbanx writes it.
    raw_status: String,
    /// When that status was reached.
    status_time: Option<String>,
    /// In minor units.
    amount: Option<i64>,
    currency: Option<String>,
    merchant_ref_num: Option<String>,
}

impl FoundAtNetbanx {
    fn new(told: Told) -> Self {
        Self {
            kind: told.what.as_str(),
            status: told.status().as_str(),
            status_time: told.status_ms.and_then(time),
            id: told.id,
            raw_status: told.raw_status,
            amount: told.amount,
            currency: told.currency,
            merchant_ref_num: told.merchant_ref_num,
        }
    }
}

/// Ask Netbanx for what a comparison found, and store what is new as an event. Needs `manage:secrets`.
///
/// The item stays as it is: the next comparison tells whether it is settled. 409 where the company has no look-ups configured, and where
/// there is nothing to ask by; 503 where Netbanx does not answer, or may not be asked at this moment.
#[utoipa::path(post, path = "/api/v1/reconciliations/{id}/items/{number}/ask", tag = "reconciliation", params(ItemPath),
    responses((status = 200, body = Success<NetbanxAnswer>, description = "What Netbanx says"), problems::ShowChange))]
pub(crate) async fn ask(
    api: web::Data<Api>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (caller, run) = items::finished(&api, &request, &path.0).await?;
    let item = items::item(&api, &run, items::number(&path.1)?).await?;
    let conflict = |detail: &str| Problem::new(ProblemKind::Conflict, detail);
    let wanted = lookups::wanted(&item.detail).ok_or_else(|| conflict("it tells neither an id nor a reference to ask by"))?;
    if lookup::ask::what(&wanted).is_none() {
        return Err(conflict("Netbanx has look-ups of payments, settlements and refunds alone"));
    }
    let company = CompanyId(run.company_id);
    let configured = lookups::get(&api.db, company).await.map_err(|e| query_failed(&e))?;
    let configured = configured.ok_or_else(|| told(&Error::NotConfigured))?;
    let no_key = || Problem::new(ProblemKind::Unavailable, "this replica has no master key to open the company's password with");
    let client = api.clients.as_ref().ok_or_else(no_key)?.of(&configured).map_err(|error| told(&error))?;
    let Answer { outcome, told: found, events } = answer(&api, company, &client, &wanted).await?;
    // What was asked just now the platform need not ask by itself.
    lookups::note(&api.db, company, &wanted, outcome).await.map_err(|e| query_failed(&e))?;
    let ids: Vec<_> = events.iter().map(|new| new.webhook_id).collect();
    let detail = json!({"reconciliation": run.id, "item": item.number, "outcome": outcome.as_str(), "events": ids});
    Author::of(&api, &request, &caller).about(company).note_alone(&api, "reconciliation.ask", &detail).await?;
    if !matches!(tokio::time::timeout(INVALIDATE, automatic::touch(&api.tags, &events)).await, Ok(Ok(()))) {
        tracing::warn!("Redis is away: dashboards show what was looked up when their cached answers end");
    }
    let found = found.into_iter().map(FoundAtNetbanx::new).collect();
    Ok(uncached(HttpResponse::Ok(), NetbanxAnswer { outcome: outcome.as_str(), found }))
}

/// Asks; that there was no answer is noted like an answer.
async fn answer(api: &Api, company: CompanyId, client: &Client, wanted: &Wanted) -> Result<Answer, Problem> {
    let writer = Writer::new(api.db.clone(), 0);
    let asked = tokio::time::timeout(LONGEST, lookup::ask(&api.db, &writer, company, client, wanted)).await;
    let error = match asked {
        Ok(Ok(answer)) => return Ok(answer),
        Ok(Err(error)) => error,
        Err(_) => Error::NoAnswer(format!("no answer within {} s", LONGEST.as_secs())),
    };
    // Nothing was asked where it is not its turn.
    if !matches!(error, Error::Store(_) | Error::Later(_)) {
        lookups::note(&api.db, company, wanted, Outcome::Failed).await.map_err(|e| query_failed(&e))?;
    }
    Err(told(&error))
}

/// Why there is no answer, as the caller sees it.
fn told(error: &Error) -> Problem {
    match error {
        Error::Store(error) => query_failed(error),
        Error::Later(wait) => Problem::new(ProblemKind::Unavailable, format!("Netbanx is asked {error}")).retry_after(*wait),
        // What only passes: Netbanx is away, or asks for patience.
        Error::NoAnswer(_) | Error::Status(429 | 500..) => {
            Problem::new(ProblemKind::Unavailable, format!("Netbanx does not answer: {error}"))
        }
        Error::Http(_) => {
            tracing::error!(%error, "a client for look-ups cannot be made");
            Problem::new(ProblemKind::Internal, "Netbanx cannot be asked")
        }
        // What does not pass before somebody mends the configuration, or Netbanx its answer.
        _ => Problem::new(ProblemKind::Conflict, error.to_string()),
    }
}
