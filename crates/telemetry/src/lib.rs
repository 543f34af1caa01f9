//! Logs, traces and metrics, the same for all binaries.
//!
//! | module | part |
//! | --- | --- |
//! | [`trace`] | W3C trace context in and out, and which requests are traced at all |
//! | [`metrics`] | the instruments, named by OpenTelemetry's semantic conventions where they exist |
//!
//! Logs go to standard error, readable on a terminal, JSON in production; what happens in a traced span
//! carries its trace id. Traces and metrics go by OTLP to where `OTEL_EXPORTER_OTLP_ENDPOINT` says;
//! metrics are also served as Prometheus' text. Neither bodies nor names of people are in any of them.
//!
//! **A new metric.** An instrument in [`metrics::Metrics`] and a function there that records it, called where it happens; labels have few
//! values, none of them a person's or a company's. Name it as the semantic conventions do, and chart it in `deploy/observability` where operators should see it.

pub mod metrics;
pub mod trace;

use std::{io::IsTerminal, time::Duration};

use opentelemetry::{KeyValue, global, trace::TracerProvider};
use opentelemetry_otlp::{MetricExporter, SpanExporter, WithExportConfig};
use opentelemetry_sdk::{
    Resource,
    metrics::{PeriodicReader, SdkMeterProvider},
    trace::{Sampler, SdkTracerProvider},
};
use tracing_subscriber::{EnvFilter, Layer, fmt, layer::SubscriberExt, util::SubscriberInitExt};

/// How often metrics are sent.
const METRICS_EVERY: Duration = Duration::from_secs(10);
/// Longest wait for the collector.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Why telemetry cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The filter cannot be read.
    #[error("RUST_LOG: {0}")]
    Filter(String),
    /// Called twice.
    #[error("logging is already set up")]
    Twice,
    /// The collector's address cannot work.
    #[error("OTEL_EXPORTER_OTLP_ENDPOINT: {0}")]
    Endpoint(String),
    /// The metrics cannot be kept for Prometheus.
    #[error("the metrics cannot be set up: {0}")]
    Metrics(String),
}

/// How a process tells of itself.
#[derive(Debug, Clone)]
pub struct Options {
    /// `service.name`.
    pub service: &'static str,
    /// Logs only: neither traces nor metrics.
    pub disabled: bool,
    /// JSON lines.
    pub json: bool,
    /// Where traces and metrics go; none: nowhere.
    pub endpoint: Option<String>,
    /// The share of requests without a trace context that are traced, 0–1.
    pub sample_ratio: f64,
}

/// What must be flushed before the process ends.
#[derive(Debug)]
pub struct Telemetry {
    tracer: Option<SdkTracerProvider>,
    meter: SdkMeterProvider,
}

/// Sets telemetry up for the whole process.
pub fn init(options: &Options) -> Result<Telemetry, Error> {
    let resource = Resource::builder()
        .with_service_name(options.service)
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    let endpoint = options.endpoint.as_deref().filter(|_| !options.disabled);
    let tracer = endpoint.map(|endpoint| tracer(endpoint, resource.clone())).transpose()?;
    let meter = meter(endpoint, resource)?;
    global::set_meter_provider(meter.clone());
    if !options.disabled {
        metrics::make();
    }
    trace::set_ratio(if tracer.is_some() { options.sample_ratio } else { 0.0 }, tracer.is_some());

    let text = std::env::var("RUST_LOG").unwrap_or_default();
    let directives = directives(&text);
    let filter = || EnvFilter::try_new(&directives).map_err(|e| Error::Filter(e.to_string()));
    let layer = tracer.as_ref().map(|provider| {
        // Spans of ours alone: those of libraries speak of what they carry.
        let ours = EnvFilter::new(format!("off,{}=info", trace::TARGET));
        // A span is entered at each poll of what it spans: nothing is done then, since nobody asks for the context of the
        // thread, and on which threads it was polled and for how long says little of a future.
        let layer =
            tracing_opentelemetry::layer().with_context_activation(false).with_tracked_inactivity(false).with_threads(false);
        layer.with_tracer(provider.tracer(options.service)).with_filter(ours)
    });
    let registry = tracing_subscriber::registry().with(layer);
    let done = if options.json {
        registry.with(fmt::layer().json().flatten_event(true).with_writer(std::io::stderr).with_filter(filter()?)).try_init()
    } else {
        let is_coloured = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|no| no.is_empty());
        let lines = fmt::layer().with_target(false).with_ansi(is_coloured).with_writer(std::io::stderr);
        registry.with(lines.with_filter(filter()?)).try_init()
    };
    done.map_err(|_| Error::Twice)?;
    Ok(Telemetry { tracer, meter })
}

fn tracer(endpoint: &str, resource: Resource) -> Result<SdkTracerProvider, Error> {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
        .with_timeout(TIMEOUT)
        .build()
        .map_err(|e| Error::Endpoint(e.to_string()))?;
    // Which requests are traced is settled before a span begins: see `trace::is_wanted`.
    let sampler = Sampler::ParentBased(Box::new(Sampler::AlwaysOn));
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_sampler(sampler).with_resource(resource).build())
}

fn meter(endpoint: Option<&str>, resource: Resource) -> Result<SdkMeterProvider, Error> {
    let prometheus = opentelemetry_prometheus::exporter().with_registry(metrics::registry().clone()).without_target_info();
    let prometheus = prometheus.build().map_err(|e| Error::Metrics(e.to_string()))?;
    let mut builder = SdkMeterProvider::builder().with_reader(prometheus).with_resource(resource);
    if let Some(endpoint) = endpoint {
        let exporter = MetricExporter::builder()
            .with_http()
            .with_endpoint(format!("{}/v1/metrics", endpoint.trim_end_matches('/')))
            .with_timeout(TIMEOUT)
            .build()
            .map_err(|e| Error::Endpoint(e.to_string()))?;
        builder = builder.with_reader(PeriodicReader::builder(exporter).with_interval(METRICS_EVERY).build());
    }
    Ok(builder.build())
}

impl Telemetry {
    /// Sends what has not been sent, within a few seconds. Blocks.
    pub fn shutdown(self) {
        if let Some(tracer) = self.tracer {
            let _ = tracer.shutdown_with_timeout(TIMEOUT);
        }
        let _ = self.meter.shutdown_with_timeout(TIMEOUT);
    }
}

/// What is logged: what `asked` (the text of `RUST_LOG`) says, or what suits operators. What a stranger writes to a port is no error
/// of ours, and actix-http logs each such connection as one: whoever wants to see them names its dispatcher.
fn directives(asked: &str) -> String {
    let usual = "info,sqlx=warn,fred=warn,apalis_core=warn,actix_server=warn";
    format!("actix_http::h1::dispatcher=off,{}", if asked.trim().is_empty() { usual } else { asked })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn strangers_fill_no_log_unless_that_is_asked_for() {
        for asked in ["", " ", "warn", "info,actix_http=debug", "actix_http::h1::dispatcher=error"] {
            let filter = EnvFilter::try_new(directives(asked)).unwrap().to_string();
            let is_quiet = filter.contains("actix_http::h1::dispatcher=off");
            assert_eq!(is_quiet, !asked.contains("dispatcher"), "{asked}: {filter}");
        }
    }
}
