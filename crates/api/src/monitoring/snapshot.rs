//! Asks everything at once, each within a limit, so that what is away is told and not waited for.

use std::{
    collections::{HashMap, HashSet},
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use cache::Lease;
use clock::now_ms;
use http_service::Stop;
use redis_client::fred::{clients::Client, interfaces::HashesInterface};
use shared_stats::Figures;
use telemetry::metrics;

use super::{
    alerts::{self, Alert, NAMES, Signals},
    redis_info::{self, RedisInfo},
    windows::all_answers,
};
use store::shown::time;

use crate::Api;

/// Longest wait for one part.
const LIMIT: Duration = Duration::from_millis(700);

/// How often everything is checked, independent of requests.
const WATCH: Duration = Duration::from_secs(10);

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    pub database: bool,
    pub queue: Option<queue::Stats>,
    pub redis: Option<RedisInfo>,
    /// Of the last minute, five minutes and hour; none while the cache's Redis is away.
    pub figures: Option<[Figures; 3]>,
    /// Receivers that failed to verify webhooks lately, and had verified some within a month.
    pub verified: HashSet<String>,
    /// Days whose figures are known to be wrong.
    pub wrong_days: u64,
    /// Answers that are kept ready, by range.
    pub ready: HashMap<String, u64>,
}

/// The answer of one part, if it comes in time.
pub(super) async fn within<T>(work: impl Future<Output = Option<T>>) -> Option<T> {
    tokio::time::timeout(LIMIT, Box::pin(work)).await.ok().flatten()
}

/// Looks at everything.
pub(crate) async fn take(api: &Api) -> Snapshot {
    let (database, queue, redis, figures, ready, wrong) = tokio::join!(
        within(async { store::ping(&api.db).await.ok() }),
        within(async { api.queue.stats().await.ok() }),
        within(redis_info::ask(api.queue.client())),
        within(async { api.meter.figures().await.ok() }),
        within(async { api.precomputed.counts().await.ok() }),
        within(async { store::figure_check::found(&api.db).await.ok() }),
    );
    let verified = verified_before(api, figures.as_ref()).await;
    let wrong_days = wrong.map_or(0, |days| days.len() as u64);
    Snapshot { database: database.is_some(), queue, redis, figures, verified, wrong_days, ready: ready.unwrap_or_default() }
}

/// Of the receivers that failed lately those whose webhooks had verified before.
async fn verified_before(api: &Api, figures: Option<&[Figures; 3]>) -> HashSet<String> {
    let Some([_, five, _]) = figures else { return HashSet::new() };
    let failed = five.counts.keys().filter_map(|name| name.strip_prefix("receiver.failed:")).map(str::to_owned).collect();
    within(async { api.directory.verified_before(failed, now_ms() / 1000).await.ok() }).await.unwrap_or_default()
}

impl Snapshot {
    fn signals(&self) -> Signals {
        let nothing = Figures::default();
        let minute = self.figures.as_ref().map_or(&nothing, |[minute, ..]| minute);
        let (done, failed) = (minute.count("job.done"), minute.count("job.failed"));
        Signals {
            database: self.database,
            redis: self.queue.is_some(),
            cache_redis: self.figures.is_some(),
            queue: self.queue,
            answers: all_answers(minute),
            attempts: (failed, done + failed),
            dead_lately: minute.count("job.dead"),
            write_waits: minute.count("write.waits"),
            redis_memory: self.redis.as_ref().and_then(|redis| redis.memory),
            wrong_days: self.wrong_days,
            failing_receivers: self.figures.as_ref().map_or(0, |figures| failing(figures, &self.verified)),
            redis_trouble: self.redis.as_ref().and_then(|redis| redis.trouble.clone()),
        }
    }
}

/// How many receivers begin to fail.
fn failing([_, five, _]: &[Figures; 3], verified: &HashSet<String>) -> u64 {
    let failed = five.counts.iter().filter_map(|(name, failed)| Some((name.strip_prefix("receiver.failed:")?, *failed)));
    let is_failing = |(receiver, failed): &(&str, u64)| {
        let lately = five.count(&format!("receiver.verified:{receiver}"));
        alerts::is_failing(*failed, lately, verified.contains(*receiver))
    };
    failed.filter(is_failing).count() as u64
}

