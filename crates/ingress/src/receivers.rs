//! What a request must know of its receiver: the active keys, the company, whose account it is.
//!
//! Looked up in process memory, then (secrets, encrypted as in the database) in Redis, then in the
//! database. A version number in Redis is part of every cache key; whoever changes secrets,
//! companies or assignments bumps it with [`redis_client::receivers_changed`], and each replica looks at it several
//! times a second, so that a change takes effect everywhere within one.

use std::{
    hash::Hash,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use common::{CompanyId, Endpoint, receiver};
use foldhash::fast::RandomState;
use fred::{clients::Client, interfaces::KeysInterface, types::Expiration};
use quick_cache::{
    UnitWeighter,
    sync::{Cache, DefaultLifecycle},
};
use ring::hmac;
use sea_orm::DatabaseConnection;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use store::{
    companies,
    entity::receiver_secret,
    secrets::{self, Vault},
};
use uuid::Uuid;

/// How often the version is looked at.
const LOOK: Duration = Duration::from_millis(400);
/// How long Redis keeps a receiver's (encrypted) secrets.
const REDIS_TTL_SECS: i64 = 300;
/// Longest wait for a look-up, one's own or another's of the same: the webhook is answered 503 then, and sent again.
const LOOK_UP: Duration = Duration::from_secs(8);
/// How old what memory has may be at most, should a bump be lost.
const MEMORY_TTL: Duration = Duration::from_secs(60);

type Keys = Arc<Vec<hmac::Key>>;

/// What was looked up. Each webhook asks twice: so it is a cache that is as fast as a map, with a hash for short keys.
type Known<K, V> = Cache<K, Dated<V>, UnitWeighter, RandomState>;

/// What a look-up brought, and when.
#[derive(Debug, Clone)]
struct Dated<V> {
    value: V,
    since: Instant,
}

/// The look-ups and their caches.
#[derive(Debug)]
pub struct Receivers {
    redis: Client,
    name: String,
    db: DatabaseConnection,
    vault: Vault,
    version: AtomicI64,
    keys: Known<(i64, Endpoint, CompanyId), Keys>,
    companies: Known<(i64, SmolStr), Option<CompanyId>>,
    accounts: Known<(i64, SmolStr), CompanyId>,
}

/// A stored secret as Redis holds it: still encrypted.
#[derive(Serialize, Deserialize)]
struct Sealed {
    encoding: String,
    ciphertext: String,
    active_until: Option<i64>,
}

impl Receivers {
    /// Starts the task that looks at the version; it ends with the last handle.
    pub(crate) fn start(redis: Client, name: &str, db: DatabaseConnection, vault: Vault) -> Arc<Self> {
        let receivers = Arc::new(Self {
            redis,
            db,
            vault,
            name: name.to_owned(),
            version: AtomicI64::new(0),
            keys: nothing_known(10_000),
            companies: nothing_known(10_000),
            accounts: nothing_known(100_000),
        });
        let weak = Arc::downgrade(&receivers);
        tokio::spawn(async move {
            while let Some(receivers) = weak.upgrade() {
                let seen: Result<Option<i64>, _> =
                    receivers.redis.get(redis_client::receivers_version_key(&receivers.name)).await;
                if let Ok(version) = seen {
                    receivers.version.store(version.unwrap_or(0), Ordering::Release);
                }
                drop(receivers);
                tokio::time::sleep(LOOK).await;
            }
        });
        receivers
    }

    fn version(&self) -> i64 {
        self.version.load(Ordering::Acquire)
    }

    /// The company of that slug, if there is one.
    pub(crate) async fn company(&self, slug: &str) -> Result<Option<CompanyId>, store::Error> {
        if !receiver::is_slug(slug) {
            return Ok(None);
        }
        let load = || async { Ok(companies::find(&self.db, slug).await?.map(|row| CompanyId(row.id))) };
        known(&self.companies, (self.version(), slug.into()), load).await
    }

    /// The company that the account is assigned to.
    pub(crate) async fn company_of_account(&self, account: &str) -> Result<CompanyId, store::Error> {
        known(&self.accounts, (self.version(), account.into()), || companies::of_account(&self.db, account)).await
    }

    /// The active keys of a receiver, newest first; empty if it has none.
    pub(crate) async fn keys(&self, endpoint: Endpoint, company: CompanyId) -> Result<Keys, store::Error> {
        let version = self.version();
        known(&self.keys, (version, endpoint, company), || self.load_keys(version, endpoint, company)).await
    }

    async fn load_keys(&self, version: i64, endpoint: Endpoint, company: CompanyId) -> Result<Keys, store::Error> {
        let cached = format!("{}:receivers:secrets:{version}:{endpoint}:{}", self.name, company.0);
        let known: Option<String> = self.redis.get(cached.as_str()).await.ok().flatten();
        let sealed = known.and_then(|json| serde_json::from_str::<Vec<Sealed>>(&json).ok());
        let sealed = match sealed {
            Some(sealed) => sealed,
            None => self.load_sealed(&cached, endpoint, company).await?,
        };
        let now = store::now_ms();
        let mut keys = Vec::with_capacity(sealed.len());
        for secret in sealed.into_iter().filter(|s| s.active_until.is_none_or(|until| until > now)) {
            keys.push(self.vault.open(&row(secret, endpoint, company))?);
        }
        Ok(Arc::new(keys))
    }

    async fn load_sealed(&self, cached: &str, endpoint: Endpoint, company: CompanyId) -> Result<Vec<Sealed>, store::Error> {
        let sealed: Vec<Sealed> = secrets::active(&self.db, endpoint, company)
            .await?
            .into_iter()
            .map(|row| Sealed { encoding: row.encoding, ciphertext: row.ciphertext, active_until: row.active_until })
            .collect();
        if let Ok(json) = serde_json::to_string(&sealed) {
            let expire = Some(Expiration::EX(REDIS_TTL_SECS));
            if let Err(error) = self.redis.set::<(), _, _>(cached, json, expire, None, false).await {
                tracing::debug!(%error, "secrets were not cached in Redis");
            }
        }
        Ok(sealed)
    }
}

fn nothing_known<K, V>(capacity: usize) -> Known<K, V>
where
    K: Hash + Eq,
    V: Clone,
{
    Cache::with(capacity, capacity as u64, UnitWeighter, RandomState::default(), DefaultLifecycle::default())
}

/// What `cache` has of `key`, else what `load` brings: for all who ask meanwhile. A look-up is rare and large: in a box, it
/// does not make every request's future as large, which is copied several times.
async fn known<K, V, F>(cache: &Known<K, V>, key: K, load: impl FnOnce() -> F) -> Result<V, store::Error>
where
    K: Hash + Eq + Clone,
    V: Clone,
    F: Future<Output = Result<V, store::Error>>,
{
    let is_old = |known: &Dated<V>| known.since.elapsed() >= MEMORY_TTL;
    match cache.get(&key) {
        Some(known) if !is_old(&known) => return Ok(known.value),
        Some(_) => drop(cache.remove_if(&key, is_old)),
        None => {}
    }
    let load = async { Ok(Dated { value: load().await?, since: Instant::now() }) };
    Ok(store::within(LOOK_UP, Box::pin(cache.get_or_insert_async(&key, load))).await?.value)
}

fn row(secret: Sealed, endpoint: Endpoint, company: CompanyId) -> receiver_secret::Model {
    receiver_secret::Model {
        id: Uuid::nil(),
        endpoint: endpoint.as_str().to_owned(),
        company_id: company.0,
        version: 0,
        encoding: secret.encoding,
        ciphertext: secret.ciphertext,
        active_from: 0,
        active_until: secret.active_until,
        created_at: 0,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    /// Answers how often it was asked, itself included; after others had their turn.
    async fn count(asked: &AtomicUsize) -> Result<usize, store::Error> {
        tokio::task::yield_now().await;
        Ok(asked.fetch_add(1, Ordering::Relaxed) + 1)
    }

    #[actix_web::test]
    async fn all_who_ask_at_once_have_one_look_up() {
        let (cache, asked) = (nothing_known(10), AtomicUsize::new(0));
        let ask = || known(&cache, 'a', || count(&asked));
        assert_eq!(futures::try_join!(ask(), ask(), ask()).unwrap(), (1, 1, 1));
        assert_eq!((ask().await.unwrap(), known(&cache, 'b', || count(&asked)).await.unwrap()), (1, 2));
    }

    #[actix_web::test]
    async fn a_look_up_that_failed_is_tried_again() {
        let cache = nothing_known(10);
        let fail = || async { Err(store::Error::Unavailable("away".to_owned())) };
        assert!(known(&cache, 'a', fail).await.is_err());
        assert_eq!(known(&cache, 'a', || async { Ok(7) }).await.unwrap(), 7);
    }

    #[actix_web::test]
    async fn what_is_old_is_looked_up_anew() {
        let (cache, asked) = (nothing_known(10), AtomicUsize::new(6));
        cache.insert('a', Dated { value: 1, since: Instant::now().checked_sub(MEMORY_TTL).unwrap() });
        let ask = || known(&cache, 'a', || count(&asked));
        assert_eq!(futures::try_join!(ask(), ask()).unwrap(), (7, 7));
    }
}
