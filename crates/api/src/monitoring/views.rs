//! The answer of the status.

use std::collections::{BTreeMap, HashMap, HashSet};

use http_service::timestamp;
use serde::Serialize;
use shared_stats::{Figures, Window};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    alerts::{Alert, Severity, is_failing},
    snapshot::Snapshot,
    windows::{Percentiles, Performance, WindowFigures, answers, share},
};
use crate::{analytics::TimeRange, http::cached};

/// How the platform is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Status {
    success: bool,
    /// operational, degraded (a warning stands) or critical.
    status: &'static str,
    /// Whether all parts have answered at least once.
    initialized: bool,
    timestamp: String,
    systems: Systems,
    performance: Performance,
    alerts: Vec<Alert>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Systems {
    api: System,
    database: System,
    redis: RedisSystem,
    webhook_processing: WebhookProcessing,
    analytics_cache: AnalyticsCache,
    /// By endpoint, of the last five minutes.
    api_cache: Vec<CacheFigures>,
}

/// Whether a part answers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct System {
    /// healthy or away.
    health: &'static str,
}

/// The Redis of the queue, and that of the cache.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RedisSystem {
    /// healthy, or away if one of both is.
    health: &'static str,
    queue: &'static str,
    cache: &'static str,
    /// Share of its memory in use; null where it has no limit.
    memory_used: Option<f64>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WebhookProcessing {
    queue_stats: Option<QueueStats>,
    refusals: Refusals,
    /// healthy, stalled (no worker, or the queue is paused) or away.
    health: &'static str,
}

/// What ingress refused in the last five minutes.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Refusals {
    /// How many, by the name of their problem.
    by_reason: BTreeMap<String, u64>,
    /// Receivers whose webhooks failed to verify, the most failures first, at most fifty.
    by_receiver: Vec<ReceiverRefusals>,
}

/// Webhooks of one receiver in the last five minutes.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReceiverRefusals {
    endpoint: String,
    /// Null where the path names no company.
    company_id: Option<Uuid>,
    failed: u64,
    /// Counted once one has failed.
    verified: u64,
    /// Whether the alert `receiver-failing` rises for it.
    is_failing: bool,
}

/// Receivers that are shown.
const SHOWN: usize = 50;

fn refusals(five: &Figures, verified_before: &HashSet<String>) -> Refusals {
    let named = |prefix: &'static str| five.counts.iter().filter_map(move |(name, n)| Some((name.strip_prefix(prefix)?, *n)));
    let receiver = |(name, failed): (&str, u64)| {
        let (endpoint, company) = name.split_once(':')?;
        let verified = five.count(&format!("receiver.verified:{name}"));
        Some(ReceiverRefusals {
            endpoint: endpoint.to_owned(),
            company_id: company.parse().ok().filter(|id: &Uuid| !id.is_nil()),
            failed,
            verified,
            is_failing: is_failing(failed, verified, verified_before.contains(name)),
        })
    };
    let mut by_receiver: Vec<ReceiverRefusals> = named("receiver.failed:").filter_map(receiver).collect();
    by_receiver.sort_by_key(|receiver| std::cmp::Reverse(receiver.failed));
    by_receiver.truncate(SHOWN);
    Refusals { by_reason: named("refused:").map(|(reason, count)| (reason.to_owned(), count)).collect(), by_receiver }
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct QueueStats {
    waiting: i64,
    active: i64,
    completed: i64,
    failed: i64,
    delayed: i64,
    total: i64,
    dead: i64,
    paused: bool,
    workers: i64,
    oldest_waiting_ms: i64,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AnalyticsCache {
    cache_stats: AnalyticsCacheStats,
    /// healthy or away.
    health: &'static str,
}

/// Figures that are kept ready.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AnalyticsCacheStats {
    /// Answers that are kept ready, all ranges together.
    total_keys: u64,
    /// Hits and stale answers among all of the last five minutes; null before there was one.
    hit_rate: Option<f64>,
    /// Answers of each range: one for each company with traffic, and one for all.
    keys_by_time_range: HashMap<String, u64>,
}

/// What the response cache did for an endpoint.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CacheFigures {
    endpoint: &'static str,
    hits: u64,
    stale: u64,
    misses: u64,
    errors: u64,
    not_modified: u64,
    /// Hits and stale answers among all; null before there was one.
    hit_rate: Option<f64>,
    hit_ms: Percentiles,
    miss_ms: Percentiles,
}