/// Since when each alert stands: shared through Redis, and remembered here while that is away.
#[derive(Debug, Clone)]
pub(crate) struct AlertOnsets {
    client: Client,
    key: Arc<str>,
    own: Arc<Mutex<HashMap<&'static str, i64>>>,
    /// What was raised when this process looked last.
    latest: Arc<Mutex<Option<Raised>>>,
}

/// What was raised at a moment.
#[derive(Debug)]
struct Raised {
    at: Instant,
    alerts: Vec<Alert>,
}

impl AlertOnsets {
    pub fn new(client: Client, prefix: &str) -> Self {
        Self { client, key: format!("{{{prefix}:alerts}}").into(), own: Arc::default(), latest: Arc::default() }
    }

    /// The right to tell alerts, which lasts so long without a heartbeat.
    pub fn lease(&self, lasts: Duration) -> Lease {
        Lease::new(self.client.clone(), &format!("{}:telling", self.key), lasts)
    }

    /// Notes which alerts stand now; returns since when, in milliseconds since 1970 UTC.
    async fn note(&self, standing: &[&'static str]) -> HashMap<&'static str, i64> {
        let now = now_ms();
        let mut onsets = {
            let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
            own.retain(|name, _| standing.contains(name));
            for name in standing {
                own.entry(name).or_insert(now);
            }
            own.clone()
        };
        let shared = async {
            let known: HashMap<String, i64> = self.client.hgetall(&*self.key).await.ok()?;
            let over: Vec<&str> =
                NAMES.into_iter().filter(|name| known.contains_key(*name) && !standing.contains(name)).collect();
            if !over.is_empty() {
                let _: i64 = self.client.hdel(&*self.key, over).await.ok()?;
            }
            let begun: Vec<_> = onsets.iter().filter(|(name, _)| !known.contains_key(**name)).collect();
            if begun.is_empty() {
                return Some(known);
            }
            for (name, since) in begun {
                let _: bool = self.client.hsetnx(&*self.key, *name, *since).await.ok()?;
            }
            // Another may have noted them first.
            self.client.hgetall(&*self.key).await.ok()
        };
        if let Some(shared) = within(shared).await {
            for (name, since) in &mut onsets {
                *since = shared.get(*name).copied().unwrap_or(*since).min(*since);
            }
        }
        onsets
    }
}

/// What is wrong, and since when.
pub(crate) async fn raised(api: &Api, snapshot: &Snapshot) -> Vec<Alert> {
    let mut raised = alerts::alerts(&snapshot.signals(), &api.limits);
    let names: Vec<&'static str> = raised.iter().map(|alert| alert.name).collect();
    let onsets = api.onsets.note(&names).await;
    for alert in &mut raised {
        alert.since = onsets.get(alert.name).copied().and_then(time);
    }
    *api.onsets.latest.lock().unwrap_or_else(PoisonError::into_inner) =
        Some(Raised { at: Instant::now(), alerts: raised.clone() });
    raised
}

/// What was raised when this process looked last, if that is no longer ago than `age`.
pub(crate) fn raised_within(api: &Api, age: Duration) -> Option<Vec<Alert>> {
    let latest = api.onsets.latest.lock().unwrap_or_else(PoisonError::into_inner);
    latest.as_ref().filter(|raised| raised.at.elapsed() <= age).map(|raised| raised.alerts.clone())
}

/// Looks every few seconds until `stop`, so that it is known since when an alert stands, and Prometheus
/// learns of it.
pub(crate) async fn watch(api: Api, mut stop: Stop) {
    let mut offered = 0;
    while !*stop.borrow() {
        let snapshot = Box::pin(take(&api)).await;
        api.history.offer(&snapshot, &mut offered).await;
        let raised = raised(&api, &snapshot).await;
        for name in NAMES {
            metrics::alert(name, raised.iter().any(|alert| alert.name == name));
        }
        // Either the time is over or it is told to stop, which the loop sees.
        let _ = tokio::time::timeout(WATCH, stop.changed()).await;
    }
}
