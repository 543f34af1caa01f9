//! The typed settings of the services and the operator's command.
//!
//! Each is read once at start from the environment, or from the TOML file that `NETBANX_CONFIG`
//! names; the environment wins. `table` has every name, default and range. What is malformed, and what
//! is unknown in the file, stops the start with a message that names the variable.

mod access;
mod arguments;
mod checks;
mod lookup;
mod mail;
mod master_keys;
mod outbound;
mod redis_url;
mod source;
pub mod table;
mod transport;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

pub use access::{OIDC_CALLBACK, OidcSettings, SecondFactor};
use checks::{header_name, otlp_endpoint, public_url};
pub use lookup::LookupSettings;
pub use mail::{MailSettings, MailTls};
pub use master_keys::MasterKeys;
pub use outbound::OutboundSettings;
use queue::{Packing, QueueSettings};
use source::Source;
use store::retention::Retention;

/// A setting that stops the start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A value that cannot be used.
    #[error("{name}: {reason}")]
    Bad {
        /// The variable.
        name: &'static str,
        /// What is wrong; never the value itself where it may be secret.
        reason: String,
    },
    /// A name that no setting has.
    #[error("{0}: no such setting; `netbanx settings` lists those there are")]
    Unknown(String),
    /// The file of `NETBANX_CONFIG` cannot be read.
    #[error("NETBANX_CONFIG: {0}")]
    File(String),
}

