//! What a request must know of its receiver: the active keys, the company, whose account it is.
//!
//! Looked up in process memory, then in the directory in Redis (see the crate `receivers`). The directory's version is part of
//! every key in memory, and each replica looks at it several times a second, so that a change takes effect everywhere within
//! one. What was last known serves while the directory cannot be read. Only where Redis has no directory at all, and only if
//! that is switched on, the database is asked, one look-up at a time.

use std::{
    hash::Hash,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use ::receivers::{Directory, Error, Publisher, SealedKey};
use common::{CompanyId, Endpoint, receiver};
use foldhash::fast::RandomState;
use fred::clients::Client;
use quick_cache::{
    UnitWeighter,
    sync::{Cache, DefaultLifecycle},
};
use ring::hmac;
use sea_orm::DatabaseConnection;
use shared_stats::Meter;
use smol_str::SmolStr;
use store::{
    companies,
    secrets::{self, Vault},
};
use tokio::sync::Semaphore;

use crate::verification::{Checked, Verification};

/// How often the version is looked at.
const LOOK: Duration = Duration::from_millis(400);
/// Longest wait for a look-up, one's own or another's of the same: the webhook is answered 503 then, and sent again.
const LOOK_UP: Duration = Duration::from_secs(3);
/// Longest wait for the database, and how long one that did not answer is not asked again.
const ANSWER: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_secs(2);
/// How old what memory has may be at most, should a new version be missed.
const MEMORY_TTL: Duration = Duration::from_secs(60);
/// Receivers and companies, and accounts, that memory has at most.
const REMEMBERED: (u64, u64) = (50_000, 400_000);

/// A key that verifies until its time is over. It begins when it is made: by whose clock does not matter here, so that one that
/// was made before a clock was set back, or where one is ahead, verifies at once.
#[derive(Debug)]
struct ActiveKey {
    key: hmac::Key,
    until_ms: Option<i64>,
}

/// The keys of a receiver. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    keys: Arc<[ActiveKey]>,
    checked: Arc<Checked>,
}

impl Keys {
    /// Those that verify now, newest first.
    pub fn active(&self) -> impl Iterator<Item = &hmac::Key> {
        let now = clock::now_ms();
        let is_active = move |key: &&ActiveKey| key.until_ms.is_none_or(|until| until > now);
        self.keys.iter().filter(is_active).map(|key| &key.key)
    }

    /// Counts that a webhook of the receiver was genuine, or not.
    pub fn count(&self, is_genuine: bool) {
        self.checked.count(is_genuine);
    }
}

/// What was looked up. Each webhook asks twice: so it is a cache that is as fast as a map, with a hash for short keys.
type Known<K, V> = Cache<K, Dated<V>, UnitWeighter, RandomState>;

/// What a look-up brought, and when.
#[derive(Debug, Clone)]
struct Dated<V> {
    value: V,
    since: Instant,
}

/// The database, for a Redis that has no directory.
#[derive(Debug)]
struct Fallback {
    db: DatabaseConnection,
    publisher: Publisher,
    one_at_a_time: Semaphore,
    /// When the database last failed to answer.
    failed: Mutex<Option<Instant>>,
}

/// The look-ups and their caches.
#[derive(Debug)]
pub struct Receivers {
    directory: Directory,
    fallback: Option<Fallback>,
    vault: Vault,
    version: AtomicI64,
    is_there: AtomicBool,
    keys: Known<(i64, Endpoint, CompanyId), Keys>,
    companies: Known<(i64, SmolStr), Option<CompanyId>>,
    accounts: Known<(i64, SmolStr), CompanyId>,
    verification: Verification,
}