fn health(answers: bool) -> &'static str {
    if answers { "healthy" } else { "away" }
}

impl Status {
    /// The answer of what was found.
    pub fn of(snapshot: &Snapshot, alerts: Vec<Alert>) -> Self {
        let (queue, cache) = (snapshot.queue.is_some(), snapshot.figures.is_some());
        let nothing: [Figures; 3] = Default::default();
        let figures = snapshot.figures.as_ref().unwrap_or(&nothing);
        let [minute, five, hour] = figures;
        Self {
            success: true,
            status: match alerts.iter().map(|alert| alert.severity).max() {
                Some(Severity::Critical) => "critical",
                Some(Severity::Warning) => "degraded",
                None => "operational",
            },
            initialized: snapshot.database && queue && cache,
            timestamp: timestamp(),
            systems: Systems {
                api: System { health: "healthy" },
                database: System { health: health(snapshot.database) },
                redis: RedisSystem {
                    health: health(queue && cache),
                    queue: health(queue),
                    cache: health(cache),
                    memory_used: snapshot.redis.as_ref().and_then(|redis| redis.memory),
                },
                webhook_processing: processing(snapshot.queue.as_ref(), refusals(five, &snapshot.verified)),
                analytics_cache: AnalyticsCache {
                    cache_stats: analytics_cache(five, snapshot.ready.clone()),
                    health: health(cache),
                },
                api_cache: cached::ROUTES.iter().map(|route| cache_figures(five, route.endpoint())).collect(),
            },
            performance: Performance {
                last_minute: WindowFigures::of(minute, Window::Minute),
                last_five_minutes: WindowFigures::of(five, Window::FiveMinutes),
                last_hour: WindowFigures::of(hour, Window::Hour),
            },
            alerts,
        }
    }
}

fn processing(queue: Option<&queue::Stats>, refusals: Refusals) -> WebhookProcessing {
    WebhookProcessing {
        refusals,
        health: match queue {
            None => "away",
            Some(queue) if queue.workers == 0 || queue.paused => "stalled",
            Some(_) => "healthy",
        },
        queue_stats: queue.map(|queue| QueueStats {
            waiting: queue.waiting,
            active: queue.active,
            completed: queue.completed,
            failed: queue.failed,
            delayed: queue.delayed,
            total: queue.total,
            dead: queue.dead,
            paused: queue.paused,
            workers: queue.workers,
            oldest_waiting_ms: queue.oldest_waiting_ms,
        }),
    }
}

fn analytics_cache(figures: &Figures, ready: HashMap<String, u64>) -> AnalyticsCacheStats {
    let (found, all) = answers(figures, TimeRange::ALL.iter().map(|range| format!("analytics.{}", range.as_str())));
    AnalyticsCacheStats { total_keys: ready.values().sum(), hit_rate: share(found, all), keys_by_time_range: ready }
}

fn cache_figures(figures: &Figures, endpoint: &'static str) -> CacheFigures {
    let count = |what: &str| figures.count(&format!("cache.{what}:{endpoint}"));
    let time = |what: &str| figures.time(&format!("cache.{what}:{endpoint}"));
    let (hits, stale, misses) = (count("hit"), count("stale"), count("miss"));
    CacheFigures {
        endpoint,
        hits,
        stale,
        misses,
        errors: count("error"),
        not_modified: count("not_modified"),
        hit_rate: share(hits + stale, hits + stale + misses),
        hit_ms: Percentiles::of(&time("hit")),
        miss_ms: Percentiles::of(&time("miss")),
    }
}
