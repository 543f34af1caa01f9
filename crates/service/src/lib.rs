//! How each service starts and ends: settings and telemetry first, then its work until SIGTERM or SIGINT, health beside it.

mod yielding;

use std::{fmt::Display, future::Future, process::ExitCode};

use http_service::{
    Stop,
    health::{self, Readiness},
};
use queue::Queue;
use sea_orm::DatabaseConnection;
use settings::Settings;

pub use yielding::yielding;

/// Why a service cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting is to be fixed.
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
    /// The queue.
    #[error(transparent)]
    Queue(#[from] queue::Error),
    /// The address to listen on.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// The whole life of the service of that name; `purpose` is the first line of its `--help`.
pub async fn main<F>(name: &'static str, purpose: &'static str, work: impl FnOnce(Settings, Stop) -> F) -> ExitCode
where
    F: Future<Output = Result<(), Error>>,
{
    match live(name, purpose, work).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(name, &error),
    }
}

/// Says on standard error why the program of that name failed.
pub fn failed(name: &str, error: &impl Display) -> ExitCode {
    eprintln!("{name}: {error}");
    ExitCode::FAILURE
}

async fn live<F>(name: &'static str, purpose: &'static str, work: impl FnOnce(Settings, Stop) -> F) -> Result<(), Error>
where
    F: Future<Output = Result<(), Error>>,
{
    let settings = Settings::of_service(name, purpose)?;
    let telemetry = telemetry::init(&settings.telemetry(name))?;
    let ended = work(settings, http_service::stop_on_signal()?).await;
    telemetry.shutdown();
    ended
}

/// The database that the settings name, which need not be reachable yet.
pub async fn database(settings: &Settings) -> Result<DatabaseConnection, Error> {
    Ok(store::connect(&settings.database_url, settings.database_max_connections).await?)
}

/// The queue in the Redis that the settings name, which need not be reachable yet.
pub fn queue(settings: &Settings) -> Result<Queue, Error> {
    Ok(Queue::new(redis_client::connect(&settings.redis_url)?, settings.queue()))
}

/// Serves health and metrics on `ADMIN_BIND` until `stop`; done at once where that is not set.
pub async fn serve_health(settings: &Settings, readiness: Readiness, stop: Stop) -> Result<(), Error> {
    let Some(bind) = settings.admin_bind else { return Ok(()) };
    let routes = move |config: &mut _| health::admin_routes(config, readiness.clone());
    Ok(http_service::serve(bind, 1, settings.shutdown_timeout, stop, routes).await?)
}

/// What needs the queue's Redis.
pub fn needs_redis(readiness: Readiness, queue: &Queue) -> Readiness {
    let queue = queue.clone();
    readiness.needs("redis", move || {
        let queue = queue.clone();
        async move { queue.ping().await.is_ok() }
    })
}

/// What needs the database.
pub fn needs_database(readiness: Readiness, db: &DatabaseConnection) -> Readiness {
    let db = db.clone();
    readiness.needs("database", move || {
        let db = db.clone();
        async move { store::ping(&db).await.is_ok() }
    })
}
