//! What an alert channel was told, a test of it, and the rules of a company's own alerts.

use actix_web::{HttpRequest, HttpResponse, web};
use http_service::{Problem, ProblemKind, uncached};
use notify::Digest;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{
    Scope,
    alerting::{notices, rules},
    entity::{alert_notice, alert_rule},
    shown::time,
};
use utoipa::ToSchema;
use uuid::Uuid;

use super::alert_channels::{known, opened};
use crate::{
    Api,
    admin::{
        audit::{Author, PERMISSION},
        users::{no_company, one_company, owner},
    },
    alerting::whose,
    auth, begin, commit,
    http::{
        body,
        openapi::problems,
        query::{self, OfCompany},
    },
    query_failed,
    reads::views::Success,
};

/// What a channel was told of an alert.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AlertNotice {
    id: Uuid,
    /// Its name, and after a colon what it is about.
    alert: String,
    severity: String,
    message: String,
    began_at: Option<String>,
    /// When its beginning was told; null: not yet.
    told_at: Option<String>,
    /// When it was told again.
    reminded_at: Option<String>,
    /// When it was over; null: it stands.
    ended_at: Option<String>,
    /// When nothing of it was left to be told.
    closed_at: Option<String>,
    /// Failed tries of what is to be told now.
    attempts: i64,
    /// Why the last one failed.
    error: Option<String>,
}

impl From<alert_notice::Model> for AlertNotice {
    fn from(row: alert_notice::Model) -> Self {
        Self {
            id: row.id,
            alert: row.alert,
            severity: row.severity,
            message: row.message,
            began_at: time(row.began_at),
            told_at: row.told_at.and_then(time),
            reminded_at: row.reminded_at.and_then(time),
            ended_at: row.ended_at.and_then(time),
            closed_at: row.closed_at.and_then(time),
            attempts: row.attempts,
            error: row.error,
        }
    }
}

/// What a channel was told.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AlertNotices {
    notices: Vec<AlertNotice>,
}

/// What came of a test.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AlertChannelTest {
    /// Whether the other end took it.
    delivered: bool,
    /// Its HTTP status, if it gave one.
    status: Option<u16>,
    /// What it said, or why nothing arrived there.
    detail: String,
}

/// From when on something is wrong with a company's business; 0 switches a rule off.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AlertRules {
    company_id: Uuid,
    /// `failure-rate`: so many of a hundred decided transactions of the last hour failed, or more.
    failure_percent: i64,
    /// Fewer transactions in that hour say nothing.
    failure_attempts: i64,
    /// `chargebacks`: so many within a day.
    chargebacks: i64,
    /// `silence`: so many hours without a webhook, where the two weeks before had some in the same hours.
    silence_hours: i64,
    /// `endpoint-failing`: an endpoint has failed for so many minutes, or was disabled for it.
    endpoint_minutes: i64,
    /// `late-webhooks`: more than 5 of a hundred of the last hour's webhooks took longer than so many minutes from Netbanx's time to
    /// their receipt, of 20 at least that tell a time.
    late_minutes: i64,
    /// `redeliveries`: so many of a hundred of the last hour's webhooks were redeliveries, or more, of 20 at least.
    redelivery_percent: i64,
    /// Null: these are the defaults.
    updated_at: Option<String>,
}

impl From<alert_rule::Model> for AlertRules {
    fn from(row: alert_rule::Model) -> Self {
        Self {
            company_id: row.company_id,
            failure_percent: row.failure_percent,
            failure_attempts: row.failure_attempts,
            chargebacks: row.chargebacks,
            silence_hours: row.silence_hours,
            endpoint_minutes: row.endpoint_minutes,
            late_minutes: row.late_minutes,
            redelivery_percent: row.redelivery_percent,
            updated_at: Some(row.updated_at).filter(|at| *at > 0).and_then(time),
        }
    }
}

/// What is to be changed of a company's rules; what is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AlertRulesChange {
    /// The company's slug; absent for one's own.
    company: Option<String>,
    /// 0 to 100.
    #[schema(nullable = false)]
    failure_percent: Option<i64>,
    /// 1 to 1,000,000.
    #[schema(nullable = false)]
    failure_attempts: Option<i64>,
    /// 0 to 1,000,000.
    #[schema(nullable = false)]
    chargebacks: Option<i64>,
    /// 0 to 72.
    #[schema(nullable = false)]
    silence_hours: Option<i64>,
    /// 0 to 10,080.
    #[schema(nullable = false)]
    endpoint_minutes: Option<i64>,
    /// 0 to 10,080.
    #[schema(nullable = false)]
    late_minutes: Option<i64>,
    /// 0 to 100.
    #[schema(nullable = false)]
    redelivery_percent: Option<i64>,
}

/// Show what an alert channel was told, the latest first. Needs `manage:secrets`.
#[utoipa::path(get, path = "/api/v1/alert-channels/{id}/notices", tag = "alerts", params(query::Id),
    responses((status = 200, body = Success<AlertNotices>, description = "The last 100"), problems::Show))]
