//! The receiver: a signed webhook in, a queued job out, an answer in a few milliseconds.
//!
//! Bytes flow through the modules in this order:
//!
//! | module | part |
//! | --- | --- |
//! | [`routes`] | paths to endpoints, aliases included |
//! | `body` | a request's body within its bound |
//! | `receive` | one webhook: verify, understand, mask, enqueue, answer |
//! | [`receivers`] | keys, companies and account assignments from memory or the directory beside the queue |
//! | `duplicates` | redeliveries, counted for the figures |
//! | `status` | `GET` on an endpoint |
//!
//! 2xx is answered only after Redis holds the job. What cannot be kept is refused with a problem
//! document and, where a repetition may help, `Retry-After`.

mod body;
mod duplicates;
mod receive;
pub mod receivers;
pub mod routes;
mod status;

use std::sync::Arc;

use duplicates::Duplicates;
use meter::{Ledger, Meter};
use queue::{Producer, Queue};
use sea_orm::DatabaseConnection;
use settings::Settings;
use web::{Stop, health::Readiness};

use self::receivers::Receivers;
use ::receivers::Directory;

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
pub struct Ingress {
    pub(crate) queue: Queue,
    pub(crate) producer: Producer,
    pub(crate) receivers: Arc<Receivers>,
    pub(crate) signature_validation: bool,
    pub(crate) status: status::StatusCache,
    pub(crate) duplicates: Duplicates,
    pub(crate) meter: Meter,
}

impl Ingress {
    /// The service over that queue; starts its background tasks. With `db`, receivers are looked up there while Redis has no
    /// directory of them.
    pub fn start(settings: &Settings, queue: Queue, db: Option<DatabaseConnection>) -> Result<Self, Error> {
        let vault = store::secrets::Vault::new(&settings.require_master_key()?.0)?;
        let receivers = Receivers::start(Directory::new(queue.client().clone(), &settings.queue_name), db, vault);
        let producer = Producer::start(&queue);
        let duplicates = Duplicates::start(Ledger::new(queue.client().clone(), &settings.queue_name, meter::DUPLICATES));
        let meter = Meter::start(redis_client::connect(&settings.cache_redis_url)?, &settings.queue_name);
        let meter = meter.on(!settings.telemetry_disabled);
        Ok(Self {
            queue,
            producer,
            receivers,
            duplicates,
            meter,
            signature_validation: settings.signature_validation,
            status: status::StatusCache::default(),
        })
    }

    /// What it needs to be able to work: the queue, and to know receivers. The database is not among it.
    pub fn readiness(&self) -> Readiness {
        let (queue, receivers) = (self.queue.clone(), self.receivers.clone());
        Readiness::default()
            .needs("redis", move || {
                let queue = queue.clone();
                async move { queue.ping().await.is_ok() }
            })
            .needs("receivers", move || {
                let receivers = receivers.clone();
                async move { receivers.is_ready().await }
            })
    }
}

/// Runs the service until `stop`.
pub async fn run(settings: &Settings, stop: Stop) -> Result<(), Error> {
    let db = match settings.ingress_database_fallback {
        true => Some(store::connect(&settings.database_url, settings.database_max_connections).await?),
        false => None,
    };
    let queue = Queue::new(redis_client::connect(&settings.redis_url)?, settings.queue());
    let ingress = Ingress::start(settings, queue, db)?;
    if !settings.signature_validation {
        tracing::warn!("WEBHOOK_SIGNATURE_VALIDATION=false: every webhook is believed");
    }
    let drain = settings.shutdown_timeout;
    let (public, readiness) = (ingress.clone(), ingress.readiness());
    let serve = web::serve(settings.ingress_bind, settings.http_workers, drain, stop.clone(), move |config| {
        web::health::routes(config, public.readiness());
        routes::add(config, public.clone());
        routes::add_unknown(config);
    });
    match settings.admin_bind {
        Some(bind) => {
            let admin = web::serve(bind, 1, drain, stop, move |config| web::health::admin_routes(config, readiness.clone()));
            futures::try_join!(serve, admin)?;
        }
        None => serve.await?,
    }
    Ok(())
}
