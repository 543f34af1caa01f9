//! The read API: what the worker wrote, by page and filter, private to each company.
//!
//! | module | part |
//! | --- | --- |
//! | [`routes`] | paths to handlers |
//! | `auth` | who asks, and what they may see |
//! | `params` | query parameters, checked one by one |
//! | `transactions`, `accounts`, `events` | one resource each |
//! | `views` | rows as JSON |
//! | `queue_admin`, [`dead_letters`] | counts, pause, dead letters |
//!
//! Answers are computed from the database for now; the response cache has its place around the
//! handlers.

mod accounts;
mod auth;
pub mod dead_letters;
mod events;
mod params;
mod queue_admin;
pub mod routes;
mod transactions;
mod views;

use queue::Queue;
use sea_orm::DatabaseConnection;
use settings::Settings;
use web::{Problem, ProblemKind, Stop, health::Readiness};

/// Why the service cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting is to be mended.
    #[error(transparent)]
    Settings(#[from] settings::Error),
    /// Logging cannot be set up.
    #[error(transparent)]
    Telemetry(#[from] telemetry::Error),
    /// The database's address or state.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// Redis' address.
    #[error(transparent)]
    Redis(#[from] redis_client::Error),
    /// The address to listen on.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// What every request needs. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Api {
    db: DatabaseConnection,
    queue: Queue,
}

impl Api {
    /// The API over that database and queue.
    pub fn new(db: DatabaseConnection, queue: Queue) -> Self {
        Self { db, queue }
    }

    /// What it needs to be able to work.
    pub fn readiness(&self) -> Readiness {
        let db = self.db.clone();
        Readiness::default().needs("database", move || {
            let db = db.clone();
            async move { store::ping(&db).await.is_ok() }
        })
    }
}

/// Runs the service until `stop`.
pub async fn run(settings: &Settings, stop: Stop) -> Result<(), Error> {
    let db = store::connect(&settings.database_url, settings.database_max_connections).await?;
    let api = Api::new(db, Queue::new(redis_client::connect(&settings.redis_url)?, settings.queue()));
    let drain = settings.shutdown_timeout;
    let readiness = api.readiness();
    let serve = web::serve(settings.api_bind, settings.http_workers, drain, stop.clone(), move |config| {
        web::health::routes(config, api.readiness());
        routes::add(config, api.clone());
    });
    match settings.admin_bind {
        Some(bind) => {
            let admin = web::serve(bind, 1, drain, stop, move |config| web::health::routes(config, readiness.clone()));
            futures::try_join!(serve, admin)?;
        }
        None => serve.await?,
    }
    Ok(())
}

/// A failed query as the caller sees it: details go to the log.
fn query_failed(error: &store::Error) -> Problem {
    tracing::error!(%error, "a query failed");
    match error {
        store::Error::Unavailable(_) => Problem::new(ProblemKind::Unavailable, "the database is not available"),
        _ => Problem::new(ProblemKind::Internal, "the query failed"),
    }
}
