//! The receiver: a signed webhook in, a queued job out, an answer in a few milliseconds.
//!
//! Bytes flow through the modules in this order:
//!
//! | module | part |
//! | --- | --- |
//! | [`routes`] | paths to endpoints, aliases included |
//! | `receive` | one webhook: whom it is for, whether it is genuine, its events, the answer |
//! | `body`, `inflate` | a request's body within its bounds, decompressed |
//! | `keep` | one event: understood, masked, enqueued, or kept as unreadable |
//! | `strangers` | who fails too often |
//! | `verification` | how many webhooks of each receiver verified and failed |
//! | `refusals` | refusals, counted by reason and receiver |
//! | [`receivers`] | keys, companies and account assignments from memory or the directory in Redis |
//! | `duplicates` | redeliveries, counted for the figures |
//! | `status` | `GET` on an endpoint |
//!
//! 2xx is answered only after Redis holds the job. What cannot be kept is refused with a problem
//! document and, where a repetition may help, `Retry-After`.

mod body;
mod duplicates;
mod inflate;
mod keep;
mod receive;
pub mod receivers;
mod refusals;
pub mod routes;
mod status;
mod strangers;
mod verification;

use std::sync::Arc;

use duplicates::Duplicates;
use http_service::{AddressSource, Stop, health::Readiness};
use queue::{Producer, Queue};
use sea_orm::DatabaseConnection;
pub use service::Error;
use settings::Settings;
use shared_stats::{CountOutbox, Meter};

use body::Bounds;
use receivers::Receivers;
use refusals::Refusals;
use strangers::Strangers;

/// Connections to the database, which is asked one look-up at a time.
const FALLBACK_CONNECTIONS: u32 = 2;

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
    pub(crate) bodies: Bounds,
    pub(crate) strangers: Arc<Strangers>,
    pub(crate) addresses: Arc<AddressSource>,
    pub(crate) refusals: Refusals,
}

impl Ingress {
    /// The service over that queue; starts its background tasks. `db` is asked for receivers where Redis has no directory of
    /// them.
    pub fn start(settings: &Settings, queue: Queue, db: Option<DatabaseConnection>) -> Result<Self, Error> {
        let vault = store::secrets::Vault::new(&settings.require_master_keys()?.0)?;
        let producer = Producer::start(&queue);
        let duplicates =
            Duplicates::start(CountOutbox::new(queue.client().clone(), &settings.queue_name, shared_stats::DUPLICATES));
        let meter = Meter::start(redis_client::connect(&settings.cache_redis_url)?, &settings.queue_name);
        let meter = meter.on(!settings.telemetry_disabled);
        let receivers = Receivers::start(queue.client(), &settings.queue_name, db, vault, meter.clone());
        Ok(Self {
            queue,
            producer,
            receivers,
            duplicates,
            bodies: Bounds::new(settings.body_memory_mib * 1024 * 1024, settings.body_timeout),
            strangers: Arc::new(Strangers::new()),
            addresses: Arc::new(AddressSource::named(settings.client_address_header.as_deref(), settings.client_address_hops)),
            refusals: Refusals(meter.clone()),
            meter,
            signature_validation: settings.signature_validation,
            status: status::StatusCache::default(),
        })
    }

    /// What it needs to be able to work.
    pub fn readiness(&self) -> Readiness {
        let receivers = self.receivers.clone();
        service::needs_redis(Readiness::default(), &self.queue).needs("receivers", move || {
            let receivers = receivers.clone();
            async move { receivers.is_ready().await }
        })
    }
}

/// Runs the service until `stop`.
pub async fn run(settings: &Settings, stop: Stop) -> Result<(), Error> {
    let db = if settings.ingress_database_fallback {
        Some(store::connect(&settings.database_url, FALLBACK_CONNECTIONS).await?)
    } else {
        None
    };
    let ingress = Ingress::start(settings, service::queue(settings)?, db)?;
    if !settings.signature_validation {
        tracing::warn!("WEBHOOK_SIGNATURE_VALIDATION=false: every webhook is believed");
    }
    let health = service::serve_health(settings, ingress.readiness(), stop.clone());
    let serve =
        http_service::serve(settings.ingress_bind, settings.http_workers, settings.shutdown_timeout, stop, move |config| {
            http_service::health::routes(config, ingress.readiness());
            routes::add(config, ingress.clone());
            routes::add_unknown(config);
        });
    futures::try_join!(async { Ok(serve.await?) }, health)?;
    Ok(())
}
