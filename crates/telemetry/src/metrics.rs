//! The instruments of all services, and their values as Prometheus' text.
//!
//! Names and units are those of OpenTelemetry's semantic conventions for HTTP servers, messaging and
//! database clients; what they have no name for begins with `netbanx.`.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use opentelemetry::{
    KeyValue, global,
    metrics::{BoundHistogram, Counter, Gauge, Histogram},
};
use prometheus::{Encoder, Registry, TextEncoder};

/// Bounds of a duration's buckets, in seconds.
const SECONDS: [f64; 14] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Everything that is measured.
#[derive(Debug)]
pub struct Metrics {
    http: Histogram<f64>,
    refused: Counter<u64>,
    consumed: Counter<u64>,
    processed: Histogram<f64>,
    waited: Histogram<f64>,
    database: Histogram<f64>,
    cache: Counter<u64>,
    jobs: Gauge<u64>,
    oldest: Gauge<f64>,
    workers: Gauge<u64>,
    alerts: Gauge<u64>,
    deliveries: Counter<u64>,
    delivered: Histogram<f64>,
}

static METRICS: OnceLock<Metrics> = OnceLock::new();

/// What each webhook counts, by name: added up here, and read when it is exported.
type Tally = [(&'static str, AtomicU64)];

static WEBHOOKS: [(&str, AtomicU64); 3] =
    [("accepted", AtomicU64::new(0)), ("duplicate", AtomicU64::new(0)), ("refused", AtomicU64::new(0))];
static SENT: [(&str, AtomicU64); 2] = [("payments", AtomicU64::new(0)), ("others", AtomicU64::new(0))];

fn tally(counts: &Tally, name: &str) {
    if let Some((_, count)) = counts.iter().find(|(known, _)| *known == name) {
        count.fetch_add(1, Ordering::Relaxed);
    }
}

fn counted(counts: &'static Tally) -> impl Iterator<Item = (&'static str, u64)> {
    counts.iter().map(|(name, count)| (*name, count.load(Ordering::Relaxed))).filter(|(_, count)| *count > 0)
}

pub(crate) fn registry() -> &'static Registry {
    static REGISTRY: OnceLock<Registry> = OnceLock::new();
    REGISTRY.get_or_init(Registry::new)
}

pub(crate) fn make() {
    let meter = global::meter("netbanx");
    let seconds = |name: &'static str, what: &'static str| {
        meter.f64_histogram(name).with_unit("s").with_description(what).with_boundaries(SECONDS.to_vec()).build()
    };
    let counter = |name: &'static str, what: &'static str| meter.u64_counter(name).with_description(what).build();
    meter
        .u64_observable_counter("netbanx.webhooks")
        .with_description("Webhooks by what was answered.")
        .with_callback(|told| counted(&WEBHOOKS).for_each(|(name, count)| told.observe(count, &[KeyValue::new("outcome", name)])))
        .build();
    meter
        .u64_observable_counter("messaging.client.sent.messages")
        .with_description("Jobs that were enqueued.")
        .with_callback(|told| {
            for (lane, count) in counted(&SENT) {
                let lane = KeyValue::new("messaging.destination.name", lane);
                told.observe(count, &[KeyValue::new("messaging.system", "redis"), lane]);
            }
        })
        .build();
    let made = Metrics {
        http: seconds("http.server.request.duration", "Duration of HTTP server requests."),
        refused: counter("netbanx.webhooks.refused", "Webhooks that were refused, by reason and receiver."),
        consumed: counter("messaging.client.consumed.messages", "Jobs that were taken from the queue, by what became of them."),
        processed: seconds("messaging.process.duration", "Duration of processing a batch."),
        waited: seconds("netbanx.queue.wait.duration", "How long a job waited for its batch."),
        database: seconds("db.client.operation.duration", "Duration of database client operations."),
        cache: counter("netbanx.cache.requests", "Cached answers by where they came from."),
        jobs: meter.u64_gauge("netbanx.queue.jobs").with_description("Jobs in the queue, by lane and state.").build(),
        oldest: meter
            .f64_gauge("netbanx.queue.oldest.age")
            .with_unit("s")
            .with_description("Age of the oldest waiting job.")
            .build(),
        workers: meter.u64_gauge("netbanx.queue.workers").with_description("Workers with a recent heartbeat.").build(),
        alerts: meter
            .u64_gauge("netbanx.alert")
            .with_description("Whether an alert of the status stands (1) or not (0).")
            .build(),
        deliveries: counter("netbanx.outbound.deliveries", "Attempts to deliver messages to endpoints, by what became of them."),
        delivered: seconds("netbanx.outbound.attempt.duration", "Duration of attempts to deliver messages to endpoints."),
    };
    // A process makes them once; a second time changes nothing.
    let _ = METRICS.set(made);
}

/// A webhook was refused for `reason`, at a receiver that exists or at `unknown`.
pub fn refused(reason: &'static str, receiver: &str) {
    with(|metrics| {
        metrics.refused.add(1, &[KeyValue::new("reason", reason), KeyValue::new("receiver", receiver.to_owned())]);
    });
}

/// Records with the instruments; does nothing before telemetry is set up.
fn with(record: impl FnOnce(&Metrics)) {
    if let Some(metrics) = METRICS.get() {
        record(metrics);
    }
}

/// How long HTTP requests of one kind took. Anyone who keeps it spares the look-up by attributes, which takes several times as
/// long as the counting.
#[derive(Debug)]
pub struct HttpDuration(Option<BoundHistogram<f64>>);

impl HttpDuration {
    /// Of requests of that method and route, answered with that status. `route` is a pattern, never a path with ids. Made
    /// before telemetry is set up, it counts nothing.
    pub fn of(method: &'static str, route: Arc<str>, status: u16) -> Self {
        let attributes = [
            KeyValue::new("http.request.method", method),
            KeyValue::new("http.route", route),
            KeyValue::new("http.response.status_code", i64::from(status)),
        ];
        Self(METRICS.get().map(|metrics| metrics.http.bind(&attributes)))
    }

    /// One was answered.
    pub fn record(&self, took: Duration) {
        if let Some(histogram) = &self.0 {
            histogram.record(took.as_secs_f64());
        }
    }
}

/// A webhook was answered: accepted, duplicate or refused.
pub fn webhook(outcome: &'static str) {
    tally(&WEBHOOKS, outcome);
}

/// A job was enqueued in the lane `payments` or `others`.
pub fn sent(lane: &'static str) {
    tally(&SENT, lane);
}

/// So many jobs were done, failed or released.
pub fn consumed(outcome: &'static str, count: u64) {
    if count > 0 {
        with(|m| m.consumed.add(count, &[KeyValue::new("messaging.system", "redis"), KeyValue::new("outcome", outcome)]));
    }
}

/// A batch was processed.
pub fn processed(took: Duration) {
    with(|m| m.processed.record(took.as_secs_f64(), &[KeyValue::new("messaging.system", "redis")]));
}

/// A job had waited when its batch began.
pub fn waited(time: Duration) {
    with(|m| m.waited.record(time.as_secs_f64(), &[]));
}

/// The database did something.
pub fn database(operation: &'static str, took: Duration) {
    with(|m| m.database.record(took.as_secs_f64(), &[KeyValue::new("db.operation.name", operation)]));
}

/// A cached route answered.
pub fn cache(endpoint: &'static str, outcome: &'static str) {
    with(|m| m.cache.add(1, &[KeyValue::new("endpoint", endpoint), KeyValue::new("outcome", outcome)]));
}

/// The queue's jobs of a lane in a state.
pub fn jobs(lane: &'static str, state: &'static str, count: u64) {
    with(|m| m.jobs.record(count, &[KeyValue::new("lane", lane), KeyValue::new("state", state)]));
}

/// The oldest waiting job, and who works.
pub fn queue(oldest: Duration, workers: u64) {
    with(|m| {
        m.oldest.record(oldest.as_secs_f64(), &[]);
        m.workers.record(workers, &[]);
    });
}

/// Whether an alert stands.
pub fn alert(name: &'static str, stands: bool) {
    with(|m| m.alerts.record(u64::from(stands), &[KeyValue::new("name", name)]));
}

/// A message was delivered, failed and is tried again, or is exhausted.
pub fn delivery(outcome: &'static str, took: Duration) {
    with(|m| {
        m.deliveries.add(1, &[KeyValue::new("outcome", outcome)]);
        m.delivered.record(took.as_secs_f64(), &[KeyValue::new("outcome", outcome)]);
    });
}

/// All values as Prometheus' text (exposition format 0.0.4).
pub fn text() -> String {
    let mut text = Vec::new();
    if let Err(error) = TextEncoder::new().encode(&registry().gather(), &mut text) {
        tracing::warn!(%error, "the metrics cannot be written");
    }
    String::from_utf8(text).unwrap_or_default()
}
