//! Finds an answer in the process, in Redis, or has it computed: once for all who ask meanwhile.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use moka::{Expiry, future::Cache};
use redis_client::fred::clients::Client;
use shared_stats::Meter;

use crate::{
    Entry, Tags,
    shared::{CacheKey, Shared, cache_key},
    tags::Version,
};

/// How long a process takes a version that it has read for the current one.
pub const TRUST: Duration = Duration::from_millis(100);
/// How far behind a commit the answer before it may be and still be given while a new one is computed.
pub const STALE_FOR: Duration = Duration::from_millis(1800);
/// How a route is cached.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Its name in figures.
    pub endpoint: &'static str,
    /// How long an answer is kept although nothing was bumped.
    pub ttl: Duration,
    /// How long a process gives an answer without a look whether another has put a newer one in Redis.
    pub local: Duration,
}

/// How much is kept.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Bytes in this process.
    pub memory_bytes: u64,
    /// Bytes of one answer as Redis has it, compressed; a larger one is given and not kept.
    pub entry_bytes: usize,
    /// Bytes of all answers of one owner in Redis.
    pub owner_bytes: u64,
}

/// Where an answer came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was there.
    Hit,
    /// It was computed for this request.
    Miss,
    /// It is the one before; a new one is being computed.
    Stale,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Found {
    /// The answer itself.
    pub entry: Arc<Entry>,
    /// Where it came from.
    pub outcome: Outcome,
}

#[derive(Debug, Clone)]
struct Kept {
    entry: Arc<Entry>,
    /// Another replica had it.
    was_there: bool,
    /// When it is to go.
    until: Instant,
}

#[derive(Debug)]
struct UntilTold;

impl Expiry<(CacheKey, u64), Kept> for UntilTold {
    fn expire_after_create(&self, _: &(CacheKey, u64), kept: &Kept, now: Instant) -> Option<Duration> {
        Some(kept.until.saturating_duration_since(now))
    }
}

/// The cache of one process over the one in Redis. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ResponseCache {
    shared: Shared,
    tags: Tags,
    meter: Meter,
    wrap: fn(&[u8]) -> Vec<u8>,
    versions: Cache<String, Version>,
    /// By version, so that an answer of an old one is never found; filled once for all who ask.
    fresh: Cache<(CacheKey, u64), Kept>,
    /// The last answer of a place, of whatever version.
    latest: Cache<CacheKey, Arc<Entry>>,
}

impl ResponseCache {
    /// A cache of the platform named `prefix`, within `bounds`; `wrap` makes a body of
    /// computed data.
    pub fn new(client: Client, prefix: &str, meter: Meter, bounds: Bounds, wrap: fn(&[u8]) -> Vec<u8>) -> Self {
        let bytes = bounds.memory_bytes;
        let weigh = |kept: &Kept| kept.entry.weight();
        Self {
            tags: Tags::new(client.clone(), prefix),
            shared: Shared::new(client, prefix, bounds),
            meter,
            wrap,
            versions: Cache::builder().max_capacity(100_000).time_to_live(TRUST).build(),
            fresh: Cache::builder().max_capacity(bytes).weigher(move |_, kept| weigh(kept)).expire_after(UntilTold).build(),
            // Shares its bodies with the one above for the most part.
            latest: Cache::builder()
                .max_capacity(bytes / 2)
                .weigher(|_, entry: &Arc<Entry>| entry.weight())
                .time_to_live(Duration::from_secs(600))
                .build(),
        }
    }

    /// The tags that answers are kept under.
    pub fn tags(&self) -> &Tags {
        &self.tags
    }

    /// Whether Redis did not answer a moment ago: answers are computed without it.
    pub fn is_away(&self) -> bool {
        self.shared.is_away()
    }

    /// The answer of `key` under `tag`; `compute` gives its data where it is not there.
    pub async fn get<F, E>(
        &self,
        plan: Plan,
        tag: &str,
        key: &str,
        compute: impl FnOnce() -> F + Send + 'static,
    ) -> Result<Found, Arc<E>>
    where
        F: Future<Output = Result<Vec<u8>, E>> + Send,
        E: Send + Sync + 'static,
        F: 'static,
    {
        let begun = Instant::now();
        let found = self.find(plan, tag, key, compute).await;
        let name = match &found {
            Ok(Found { outcome: Outcome::Hit, .. }) => "hit",
            Ok(Found { outcome: Outcome::Miss, .. }) => "miss",
            Ok(Found { outcome: Outcome::Stale, .. }) => "stale",
            Err(_) => "error",
        };
        self.meter.count(&format!("cache.{name}:{}", plan.endpoint), 1);
        self.meter.time(&format!("cache.{name}:{}", plan.endpoint), begun.elapsed());
        found
    }

