//! The read API: what the worker wrote, by page and filter, private to each company.
//!
//! | module | part |
//! | --- | --- |
//! | [`http`] | paths to handlers, parameters, the response cache, the contract, the dashboard's files |
//! | `auth` | the authenticated caller: sessions, tokens, permissions |
//! | `account` | what people see and change of their own account |
//! | `reads` | transactions, accounts, events and their exports |
//! | `reconciliations` | reports compared with what we have, in the background |
//! | `analytics` | figures from roll-ups, precomputed |
//! | `stream` | the same live, by server-sent events |
//! | [`admin`] | users, tokens, companies, receivers, endpoints, the queue, dead letters, the audit log |
//! | `monitoring` | what works and how fast; alerts |
//! | [`alerting`] | alerts sent to people by their channels; a company's own alerts |
//!
//! **A new filter.** A field of the list's query (`TransactionQuery` in `reads::transactions`), which is its check and its
//! description; a field of the filter in `store::reads::transactions` and its condition in `indexed` or `unindexed`, and in `span` of
//! `store::reads::totals`; an index or a bound, shown by `tests/e2e/reads/plans.rs`. `UPDATE_OPENAPI=1 cargo test -p api`
//! writes the document anew, `scripts/dashboard` the client's types.
//!
//! **A new resource.** A file with its query, its answer and its handlers, each with `#[utoipa::path]`; its path in `http::routes`; its
//! handlers in `http::openapi`. If it is cached, a row of `http::cached`. The table of who may what in `tests` wants a row for each
//! operation.
//!
//! **A new alert.** A field of `monitoring::alerts::Signals` and its measurement in `monitoring::snapshot`; a rule in `alerts` with what
//! to do about it, and its name in `NAMES`; the same for Prometheus in `deploy/observability/rules.yaml` with a test beside it, and in
//! `k8s/components/monitoring/rule.yaml`; a section of `docs/runbook.md`; its name in `dashboard/src/texts/words.ts` and `fr/words.ts`.
//!
//! **A new page of the dashboard.** A component in `dashboard/src/pages`, a row of `PAGES` in `dashboard/src/shell.tsx` with its name,
//! permission and key, and its story in `dashboard/e2e/story.mjs`.

mod account;
pub mod admin;
pub mod alerting;
mod analytics;
mod auth;
#[doc(hidden)]
pub mod fuzzing;
pub mod http;
mod monitoring;
mod reads;
mod reconciliations;
mod stream;

use std::{sync::Arc, time::Duration};

use ::cache::{ResponseCache, Tags};
use ::receivers::{Directory, Publisher};
use analytics::{
    precompute::{self, Precomputed},
    zones::Zones,
};
pub use auth::Revocations;
use auth::{oidc::Oidc, sign_in_limit::SignInLimit};
use http_service::{AddressSource, Problem, ProblemKind, Stop, health::Readiness};
use moka::future::Cache;
use monitoring::AlertOnsets;
use outbound::Policy;
use queue::Queue;
use sea_orm::{DatabaseConnection, DatabaseTransaction};
pub use service::Error;
use settings::{AlertLimits, SecondFactor, Settings};
use shared_stats::Meter;
use store::secrets::Vault;
use uuid::Uuid;

/// How long what is known of a token or a session holds.
const CALLER_TTL: Duration = Duration::from_millis(500);

/// How long somebody who was known may go on while the database is away.
const LAST_KNOWN_TTL: Duration = Duration::from_secs(900);
/// How long a company's slug is known to mean it, or nobody.
const COMPANY_TTL: Duration = Duration::from_secs(5);

/// What every request needs. Cheap to clone: every answer that is computed takes one along.
#[derive(Debug, Clone)]
pub struct Api(Arc<Parts>);

