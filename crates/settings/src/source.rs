//! Where values come from: environment over file.

use std::{collections::HashMap, fmt::Display, ops::RangeInclusive, str::FromStr};

use config::{Config, File, FileFormat};

use crate::Error;

/// Every name that there is.
pub(crate) const KNOWN: [&str; 60] = [
    "ADMIN_BIND",
    "ALERT_BACKLOG",
    "ALERT_FAILURE_RATE",
    "ALERT_HIT_RATE",
    "ALERT_OLDEST_SECS",
    "ALERT_REDIS_MEMORY",
    "ALLOW_PLAINTEXT",
    "API_BIND",
    "APP_ENV",
    "BATCH_MAX_WAIT_MS",
    "BATCH_SIZE",
    "BODY_MEMORY_MIB",
    "BODY_TIMEOUT_SECS",
    "CACHE_COMPANY_MAX_MIB",
    "CACHE_ENTRY_MAX_BYTES",
    "CACHE_MEMORY_MIB",
    "CACHE_REDIS_URL",
    "CLIENT_ADDRESS_HEADER",
    "CLIENT_ADDRESS_HOPS",
    "DATABASE_MAX_CONNECTIONS",
    "DATABASE_STATEMENT_TIMEOUT_SECS",
    "DATABASE_URL",
    "DEDUP_TTL_SECS",
    "HISTORY_DAYS",
    "HTTP_WORKERS",
    "INGRESS_BIND",
    "INGRESS_DATABASE_FALLBACK",
    "INGRESS_PUBLIC_URL",
    "MASTER_KEY",
    "MAX_ATTEMPTS",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_SDK_DISABLED",
    "OTEL_TRACES_SAMPLER_ARG",
    "OUTBOUND_ALLOW_HTTP",
    "OUTBOUND_ALLOW_NETWORKS",
    "OUTBOUND_PROXY",
    "QUEUE_DEAD_MAX_AGE_DAYS",
    "QUEUE_DEAD_MAX_COUNT",
    "QUEUE_LEASE_SECS",
    "QUEUE_MIN_REPLICAS",
    "QUEUE_NAME",
    "QUEUE_OTHERS_SHARE",
    "QUEUE_PACKING",
    "QUEUE_SHARDS",
    "REDIS_DB",
    "REDIS_HOST",
    "REDIS_PASSWORD",
    "REDIS_PORT",
    "REDIS_TLS_CA_FILE",
    "REDIS_TLS_CERT_FILE",
    "REDIS_TLS_KEY_FILE",
    "REDIS_URL",
    "REQUESTS_PER_MINUTE",
    "REQUESTS_PER_MINUTE_COMPANY",
    "ROLLUP_HOUR_DAYS",
    "ROLLUP_MINUTE_DAYS",
    "RUST_LOG",
    "SHUTDOWN_TIMEOUT_SECS",
    "WEBHOOK_SIGNATURE_VALIDATION",
    "WORKER_CONCURRENCY",
];

/// First parts that in the environment are ours alone: a name that begins so and is not known is a
/// slip of the pen, for example `BATCH_SIZES`.
const OURS: [&str; 13] = [
    "ALERT_",
    "BATCH_",
    "BODY_",
    "CACHE_",
    "CLIENT_",
    "DEDUP_",
    "HISTORY_",
    "INGRESS_",
    "OUTBOUND_",
    "QUEUE_",
    "REQUESTS_PER_",
    "ROLLUP_",
    "WEBHOOK_",
];

pub(crate) struct Source(HashMap<String, String>);

impl Source {
    pub fn open() -> Result<Self, Error> {
        let mut values = HashMap::new();
        if let Ok(path) = std::env::var("NETBANX_CONFIG") {
            let file = Config::builder()
                .add_source(File::new(&path, FileFormat::Toml))
                .build()
                .and_then(Config::try_deserialize::<HashMap<String, config::Value>>)
                .map_err(|e| Error::File(format!("{path}: {e}")))?;
            for (key, value) in file {
                let name = key.to_ascii_uppercase();
                if !KNOWN.contains(&name.as_str()) {
                    return Err(Error::Unknown(name));
                }
                values.insert(name, value.into_string().map_err(|e| Error::File(e.to_string()))?);
            }
        }
        for (name, value) in std::env::vars_os() {
            let (Ok(name), Ok(value)) = (name.into_string(), value.into_string()) else { continue };
            if KNOWN.contains(&name.as_str()) {
                values.insert(name, value);
            } else if OURS.iter().any(|prefix| name.starts_with(prefix)) {
                return Err(Error::Unknown(name));
            }
        }
        Ok(Self(values))
    }

    #[cfg(test)]
    pub fn of(pairs: &[(&str, &str)]) -> Self {
        Self(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
    }

    /// The value, unless it is unset or empty.
    pub fn optional(&self, name: &'static str) -> Option<String> {
        debug_assert!(KNOWN.contains(&name), "{name} is missing in the list of names");
        self.0.get(name).map(|v| v.trim().to_owned()).filter(|v| !v.is_empty())
    }

    pub fn text(&self, name: &'static str, default: &str) -> String {
        self.optional(name).unwrap_or_else(|| default.to_owned())
    }

    pub fn optional_parse<T: FromStr<Err: Display>>(&self, name: &'static str) -> Result<Option<T>, Error> {
        self.optional(name)
            .map(|text| text.parse().map_err(|e: T::Err| Error::Bad { name, reason: format!("'{text}': {e}") }))
            .transpose()
    }

    pub fn parse<T: FromStr<Err: Display>>(&self, name: &'static str, default: T) -> Result<T, Error> {
        Ok(self.optional_parse(name)?.unwrap_or(default))
    }

    pub fn within<T>(&self, name: &'static str, default: T, range: &RangeInclusive<T>) -> Result<T, Error>
    where
        T: FromStr<Err: Display> + PartialOrd + Display,
    {
        let value = self.parse(name, default)?;
        if !range.contains(&value) {
            let reason = format!("{value} is not within {} and {}", range.start(), range.end());
            return Err(Error::Bad { name, reason });
        }
        Ok(value)
    }
}