    async fn find<F, E>(
        &self,
        plan: Plan,
        tag: &str,
        key: &str,
        compute: impl FnOnce() -> F + Send + 'static,
    ) -> Result<Found, Arc<E>>
    where
        F: Future<Output = Result<Vec<u8>, E>> + Send,
        E: Send + Sync + 'static,
        F: 'static,
    {
        let place = cache_key(plan.endpoint, tag, key);
        let Some(version) = self.version(tag).await else { return Box::pin(self.without_redis(place, compute)).await };
        if let Some(kept) = self.fresh.get(&(place, version.current)).await {
            return Ok(Found { entry: kept.entry, outcome: Outcome::Hit });
        }
        // In a box, so that a hit need not make room for all that computing an answer takes.
        Box::pin(self.look_further(plan, place, version, compute)).await
    }

    /// The answer that is not in this process under its version of now.
    async fn look_further<F, E>(
        &self,
        plan: Plan,
        place: CacheKey,
        version: Version,
        compute: impl FnOnce() -> F + Send + 'static,
    ) -> Result<Found, Arc<E>>
    where
        F: Future<Output = Result<Vec<u8>, E>> + Send + 'static,
        E: Send + Sync + 'static,
    {
        let at = (place, version.current);
        let mut before = self.latest.get(&place).await;
        if before.as_ref().is_none_or(|entry| entry.age() >= plan.local) {
            before = self.shared.stored(place).await.map(Arc::new).or(before);
        }
        if let Some(entry) = before.clone().filter(|entry| entry.version == version.current && entry.age() < plan.ttl) {
            let left = plan.ttl.saturating_sub(entry.age()).min(plan.local);
            let kept = Kept { until: Instant::now() + left, entry: entry.clone(), was_there: true };
            self.fresh.insert(at, kept).await;
            self.latest.insert(place, entry.clone()).await;
            return Ok(Found { entry, outcome: Outcome::Hit });
        }
        let fill = {
            let (cache, before) = (self.clone(), before.clone());
            async move { cache.fill(plan, place, version, before, compute).await }
        };
        if let Some(entry) = before.filter(|entry| may_be_given(entry, &version, plan)) {
            let fresh = self.fresh.clone();
            tokio::spawn(async move { fresh.try_get_with(at, fill).await.map(drop) });
            return Ok(Found { entry, outcome: Outcome::Stale });
        }
        // In a task of its own: a caller who goes away must not leave the others waiting for its lease.
        let fresh = self.fresh.clone();
        let filled = tokio::spawn(async move { fresh.try_get_with(at, fill).await });
        let kept = match filled.await {
            Ok(kept) => kept.map_err(|error: Arc<Arc<E>>| (*error).clone())?,
            Err(ended) => match ended.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime ends, and with it this.
                Err(_) => std::future::pending().await,
            },
        };
        Ok(Found { entry: kept.entry, outcome: if kept.was_there { Outcome::Hit } else { Outcome::Miss } })
    }

    /// Sees to it that the answer of `key` is kept under the tag's version of now; computes it only if
    /// nobody has. Returns that version. Counts as nobody's request.
    pub async fn ensure<F, E>(&self, plan: Plan, tag: &str, key: &str, compute: impl FnOnce() -> F + Send) -> Result<u64, Arc<E>>
    where
        F: Future<Output = Result<Vec<u8>, E>> + Send,
        E: Send + Sync + 'static,
    {
        let place = cache_key(plan.endpoint, tag, key);
        let Some(version) = self.tags.version(tag).await.inspect_err(|error| self.shared.mark_away(error)).ok() else {
            return Ok(0);
        };
        self.versions.insert(tag.to_owned(), version).await;
        let before = self.shared.stored(place).await.map(Arc::new);
        if before.as_ref().is_none_or(|entry| entry.version != version.current) {
            let fill = self.fill(plan, place, version, before, compute);
            self.fresh.try_get_with((place, version.current), fill).await.map_err(|error: Arc<Arc<E>>| (*error).clone())?;
        }
        Ok(version.current)
    }

    /// Computes the answer of `key` under `tag` again, whatever is kept, for all replicas. Returns the
    /// tag's version that it is kept under.
    pub async fn refresh<F, E>(&self, plan: Plan, tag: &str, key: &str, compute: impl FnOnce() -> F) -> Result<u64, E>
    where
        F: Future<Output = Result<Vec<u8>, E>> + Send,
    {
        let place = cache_key(plan.endpoint, tag, key);
        // Without Redis there is nowhere to keep it.
        let Some(version) = self.tags.version(tag).await.inspect_err(|error| self.shared.mark_away(error)).ok() else {
            return Ok(0);
        };
        let data = compute().await?;
        let before = self.shared.stored(place).await;
        let entry = Arc::new(Entry::new(version.current, place.digest(), &data, self.wrap, before.as_ref()));
        self.versions.insert(tag.to_owned(), version).await;
        // In this process too where somebody asks it for that answer: the others would fill its memory for nobody.
        if self.shared.store(plan.ttl, place, &entry, None).await && self.latest.contains_key(&place) {
            self.latest.insert(place, entry.clone()).await;
            let until = Instant::now() + plan.ttl.min(plan.local);
            self.fresh.insert((place, version.current), Kept { entry, was_there: true, until }).await;
        }
        Ok(version.current)
    }

    /// While no version is known an answer is good for [`TRUST`], which spares the database a crowd.
    async fn without_redis<F, E>(&self, place: CacheKey, compute: impl FnOnce() -> F) -> Result<Found, Arc<E>>
    where
        F: Future<Output = Result<Vec<u8>, E>> + Send,
        E: Send + Sync + 'static,
    {
        let at = (place, 0);
        if let Some(kept) = self.fresh.get(&at).await {
            return Ok(Found { entry: kept.entry, outcome: Outcome::Hit });
        }
        let fill = async {
            let entry = Arc::new(Entry::new(0, place.digest(), &compute().await?, self.wrap, None));
            Ok(Kept { entry, was_there: false, until: Instant::now() + TRUST })
        };
        let kept = self.fresh.try_get_with(at, fill).await?;
        Ok(Found { entry: kept.entry, outcome: Outcome::Miss })
    }

    /// The version of `tag`, as of [`TRUST`] ago at most; none while Redis is away.
    async fn version(&self, tag: &str) -> Option<Version> {
        if let Some(known) = self.versions.get(tag).await {
            return Some(known);
        }
        if self.is_away() {
            return None;
        }
        let read = Box::pin(self.versions.try_get_with(tag.to_owned(), self.tags.version(tag))).await;
        read.inspect_err(|error| self.shared.mark_away(error)).ok()
    }

    async fn fill<F, E>(
        &self,
        plan: Plan,
        place: CacheKey,
        version: Version,
        before: Option<Arc<Entry>>,
        compute: impl FnOnce() -> F + Send,
    ) -> Result<Kept, Arc<E>>
    where
        F: Future<Output = Result<Vec<u8>, E>> + Send,
    {
        let kept = |entry: Arc<Entry>, was_there| Kept { entry, was_there, until: Instant::now() + plan.ttl.min(plan.local) };
        let lease = self.shared.lease(place, version).await;
        let elsewhere = if lease.is_none() {
            self.shared.computed_elsewhere(place, version).await
        } else {
            // Another replica may have been done with it just before.
            let stored = self.shared.stored(place).await;
            stored.filter(|entry| entry.version == version.current && entry.age() < plan.ttl)
        };
        if let Some(entry) = elsewhere {
            self.shared.release(lease).await;
            let entry = Arc::new(entry);
            self.latest.insert(place, entry.clone()).await;
            return Ok(kept(entry, true));
        }
        match compute().await {
            Ok(data) => {
                let entry = Arc::new(Entry::new(version.current, place.digest(), &data, self.wrap, before.as_deref()));
                if self.shared.store(plan.ttl, place, &entry, lease).await {
                    self.latest.insert(place, entry.clone()).await;
                    return Ok(kept(entry, false));
                }
                // Given to those who wait for it now, and no others.
                Ok(Kept { entry, was_there: false, until: Instant::now() })
            }
            Err(error) => {
                self.shared.release(lease).await;
                Err(Arc::new(error))
            }
        }
    }
}

/// Whether the answer before the current one may still be given: no bump but the last one is
/// between, and what it lacks was committed lately; or none does, and only its time to live is over.
fn may_be_given(entry: &Entry, version: &Version, plan: Plan) -> bool {
    let only_expired = entry.version == version.current && entry.age() < plan.ttl + Duration::from_secs(10);
    only_expired || (entry.version == version.previous && version.behind() < STALE_FOR)
}
