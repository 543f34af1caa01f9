//! What is wrong, by what was measured: plain rules, no I/O.

use serde::Serialize;
use settings::AlertLimits;
use utoipa::ToSchema;

/// Answers of the cache in the window below which its hit rate says nothing.
const FEW_ANSWERS: u64 = 20;
/// Attempts in the window below which their failure rate says nothing.
const FEW_ATTEMPTS: u64 = 10;

/// What was measured; absent: it could not be.
#[derive(Debug, Clone, Default)]
pub(crate) struct Signals {
    pub database: bool,
    pub redis: bool,
    pub cache_redis: bool,
    pub queue: Option<queue::Stats>,
    /// Answers from the cache and all answers of the last minute.
    pub answers: (u64, u64),
    /// Failed attempts and all attempts of the last minute.
    pub attempts: (u64, u64),
    /// Dead letters that were added in the last minute.
    pub dead_lately: u64,
    /// How often a batch waited for the database to take it in the last minute.
    pub write_waits: u64,
    /// The largest share of its memory that a server of the queue's Redis uses.
    pub redis_memory: Option<f64>,
    /// What is wrong with that Redis' replication or persistence.
    pub redis_trouble: Option<String>,
    /// Days whose figures were not what their rows say when they were last compared.
    pub wrong_days: u64,
    /// Receivers that got genuine webhooks and begin to refuse most: see [`is_failing`].
    pub failing_receivers: u64,
}

/// Webhooks of a receiver below which failures to verify say nothing.
const FEW_FAILURES: u64 = 5;

/// Whether a receiver that verified webhooks within a month refuses most of them now: its key changed at the portal, or
/// somebody else sends there. `failed` and `verified` are of the last five minutes.
pub(crate) fn is_failing(failed: u64, verified: u64, verified_before: bool) -> bool {
    failed >= FEW_FAILURES && failed > verified && verified_before
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Severity {
    /// Look at it today.
    Warning,
    /// Look at it now.
    Critical,
}

/// Something that is wrong.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Alert {
    /// Stable; `docs/runbook.md` has a section for each.
    pub name: &'static str,
    pub severity: Severity,
    /// Since when, RFC 3339, UTC.
    pub since: Option<String>,
    /// What was measured.
    pub figure: f64,
    /// What it must not pass.
    pub threshold: f64,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub action: &'static str,
}

impl Alert {
    /// Since when, in milliseconds since 1970 UTC.
    pub fn since_ms(&self) -> Option<i64> {
        let since = chrono::DateTime::parse_from_rfc3339(self.since.as_deref()?).ok()?;
        Some(since.timestamp_millis())
    }
}

/// Every alert that there is.
pub(crate) const NAMES: [&str; 13] = [
    "database-away",
    "database-writes",
    "redis-away",
    "no-live-worker",
    "queue-backlog",
    "oldest-job",
    "failure-rate",
    "dead-letters",
    "figures-differ",
    "receiver-failing",
    "cache-hit-rate",
    "redis-memory",
    "redis-persistence",
];

/// What is wrong, the worst first.
pub(crate) fn alerts(signals: &Signals, limits: &AlertLimits) -> Vec<Alert> {
    let mut raised: Vec<Alert> = [away(signals), of_queue(signals, limits), of_rates(signals, limits), of_redis(signals, limits)]
        .into_iter()
        .flatten()
        .collect();
    raised.sort_by_key(|alert| std::cmp::Reverse(alert.severity));
    raised
}

fn alert(name: &'static str, severity: Severity, figure: f64, threshold: f64, message: String, action: &'static str) -> Alert {
    Alert { name, severity, since: None, figure, threshold, message, action }
}

fn away(signals: &Signals) -> Vec<Alert> {
    let mut raised = Vec::new();
    if !signals.database {
        raised.push(alert(
            "database-away",
            Severity::Critical,
            1.0,
            0.0,
            "the database does not answer".to_owned(),
            "Bring it back. Webhooks are still accepted and wait in Redis; nothing is lost while its memory lasts.",
        ));
    }
    if !signals.redis || !signals.cache_redis {
        let which = if signals.redis { "the cache's Redis" } else { "the queue's Redis" };
        raised.push(alert(
            "redis-away",
            if signals.redis { Severity::Warning } else { Severity::Critical },
            1.0,
            0.0,
            format!("{which} does not answer"),
            "Bring it back. Without the queue's Redis webhooks are answered 503 and sent again by Netbanx; without the cache's, reads go to the database.",
        ));
    }
    raised
}

