//! `/api/webhooks/queue`: the queue's counts and what an operator does to it.

use std::time::Duration;

use ::web::{Problem, ProblemKind, success, timestamp};
use actix_web::{HttpRequest, HttpResponse, web};
use queue::Stats;
use serde::Deserialize;
use serde_json::{Value, json};
use store::reads::Scope;

use crate::{
    Api, auth,
    dead_letters::{self, Filter},
    params::Params,
};

const PERMISSION: &str = "manage:queue";
/// Longest body of an action, in bytes.
const BODY_LIMIT: usize = 64 * 1024;
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
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Which {
    id: Option<String>,
    ids: Vec<String>,
    all: bool,
    company: Option<String>,
    event_name: Option<String>,
    error: Option<String>,
    lane: Option<String>,
    start_date: Option<String>,
    end_date: Option<String>,
}

impl Which {
    fn ids(&self) -> Vec<String> {
        self.ids.iter().chain(&self.id).cloned().collect()
    }

    /// The filter's fields, read like those of the list.
    fn params(&self) -> Params {
        let fields = [
            ("company", &self.company),
            ("eventName", &self.event_name),
            ("error", &self.error),
            ("lane", &self.lane),
            ("startDate", &self.start_date),
            ("endDate", &self.end_date),
        ];
        Params::of(fields.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))))
    }
}

pub(crate) async fn show(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    auth::caller(&api, &request, PERMISSION).await?;
    let stats = api.queue.stats().await.map_err(|e| queue_failed(&e))?;
    let mut recent = api.queue.recent().await.map_err(|e| queue_failed(&e))?;
    recent.truncate(RECENT);
    let mut counts = counts(&stats);
    if let Some(fields) = counts.as_object_mut() {
        fields.insert("recent".to_owned(), json!(recent));
    }
    Ok(HttpResponse::Ok().json(json!({"success": true, "queue": counts, "processing": "async", "timestamp": timestamp()})))
}

pub(crate) async fn act(api: web::Data<Api>, request: HttpRequest, body: web::Payload) -> Result<HttpResponse, Problem> {
    let scope = auth::caller(&api, &request, PERMISSION).await?.scope();
    let body = body
        .to_bytes_limited(BODY_LIMIT)
        .await
        .map_err(|_| Problem::new(ProblemKind::TooLarge, "an action has 64 KiB at most"))?
        .map_err(|_| Problem::new(ProblemKind::BodyUnreadable, "the body ended early or is badly framed"))?;
    let value: Value = serde_json::from_slice(&body).map_err(|e| Problem::new(ProblemKind::NotJson, e.to_string()))?;
    let name = value.get("action").and_then(Value::as_str).unwrap_or_default().to_owned();
    let action: Action = serde_json::from_value(value).map_err(|e| Problem::parameter("action", e.to_string()))?;
    let queue = &api.queue;
    let done = match action {
        Action::Stats(_) => Ok(None),
        Action::Retry(which) => change(&api, scope, &which, true).await?.map(Some),
        Action::Discard(which) => change(&api, scope, &which, false).await?.map(Some),
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
    let stats = queue.stats().await.map_err(|e| queue_failed(&e))?;
    let mut answer = json!({"success": true, "action": name, "queue": counts(&stats), "timestamp": timestamp()});
    if let (Some(count), Some(fields)) = (count, answer.as_object_mut()) {
        fields.insert("count".to_owned(), count.into());
    }
    Ok(HttpResponse::Ok().json(answer))
}

/// Re-drives or discards the dead letters that are meant, of one company if the token is one's.
async fn change(api: &Api, scope: Scope, which: &Which, redrive: bool) -> Result<Result<u64, queue::Error>, Problem> {
    let (ids, params) = (which.ids(), which.params());
    let ways = usize::from(!ids.is_empty()) + usize::from(which.all) + usize::from(!params.is_empty());
    if ways != 1 || ids.len() > IDS {
        return Err(Problem::parameter(
            "id",
            format!("say which: id, ids (up to {IDS}), all, or a filter of company, eventName, error, lane, startDate, endDate"),
        ));
    }
    let filter = filter(api, &params, scope).await?;
    if ids.is_empty() {
        let matches = |letter: &queue::DeadLetter| filter.matches(letter);
        return Ok(if redrive {
            api.queue.redrive_matching(&filter.query, matches).await
        } else {
            api.queue.discard_matching(&filter.query, matches).await
        });
    }
    let mut own = Vec::with_capacity(ids.len());
    for id in ids {
        // Another company's letter is answered like one that does not exist.
        let foreign = scope != Scope::All && !find(api, &id).await?.is_some_and(|letter| filter.matches(&letter));
        if !foreign {
            own.push(id);
        }
    }
    Ok(if redrive { api.queue.redrive(&own).await } else { api.queue.discard(&own).await })
}

pub(crate) async fn dead(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let scope = auth::caller(&api, &request, PERMISSION).await?.scope();
    let params = Params::read(request.query_string())?;
    let mut filter = filter(&api, &params, scope).await?;
    filter.query.limit = params.number("limit", 20, 1, 100)? as usize;
    filter.query.after = match params.text("cursor")? {
        Some(text) => {
            Some(text.parse().map_err(|e: queue::dead::BadCursor| Problem::parameter("cursor", format!("cursor {e}")))?)
        }
        None => None,
    };
    let page = api.queue.dead_letters(&filter.query, |letter| filter.matches(letter)).await.map_err(|e| queue_failed(&e))?;
    let letters: Vec<Value> = page.letters.iter().map(|letter| dead_letters::view(letter, false)).collect();
    let next = page.next.map(|cursor| cursor.to_string());
    let pagination = json!({"limit": filter.query.limit, "nextCursor": next});
    Ok(HttpResponse::Ok().json(success(json!({"deadLetters": letters, "pagination": pagination}))))
}

pub(crate) async fn show_dead(api: web::Data<Api>, request: HttpRequest, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    let scope = auth::caller(&api, &request, PERMISSION).await?.scope();
    let filter = filter(&api, &Params::default(), scope).await?;
    let letter = find(&api, &id).await?.filter(|letter| filter.matches(letter));
    let letter = letter.ok_or_else(|| Problem::new(ProblemKind::NotFound, "there is no such dead letter"))?;
    Ok(HttpResponse::Ok().json(success(dead_letters::view(&letter, true))))
}

async fn find(api: &Api, id: &str) -> Result<Option<queue::DeadLetter>, Problem> {
    api.queue.dead_letter(id).await.map_err(|e| queue_failed(&e))
}

async fn filter(api: &Api, params: &Params, scope: Scope) -> Result<Filter, Problem> {
    let company = match auth::narrowed(scope, params.company(api, scope).await?)? {
        Scope::All => None,
        Scope::Company(id) => Some(id),
    };
    let mut filter = Filter { company, ..Filter::default() };
    if let Some(name) = params.text("eventName")? {
        filter.event_name(&name);
    }
    filter.error = params.text("error")?;
    filter.query.lane = params.one_of("lane", &["payments", "others"])?.and_then(dead_letters::lane);
    (filter.query.from_ms, filter.query.until_ms) = params.span()?;
    Ok(filter)
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

fn queue_failed(error: &queue::Error) -> Problem {
    tracing::warn!(%error, "the queue did not answer");
    Problem::new(ProblemKind::Unavailable, "the queue is not available")
}
