//! What is stored in Redis, for all replicas: answers, and the right to compute one.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use redis_client::{
    Script,
    fred::{
        bytes::Bytes,
        clients::Client,
        interfaces::KeysInterface,
        types::{Expiration, SetOptions, Value},
    },
};
use ring::digest;

use crate::{Bounds, Entry, tags::Version};

/// How long Redis is left alone after it did not answer.
const AWAY: Duration = Duration::from_secs(1);
/// How long one replica may compute before others do it themselves.
const LEASE: Duration = Duration::from_secs(3);
/// How often a replica looks whether another has computed.
const LOOK: Duration = Duration::from_millis(20);

/// Answers of one owner that are kept at most.
const ANSWERS: u64 = 1_000;

/// Where an answer lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct CacheKey {
    /// A digest of what stands before the colon of its tag.
    owner: u64,
    /// The digest of its key.
    digest: [u8; 16],
}

impl CacheKey {
    /// What tells it from all others.
    pub fn digest(&self) -> &[u8] {
        &self.digest
    }
}

/// The answers in Redis. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    client: Client,
    prefix: Arc<str>,
    bounds: Bounds,
    store: Arc<Script>,
    began: Instant,
    /// Until when Redis is left alone, in milliseconds since `began`.
    away_until: Arc<AtomicU64>,
}

impl Shared {
    pub fn new(client: Client, prefix: &str, bounds: Bounds) -> Self {
        let store = Arc::new(Script::new(include_str!("lua/store.lua")));
        Self { client, prefix: prefix.into(), bounds, store, began: Instant::now(), away_until: Arc::default() }
    }

    /// Whether Redis did not answer a moment ago.
    pub fn is_away(&self) -> bool {
        self.away_until.load(Ordering::Relaxed) > self.began.elapsed().as_millis() as u64
    }

    pub fn mark_away(&self, error: &redis_client::Error) {
        tracing::warn!(%error, "the cache goes on without Redis");
        self.away_until.store((self.began.elapsed() + AWAY).as_millis() as u64, Ordering::Relaxed);
    }

    /// The first part of the keys of an owner's answers, which lie in one slot of a cluster: they are bounded together.
    fn base(&self, place: CacheKey) -> String {
        format!("{{{}:answers:{:016x}}}:", self.prefix, place.owner)
    }

    fn key(&self, place: CacheKey) -> String {
        self.base(place) + &name(place)
    }

    /// The answer of `place`, of whatever version.
    pub async fn stored(&self, place: CacheKey) -> Option<Entry> {
        Entry::decode(&self.bytes(place).await?)
    }

    async fn bytes(&self, place: CacheKey) -> Option<Bytes> {
        if self.is_away() {
            return None;
        }
        match self.client.get(self.key(place)).await {
            Ok(bytes) => bytes,
            Err(error) => {
                self.mark_away(&error.into());
                None
            }
        }
    }

    /// The right to compute for all replicas: the name of the lease; none if another has it.
    pub async fn lease(&self, place: CacheKey, version: Version) -> Option<String> {
        let name = format!("{}:lease:{}", self.key(place), version.current);
        let expiry = Some(Expiration::PX(LEASE.as_millis() as i64));
        let taken: Result<Option<String>, _> = self.client.set(&name, 1, expiry, Some(SetOptions::NX), false).await;
        match taken {
            Ok(None) => None,
            // Without Redis everyone computes for themselves.
            Ok(Some(_)) | Err(_) => Some(name),
        }
    }

    /// Gives a lease up.
    pub async fn release(&self, lease: Option<String>) {
        if let Some(name) = lease {
            // It ends by itself as well.
            let _: Result<(), _> = self.client.del(name).await;
        }
    }

    /// What the replica that holds the lease makes; none if it does not in time.
    pub async fn computed_elsewhere(&self, place: CacheKey, version: Version) -> Option<Entry> {
        let begun = Instant::now();
        while begun.elapsed() < LEASE {
            let bytes = self.bytes(place).await;
            if let Some(entry) = bytes.as_ref().and_then(Entry::decode).filter(|entry| entry.version == version.current) {
                return Some(entry);
            }
            // It is too large to be shared: nobody need wait for it.
            let is_withheld = bytes.is_some_and(|bytes| bytes == version.current.to_be_bytes().as_slice());
            if is_withheld || self.is_away() {
                return None;
            }
            tokio::time::sleep(LOOK).await;
        }
        None
    }

    /// Keeps `entry` for `ttl`, and gives up the lease under which it was made. Whether it may be kept: in the place of
    /// one that is too large stands its version alone, for those who wait for it.
    pub async fn store(&self, ttl: Duration, place: CacheKey, entry: &Entry, lease: Option<String>) -> bool {
        let encoded = entry.encode();
        let is_kept = encoded.len() <= self.bounds.entry_bytes;
        let bytes = if is_kept { encoded } else { Bytes::copy_from_slice(&entry.version.to_be_bytes()) };
        let base = self.base(place);
        let keys = vec![self.key(place), format!("{base}ends"), format!("{base}sizes")];
        let (lasts, most) = (ttl.as_millis().max(1) as i64, self.bounds.owner_bytes as i64);
        let args = vec![name(place).into(), Value::Bytes(bytes), lasts.into(), (ANSWERS as i64).into(), most.into(), base.into()];
        let stored: Result<i64, _> = self.store.call(&self.client, keys, args).await;
        if let Err(error) = stored {
            tracing::debug!(%error, "an answer was not stored");
        }
        self.release(lease).await;
        is_kept
    }
}

/// The last part of an answer's key.
fn name(place: CacheKey) -> String {
    format!("{:032x}", u128::from_be_bytes(place.digest))
}

/// Where the answer of `key` is.
pub(crate) fn cache_key(endpoint: &str, tag: &str, key: &str) -> CacheKey {
    let mut hash = digest::Context::new(&digest::SHA256);
    for part in [endpoint, tag, key] {
        hash.update(&(part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let mut sum = [0; 16];
    sum.copy_from_slice(hash.finish().as_ref().get(..16).unwrap_or(&[0; 16]));
    CacheKey { owner: owner(tag), digest: sum }
}

/// Whose an answer is: FNV-1a of what stands before the colon of its tag, the same in every replica and version. Two
/// owners of one digest would share their room, and nothing else.
fn owner(tag: &str) -> u64 {
    let name = tag.split(':').next().unwrap_or_default();
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