impl std::ops::Deref for Api {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// What an [`Api`] is made of.
#[derive(Debug)]
#[doc(hidden)]
pub struct Parts {
    db: DatabaseConnection,
    queue: Queue,
    cache: ResponseCache,
    meter: Meter,
    precomputed: Precomputed,
    onsets: AlertOnsets,
    /// How the platform was.
    history: monitoring::history::History,
    limits: AlertLimits,
    callers: Cache<String, Option<Arc<auth::Caller>>>,
    /// Who was known lately, for while the database is away.
    last_known: Cache<String, Arc<auth::Caller>>,
    /// Places for open streams.
    streams: stream::Places,
    /// Places for files that are being written.
    exports: stream::Places,
    /// Places for reports that are compared.
    reports: stream::Places,
    /// Whose turn it is to be compared.
    comparing: Arc<tokio::sync::Semaphore>,
    /// Where comparisons go on: threads that answer requests end before what a comparison notes at its end is written.
    background: tokio::runtime::Handle,
    /// Comparisons that are under way, each with a part of it.
    under_way: Arc<tokio::sync::Semaphore>,
    /// How much one sender and one company may ask.
    quotas: Arc<auth::quotas::Quotas>,
    stop: Stop,
    companies: Cache<String, Option<Uuid>>,
    /// By whose days companies count.
    zones: Zones,
    secure_cookies: bool,
    /// What was revoked lately.
    revocations: Revocations,
    /// Where a client's address is told.
    addresses: Arc<AddressSource>,
    /// How often somebody may try to sign in.
    sign_ins: Arc<SignInLimit>,
    /// How often a test may be sent to one endpoint or channel.
    tests: Arc<admin::TestLimit>,
    /// Publishes changes of receivers.
    publisher: Arc<Publisher>,
    /// Reads what ingress notes of receivers.
    directory: Directory,
    /// Opens receivers' keys; none without a master key.
    vault: Option<Arc<Vault>>,
    /// Of whom a second factor is demanded.
    second_factor: SecondFactor,
    /// The provider that signs people in, if there is one.
    oidc: Option<Arc<Oidc>>,
    /// Where messages to endpoints may go.
    outbound: Arc<Policy>,
    /// Sends alerts to channels.
    notify: Option<notify::Sender>,
    /// How long an alert must have stood, or have been over, before it is told.
    alert_settle: Duration,
    /// Ask Netbanx what it has; none without a master key.
    clients: Option<lookup::Clients>,
    /// Which answers what it says makes old.
    tags: Tags,
    /// Where ingress is reached from outside; none: at the API's own address.
    ingress_url: Option<Arc<str>>,
}

impl Api {
    /// The API over that database and queue; its streams end at `stop`. Needs a tokio runtime.
    pub fn start(settings: &Settings, db: DatabaseConnection, queue: Queue, stop: Stop) -> Result<Self, Error> {
        let redis = redis_client::connect(&settings.cache_redis_url)?;
        let meter = Meter::start(redis.clone(), &settings.queue_name);
        let precomputed = Precomputed::new(redis.clone(), &settings.queue_name);
        let onsets = AlertOnsets::new(redis.clone(), &settings.queue_name);
        let history = monitoring::history::History::new(redis.clone(), &settings.queue_name);
        let revocations = Revocations::new(redis.clone(), &settings.queue_name);
        let publisher = Publisher::new(db.clone(), queue.client().clone(), &settings.queue_name).into();
        let directory = Directory::new(queue.client().clone(), &settings.queue_name);
        if settings.second_factor != SecondFactor::Optional {
            settings.require_master_keys()?;
        }
        let oidc = settings.oidc.clone().map(|oidc| Oidc::new(oidc, redis.clone(), &settings.queue_name)).transpose()?;
        let bounds = cache::Bounds {
            memory_bytes: settings.cache_memory_mib * 1024 * 1024,
            entry_bytes: settings.cache_entry_max_bytes,
            owner_bytes: settings.cache_company_max_mib * 1024 * 1024,
        };
        let vault = settings.master_keys.as_ref().map(|key| Vault::new(&key.0)).transpose()?.map(Arc::new);
        let clients = |vault: &Arc<Vault>| lookup::Clients::new(vault.clone(), settings.outbound.clone(), settings.lookup);
        Ok(Self(Arc::new(Parts {
            db,
            queue,
            clients: vault.as_ref().map(clients),
            tags: Tags::new(redis.clone(), &settings.queue_name),
            cache: ResponseCache::new(redis, &settings.queue_name, meter.clone(), bounds, http::cached::wrap),
            meter,
            precomputed,
            onsets,
            history,
            limits: settings.alerts,
            callers: Cache::builder().max_capacity(10_000).time_to_live(CALLER_TTL).build(),
            last_known: Cache::builder().max_capacity(1_000).time_to_live(LAST_KNOWN_TTL).build(),
            streams: stream::Places::new(stream::PLACES),
            exports: stream::Places::new(reads::export::PLACES),
            reports: stream::Places::new(reconciliations::PLACES),
            comparing: Arc::new(tokio::sync::Semaphore::new(1)),
            background: tokio::runtime::Handle::current(),
            under_way: Arc::new(tokio::sync::Semaphore::new(reconciliations::PLACES.all as usize)),
            quotas: Arc::new(auth::quotas::Quotas::new(settings.requests_per_minute, settings.requests_per_minute_company)),
            stop,
            companies: Cache::builder().max_capacity(10_000).time_to_live(COMPANY_TTL).build(),
            zones: Zones::default(),
            secure_cookies: settings.production,
            revocations,
            addresses: Arc::new(AddressSource::named(settings.client_address_header.as_deref(), settings.client_address_hops)),
            sign_ins: Arc::default(),
            tests: Arc::default(),
            publisher,
            directory,
            vault,
            second_factor: settings.second_factor,
            oidc: oidc.map(Arc::new),
            outbound: Arc::new(Policy::of(&settings.outbound)),
            notify: sender(settings),
            alert_settle: settings.alert_settle,
            ingress_url: settings.ingress_public_url.as_deref().map(Into::into),
        })))
    }

