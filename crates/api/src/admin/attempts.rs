//! `/api/v1/endpoints/{id}/…`: what was told, and telling it again.

use std::str::FromStr;

use actix_web::{HttpRequest, HttpResponse, web};
use http_service::{Problem, ProblemKind, uncached};
use serde::{Deserialize, Serialize};
use store::shown::time;
use store::{
    entity::endpoint,
    outbound::{
        ACCOUNT_UPDATED, DELIVERED, ENABLED, ENDPOINT_TEST, FAILED, RECONCILIATION_DIFFERENCE, TRANSACTION_CREATED,
        TRANSACTION_UPDATED, WEBHOOK_UNREADABLE,
        attempts::{self, Told, Wanted},
        resend,
    },
};
use utoipa::{
    IntoParams, ToSchema,
    openapi::{ObjectBuilder, Type},
};
use uuid::Uuid;

use crate::{
    Api,
    admin::{
        audit::PERMISSION,
        endpoints::{known, note},
    },
    auth, begin, commit,
    http::{
        body,
        openapi::problems,
        query::{
            self, Day,
            choice::{Named, names},
            page::After,
            value::{Bad, form},
        },
    },
    query_failed,
    reads::views::Success,
};

/// A try to deliver a message.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Attempt {
    id: Uuid,
    /// `webhook-id`.
    message_id: Uuid,
    /// What the message tells of; null: it is not kept any more.
    event_type: Option<String>,
    /// 1 for the first; begins again when the message is sent again.
    number: i64,
    at: Option<String>,
    /// delivered: it was answered 2xx; else failed.
    state: String,
    /// The status of the answer; null: none came.
    status: Option<i64>,
    /// Why no answer came.
    error: Option<String>,
    /// How long it took, in milliseconds.
    duration_ms: i64,
    /// Bytes of the answer, as far as they were read.
    size: i64,
    /// The beginning of the answer.
    excerpt: Option<String>,
}

impl From<Told> for Attempt {
    fn from(Told { attempt: row, event_type }: Told) -> Self {
        Self {
            id: row.id,
            message_id: row.message_id,
            event_type,
            number: row.number,
            at: time(row.at),
            state: row.state,
            status: row.status,
            error: row.error,
            duration_ms: row.duration_ms,
            size: row.size,
            excerpt: row.excerpt,
        }
    }
}

/// A page of attempts.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Attempts {
    attempts: Vec<Attempt>,
    /// Goes on behind this page; null at the end.
    next_cursor: Option<String>,
}

/// What is to be sent again: one of the three.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Resend {
    /// This message.
    message_id: Option<Uuid>,
    /// All messages made since then that were given up. A date (`2025-01-31`) or a time (`2025-01-31T12:00:00Z`).
    failed_since: Option<String>,
    /// All messages that the endpoint wants made from then on, delivered or not; needs `until`. A date or a time.
    from: Option<String>,
    /// Before then. A date or a time.
    until: Option<String>,
}

/// What was sent again.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Resent {
    /// How many messages are on their way now; a range may hold 100,000 at most, the oldest.
    messages: u64,
}

names! {
    /// What came of an attempt.
    AttemptState { Delivered = DELIVERED, Failed = FAILED }
}

names! {
    /// What a message tells of.
    EventType {
        TransactionCreated = TRANSACTION_CREATED,
        TransactionUpdated = TRANSACTION_UPDATED,
        AccountUpdated = ACCOUNT_UPDATED,
        WebhookUnreadable = WEBHOOK_UNREADABLE,
        ReconciliationDifference = RECONCILIATION_DIFFERENCE,
        EndpointTest = ENDPOINT_TEST,
    }
}

/// A status of HTTP.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AnswerStatus(i64);

impl FromStr for AnswerStatus {
    type Err = Bad;

    fn from_str(text: &str) -> Result<Self, Bad> {
        let status = text.parse().ok().filter(|status| (100..600).contains(status));
        status.map(Self).ok_or_else(|| Bad("must be a status of HTTP, from 100 to 599".to_owned()))
    }
}

form!(AnswerStatus, ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(100)).maximum(Some(599)));

/// Which attempts are asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct AttemptQuery {
    /// Both unless one is asked for.
    #[param(inline)]
    state: Option<AttemptState>,
    /// That the endpoint answered.
    #[param(inline)]
    status: Option<AnswerStatus>,
    /// Of messages of that type.
    #[param(inline)]
    event_type: Option<EventType>,
    /// Begun then or later. A date (`2025-01-31`) or a time (`2025-01-31T12:00:00Z`).
    #[param(inline)]
    from: Option<Day>,
    /// Begun before then. A date (`2025-01-31`) or a time (`2025-01-31T12:00:00Z`).
    #[param(inline)]
    until: Option<Day>,
}

impl AttemptQuery {
    fn wanted(&self) -> Result<Wanted<'static>, Problem> {
        let (from_ms, until_ms) = (self.from.map(Day::start_ms), self.until.map(Day::start_ms));
        if from_ms.zip(until_ms).is_some_and(|(from, until)| from >= until) {
            return Err(Problem::parameter("until", "until must be after from"));
        }
        Ok(Wanted {
            state: self.state.map(Named::name),
            status: self.status.map(|AnswerStatus(status)| status),
            event_type: self.event_type.map(Named::name),
            from_ms,
            until_ms,
        })
    }
}

