//! `GET` on an endpoint: whether it works. No secrets, no tenant data, no figures.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use actix_web::{HttpResponse, web};
use common::Endpoint;
use queue::Stats;
use serde_json::json;
use tokio::sync::Mutex;

use crate::Ingress;

/// How long an answer of the queue is good: probes each second cost Redis one look.
const FRESH: Duration = Duration::from_millis(500);

#[derive(Debug, Clone, Default)]
pub(crate) struct StatusCache(Arc<Mutex<Option<Seen>>>);

/// When the queue was asked, and what it said, if it did.
type Seen = (Instant, Option<Stats>);

impl StatusCache {
    async fn stats(&self, ingress: &Ingress) -> Option<Stats> {
        let mut slot = self.0.lock().await;
        match *slot {
            Some((at, stats)) if at.elapsed() < FRESH => stats,
            _ => {
                let stats = ingress.queue.stats().await.ok();
                *slot = Some((Instant::now(), stats));
                stats
            }
        }
    }
}

pub(crate) async fn get(ingress: web::Data<Ingress>, endpoint: Endpoint) -> HttpResponse {
    let stats = ingress.status.stats(&ingress).await;
    let body = json!({
        "success": stats.is_some(),
        "status": if stats.is_some() { "operational" } else { "unavailable" },
        "endpoint": endpoint,
        "processing": "async",
        // Anybody may ask: what the platform processes is none of their business.
        "stats": stats.map(|_| json!({"accepting": true})),
        "queue": stats.map(|s| json!({"paused": s.paused, "working": s.workers > 0})),
        "timestamp": http_service::timestamp(),
    });
    if stats.is_some() { HttpResponse::Ok().json(body) } else { HttpResponse::ServiceUnavailable().json(body) }
}
