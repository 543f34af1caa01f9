//! How fast it is: times and rates over sliding windows, and the sample of a minute that is made of them.

use serde::Serialize;
use shared_stats::{Figures, Histogram, Window};
use utoipa::ToSchema;

use super::history::Sample;
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
    accept_ms: Percentiles,
    queue_wait_ms: Percentiles,
    batch_ms: Percentiles,
    persist_ms: Percentiles,
    response_ms: Percentiles,
    throughput: Throughput,
}

/// By second.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Throughput {
    accepted: f64,
    duplicates: f64,
    refused: f64,
    processed: f64,
    failed: f64,
    responses: f64,
}

/// Times in milliseconds; null before there was one.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Percentiles {
    p50: Option<f64>,
    p95: Option<f64>,
    p99: Option<f64>,
}

/// A part of all; none of nothing.
pub(super) fn share(part: u64, all: u64) -> Option<f64> {
    (all > 0).then(|| part as f64 / all as f64)
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

/// A minute's sample, as far as it is of shared figures.
pub(super) fn minute(figures: &Figures) -> Sample {
    let WindowFigures { accept_ms, queue_wait_ms, response_ms, throughput, .. } = WindowFigures::of(figures, Window::Minute);
    let cached =
        |what: &str| cached::ROUTES.iter().map(|route| figures.count(&format!("cache.{what}:{}", route.endpoint()))).sum::<u64>();
    let (found, missed) = (cached("hit") + cached("stale"), cached("miss"));
    Sample {
        accepted: Some(throughput.accepted),
        refused: Some(throughput.refused),
        processed: Some(throughput.processed),
        failed: Some(throughput.failed),
        responses: Some(throughput.responses),
        accept_ms: accept_ms.p95,
        queue_wait_ms: queue_wait_ms.p95,
        response_ms: response_ms.p95,
        hit_rate: share(found, found + missed),
        ..Sample::default()
    }
}

impl Percentiles {
    pub fn of(times: &Histogram) -> Self {
        Self { p50: times.percentile_ms(0.5), p95: times.percentile_ms(0.95), p99: times.percentile_ms(0.99) }
    }
}
