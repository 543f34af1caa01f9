//! Logs, the same for all binaries: readable on a terminal, JSON in production. Filtered by
//! `RUST_LOG`. Traces and metrics by OpenTelemetry have their place here too, once they are built.

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

/// `RUST_LOG` is malformed, or logging is already set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The filter cannot be read.
    #[error("RUST_LOG: {0}")]
    Filter(String),
    /// Called twice.
    #[error("logging is already set up")]
    Twice,
}

/// Sets logging up for the whole process, to standard error: JSON lines if `json`.
pub fn init(json: bool) -> Result<(), Error> {
    let text = std::env::var("RUST_LOG").unwrap_or_default();
    let directives = if text.trim().is_empty() { "info,sqlx=warn,fred=warn,apalis_core=warn" } else { text.as_str() };
    let filter = EnvFilter::try_new(directives).map_err(|e| Error::Filter(e.to_string()))?;
    let registry = tracing_subscriber::registry().with(filter);
    let done = if json {
        registry.with(fmt::layer().json().flatten_event(true).with_writer(std::io::stderr)).try_init()
    } else {
        registry.with(fmt::layer().with_target(false).with_writer(std::io::stderr)).try_init()
    };
    done.map_err(|_| Error::Twice)
}
