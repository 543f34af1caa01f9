//! `/api/webhooks/queue`: the queue's counts and what an operator does to it.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use http_service::{Problem, ProblemKind, timestamp};
use queue::Stats;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use store::Scope;
use utoipa::{IntoParams, ToSchema};

use crate::{
    Api,
    admin::{
        audit::Author,
        dead_letter_list::{DeadLetterQuery, filter, filter_of},
        dead_letters::{self, Sought},
        reinterpret,
    },
    auth,
    http::{
        body,
        openapi::{problems, queries},
        query::{self, OfCompany},
    },
};

pub(super) const PERMISSION: &str = "manage:queue";
/// Ids in one action at most.
const IDS: usize = 1000;
/// Age from which `clean` drops, unless it is told.
const CLEAN_AGE_SECS: u64 = 24 * 3600;
/// Recently finished jobs that are shown.
const RECENT: usize = 20;

/// What is asked of the queue.
#[derive(Debug, Deserialize)]
#[serde(tag = "action", rename_all = "lowercase")]
enum Action {
    Pause(OfLane),
    Resume(OfLane),
    Clean(Clean),
    Stats(NoMore),
    Retry(Which),
    Discard(Which),
}

/// What is asked of the queue.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "it describes what `Action` reads")]
pub(crate) struct ActionDocument {
    /// pause, resume, clean, stats, retry or discard.
    action: String,
    /// Of pause and resume: payments or others; absent: the whole queue, and a resume ends the pauses of lanes too. Of a filter too.
    #[schema(nullable = false)]
    lane: Option<String>,
    /// Of clean: how old dead letters must be to go.
    #[schema(nullable = false)]
    older_than_secs: Option<u64>,
    /// Of retry and discard: one dead letter, or several by `ids`, or `all`, or those of a filter of company,
    /// eventName, kind, error, lane, startDate and endDate. One that is empty is refused. Ids of which none is a dead letter are 404.
    #[schema(nullable = false)]
    id: Option<String>,
    #[schema(nullable = false)]
    ids: Option<Vec<String>>,
    #[schema(nullable = false)]
    all: Option<bool>,
    #[schema(nullable = false)]
    company: Option<String>,
    #[schema(nullable = false)]
    event_name: Option<String>,
    /// `failed` or `unreadable`.
    #[schema(nullable = false)]
    kind: Option<String>,
    #[schema(nullable = false)]
    error: Option<String>,
    #[schema(nullable = false)]
    start_date: Option<String>,
    #[schema(nullable = false)]
    end_date: Option<String>,
}

/// The queue's counts.
#[derive(ToSchema)]
#[allow(dead_code, reason = "it describes what `counts` makes")]
pub(crate) struct QueueAnswer {
    success: bool,
    /// What was done.
    #[schema(nullable = false)]
    action: Option<String>,
    /// How many dead letters it was done to.
    #[schema(nullable = false)]
    count: Option<u64>,
    /// Of `ids`, those that are no dead letters.
    #[schema(nullable = false)]
    missing: Option<Vec<String>>,
    /// For an administrator: waiting, active, completed, failed, delayed, total, dead, accepted, duplicates, dropped, oldestWaitingMs, paused,
    /// workers, and by lane. For a company: dead (its own, up to 1,000 and deadIsExact), paused, isWorking.
    #[schema(value_type = Object)]
    queue: Value,
    timestamp: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NoMore {}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OfLane {
    lane: Option<queue::Lane>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Clean {
    older_than_secs: Option<u64>,
}

/// Which dead letters: by id, all, or those of a filter.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Which {
    id: Option<String>,
    ids: Vec<String>,
    all: bool,
    /// The fields of [`OfCompany`] and [`DeadLetterQuery`].
    #[serde(flatten)]
    filter: Map<String, Value>,
}

impl Which {
    fn ids(&self) -> Vec<String> {
        self.ids.iter().chain(&self.id).cloned().collect()
    }
}

/// Count the queue. Needs `manage:queue`.
#[utoipa::path(get, path = "/api/webhooks/queue", tag = "queue",
    responses((status = 200, body = QueueAnswer, description = "The counts"), problems::Known))]