    /// Keeps answers ready and an eye on everything, tells alerts, and asks Netbanx for what is overdue, until `stop`.
    pub async fn maintain(self, stop: Stop) {
        let asking = self.clone().look_up(stop.clone());
        let telling = alerting::run(self.clone(), stop.clone());
        tokio::join!(precompute::run(self.clone(), stop.clone()), monitoring::watch(self, stop), asking, telling);
    }

    /// Delivers messages to endpoints until `stop`, which needs the keys that sign them. Storing payments and answering come first: where
    /// processors have too much to do, deliveries come a little later.
    pub async fn deliver(&self, settings: &Settings, stop: Stop) {
        let Some(vault) = self.vault.clone() else {
            tracing::warn!("messages to endpoints wait for a replica that has MASTER_KEY");
            return;
        };
        let (url, limit, outbound) =
            (settings.database_url.clone(), settings.database_statement_timeout, settings.outbound.clone());
        service::yielding("deliver", move || async move {
            match store::connect_bounded(&url, DELIVERY_CONNECTIONS, limit).await {
                Ok(db) => Box::pin(outbound::run(db, vault, &outbound, stop)).await,
                Err(error) => tracing::error!(%error, "messages to endpoints wait for a replica that reaches the database"),
            }
        })
        .await;
    }

    /// Asks Netbanx for what is overdue, which needs the companies' passwords there.
    async fn look_up(self, stop: Stop) {
        if let Some(clients) = self.clients.clone() {
            Box::pin(lookup::automatic::run(self.db.clone(), clients, self.tags.clone(), stop)).await;
        }
    }

    /// What it needs to be able to work.
    pub fn readiness(&self) -> Readiness {
        service::needs_database(Readiness::default(), &self.db)
    }
}

/// What sends alerts; without e-mail where the mail server's settings cannot be used, which the log says.
fn sender(settings: &Settings) -> Option<notify::Sender> {
    let made = notify::Sender::new(&settings.outbound, settings.mail.as_ref()).or_else(|error| {
        tracing::error!(%error, "alerts are not mailed");
        notify::Sender::new(&settings.outbound, None)
    });
    made.map_err(|error| tracing::error!(%error, "alerts are not told")).ok()
}

/// How long the end of the process waits until comparisons that it cuts off are noted as stopped.
const NOTED: Duration = Duration::from_secs(5);

/// Connections by which messages are delivered, beside those that requests share.
const DELIVERY_CONNECTIONS: u32 = 4;

/// Runs the service until `stop`.
pub async fn run(settings: &Settings, stop: Stop) -> Result<(), Error> {
    let limit = settings.database_statement_timeout;
    let db = store::connect_bounded(&settings.database_url, settings.database_max_connections, limit).await?;
    let queue = service::queue(settings)?;
    let api = Api::start(settings, db, queue, stop.clone())?;
    let maintenance = tokio::spawn(api.clone().maintain(stop.clone()));
    let (delivering, delivering_stop) = (api.clone(), stop.clone());
    let delivering = async {
        delivering.deliver(settings, delivering_stop).await;
        Ok(())
    };
    let under_way = api.under_way.clone();
    let health = service::serve_health(settings, api.readiness(), stop.clone());
    let serve = http_service::serve(settings.api_bind, settings.http_workers, settings.shutdown_timeout, stop, move |config| {
        http_service::health::routes(config, api.readiness());
        http::routes::add(config, api.clone());
    });
    futures::try_join!(async { Ok(serve.await?) }, health, delivering)?;
    drop(maintenance.await);
    // What was cut off is noted as such, so that nobody waits for it.
    drop(tokio::time::timeout(NOTED, under_way.acquire_many(reconciliations::PLACES.all)).await);
    Ok(())
}

/// Begins a transaction.
async fn begin(api: &Api) -> Result<DatabaseTransaction, Problem> {
    store::begin(&api.db).await.map_err(|error| query_failed(&error))
}

/// Ends it.
async fn commit(tx: DatabaseTransaction) -> Result<(), Problem> {
    tx.commit().await.map_err(|error| query_failed(&error.into()))
}

/// Ends it with nothing changed. One that is merely dropped may hold its locks for a while.
async fn rollback(tx: DatabaseTransaction) -> Result<(), Problem> {
    tx.rollback().await.map_err(|error| query_failed(&error.into()))
}

/// What the store refuses, as the caller sees it.
fn refused(error: &store::Error) -> Problem {
    match error {
        store::Error::Conflict(reason) => Problem::new(ProblemKind::Conflict, reason.as_str()),
        store::Error::Invalid { name, reason } => Problem::parameter(*name, reason.as_str()),
        other => query_failed(other),
    }
}

/// A failed query as the caller sees it: details go to the log.
fn query_failed(error: &store::Error) -> Problem {
    tracing::error!(%error, "a query failed");
    match error {
        store::Error::Unavailable(_) => Problem::new(ProblemKind::Unavailable, "the database is not available"),
        store::Error::Busy => Problem::new(ProblemKind::TooManyRequests, "too many people sign in at this moment")
            .retry_after(Duration::from_secs(2)),
        _ => Problem::new(ProblemKind::Internal, "the query failed"),
    }
}
