//! Counts and times that all replicas share: each process adds up what it saw and hands it to Redis
//! every two seconds; anyone who asks gets the sums of a sliding window.
//!
//! In Redis a window is made of hashes of ten seconds (for 1 and 5 minutes) and of five minutes (for
//! an hour), each with a time to live; a field is a count's or a bucket's name. A hash whose time is over does not change any
//! more: who asks again and again reads the last ones alone. What a process has not handed over when it is killed is not
//! counted. What must not be counted twice goes by a [`CountOutbox`].

mod count_outbox;
mod histogram;

use std::{
    collections::{BTreeMap, BTreeSet},
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
/// Seconds after its end for which a hash may still change: the clocks of processes differ.
const SETTLED: u64 = 15;

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

    fn add(&mut self, other: &Self) {
        for (name, count) in &other.counts {
            *self.counts.entry(name.clone()).or_default() += count;
        }
        for (name, times) in &other.times {
            let own = self.times.entry(name.clone()).or_default();
            times.counts().for_each(|(bucket, count)| own.add(bucket, count));
        }
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
    settled: Arc<Mutex<Settled>>,
    is_on: bool,
}

/// A hash: its grain, and its number since 1970.
type Slot = (u64, u64);
/// What hashes hold that do not change any more: no more than the longest windows have.
type Settled = BTreeMap<Slot, Arc<Figures>>;

impl Meter {
    /// The same meter, or one that counts nothing.
    #[must_use]
    pub fn on(mut self, is_on: bool) -> Self {
        self.is_on = is_on;
        self
    }

    /// A meter of the platform named `prefix`; hands over as long as it lives. Needs a tokio runtime.
    pub fn start(client: Client, prefix: &str) -> Self {
        let meter = Self { client, prefix: prefix.into(), pending: Arc::default(), settled: Arc::default(), is_on: true };
        // All of it but for what is pending, which goes with the last meter.
        let (own, pending) = (Self { pending: Arc::default(), ..meter.clone() }, Arc::downgrade(&meter.pending));
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(HAND_OVER).await;
                let Some(pending) = pending.upgrade() else { return };
                Self { pending, ..own.clone() }.hand_over().await;
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

    /// The sums of all windows, as [`Window::ALL`] has them, that end now.
    pub async fn figures(&self) -> Result<[Figures; 3], redis_client::Error> {
        let now = clock::now_secs();
        let slots = |window: Window| {
            let (grain, last) = (window.grain(), now / window.grain());
            (last.saturating_sub(window.length().as_secs() / grain)..=last).map(move |slot| (grain, slot))
        };
        let wanted: BTreeSet<Slot> = Window::ALL.into_iter().flat_map(slots).collect();
        let mut known: Settled = {
            let mut settled = self.settled.lock().unwrap_or_else(PoisonError::into_inner);
            settled.retain(|slot, _| wanted.contains(slot));
            settled.clone()
        };
        // All at once: the client sends them in one go.
        let unknown = wanted.iter().filter(|slot| !known.contains_key(slot));
        let asked = unknown.map(async |slot| Ok::<_, redis_client::Error>((*slot, self.read(*slot).await?.into())));
        known.extend(futures::future::try_join_all(asked).await?);
        let sums = Window::ALL.map(|window| {
            let mut sums = Figures::default();
            slots(window).filter_map(|slot| known.get(&slot)).for_each(|figures| sums.add(figures));
            sums
        });
        known.retain(|(grain, slot), _| (slot + 1) * grain + SETTLED <= now);
        *self.settled.lock().unwrap_or_else(PoisonError::into_inner) = known;
        Ok(sums)
    }

    async fn read(&self, (grain, slot): Slot) -> Result<Figures, redis_client::Error> {
        let fields: std::collections::HashMap<String, u64> = self.client.hgetall(self.key(grain, slot)).await?;
        let mut figures = Figures::default();
        for (field, value) in fields {
            figures.add_field(&field, value);
        }
        Ok(figures)
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