pub(crate) async fn show(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let scope = auth::caller(&api, &request, PERMISSION).await?.scope();
    let stats = api.queue.stats().await.map_err(|e| queue_failed(&e))?;
    if scope != Scope::All {
        let counts = counts_of_company(&api, scope, &stats).await?;
        return Ok(
            HttpResponse::Ok().json(json!({"success": true, "queue": counts, "processing": "async", "timestamp": timestamp()}))
        );
    }
    let mut recent = api.queue.recent().await.map_err(|e| queue_failed(&e))?;
    recent.truncate(RECENT);
    let mut counts = counts(&stats);
    if let Some(fields) = counts.as_object_mut() {
        fields.insert("recent".to_owned(), json!(recent));
    }
    Ok(HttpResponse::Ok().json(json!({"success": true, "queue": counts, "processing": "async", "timestamp": timestamp()})))
}

/// Pause, resume or clean the queue, re-drive or discard dead letters. Needs `manage:queue`; what
/// concerns all companies, an administrator.
#[utoipa::path(post, path = "/api/webhooks/queue", tag = "queue", request_body = ActionDocument,
    responses((status = 200, body = QueueAnswer, description = "Done; the counts after it"), problems::ShowChange))]
pub(crate) async fn act(api: web::Data<Api>, request: HttpRequest, body: web::Payload) -> Result<HttpResponse, Problem> {
    let caller = auth::caller(&api, &request, PERMISSION).await?;
    let scope = caller.scope();
    let value: Value = body::json(body).await?;
    let name = value.get("action").and_then(Value::as_str).unwrap_or_default().to_owned();
    let asked = value.to_string();
    if ["retry", "discard"].contains(&name.as_str())
        && let Some(field) = blank_field(&value)
    {
        let detail = format!("{field} must not be empty: leave it out, or say which dead letters");
        return Err(Problem::parameter(field, detail));
    }
    let action: Action = serde_json::from_value(value).map_err(|e| Problem::parameter("action", e.to_string()))?;
    let queue = &api.queue;
    let mut missing = Vec::new();
    let done = match action {
        Action::Stats(_) => Ok(None),
        Action::Retry(which) => change(&api, scope, &which, true, &mut missing).await?.map(Some),
        Action::Discard(which) => change(&api, scope, &which, false, &mut missing).await?.map(Some),
        Action::Pause(_) | Action::Resume(_) | Action::Clean(_) if scope != Scope::All => {
            return Err(Problem::new(ProblemKind::Forbidden, "the queue serves all companies; a company's token cannot do this"));
        }
        Action::Pause(OfLane { lane }) => queue.pause(lane).await.map(|()| None),
        Action::Resume(OfLane { lane }) => queue.resume(lane).await.map(|()| None),
        Action::Clean(Clean { older_than_secs }) => {
            queue.clean(Duration::from_secs(older_than_secs.unwrap_or(CLEAN_AGE_SECS))).await.map(Some)
        }
    };
    let count = done.map_err(|e| queue_failed(&e))?;
    if name != "stats" {
        let author = Author::of(&api, &request, &caller);
        let noted = author.note_alone(&api, &format!("queue.{name}"), &json!({"asked": asked, "count": count})).await;
        // The queue goes on without its database, and so does its management; the log has it all the same.
        if let Err(problem) = noted {
            tracing::error!(%problem, actor = caller.actor, action = name, "done, but not noted in the audit log");
        }
    }
    let stats = queue.stats().await.map_err(|e| queue_failed(&e))?;
    let counts = if scope == Scope::All { counts(&stats) } else { counts_of_company(&api, scope, &stats).await? };
    let mut answer = json!({"success": true, "action": name, "queue": counts, "timestamp": timestamp()});
    if let (Some(count), Some(fields)) = (count, answer.as_object_mut()) {
        fields.insert("count".to_owned(), count.into());
        if !missing.is_empty() {
            fields.insert("missing".to_owned(), json!(missing));
        }
    }
    Ok(HttpResponse::Ok().json(answer))
}