impl Receivers {
    /// Starts the task that looks at the version; it ends with the last handle. `db` is asked where Redis has no directory.
    pub(crate) fn start(redis: &Client, name: &str, db: Option<DatabaseConnection>, vault: Vault, meter: Meter) -> Arc<Self> {
        let fallback = db.map(|db| Fallback {
            publisher: Publisher::new(db.clone(), redis.clone(), name),
            db,
            one_at_a_time: Semaphore::new(1),
            failed: Mutex::new(None),
        });
        let receivers = Arc::new(Self {
            directory: Directory::new(redis.clone(), name),
            fallback,
            vault,
            version: AtomicI64::new(0),
            is_there: AtomicBool::new(false),
            keys: nothing_known(REMEMBERED.0),
            companies: nothing_known(REMEMBERED.0),
            accounts: nothing_known(REMEMBERED.1),
            verification: Verification::new(meter),
        });
        let weak = Arc::downgrade(&receivers);
        tokio::spawn(async move {
            while let Some(receivers) = weak.upgrade() {
                receivers.look().await;
                receivers.verification.hand_over(&receivers.directory).await;
                drop(receivers);
                tokio::time::sleep(LOOK).await;
            }
        });
        receivers
    }

    /// Looks at the directory's version. Where there is no directory what is known stays, and one is made if that can be
    /// done from here.
    async fn look(&self) {
        match self.directory.state().await {
            Ok(Some(state)) => {
                self.version.store(state.version, Ordering::Release);
                self.is_there.store(true, Ordering::Release);
            }
            Ok(None) => {
                self.is_there.store(false, Ordering::Release);
                if let Some(fallback) = &self.fallback
                    && let Err(error) = Box::pin(fallback.publisher.repair(false)).await
                {
                    tracing::debug!(%error, "the directory of receivers is made later");
                }
            }
            Err(error) => tracing::debug!(%error, "the directory of receivers could not be looked at"),
        }
    }

    /// Whether receivers can be looked up: in a directory, or in the database.
    pub(crate) async fn is_ready(&self) -> bool {
        let in_database = || async {
            match &self.fallback {
                Some(fallback) => store::ping(&fallback.db).await.is_ok(),
                None => false,
            }
        };
        self.is_there.load(Ordering::Acquire) || matches!(self.directory.state().await, Ok(Some(_))) || in_database().await
    }

    /// Encrypts what cannot be masked.
    pub(crate) fn vault(&self) -> &Vault {
        &self.vault
    }

    fn version(&self) -> i64 {
        self.version.load(Ordering::Acquire)
    }

    /// The company of that slug, if there is one.
    pub(crate) async fn company(&self, slug: &str) -> Result<Option<CompanyId>, Error> {
        if !receiver::is_slug(slug) {
            return Ok(None);
        }
        let load = || async {
            match self.directory.company(slug).await {
                Err(Error::Absent) => {
                    self.ask_database(async |db| Ok(companies::find(db, slug).await?.map(|row| CompanyId(row.id)))).await
                }
                other => other,
            }
        };
        known(&self.companies, (self.version(), slug.into()), load).await
    }

    /// The company that the account is assigned to.
    pub(crate) async fn company_of_account(&self, account: &str) -> Result<CompanyId, Error> {
        let load = || async {
            match self.directory.company_of_account(account).await {
                Err(Error::Absent) => self.ask_database(async |db| companies::of_account(db, account).await).await,
                other => other,
            }
        };
        known(&self.accounts, (self.version(), account.into()), load).await
    }

    /// The keys of a receiver.
    pub(crate) async fn keys(&self, endpoint: Endpoint, company: CompanyId) -> Result<Keys, Error> {
        let load = || async {
            let sealed = match self.directory.keys(endpoint, company).await {
                Err(Error::Absent) => {
                    let rows = self.ask_database(async |db| secrets::active(db, endpoint, company).await).await?;
                    rows.into_iter().map(SealedKey::from).collect()
                }
                other => other?,
            };
            self.opened(sealed, endpoint, company)
        };
        known(&self.keys, (self.version(), endpoint, company), load).await
    }