/// A test that is on its way.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TestMessage {
    /// Its attempts tell what came of it.
    message_id: Uuid,
}

/// List the attempts of an endpoint, the latest first. Needs `manage:secrets`. They are kept for 30 days.
///
/// One page looks through 10,000 attempts at most: where what is asked for is rare among them it may hold fewer than `limit`, even
/// none, and still have a `nextCursor`.
#[utoipa::path(get, path = "/api/v1/endpoints/{id}/attempts", tag = "endpoints", params(query::Id, After, AttemptQuery),
    responses((status = 200, body = Success<Attempts>, description = "A page"), problems::Show))]
pub(crate) async fn list(api: web::Data<Api>, request: HttpRequest, path: web::Path<String>) -> Result<HttpResponse, Problem> {
    let scope = auth::caller(&api, &request, PERMISSION).await?.scope();
    let row = known(&api, scope, query::id(&path)?).await?;
    let (page, asked) = (query::read::<After>(&request)?, query::read::<AttemptQuery>(&request)?);
    let found = attempts::list(&api.db, &row, asked.wanted()?, page.id(), page.limit()).await.map_err(|e| query_failed(&e))?;
    let next_cursor = found.next.map(|id| id.to_string());
    let page = Attempts { attempts: found.attempts.into_iter().map(Into::into).collect(), next_cursor };
    Ok(uncached(HttpResponse::Ok(), page))
}

/// Send messages again, or to a new endpoint for the first time. Needs `manage:secrets`.
///
/// Messages are kept for 30 days, and were made where an endpoint of the company wanted them then.
#[utoipa::path(post, path = "/api/v1/endpoints/{id}/resend", tag = "endpoints", params(query::Id), request_body = Resend,
    responses((status = 202, body = Success<Resent>, description = "On their way"), problems::ShowChange))]
pub(crate) async fn send_again(
    api: web::Data<Api>,
    request: HttpRequest,
    path: web::Path<String>,
    body: web::Payload,
) -> Result<HttpResponse, Problem> {
    let caller = auth::caller(&api, &request, PERMISSION).await?;
    let row = known(&api, caller.scope(), query::id(&path)?).await?;
    let which = Which::of(body::json(body).await?)?;
    let tx = begin(&api).await?;
    let resent = match which {
        Which::One(message) => resend::one(&tx, &row, message).await.map(u64::from),
        Which::FailedSince(since) => resend::failed_since(&tx, &row, since).await,
        Which::Range(from, until) => resend::range(&tx, &row, from, until).await,
    };
    let messages = resent.map_err(|e| query_failed(&e))?;
    if messages == 0 && matches!(which, Which::One(_)) {
        return Err(Problem::parameter("messageId", "there is no such message"));
    }
    note(&api, &request, &caller, &tx, "endpoint.resend", &row).await?;
    commit(tx).await?;
    Ok(uncached(HttpResponse::Accepted(), Resent { messages }))
}

/// Send a test message to an endpoint. Needs `manage:secrets`.
#[utoipa::path(post, path = "/api/v1/endpoints/{id}/test", tag = "endpoints", params(query::Id),
    responses((status = 202, body = Success<TestMessage>, description = "On its way"), problems::ShowChange))]
pub(crate) async fn test(api: web::Data<Api>, request: HttpRequest, path: web::Path<String>) -> Result<HttpResponse, Problem> {
    let caller = auth::caller(&api, &request, PERMISSION).await?;
    let row = known(&api, caller.scope(), query::id(&path)?).await?;
    if !is_enabled(&row) {
        return Err(Problem::new(ProblemKind::Conflict, "the endpoint is disabled: enable it first"));
    }
    api.tests.take(row.id)?;
    let tx = begin(&api).await?;
    let message_id = resend::test(&tx, &row).await.map_err(|e| query_failed(&e))?;
    note(&api, &request, &caller, &tx, "endpoint.test", &row).await?;
    commit(tx).await?;
    Ok(uncached(HttpResponse::Accepted(), TestMessage { message_id }))
}

fn is_enabled(row: &endpoint::Model) -> bool {
    row.state == ENABLED
}

/// What a resend asks for.
#[derive(Debug, Clone, Copy)]
enum Which {
    One(Uuid),
    FailedSince(i64),
    Range(i64, i64),
}

impl Which {
    fn of(asked: Resend) -> Result<Self, Problem> {
        match (asked.message_id, asked.failed_since, asked.from, asked.until) {
            (Some(message), None, None, None) => Ok(Self::One(message)),
            (None, Some(since), None, None) => Ok(Self::FailedSince(moment("failedSince", &since)?)),
            (None, None, Some(from), Some(until)) => {
                let (from, until) = (moment("from", &from)?, moment("until", &until)?);
                if from >= until {
                    return Err(Problem::parameter("until", "until must be after from"));
                }
                Ok(Self::Range(from, until))
            }
            _ => Err(Problem::parameter("messageId", "give messageId, or failedSince, or from and until")),
        }
    }
}

fn moment(name: &'static str, text: &str) -> Result<i64, Problem> {
    let day: Result<Day, Bad> = text.trim().parse();
    day.map(Day::start_ms).map_err(|bad| Problem::parameter(name, format!("{name} {bad}")))
}
