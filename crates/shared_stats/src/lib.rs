//! Counts and times that all replicas share: each process adds up what it saw and hands it to Redis
//! every two seconds; anyone who asks gets the sums of a sliding window.
//!
//! In Redis a window is made of hashes of ten seconds (for 1 and 5 minutes) and of five minutes (for
//! an hour), each with a time to live; a field is a count's or a bucket's name. What a process has not
//! handed over when it is killed is not counted. What must not be counted twice goes by a [`CountOutbox`].

mod count_outbox;
mod histogram;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

pub use count_outbox::{CountOutbox, DUPLICATES};
use foldhash::HashMap;
pub use histogram::Histogram;
use redis_client::fred::{
    clients::Client,
    interfaces::{HashesInterface, KeysInterface},
};

/// How often a process hands over.
const HAND_OVER: Duration = Duration::from_secs(2);
/// Different counts and times of one process at most.
const NAMES: usize = 500;
/// Seconds of a fine and of a coarse hash, and for how many seconds they are kept.
const GRAINS: [(u64, u64); 2] = [(10, 400), (300, 4200)];

/// How far back is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// The last minute.
    Minute,
    /// The last five minutes.
    FiveMinutes,
    /// The last hour.
    Hour,
}

impl Window {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Minute, Self::FiveMinutes, Self::Hour];

    /// Its length.
    pub const fn length(self) -> Duration {
        Duration::from_secs(match self {
            Self::Minute => 60,
            Self::FiveMinutes => 300,
            Self::Hour => 3600,
        })
    }

    const fn grain(self) -> u64 {
        match self {
            Self::Minute | Self::FiveMinutes => 10,
            Self::Hour => 300,
        }
    }
}

/// Counts and times of a window, summed over all replicas.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    /// By name.
    pub counts: HashMap<String, u64>,
    /// By name.
    pub times: HashMap<String, Histogram>,
}

impl Figures {
    /// A count; zero if nothing was counted.
    pub fn count(&self, name: &str) -> u64 {
        self.counts.get(name).copied().unwrap_or(0)
    }

    /// Times; empty if none were.
    pub fn time(&self, name: &str) -> Histogram {
        self.times.get(name).cloned().unwrap_or_default()
    }

    fn add_field(&mut self, field: &str, value: u64) {
        match field.rsplit_once('#') {
            Some((name, bucket)) => {
                if let Ok(bucket) = bucket.parse() {
                    self.times.entry(name.to_owned()).or_default().add(bucket, value);
                }
            }
            None => *self.counts.entry(field.to_owned()).or_default() += value,
        }
    }

    fn fields(&self) -> Vec<(String, u64)> {
        let counts = self.counts.iter().map(|(name, count)| (name.clone(), *count));
        let buckets = self.times.iter().flat_map(|(name, times)| times.counts().map(move |(b, c)| (format!("{name}#{b}"), c)));
        counts.chain(buckets).collect()
    }
}

/// A process' counts, on their way to all. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Meter {
    client: Client,
    prefix: Arc<str>,
    pending: Arc<Mutex<Figures>>,
    is_on: bool,
}

impl Meter {
    /// The same meter, or one that counts nothing.
    #[must_use]
    pub fn on(mut self, is_on: bool) -> Self {
        self.is_on = is_on;
        self
    }

    /// A meter of the platform named `prefix`; hands over as long as it lives. Needs a tokio runtime.
    pub fn start(client: Client, prefix: &str) -> Self {
        let meter = Self { client, prefix: prefix.into(), pending: Arc::default(), is_on: true };
        let (weak, pending) = (meter.clone(), Arc::downgrade(&meter.pending));
        let (client, prefix) = (weak.client.clone(), weak.prefix.clone());
        drop(weak);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(HAND_OVER).await;
                let Some(pending) = pending.upgrade() else { return };
                Self { client: client.clone(), prefix: prefix.clone(), pending, is_on: true }.hand_over().await;
            }
        });
        meter
    }

    /// Counts `by` more of `name`.
    pub fn count(&self, name: &str, by: u64) {
        if !self.is_on {
            return;
        }
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = pending.counts.get_mut(name) {
            *count += by;
        } else if pending.counts.len() < NAMES {
            pending.counts.insert(name.to_owned(), by);
        }
    }

    /// Counts a time of `name`.
    pub fn time(&self, name: &str, time: Duration) {
        self.times(name, [time]);
    }

    /// Counts times of `name`.
    pub fn times(&self, name: &str, times: impl IntoIterator<Item = Duration>) {
        if !self.is_on {
            return;
        }
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        if !pending.times.contains_key(name) && pending.times.len() < NAMES {
            pending.times.insert(name.to_owned(), Histogram::default());
        }
        if let Some(known) = pending.times.get_mut(name) {
            times.into_iter().for_each(|time| known.record(time));
        }
    }

    /// Hands over now what was counted since the last time. What cannot be handed over is dropped:
    /// figures are not worth memory without bound.
    pub async fn hand_over(&self) {
        let figures = std::mem::take(&mut *self.pending.lock().unwrap_or_else(PoisonError::into_inner));
        let fields = figures.fields();
        if fields.is_empty() {
            return;
        }
        for (grain, kept) in GRAINS {
            let key = self.key(grain, clock::now_secs() / grain);
            let pipeline = self.client.pipeline();
            let mut queued = Vec::with_capacity(fields.len() + 1);
            for (field, value) in &fields {
                queued.push(pipeline.hincrby::<(), _, _>(&key, field, *value as i64).await);
            }
            queued.push(pipeline.expire::<(), _>(&key, kept as i64, None).await);
            if let Err(error) = pipeline.all::<Vec<i64>>().await {
                tracing::debug!(%error, "figures were not handed over");
            }
        }
    }

    /// The sums of a window that ends now.
    pub async fn figures(&self, window: Window) -> Result<Figures, redis_client::Error> {
        let grain = window.grain();
        let last = clock::now_secs() / grain;
        let hashes = window.length().as_secs() / grain;
        let mut sums = Figures::default();
        // All at once: the client sends them in one go.
        let asked = (last.saturating_sub(hashes)..=last).map(|slot| self.client.hgetall(self.key(grain, slot)));
        let hashes: Vec<std::collections::HashMap<String, u64>> = futures::future::try_join_all(asked).await?;
        for fields in hashes {
            for (field, value) in fields {
                sums.add_field(&field, value);
            }
        }
        Ok(sums)
    }

    fn key(&self, grain: u64, slot: u64) -> String {
        format!("{{{}:meter:{grain}:{slot}}}", self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_carry_everything() {
        let mut figures = Figures::default();
        figures.counts.insert("cache.hit:a".to_owned(), 3);
        figures.times.entry("x".to_owned()).or_default().record(Duration::from_millis(5));
        let mut back = Figures::default();
        for (field, value) in figures.fields() {
            back.add_field(&field, value);
        }
        assert_eq!((back.count("cache.hit:a"), back.time("x")), (3, figures.time("x")));
        assert_eq!(back.count("none"), 0);
    }
}
