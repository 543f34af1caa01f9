//! `/healthz` (alive) and `/readyz` (able to work), for probes; `/metrics` for Prometheus.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use actix_web::{HttpResponse, web};
use serde_json::json;

use crate::only;

/// What can only be read.
const READ: &str = "GET, HEAD, OPTIONS";

/// Longest wait for one check.
const LIMIT: Duration = Duration::from_secs(2);

type Check = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = bool> + Send>> + Send + Sync>;

/// What a service needs to be able to work, by name.
#[derive(Clone, Default)]
pub struct Readiness(Vec<(&'static str, Check)>);

impl std::fmt::Debug for Readiness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

impl Readiness {
    /// Needs what `check` finds true.
    #[must_use]
    pub fn needs<F, Fut>(mut self, name: &'static str, check: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = bool> + Send + 'static,
    {
        self.0.push((name, Arc::new(move || Box::pin(check()))));
        self
    }
}

/// Adds both routes.
pub fn routes(config: &mut web::ServiceConfig, readiness: Readiness) {
    config
        .service(only("/healthz", READ).route(web::get().to(|| async { HttpResponse::Ok().json(json!({"status": "alive"})) })))
        .service(only("/readyz", READ).route(web::get().to(move || ready(readiness.clone()))));
}

/// Adds `/metrics` as well: for the administration port, which is not everybody's.
pub fn admin_routes(config: &mut web::ServiceConfig, readiness: Readiness) {
    routes(config, readiness);
    config.service(only("/metrics", READ).route(web::get().to(metrics)));
}

async fn metrics() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(telemetry::metrics::text())
}

async fn ready(readiness: Readiness) -> HttpResponse {
    let mut checks = serde_json::Map::new();
    let mut all = true;
    for (name, check) in readiness.0 {
        let fine = tokio::time::timeout(LIMIT, check()).await.unwrap_or(false);
        all &= fine;
        checks.insert(name.to_owned(), fine.into());
    }
    let status = if all { "ready" } else { "not ready" };
    let body = json!({"status": status, "checks": checks});
    if all { HttpResponse::Ok().json(body) } else { HttpResponse::ServiceUnavailable().json(body) }
}
