//! `/api/performance/status`: what works, how fast, and what is wrong. Every figure is measured, and
//! shared by all replicas.

use ::web::{Problem, timestamp};
use std::collections::HashMap;

use actix_web::{HttpRequest, HttpResponse, web};
use meter::{Figures, Window};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{Api, analytics::TimeRange, auth, cached, openapi::problems};

/// How the API's parts are.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Status {
    success: bool,
    /// operational, degraded or critical.
    status: &'static str,
    systems: Systems,
    timestamp: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Systems {
    database: System,
    redis: System,
    api_cache: Vec<CacheFigures>,
    analytics_cache: AnalyticsCache,
}

/// Figures that are kept ready.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AnalyticsCache {
    cache_stats: AnalyticsCacheStats,
}

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

/// Whether a part answers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct System {
    /// healthy or away.
    health: &'static str,
}

impl System {
    fn new(answers: bool) -> Self {
        Self { health: if answers { "healthy" } else { "away" } }
    }
}

/// What the response cache did for an endpoint in the last five minutes, all replicas together.
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

/// Times in milliseconds; null before there was one.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Percentiles {
    p50: Option<f64>,
    p95: Option<f64>,
    p99: Option<f64>,
}

impl Percentiles {
    fn of(times: &meter::Histogram) -> Self {
        Self { p50: times.percentile_ms(0.5), p95: times.percentile_ms(0.95), p99: times.percentile_ms(0.99) }
    }
}

fn cache_figures(figures: &Figures, endpoint: &'static str) -> CacheFigures {
    let count = |what: &str| figures.count(&format!("cache.{what}:{endpoint}"));
    let time = |what: &str| figures.time(&format!("cache.{what}:{endpoint}"));
    let (hits, stale, misses) = (count("hit"), count("stale"), count("miss"));
    let all = hits + stale + misses;
    CacheFigures {
        endpoint,
        hits,
        stale,
        misses,
        errors: count("error"),
        not_modified: count("not_modified"),
        hit_rate: (all > 0).then(|| (hits + stale) as f64 / all as f64),
        hit_ms: Percentiles::of(&time("hit")),
        miss_ms: Percentiles::of(&time("miss")),
    }
}

fn analytics_cache(figures: &Figures, ready: HashMap<String, u64>) -> AnalyticsCacheStats {
    let count = |what: &str| {
        TimeRange::ALL.iter().map(|range| figures.count(&format!("cache.{what}:analytics.{}", range.as_str()))).sum::<u64>()
    };
    let (found, missed) = (count("hit") + count("stale"), count("miss"));
    AnalyticsCacheStats {
        total_keys: ready.values().sum(),
        hit_rate: (found + missed > 0).then(|| found as f64 / (found + missed) as f64),
        keys_by_time_range: ready,
    }
}

/// How the platform is. For administrators.
#[utoipa::path(get, path = "/api/performance/status", tag = "monitoring",
    responses((status = 200, body = Status, description = "Measured just now"), problems::Known))]
pub(crate) async fn status(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    auth::caller(&api, &request, "admin").await?;
    let (database, figures, ready) =
        tokio::join!(store::ping(&api.db), api.meter.figures(Window::FiveMinutes), api.precomputed.counts());
    let ready = ready.unwrap_or_default();
    let redis = figures.is_ok() && !api.cache.is_away();
    let figures = figures.unwrap_or_default();
    let database = database.is_ok();
    let body = Status {
        success: true,
        status: match (database, redis) {
            (true, true) => "operational",
            (true, false) => "degraded",
            (false, _) => "critical",
        },
        systems: Systems {
            database: System::new(database),
            redis: System::new(redis),
            analytics_cache: AnalyticsCache { cache_stats: analytics_cache(&figures, ready) },
            api_cache: cached::ROUTES.iter().map(|route| cache_figures(&figures, route.endpoint())).collect(),
        },
        timestamp: timestamp(),
    };
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(body))
}
