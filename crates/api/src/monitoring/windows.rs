//! How fast it is: times and rates over sliding windows.

use serde::Serialize;
use shared_stats::{Figures, Histogram, Window};
use utoipa::ToSchema;

use crate::http::cached;

/// How fast it is, all replicas together, over sliding windows.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Performance {
    pub last_minute: WindowFigures,
    pub last_five_minutes: WindowFigures,
    pub last_hour: WindowFigures,
}

/// Times from the request to the answer of a webhook, of a job's wait in the queue, of a batch, of its
/// write, and of an answer of the API.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WindowFigures {
    pub accept_ms: Percentiles,
    pub queue_wait_ms: Percentiles,
    pub batch_ms: Percentiles,
    pub persist_ms: Percentiles,
    pub response_ms: Percentiles,
    pub throughput: Throughput,
}

/// By second.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Throughput {
    pub accepted: f64,
    pub duplicates: f64,
    pub refused: f64,
    pub processed: f64,
    pub failed: f64,
    pub responses: f64,
}

/// Times in milliseconds; null before there was one.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Percentiles {
    pub p50: Option<f64>,
    pub p95: Option<f64>,
    pub p99: Option<f64>,
}

/// A part of all; none of nothing.
pub(super) fn share(part: u64, all: u64) -> Option<f64> {
    (all > 0).then(|| part as f64 / all as f64)
}

/// Hits and stale answers of these endpoints' caches, and all answers.
pub(super) fn answers(figures: &Figures, endpoints: impl Iterator<Item = impl AsRef<str>>) -> (u64, u64) {
    endpoints.fold((0, 0), |(found, all), endpoint| {
        let count = |what: &str| figures.count(&format!("cache.{what}:{}", endpoint.as_ref()));
        let own = count("hit") + count("stale");
        (found + own, all + own + count("miss"))
    })
}

/// The same of all cached endpoints.
pub(super) fn all_answers(figures: &Figures) -> (u64, u64) {
    answers(figures, cached::ROUTES.iter().map(|route| route.endpoint()))
}

impl WindowFigures {
    pub fn of(figures: &Figures, window: Window) -> Self {
        let mut responses = Histogram::default();
        for route in cached::ROUTES {
            for what in ["hit", "stale", "miss", "error"] {
                responses.merge(&figures.time(&format!("cache.{what}:{}", route.endpoint())));
            }
        }
        let rate = |count: u64| count as f64 / window.length().as_secs_f64();
        Self {
            accept_ms: Percentiles::of(&figures.time("accept")),
            queue_wait_ms: Percentiles::of(&figures.time("queue.wait")),
            batch_ms: Percentiles::of(&figures.time("batch")),
            persist_ms: Percentiles::of(&figures.time("persist")),
            throughput: Throughput {
                accepted: rate(figures.count("webhook.accepted")),
                duplicates: rate(figures.count("webhook.duplicate")),
                refused: rate(figures.count("webhook.refused")),
                processed: rate(figures.count("job.done")),
                failed: rate(figures.count("job.failed")),
                responses: rate(responses.count()),
            },
            response_ms: Percentiles::of(&responses),
        }
    }
}

impl Percentiles {
    pub fn of(times: &Histogram) -> Self {
        Self { p50: times.percentile_ms(0.5), p95: times.percentile_ms(0.95), p99: times.percentile_ms(0.99) }
    }
}
