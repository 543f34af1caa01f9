//! `/api/performance/status`: what works, how fast, and what is wrong. Every figure is measured, and
//! shared by all replicas.
//!
//! | module | part |
//! | --- | --- |
//! | `alerts` | what is wrong, by plain rules |
//! | `history` | a sample of each minute of the last day |
//! | `redis_info` | what Redis says of itself |
//! | `snapshot` | asks everything at once, within a limit |
//! | `views` | the answer |
//! | `windows` | times and rates over sliding windows |

mod alerts;
pub(crate) mod history;
mod redis_info;
mod snapshot;
mod views;
mod windows;

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use http_service::Problem;

pub(crate) use alerts::{Alert, NAMES, Severity};
pub(crate) use snapshot::{AlertOnsets, watch};
use views::Status;

use crate::{Api, auth, http::openapi::problems};

/// What is wrong, and since when: now, or as it was found no longer ago than `age`.
pub(crate) async fn standing(api: &Api, age: Duration) -> Vec<Alert> {
    if let Some(raised) = snapshot::raised_within(api, age) {
        return raised;
    }
    let snapshot = Box::pin(snapshot::take(api)).await;
    snapshot::raised(api, &snapshot).await
}

/// Show how the platform is: parts, figures of the last 1, 5 and 60 minutes, alerts. For administrators.
#[utoipa::path(get, path = "/api/performance/status", tag = "monitoring",
    responses((status = 200, body = Status, description = "Measured just now"), problems::Known))]
pub(crate) async fn status(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    auth::caller(&api, &request, "admin").await?;
    let snapshot = Box::pin(snapshot::take(&api)).await;
    let raised = snapshot::raised(&api, &snapshot).await;
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(Status::of(&snapshot, raised)))
}
