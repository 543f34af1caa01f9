//! How the platform was: a sample of each minute of the last day, so that charts need no Prometheus.
//!
//! In the cache's Redis an hour is a hash of its minutes, which goes a day after its end. Each replica offers its sample of a minute
//! and the first one stays: the figures are of all replicas anyway.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use clock::now_ms;
use http_service::{Problem, ProblemKind, uncached};
use redis_client::fred::{
    clients::Client,
    error::Error as RedisError,
    interfaces::{HashesInterface, KeysInterface},
};
use serde::{Deserialize, Serialize};
use shared_stats::Window;
use store::shown::time;
use utoipa::{IntoParams, ToSchema};

use super::{
    snapshot::{Snapshot, within},
    windows::{WindowFigures, all_answers, share},
};
use crate::{
    Api, auth,
    http::{
        openapi::problems,
        query::{self, value::Number},
    },
    reads::views::Success,
};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
/// Hours that are kept.
const KEPT: i64 = 24;

/// One minute. Null: it could not be measured, or nothing happened that could be.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Sample {
    /// When it was measured, RFC 3339: rates and times are of the minute before.
    at: Option<String>,
    /// Webhooks accepted, by second.
    accepted: Option<f64>,
    /// Webhooks refused, by second.
    refused: Option<f64>,
    /// Jobs stored, by second.
    processed: Option<f64>,
    /// Attempts that failed, by second.
    failed: Option<f64>,
    /// Answers of the API, by second.
    responses: Option<f64>,
    /// Jobs that waited then.
    waiting: Option<i64>,
    /// How long the oldest of them had waited, in milliseconds.
    oldest_waiting_ms: Option<i64>,
    /// Dead letters then.
    dead: Option<i64>,
    /// Workers that lived then.
    workers: Option<i64>,
    /// From the request to the answer of a webhook, 95 of 100, in milliseconds.
    accept_ms: Option<f64>,
    /// A job's wait in the queue, 95 of 100, in milliseconds.
    queue_wait_ms: Option<f64>,
    /// An answer of the API, 95 of 100, in milliseconds.
    response_ms: Option<f64>,
    /// Hits and stale answers among all cached answers.
    hit_rate: Option<f64>,
    /// Share of its memory that the queue's Redis used.
    memory_used: Option<f64>,
}

impl Sample {
    /// What `snapshot` found at `at_ms`.
    fn of(snapshot: &Snapshot, at_ms: i64) -> Self {
        let queue = snapshot.queue.as_ref();
        let measured = Self {
            at: time(at_ms),
            waiting: queue.map(|queue| queue.waiting),
            oldest_waiting_ms: queue.map(|queue| queue.oldest_waiting_ms),
            dead: queue.map(|queue| queue.dead),
            workers: queue.map(|queue| queue.workers),
            memory_used: snapshot.redis.as_ref().and_then(|redis| redis.memory),
            ..Self::default()
        };
        let Some([minute, ..]) = &snapshot.figures else { return measured };
        let WindowFigures { accept_ms, queue_wait_ms, response_ms, throughput, .. } = WindowFigures::of(minute, Window::Minute);
        let (found, all) = all_answers(minute);
        Self {
            accepted: Some(throughput.accepted),
            refused: Some(throughput.refused),
            processed: Some(throughput.processed),
            failed: Some(throughput.failed),
            responses: Some(throughput.responses),
            accept_ms: accept_ms.p95,
            queue_wait_ms: queue_wait_ms.p95,
            response_ms: response_ms.p95,
            hit_rate: share(found, all),
            ..measured
        }
    }
}

/// The samples of the last day.
#[derive(Debug, Clone)]
pub(crate) struct History {
    client: Client,
    key: Arc<str>,
}

impl History {
    pub fn new(client: Client, prefix: &str) -> Self {
        Self { client, key: format!("{{{prefix}:history}}").into() }
    }

    fn hour(&self, hour: i64) -> String {
        format!("{}:{hour}", self.key)
    }