fn of_queue(signals: &Signals, limits: &AlertLimits) -> Vec<Alert> {
    let Some(queue) = &signals.queue else { return Vec::new() };
    let mut raised = Vec::new();
    if queue.workers == 0 {
        raised.push(alert(
            "no-live-worker",
            Severity::Critical,
            0.0,
            1.0,
            "no worker has sent a heartbeat".to_owned(),
            "Start workers, or look into the log of those that end. Webhooks wait meanwhile.",
        ));
    }
    if queue.waiting > limits.backlog {
        raised.push(alert(
            "queue-backlog",
            Severity::Warning,
            queue.waiting as f64,
            limits.backlog as f64,
            format!("{} jobs are waiting", queue.waiting),
            "Is the queue paused, the database slow, or the load higher than the workers' rate? Add workers if it grows.",
        ));
    }
    if queue.oldest_waiting_ms > limits.oldest_ms {
        raised.push(alert(
            "oldest-job",
            Severity::Critical,
            queue.oldest_waiting_ms as f64 / 1e3,
            limits.oldest_ms as f64 / 1e3,
            format!("the oldest job has waited {} s", queue.oldest_waiting_ms / 1000),
            "Is its lane paused? Are workers alive and the database writable? What is shown is that much behind.",
        ));
    }
    if signals.database && signals.write_waits > 0 && queue.total > 0 {
        raised.push(alert(
            "database-writes",
            Severity::Critical,
            signals.write_waits as f64,
            0.0,
            "the database answers, but takes no writes from the workers".to_owned(),
            "The workers' log says why: a replica, a full disk, rights, another password, tables missing (netbanx migrate). Webhooks wait and lose no attempt.",
        ));
    }
    if signals.dead_lately > 0 && queue.dead > 0 {
        raised.push(alert(
            "dead-letters",
            Severity::Warning,
            signals.dead_lately as f64,
            0.0,
            format!("{} webhooks were dead-lettered in the last minute", signals.dead_lately),
            "Look at their errors (netbanx queue dead), fix the cause, then netbanx queue retry.",
        ));
    }
    raised
}

fn of_rates(signals: &Signals, limits: &AlertLimits) -> Vec<Alert> {
    let mut raised = Vec::new();
    let (hits, answers) = signals.answers;
    let rate = hits as f64 / answers.max(1) as f64;
    if answers >= FEW_ANSWERS && rate < limits.hit_rate {
        raised.push(alert(
            "cache-hit-rate",
            Severity::Warning,
            rate,
            limits.hit_rate,
            format!("{:.0} % of the last minute's answers came from the cache", rate * 100.0),
            "Normal for a minute after a start. Otherwise: is the cache's Redis down or too small, or does every request differ?",
        ));
    }
    if signals.wrong_days > 0 {
        raised.push(alert(
            "figures-differ",
            Severity::Critical,
            signals.wrong_days as f64,
            0.0,
            format!("the figures of {} days differ from their transactions and webhooks", signals.wrong_days),
            "netbanx rollup verify says which differ; netbanx rollup rebuild writes them again. Report it: it should never happen.",
        ));
    }
    if signals.failing_receivers > 0 {
        raised.push(alert(
            "receiver-failing",
            Severity::Critical,
            signals.failing_receivers as f64,
            0.0,
            format!("{} receivers that verified webhooks before now refuse most of them", signals.failing_receivers),
            "Was the key changed at the portal? Set it here too (netbanx secret rotate): Netbanx resends what was refused.",
        ));
    }
    let (failed, attempts) = signals.attempts;
    let rate = failed as f64 / attempts.max(1) as f64;
    if attempts >= FEW_ATTEMPTS && rate > limits.failure_rate {
        raised.push(alert(
            "failure-rate",
            Severity::Critical,
            rate,
            limits.failure_rate,
            format!("{:.0} % of the last minute's attempts failed", rate * 100.0),
            "Look into the worker's log for the reason; a job that fails MAX_ATTEMPTS times becomes a dead letter, which can be retried.",
        ));
    }
    raised
}