    fn opened(&self, sealed: Vec<SealedKey>, endpoint: Endpoint, company: CompanyId) -> Result<Keys, Error> {
        let opened = sealed.into_iter().map(|sealed| {
            let until_ms = sealed.active_until;
            Ok(ActiveKey { key: self.vault.open(&sealed.into_row(endpoint, company))?, until_ms })
        });
        let keys: Arc<[ActiveKey]> = opened.collect::<Result<Vec<_>, store::Error>>()?.into();
        Ok(Keys { keys, checked: self.verification.of(endpoint, company) })
    }

    /// Asks the database, one look-up at a time: anyone who sends requests that prove nothing costs it little. One that did not
    /// answer is not asked for a moment: its absence costs one request a wait, and not all of them.
    async fn ask_database<T>(&self, ask: impl AsyncFnOnce(&DatabaseConnection) -> Result<T, store::Error>) -> Result<T, Error> {
        let Some(fallback) = &self.fallback else { return Err(Error::Absent) };
        let _permit = fallback.one_at_a_time.acquire().await.map_err(|_| Error::Absent)?;
        let failed = *fallback.failed.lock().unwrap_or_else(PoisonError::into_inner);
        if failed.is_some_and(|at| at.elapsed() < PAUSE) {
            return Err(Error::Absent);
        }
        let answer = store::deadline::within(ANSWER, ask(&fallback.db)).await;
        if answer.is_err() {
            *fallback.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        }
        Ok(answer?)
    }
}

fn nothing_known<K, V>(capacity: u64) -> Known<K, V>
where
    K: Hash + Eq,
    V: Clone,
{
    /// What room is made for at once.
    const ROOM: usize = 1_000;
    Cache::with(ROOM, capacity, UnitWeighter, RandomState::default(), DefaultLifecycle::default())
}

/// What `cache` has of `key`, else what `load` brings: for all who ask meanwhile. Where it brings nothing, what was known
/// before goes on. A look-up is rare and large: in a box, it does not make every request's future as large, which is copied
/// several times.
async fn known<K, V, F>(cache: &Known<K, V>, key: K, load: impl FnOnce() -> F) -> Result<V, Error>
where
    K: Hash + Eq + Clone,
    V: Clone,
    F: Future<Output = Result<V, Error>>,
{
    let is_old = |known: &Dated<V>| known.since.elapsed() >= MEMORY_TTL;
    let before = match cache.get(&key) {
        Some(known) if !is_old(&known) => return Ok(known.value),
        Some(known) => {
            drop(cache.remove_if(&key, is_old));
            Some(known.value)
        }
        None => None,
    };
    let load = async {
        match store::deadline::answered(LOOK_UP, load()).await.unwrap_or(Err(Error::Busy)) {
            Ok(value) => Ok(value),
            Err(error) => before.ok_or(error),
        }
        .map(|value| Dated { value, since: Instant::now() })
    };
    Ok(Box::pin(cache.get_or_insert_async(&key, load)).await?.value)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    /// Returns how often it was asked, itself included; after others had their turn.
    async fn count(asked: &AtomicUsize) -> Result<usize, Error> {
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
        let fail = || async { Err(Error::Absent) };
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

    #[actix_web::test]
    async fn what_was_known_goes_on_while_nothing_can_be_looked_up() {
        let cache = nothing_known(10);
        cache.insert('a', Dated { value: 1, since: Instant::now().checked_sub(MEMORY_TTL).unwrap() });
        assert_eq!(known(&cache, 'a', || async { Err(Error::Absent) }).await.unwrap(), 1);
        assert_eq!(known(&cache, 'a', || async { Ok(2) }).await.unwrap(), 1, "and is asked for again in a while");
    }

    #[test]
    fn a_key_verifies_until_its_time_is_over() {
        let now = clock::now_ms();
        let key = |until_ms| ActiveKey { key: hmac::Key::new(hmac::HMAC_SHA256, b"k"), until_ms };
        let count = |key: ActiveKey| Keys { keys: Arc::new([key]), checked: Arc::default() }.active().count();
        assert_eq!(count(key(None)), 1);
        assert_eq!(count(key(Some(now + 60_000))), 1);
        assert_eq!(count(key(Some(now - 1))), 0);
    }
}