/// Everything that can be set.
#[derive(Debug, Clone)]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch that operators set")]
pub struct Settings {
    /// `APP_ENV=production`: stricter checks, logs as JSON.
    pub production: bool,
    /// `DATABASE_URL`.
    pub database_url: String,
    /// `DATABASE_MAX_CONNECTIONS`.
    pub database_max_connections: u32,
    /// `DATABASE_STATEMENT_TIMEOUT_SECS`: after so long PostgreSQL ends a statement of the API; 0: never.
    pub database_statement_timeout: Duration,
    /// `REDIS_URL`, or made from `REDIS_HOST` and its kin.
    pub redis_url: String,
    /// `CACHE_REDIS_URL`.
    pub cache_redis_url: String,
    /// `INGRESS_BIND`.
    pub ingress_bind: SocketAddr,
    /// `INGRESS_PUBLIC_URL`: where portals reach ingress, if not at the API's own address.
    pub ingress_public_url: Option<String>,
    /// `INGRESS_DATABASE_FALLBACK`: whether ingress asks the database for receivers where Redis has no directory of them.
    pub ingress_database_fallback: bool,
    /// `BODY_TIMEOUT_SECS`: how long a webhook's body may take.
    pub body_timeout: Duration,
    /// `BODY_MEMORY_MIB`: memory for all bodies that are being received by one ingress.
    pub body_memory_mib: usize,
    /// `CLIENT_ADDRESS_HEADER`: the header in which a proxy of ours tells a client's address; none: the peer's counts.
    pub client_address_header: Option<String>,
    /// `CLIENT_ADDRESS_HOPS`: which entry of that header from its end; 1: the last, written by the proxy before us.
    pub client_address_hops: usize,
    /// `API_BIND`.
    pub api_bind: SocketAddr,
    /// `ADMIN_BIND`: health for probes, apart from the public port. Unset: none.
    pub admin_bind: Option<SocketAddr>,
    /// `MASTER_KEY`: the current key and those before it. `dev` makes one of its own.
    pub master_keys: Option<MasterKeys>,
    /// `WEBHOOK_SIGNATURE_VALIDATION`.
    pub signature_validation: bool,
    /// `DEDUP_TTL_SECS`.
    pub dedup_ttl: Duration,
    /// `QUEUE_NAME`: first part of every key.
    pub queue_name: String,
    /// `QUEUE_SHARDS`.
    pub queue_shards: u16,
    /// `QUEUE_PACKING`: how jobs are packed.
    pub queue_packing: Packing,
    /// `QUEUE_OTHERS_SHARE`: one place in this many is kept for events that are no payments.
    pub queue_others_share: u16,
    /// `QUEUE_LEASE_SECS`: how long a killed worker's jobs wait for another.
    pub queue_lease: Duration,
    /// `QUEUE_MIN_REPLICAS`: replicas of Redis that must have a webhook before it is answered 2xx.
    pub queue_min_replicas: u8,
    /// `QUEUE_DEAD_MAX_AGE_DAYS`: how long dead letters are kept.
    pub queue_dead_max_age: Duration,
    /// `QUEUE_DEAD_MAX_COUNT`: how many dead letters are kept in each lane.
    pub queue_dead_max_count: u32,
    /// `BATCH_SIZE`.
    pub batch_size: u16,
    /// `BATCH_MAX_WAIT_MS`: the longest that a batch may take to gather.
    pub batch_max_wait: Duration,
    /// `MAX_ATTEMPTS`.
    pub max_attempts: u16,
    /// `WORKER_CONCURRENCY`: batches under way at once in one worker.
    pub worker_concurrency: u16,
    /// `SHUTDOWN_TIMEOUT_SECS`: for what is in flight when the stop signal comes.
    pub shutdown_timeout: Duration,
    /// `HISTORY_DAYS`: how long stored webhooks and transactions are kept; 0: for ever.
    pub history_days: u32,
    /// `ROLLUP_MINUTE_DAYS`: how long figures by minute are kept.
    pub rollup_minute_days: u32,
    /// `ROLLUP_HOUR_DAYS`: how long figures by hour are kept.
    pub rollup_hour_days: u32,
    /// `CACHE_MEMORY_MIB`: memory for answers in each replica of the API.
    pub cache_memory_mib: u64,
    /// `CACHE_ENTRY_MAX_BYTES`: a larger answer, compressed, is given and not kept.
    pub cache_entry_max_bytes: usize,
    /// `CACHE_COMPANY_MAX_MIB`: memory in Redis for the answers of one company.
    pub cache_company_max_mib: u64,
    /// `REQUESTS_PER_MINUTE`: requests that each replica of the API answers one token or user in a minute.
    pub requests_per_minute: u32,
    /// `REQUESTS_PER_MINUTE_COMPANY`: the same of all tokens and users of a company.
    pub requests_per_minute_company: u32,
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`: where traces and metrics go by OTLP over HTTP; none: nowhere.
    pub otlp_endpoint: Option<String>,
    /// `OTEL_SDK_DISABLED`: neither traces nor metrics, nor the status' own figures.
    pub telemetry_disabled: bool,
    /// `OTEL_TRACES_SAMPLER_ARG`: the share of requests without a trace context that are traced, 0–1.
    pub trace_ratio: f64,
    /// `ALERT_*`: from when on something is wrong.
    pub alerts: AlertLimits,
    /// `SMTP_*`, `ALERT_MAIL_FROM`: by which server alerts are mailed; none: no e-mail.
    pub mail: Option<MailSettings>,
    /// `ALERT_SETTLE_SECS`: how long an alert must have stood, or have been over, before it is told.
    pub alert_settle: Duration,
    /// `OUTBOUND_*`: where messages to companies' endpoints may go.
    pub outbound: OutboundSettings,
    /// `LOOKUP_*`: how Netbanx is asked for transactions and accounts.
    pub lookup: LookupSettings,
    /// `SECOND_FACTOR`: of whom a second factor is demanded.
    pub second_factor: SecondFactor,
    /// `OIDC_*`: sign-in by an OpenID Connect provider, if there is one.
    pub oidc: Option<OidcSettings>,
    /// `HTTP_WORKERS`: threads per HTTP service; 0: one per core.
    pub http_workers: usize,
}

impl Settings {
    /// The same for the service of that name, whose arguments are read first: `--help` and `--version` are answered and
    /// end the process, others are refused.
    pub fn of_service(name: &'static str, purpose: &'static str) -> Result<Self, Error> {
        arguments::command(name, purpose).get_matches();
        Self::load()
    }

    /// Reads and checks all settings.
    pub fn load() -> Result<Self, Error> {
        Self::read(&Source::open()?)
    }

    fn read(source: &Source) -> Result<Self, Error> {
        let production = source.choice(&table::APP_ENV)? == "production";
        let signature_validation: bool = source.parse(&table::WEBHOOK_SIGNATURE_VALIDATION)?;
        if production && !signature_validation {
            return Err(bad("WEBHOOK_SIGNATURE_VALIDATION", "false is refused when APP_ENV=production"));
        }
        let database_url = source.text(&table::DATABASE_URL);
        if !["sqlite:", "postgres:", "postgresql:"].iter().any(|scheme| database_url.starts_with(scheme)) {
            return Err(bad("DATABASE_URL", "must begin with sqlite: or postgres:"));
        }
        store::check_url(&database_url).map_err(|reason| bad("DATABASE_URL", reason))?;
        let redis_url = redis_url::read(source)?;
        let cache_redis_url = match source.optional(&table::CACHE_REDIS_URL) {
            Some(url) => redis_url::check("CACHE_REDIS_URL", url)?,
            None => redis_url.clone(),
        };
        let redis_url = transport::with_certificates(source, redis_url)?;
        let cache_redis_url = transport::with_certificates(source, cache_redis_url)?;
        if production && !source.parse(&table::ALLOW_PLAINTEXT)? {
            transport::check_redis("REDIS_URL", &redis_url)?;
            transport::check_redis("CACHE_REDIS_URL", &cache_redis_url)?;
            transport::check_database(&database_url)?;
        }
        let queue_name = source.text(&table::QUEUE_NAME);
        if queue_name.is_empty() || !queue_name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.')) {
            return Err(bad("QUEUE_NAME", "may have letters, digits, '-', '_' and '.'"));
        }
        Ok(Self {
            production,
            database_url,
            database_max_connections: source.number(&table::DATABASE_MAX_CONNECTIONS)?,
            database_statement_timeout: source.seconds(&table::DATABASE_STATEMENT_TIMEOUT_SECS)?,
            redis_url,
            cache_redis_url,
            ingress_public_url: public_url(source)?,
            ingress_bind: source.parse(&table::INGRESS_BIND)?,
            ingress_database_fallback: source.parse(&table::INGRESS_DATABASE_FALLBACK)?,
            body_timeout: source.seconds(&table::BODY_TIMEOUT_SECS)?,
            body_memory_mib: source.number(&table::BODY_MEMORY_MIB)?,
            client_address_header: header_name(source)?,
            client_address_hops: source.number(&table::CLIENT_ADDRESS_HOPS)?,
            api_bind: source.parse(&table::API_BIND)?,
            admin_bind: source.optional_parse(&table::ADMIN_BIND)?,
            master_keys: source.optional(&table::MASTER_KEY).map(|keys| MasterKeys::parse(&keys)).transpose()?,
            signature_validation,
            dedup_ttl: source.seconds(&table::DEDUP_TTL_SECS)?,
            queue_name,
            queue_shards: source.number(&table::QUEUE_SHARDS)?,
            queue_packing: source.parse(&table::QUEUE_PACKING)?,
            queue_others_share: source.number(&table::QUEUE_OTHERS_SHARE)?,
            queue_lease: source.seconds(&table::QUEUE_LEASE_SECS)?,
            queue_min_replicas: source.number(&table::QUEUE_MIN_REPLICAS)?,
            queue_dead_max_age: Duration::from_secs(86_400 * source.number::<u64>(&table::QUEUE_DEAD_MAX_AGE_DAYS)?),
            queue_dead_max_count: source.number(&table::QUEUE_DEAD_MAX_COUNT)?,
            batch_size: source.number(&table::BATCH_SIZE)?,
            batch_max_wait: Duration::from_millis(source.number(&table::BATCH_MAX_WAIT_MS)?),
            max_attempts: source.number(&table::MAX_ATTEMPTS)?,
            worker_concurrency: source.number(&table::WORKER_CONCURRENCY)?,
            shutdown_timeout: source.seconds(&table::SHUTDOWN_TIMEOUT_SECS)?,
            history_days: source.number(&table::HISTORY_DAYS)?,
            // The hour's and the week's figures look back twice their range.
            rollup_minute_days: source.number(&table::ROLLUP_MINUTE_DAYS)?,
            rollup_hour_days: source.number(&table::ROLLUP_HOUR_DAYS)?,
            cache_memory_mib: source.number(&table::CACHE_MEMORY_MIB)?,
            cache_entry_max_bytes: source.number(&table::CACHE_ENTRY_MAX_BYTES)?,
            cache_company_max_mib: source.number(&table::CACHE_COMPANY_MAX_MIB)?,
            requests_per_minute: source.number(&table::REQUESTS_PER_MINUTE)?,
            requests_per_minute_company: source.number(&table::REQUESTS_PER_MINUTE_COMPANY)?,
            otlp_endpoint: otlp_endpoint(source)?,
            telemetry_disabled: source.parse(&table::OTEL_SDK_DISABLED)?,
            trace_ratio: source.share(&table::OTEL_TRACES_SAMPLER_ARG)?.unwrap_or(if production { 0.01 } else { 1.0 }),
            alerts: AlertLimits {
                backlog: source.number::<u32>(&table::ALERT_BACKLOG).map(i64::from)?,
                hit_rate: source.share(&table::ALERT_HIT_RATE)?.unwrap_or(1.0),
                failure_rate: source.share(&table::ALERT_FAILURE_RATE)?.unwrap_or(1.0),
                oldest_ms: 1000 * source.number::<u32>(&table::ALERT_OLDEST_SECS).map(i64::from)?,
                redis_memory: source.share(&table::ALERT_REDIS_MEMORY)?.unwrap_or(1.0),
            },
            mail: mail::read(source)?,
            alert_settle: source.seconds(&table::ALERT_SETTLE_SECS)?,
            outbound: OutboundSettings::read(source)?,
            lookup: LookupSettings::read(source)?,
            second_factor: source.parse(&table::SECOND_FACTOR)?,
            oidc: access::oidc(source, production)?,
            http_workers: source.number(&table::HTTP_WORKERS)?,
        })
    }

    /// How the queue is to behave.
    pub fn queue(&self) -> QueueSettings {
        QueueSettings {
            name: self.queue_name.clone(),
            shards: self.queue_shards,
            claim_ttl: self.dedup_ttl,
            batch_size: self.batch_size,
            fetch_batches: self.worker_concurrency,
            batch_max_wait: self.batch_max_wait,
            max_attempts: self.max_attempts,
            others_share: self.queue_others_share,
            lease: self.queue_lease,
            min_replicas: self.queue_min_replicas,
            dead_max_age: self.queue_dead_max_age,
            dead_max_count: self.queue_dead_max_count,
            dictionary: common::dictionary::DICTIONARY,
            packing: self.queue_packing,
            claims_of: common::job::claims,
            ..QueueSettings::default()
        }
    }

    /// How the process of that name tells of itself.
    pub fn telemetry(&self, service: &'static str) -> telemetry::Options {
        let (endpoint, sample_ratio) = (self.otlp_endpoint.clone(), self.trace_ratio);
        telemetry::Options { service, disabled: self.telemetry_disabled, json: self.production, endpoint, sample_ratio }
    }

    /// How long things are kept.
    pub fn retention(&self) -> Retention {
        Retention { history_days: self.history_days, minute_days: self.rollup_minute_days, hour_days: self.rollup_hour_days }
    }

    /// The master keys, or the error that tells it is missing.
    pub fn require_master_keys(&self) -> Result<&MasterKeys, Error> {
        self.master_keys.as_ref().ok_or_else(|| bad("MASTER_KEY", "is required: 32 bytes in base64"))
    }

    /// The directory of the SQLite file, to be made before it is opened.
    pub fn sqlite_directory(&self) -> Option<PathBuf> {
        let path = self.database_url.strip_prefix("sqlite:")?.trim_start_matches("//");
        let path = path.split('?').next().filter(|p| !p.is_empty() && !p.contains(":memory:"))?;
        PathBuf::from(path).parent().map(PathBuf::from)
    }
}

/// From when on something is wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AlertLimits {
    /// `ALERT_BACKLOG`: more waiting jobs.
    pub backlog: i64,
    /// `ALERT_HIT_RATE`: a smaller share of answers from the cache.
    pub hit_rate: f64,
    /// `ALERT_FAILURE_RATE`: a larger share of attempts that failed.
    pub failure_rate: f64,
    /// `ALERT_OLDEST_SECS`: an older waiting job, in milliseconds.
    pub oldest_ms: i64,
    /// `ALERT_REDIS_MEMORY`: a larger share of Redis' memory in use.
    pub redis_memory: f64,
}

fn bad(name: &'static str, reason: &str) -> Error {
    Error::Bad { name, reason: reason.to_owned() }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