fn of_redis(signals: &Signals, limits: &AlertLimits) -> Vec<Alert> {
    let mut raised = Vec::new();
    if let Some(used) = signals.redis_memory.filter(|used| *used > limits.redis_memory) {
        raised.push(alert(
            "redis-memory",
            Severity::Critical,
            used,
            limits.redis_memory,
            format!("the queue's Redis uses {:.0} % of its memory", used * 100.0),
            "Raise maxmemory or let workers drain the queue: at the limit webhooks are answered 503.",
        ));
    }
    if let Some(trouble) = &signals.redis_trouble {
        raised.push(alert(
            "redis-persistence",
            Severity::Critical,
            1.0,
            0.0,
            trouble.clone(),
            "Look at Redis' disk and its replicas: until it is fixed a crash of Redis may lose webhooks that were accepted.",
        ));
    }
    raised
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const LIMITS: AlertLimits =
        AlertLimits { backlog: 100, hit_rate: 0.8, failure_rate: 0.1, oldest_ms: 60_000, redis_memory: 0.9 };

    fn healthy() -> Signals {
        let queue = queue::Stats { workers: 2, waiting: 100, oldest_waiting_ms: 60_000, ..queue::Stats::default() };
        Signals {
            database: true,
            redis: true,
            cache_redis: true,
            queue: Some(queue),
            answers: (80, 100),
            attempts: (1, 10),
            ..Signals::default()
        }
    }

    fn names(change: impl FnOnce(&mut Signals)) -> Vec<&'static str> {
        let mut signals = healthy();
        change(&mut signals);
        alerts(&signals, &LIMITS).iter().map(|alert| alert.name).collect()
    }

    #[test]
    fn each_alert_has_its_limit() {
        assert_eq!(names(|_| {}), [""; 0]);
        assert_eq!(names(|s| s.database = false), ["database-away"]);
        assert_eq!(names(|s| s.cache_redis = false), ["redis-away"]);
        assert_eq!(names(|s| s.queue.as_mut().unwrap().workers = 0), ["no-live-worker"]);
        assert_eq!(names(|s| s.queue.as_mut().unwrap().waiting = 101), ["queue-backlog"]);
        assert_eq!(names(|s| s.queue.as_mut().unwrap().oldest_waiting_ms = 60_001), ["oldest-job"]);
        assert_eq!(names(|s| s.answers = (15, 20)), ["cache-hit-rate"]);
        assert_eq!(names(|s| s.answers = (0, 19)), [""; 0]);
        assert_eq!(names(|s| s.attempts = (2, 10)), ["failure-rate"]);
        assert_eq!(names(|s| s.attempts = (9, 9)), [""; 0]);
        assert_eq!(names(|s| s.failing_receivers = 1), ["receiver-failing"]);
        assert!(is_failing(5, 4, true) && !is_failing(4, 0, true) && !is_failing(9, 9, true) && !is_failing(9, 0, false));
        assert_eq!(names(|s| s.redis_memory = Some(0.91)), ["redis-memory"]);
        assert_eq!(names(|s| s.redis_trouble = Some("x".to_owned())), ["redis-persistence"]);
        assert_eq!(names(|s| s.dead_lately = 1), [""; 0], "they were dealt with already");
        let waiting_to_write = |database, total| {
            names(move |s| {
                (s.write_waits, s.database) = (1, database);
                s.queue.as_mut().unwrap().total = total;
            })
        };
        assert_eq!(waiting_to_write(true, 1), ["database-writes"]);
        assert_eq!(waiting_to_write(true, 0), [""; 0], "all is written meanwhile");
        assert_eq!(waiting_to_write(false, 1), ["database-away"], "and therefore it takes no writes");
        let both = names(|s| {
            s.dead_lately = 1;
            s.queue.as_mut().unwrap().dead = 1;
            s.database = false;
        });
        assert_eq!(both, ["database-away", "dead-letters"], "the worst first");
        assert!(both.iter().all(|name| NAMES.contains(name)));
    }
}
