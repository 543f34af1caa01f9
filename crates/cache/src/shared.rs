//! What is stored in Redis, for all replicas: answers, and the right to compute one.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use redis_client::fred::{
    bytes::Bytes,
    clients::Client,
    interfaces::KeysInterface,
    types::{Expiration, SetOptions},
};
use ring::digest;

use crate::{Entry, tags::Version};

/// How long Redis is left alone after it did not answer.
const AWAY: Duration = Duration::from_secs(1);
/// How long one replica may compute before others do it themselves.
const LEASE: Duration = Duration::from_secs(3);
/// How often a replica looks whether another has computed.
const LOOK: Duration = Duration::from_millis(20);

/// CacheKey of an answer: the digest of its key.
pub(crate) type CacheKey = [u8; 16];

/// The answers in Redis. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    client: Client,
    prefix: Arc<str>,
    began: Instant,
    /// Until when Redis is left alone, in milliseconds since `began`.
    away_until: Arc<AtomicU64>,
}

impl Shared {
    pub fn new(client: Client, prefix: &str) -> Self {
        Self { client, prefix: prefix.into(), began: Instant::now(), away_until: Arc::default() }
    }

    /// Whether Redis did not answer a moment ago.
    pub fn is_away(&self) -> bool {
        self.away_until.load(Ordering::Relaxed) > self.began.elapsed().as_millis() as u64
    }

    pub fn mark_away(&self, error: &redis_client::Error) {
        tracing::warn!(%error, "the cache goes on without Redis");
        self.away_until.store((self.began.elapsed() + AWAY).as_millis() as u64, Ordering::Relaxed);
    }

    fn key(&self, place: CacheKey) -> String {
        format!("{{{}:answer:{:x}}}", self.prefix, u128::from_be_bytes(place))
    }

    /// The answer of `place`, of whatever version.
    pub async fn stored(&self, place: CacheKey) -> Option<Entry> {
        if self.is_away() {
            return None;
        }
        let bytes: Option<Bytes> = match self.client.get(self.key(place)).await {
            Ok(bytes) => bytes,
            Err(error) => {
                self.mark_away(&error.into());
                None
            }
        };
        Entry::decode(&bytes?)
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
            if let Some(entry) = self.stored(place).await.filter(|entry| entry.version == version.current) {
                return Some(entry);
            }
            if self.is_away() {
                return None;
            }
            tokio::time::sleep(LOOK).await;
        }
        None
    }

    /// Keeps `entry` for `ttl`, and gives up the lease under which it was made.
    pub async fn store(&self, ttl: Duration, place: CacheKey, entry: &Entry, lease: Option<String>) {
        let expiry = Some(Expiration::EX(ttl.as_secs().max(1) as i64));
        let stored: Result<(), _> = self.client.set(self.key(place), entry.encode(), expiry, None, false).await;
        if let Err(error) = stored {
            tracing::debug!(%error, "an answer was not stored");
        }
        self.release(lease).await;
    }
}

/// Where the answer of `key` is.
pub(crate) fn cache_key(endpoint: &str, tag: &str, key: &str) -> CacheKey {
    let mut hash = digest::Context::new(&digest::SHA256);
    for part in [endpoint, tag, key] {
        hash.update(&(part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let mut place = [0; 16];
    place.copy_from_slice(hash.finish().as_ref().get(..16).unwrap_or(&[0; 16]));
    place
}