/// A field that says nothing. Whoever sends one meant to choose some: it must not choose all.
fn blank_field(value: &Value) -> Option<String> {
    fn is_blank(value: &Value) -> bool {
        match value {
            Value::Null => true,
            Value::String(text) => text.trim().is_empty(),
            Value::Array(items) => items.is_empty() || items.iter().any(is_blank),
            _ => false,
        }
    }
    value.as_object()?.iter().find(|(_, value)| is_blank(value)).map(|(name, _)| name.clone())
}

/// Re-drives or discards the dead letters that are meant, of one company if the token is one's. Ids that are none of them are added
/// to `missing`; where all are, that is the problem.
async fn change(
    api: &Api,
    scope: Scope,
    which: &Which,
    redrive: bool,
    missing: &mut Vec<String>,
) -> Result<Result<u64, queue::Error>, Problem> {
    let ids = which.ids();
    let is_filtered = which.filter.values().any(|value| !value.is_null());
    let ways = usize::from(!ids.is_empty()) + usize::from(which.all) + usize::from(is_filtered);
    if ways != 1 || ids.len() > IDS {
        return Err(Problem::parameter(
            "id",
            format!(
                "say which: id, ids (up to {IDS}), all, or a filter of company, eventName, kind, error, lane, startDate, endDate"
            ),
        ));
    }
    let known = [OfCompany::into_params(|| None), DeadLetterQuery::into_params(|| None)].concat();
    queries::check_fields(known, which.filter.keys())?;
    let company = query::of_fields::<OfCompany>(which.filter.clone().into_iter())?;
    let filter = filter(api, company, query::of_fields(which.filter.clone().into_iter())?, scope).await?;
    if ids.is_empty() {
        let matches = |letter: &queue::DeadLetter| filter.matches(letter);
        return Ok(if redrive {
            reinterpret::redrive_matching(&api.queue, api.vault.as_deref(), &filter.query, matches).await
        } else {
            api.queue.discard_matching(&filter.query, matches).await
        });
    }
    // Another company's letter is answered like one that does not exist.
    let is_own = |letter: &queue::DeadLetter| scope == Scope::All || filter.matches(letter);
    let sought = dead_letters::sought(&api.queue, &ids, is_own).await;
    let Sought { there, missing: others } = sought.map_err(|e| queue_failed(&e))?;
    if there.is_empty() {
        return Err(query::not_found("dead letter"));
    }
    *missing = others;
    Ok(if redrive {
        reinterpret::redrive(&api.queue, api.vault.as_deref(), &there).await
    } else {
        api.queue.discard(&there).await
    })
}

/// The contract's `queue`.
fn counts(stats: &Stats) -> Value {
    json!({
        "waiting": stats.waiting, "active": stats.active, "completed": stats.completed, "failed": stats.failed,
        "delayed": stats.delayed, "total": stats.total, "dead": stats.dead, "accepted": stats.accepted,
        "duplicates": stats.duplicates, "dropped": stats.dropped, "oldestWaitingMs": stats.oldest_waiting_ms,
        "paused": stats.paused, "workers": stats.workers,
        "lanes": {"payments": stats.payments, "others": stats.others},
    })
}

/// Dead letters of a company that are counted at most.
const COUNTED: usize = 1000;

/// What a company sees: whether the queue works, and its own dead letters. All others' figures are the platform's volume.
async fn counts_of_company(api: &Api, scope: Scope, stats: &Stats) -> Result<Value, Problem> {
    let mut filter = filter_of(scope);
    filter.query.limit = COUNTED;
    let page = api.queue.dead_letters(&filter.query, |letter| filter.matches(letter)).await.map_err(|e| queue_failed(&e))?;
    Ok(json!({
        "dead": page.letters.len(), "deadIsExact": page.next.is_none(), "paused": stats.paused, "isWorking": stats.workers > 0,
        "lanes": {"payments": {"paused": stats.payments.paused}, "others": {"paused": stats.others.paused}},
    }))
}

pub(super) fn queue_failed(error: &queue::Error) -> Problem {
    tracing::warn!(%error, "the queue did not answer");
    Problem::new(ProblemKind::Unavailable, "the queue is not available")
}