pub(crate) async fn list(api: web::Data<Api>, request: HttpRequest, path: web::Path<String>) -> Result<HttpResponse, Problem> {
    let scope = auth::caller(&api, &request, PERMISSION).await?.scope();
    let row = known(&api, scope, query::id(&path)?).await?;
    let rows = notices::of_channel(&api.db, &row).await.map_err(|e| query_failed(&e))?;
    Ok(uncached(HttpResponse::Ok(), AlertNotices { notices: rows.into_iter().map(Into::into).collect() }))
}

/// Test an alert channel: send a message now and show what the other end said. Needs `manage:secrets`.
#[utoipa::path(post, path = "/api/v1/alert-channels/{id}/test", tag = "alerts", params(query::Id),
    responses((status = 200, body = Success<AlertChannelTest>, description = "What came of it"), problems::ShowChange))]
pub(crate) async fn test(api: web::Data<Api>, request: HttpRequest, path: web::Path<String>) -> Result<HttpResponse, Problem> {
    let caller = auth::caller(&api, &request, PERMISSION).await?;
    let row = known(&api, caller.scope(), query::id(&path)?).await?;
    let channel = opened(&api, &row)?;
    let whose = whose(&api.db, row.company_id).await;
    let digest = Digest::test(whose, Uuid::now_v7().to_string(), clock::now_ms());
    let Some(sender) = &api.notify else {
        return Err(Problem::new(ProblemKind::Unavailable, "alerts cannot be sent here; the log says why"));
    };
    api.tests.take(row.id)?;
    let outcome = Box::pin(sender.send(&channel, &digest)).await;
    let author = Author::of(&api, &request, &caller).about(common::CompanyId(row.company_id));
    author.note_alone(&api, "alert-channel.test", &json!({"channel": row.id, "delivered": outcome.is_delivered})).await?;
    let told = AlertChannelTest { delivered: outcome.is_delivered, status: outcome.status, detail: outcome.detail };
    Ok(uncached(HttpResponse::Ok(), told))
}

/// Show from when on something is wrong with a company's business. Needs `manage:secrets`.
#[utoipa::path(get, path = "/api/v1/alert-rules", tag = "alerts", params(OfCompany),
    responses((status = 200, body = Success<AlertRules>, description = "The company's rules"), problems::List))]
pub(crate) async fn show_rules(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let caller = auth::caller(&api, &request, PERMISSION).await?;
    let scope = OfCompany::scope(&api, &request, &caller).await?;
    if scope == Scope::All {
        return Err(no_company());
    }
    let row = rules::get(&api.db, owner(scope)).await.map_err(|e| query_failed(&e))?;
    Ok(uncached(HttpResponse::Ok(), AlertRules::from(row)))
}

/// Change from when on something is wrong with a company's business. Needs `manage:secrets`.
#[utoipa::path(patch, path = "/api/v1/alert-rules", tag = "alerts", request_body = AlertRulesChange,
    responses((status = 200, body = Success<AlertRules>, description = "As they are now"), problems::Change))]
pub(crate) async fn change_rules(api: web::Data<Api>, request: HttpRequest, body: web::Payload) -> Result<HttpResponse, Problem> {
    let caller = auth::caller(&api, &request, PERMISSION).await?;
    let asked: AlertRulesChange = body::changes(body, &["company"]).await?;
    let company = one_company(&api, &caller, asked.company.as_deref()).await?;
    let author = Author::of(&api, &request, &caller).about(company);
    let tx = begin(&api).await?;
    let mut row = rules::get(&tx, company).await.map_err(|e| query_failed(&e))?;
    for (name, value, own, bounds) in [
        ("failurePercent", asked.failure_percent, &mut row.failure_percent, 0..=100),
        ("failureAttempts", asked.failure_attempts, &mut row.failure_attempts, 1..=1_000_000),
        ("chargebacks", asked.chargebacks, &mut row.chargebacks, 0..=1_000_000),
        ("silenceHours", asked.silence_hours, &mut row.silence_hours, 0..=72),
        ("endpointMinutes", asked.endpoint_minutes, &mut row.endpoint_minutes, 0..=10_080),
        ("lateMinutes", asked.late_minutes, &mut row.late_minutes, 0..=10_080),
        ("redeliveryPercent", asked.redelivery_percent, &mut row.redelivery_percent, 0..=100),
    ] {
        if let Some(value) = value {
            if !bounds.contains(&value) {
                let detail = format!("{name} must be from {} to {}", bounds.start(), bounds.end());
                return Err(Problem::parameter(name, detail));
            }
            *own = value;
        }
    }
    let row = rules::set(&tx, row).await.map_err(|e| query_failed(&e))?;
    let told = json!({"failurePercent": row.failure_percent, "failureAttempts": row.failure_attempts,
        "chargebacks": row.chargebacks, "silenceHours": row.silence_hours, "endpointMinutes": row.endpoint_minutes,
        "lateMinutes": row.late_minutes, "redeliveryPercent": row.redelivery_percent});
    author.note(&tx, "alert-rules.change", &told).await?;
    commit(tx).await?;
    Ok(uncached(HttpResponse::Ok(), AlertRules::from(row)))
}