    /// Offers what was found as the sample of this minute, unless this process did already: `last` is the minute of the last one.
    pub async fn offer(&self, snapshot: &Snapshot, last: &mut i64) {
        let now = now_ms();
        let minute = now.div_euclid(MINUTE_MS);
        if minute == *last {
            return;
        }
        *last = minute;
        let Ok(text) = serde_json::to_string(&Sample::of(snapshot, now)) else { return };
        let noted = within(async { self.note(now, text).await.ok() }).await;
        if noted.is_none() {
            tracing::debug!("a minute of the history is missing: the cache's Redis is away");
        }
    }

    async fn note(&self, at: i64, text: String) -> Result<(), RedisError> {
        let (hour, minute) = (at.div_euclid(HOUR_MS), at.rem_euclid(HOUR_MS) / MINUTE_MS);
        let key = self.hour(hour);
        let is_first: bool = self.client.hsetnx(&key, minute, text).await?;
        if is_first {
            // The key exists whether or not this call succeeds; the next minute's sets it again.
            let _: bool = self.client.expire(&key, (KEPT + 1) * HOUR_MS / 1000, None).await?;
        }
        Ok(())
    }

    /// The samples of the last `hours`, the oldest first.
    async fn last(&self, hours: i64) -> Result<Vec<Sample>, RedisError> {
        let now = now_ms();
        let (since, this) = (now - hours * HOUR_MS, now.div_euclid(HOUR_MS));
        let pipeline = self.client.pipeline();
        for hour in this - hours..=this {
            let () = pipeline.hgetall(self.hour(hour)).await?;
        }
        let found: Vec<std::collections::HashMap<i64, String>> = pipeline.all().await?;
        let mut samples: Vec<(i64, Sample)> = Vec::new();
        for (hour, minutes) in (this - hours..=this).zip(found) {
            for (minute, text) in minutes {
                let begins = hour * HOUR_MS + minute * MINUTE_MS;
                // One that another version wrote in another form is left out.
                if let Ok(sample) = serde_json::from_str(&text)
                    && begins >= since
                {
                    samples.push((begins, sample));
                }
            }
        }
        samples.sort_unstable_by_key(|(begins, _)| *begins);
        Ok(samples.into_iter().map(|(_, sample)| sample).collect())
    }
}

/// How far back.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(crate) struct HistoryQuery {
    /// Hours.
    #[param(inline)]
    hours: Number<6, 1, 24>,
}

/// What was measured each minute.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Minutes {
    /// The oldest first. A minute that no replica measured is missing.
    samples: Vec<Sample>,
}

/// Show how the platform was, minute by minute. For administrators.
#[utoipa::path(get, path = "/api/performance/history", tag = "monitoring", params(HistoryQuery),
    responses((status = 200, body = Success<Minutes>, description = "Up to a day of minutes"), problems::List))]
pub(crate) async fn show(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    auth::caller(&api, &request, "admin").await?;
    let HistoryQuery { hours: Number(hours) } = query::read(&request)?;
    let samples = within(async { api.history.last(hours as i64).await.ok() }).await;
    let away = || Problem::new(ProblemKind::Unavailable, "the history is in the cache's Redis, which is away");
    Ok(uncached(HttpResponse::Ok(), Minutes { samples: samples.ok_or_else(away)? }))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_measured_is_null_and_not_zero() {
        let sample = Sample::of(&Snapshot::default(), 0);
        assert_eq!(sample, Sample { at: time(0), ..Sample::default() });
        let text = serde_json::to_string(&sample).unwrap();
        assert!(text.contains(r#""waiting":null"#), "{text}");
    }

    #[test]
    fn a_sample_of_another_version_is_read_as_far_as_it_goes() {
        let sample: Sample = serde_json::from_str(r#"{"at":"2026-01-01T00:00:00.000Z","waiting":7,"later":1}"#).unwrap();
        assert_eq!((sample.waiting, sample.accepted), (Some(7), None));
    }
}
