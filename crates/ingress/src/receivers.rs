//! What a request must know of its receiver: the valid keys, the company, whose account it is.
//!
//! Looked up in process memory, then in the directory beside the queue ([`receivers::Directory`]). The directory's version is
//! polled several times a second; a new one makes what is known be looked up anew, so that a change takes effect
//! everywhere within a second. What is known has no age otherwise: while Redis has no directory, or cannot be asked, it goes on
//! serving. The database is asked only where it is the fallback (`fallback`) and Redis has no directory.

mod fallback;

use std::{
    hash::Hash,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use common::{CompanyId, Endpoint, receiver};
use foldhash::fast::RandomState;
use quick_cache::{
    UnitWeighter,
    sync::{Cache, DefaultLifecycle},
};
use receivers::{Directory, Error, Found, SealedKey};
use ring::hmac;
use sea_orm::DatabaseConnection;
use smol_str::SmolStr;
use store::secrets::{MAX_ACTIVE, Vault};

use fallback::Fallback;

/// How often the version is looked at.
const LOOK: Duration = Duration::from_millis(400);
/// Longest wait for a look-up, one's own or another's of the same: the webhook is answered 503 then, and sent again.
const LOOK_UP: Duration = Duration::from_secs(2);
/// Receivers and slugs that memory has at most; and slugs that no company has.
const RECEIVERS: usize = 50_000;
/// Accounts that memory has at most.
const ACCOUNTS: usize = 100_000;
/// Slugs without a company that memory has at most: strangers make them up, and must not push out others.
const UNKNOWN: usize = 10_000;

/// What was looked up. Each webhook asks twice: so it is a cache that is as fast as a map, with a hash for short keys.
type Known<K, V> = Cache<K, V, UnitWeighter, RandomState>;

/// The keys of a receiver, newest first. Which of them are valid is decided at each use.
#[derive(Debug, Clone)]
pub struct Keys(Arc<[Key]>);

#[derive(Debug)]
struct Key {
    active_from: i64,
    active_until: i64,
    key: hmac::Key,
}

impl Keys {
    /// The keys that are valid now, newest first.
    pub fn iter(&self) -> impl Iterator<Item = &hmac::Key> {
        let now = store::now_ms();
        let valid = self.0.iter().filter(move |key| (key.active_from..key.active_until).contains(&now));
        valid.take(MAX_ACTIVE as usize).map(|key| &key.key)
    }

    /// Whether none is valid now.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }
}

/// The look-ups and their caches.
#[derive(Debug)]
pub struct Receivers {
    directory: Directory,
    fallback: Option<Fallback>,
    vault: Vault,
    /// Counts the versions of the directory that were seen: part of every key of the caches.
    epoch: AtomicI64,
    /// The version that the epoch stands for.
    version: Mutex<Option<String>>,
    /// Whether a complete directory was seen since the start.
    is_known: AtomicBool,
    keys: Known<(i64, Endpoint, CompanyId), Keys>,
    companies: Known<(i64, SmolStr), CompanyId>,
    unknown: Known<(i64, SmolStr), ()>,
    accounts: Known<(i64, SmolStr), CompanyId>,
}

impl Receivers {
    /// Starts the task that looks at the version; it ends with the last handle. With `db`, the database is the fallback.
    pub(crate) fn start(directory: Directory, db: Option<DatabaseConnection>, vault: Vault) -> Arc<Self> {
        let receivers = Arc::new(Self {
            fallback: db.map(|db| Fallback::start(db, directory.clone())),
            directory,
            vault,
            epoch: AtomicI64::new(0),
            version: Mutex::new(None),
            is_known: AtomicBool::new(false),
            keys: nothing_known(RECEIVERS),
            companies: nothing_known(RECEIVERS),
            unknown: nothing_known(UNKNOWN),
            accounts: nothing_known(ACCOUNTS),
        });
        let weak = Arc::downgrade(&receivers);
        tokio::spawn(async move {
            while let Some(receivers) = weak.upgrade() {
                receivers.look().await;
                drop(receivers);
                tokio::time::sleep(LOOK).await;
            }
        });
        receivers
    }

    /// Looks at the directory's version. One that is missing or cannot be read changes nothing.
    async fn look(&self) -> bool {
        let Ok(Some(head)) = self.directory.head().await else { return false };
        let mut seen = self.version.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.as_ref() != Some(&head.version) {
            *seen = Some(head.version);
            self.epoch.fetch_add(1, Ordering::Release);
        }
        self.is_known.store(true, Ordering::Release);
        true
    }

    fn epoch(&self) -> i64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// Whether receivers can be looked up: a complete directory was seen, or the fallback answers.
    pub(crate) async fn is_ready(&self) -> bool {
        self.is_known.load(Ordering::Acquire)
            || self.look().await
            || match &self.fallback {
                Some(fallback) => fallback.is_there().await,
                None => false,
            }
    }

    /// The company of that slug, if there is one.
    pub(crate) async fn company(&self, slug: &str) -> Result<Option<CompanyId>, Error> {
        if !receiver::is_slug(slug) {
            return Ok(None);
        }
        let key = (self.epoch(), SmolStr::from(slug));
        if let Some(company) = self.companies.get(&key) {
            return Ok(Some(company));
        }
        if self.unknown.get(&key).is_some() {
            return Ok(None);
        }
        let found = known(&self.companies, &key, || self.load_company(slug)).await;
        match found {
            Ok(company) => Ok(Some(company)),
            Err(Missing::Unknown) => {
                self.unknown.insert(key, ());
                Ok(None)
            }
            Err(Missing::Failed(error)) => Err(error),
        }
    }

    async fn load_company(&self, slug: &str) -> Result<CompanyId, Missing> {
        match self.directory.company(slug).await? {
            Found::This(company) => Ok(company),
            Found::Nothing => Err(Missing::Unknown),
            Found::NoDirectory => self.fallback()?.company(slug).await?.ok_or(Missing::Unknown),
        }
    }

    /// The company that the account is assigned to.
    pub(crate) async fn company_of_account(&self, account: &str) -> Result<CompanyId, Error> {
        let key = (self.epoch(), SmolStr::from(account));
        Ok(known(&self.accounts, &key, || self.load_account(account)).await?)
    }

    async fn load_account(&self, account: &str) -> Result<CompanyId, Missing> {
        match self.directory.account(account).await? {
            Found::This(company) => Ok(company),
            Found::Nothing => Ok(CompanyId::NONE),
            Found::NoDirectory => Ok(self.fallback()?.account(account).await?),
        }
    }

    /// The keys of a receiver.
    pub(crate) async fn keys(&self, endpoint: Endpoint, company: CompanyId) -> Result<Keys, Error> {
        Ok(known(&self.keys, &(self.epoch(), endpoint, company), || self.load_keys(endpoint, company)).await?)
    }

    async fn load_keys(&self, endpoint: Endpoint, company: CompanyId) -> Result<Keys, Missing> {
        let sealed = match self.directory.keys(endpoint, company).await? {
            Found::This(sealed) => sealed,
            Found::Nothing => Vec::new(),
            Found::NoDirectory => self.fallback()?.keys(endpoint, company).await?,
        };
        let open = |sealed: SealedKey| {
            let row = sealed.into_row(endpoint, company);
            let key = self.vault.open(&row).map_err(Error::from)?;
            Ok::<_, Error>(Key { active_from: row.active_from, active_until: row.active_until.unwrap_or(i64::MAX), key })
        };
        Ok(Keys(sealed.into_iter().map(open).collect::<Result<_, _>>()?))
    }

    fn fallback(&self) -> Result<&Fallback, Error> {
        self.fallback.as_ref().ok_or(Error::Unavailable("Redis has no directory of receivers yet"))
    }
}

/// Why there is nothing.
#[derive(Debug)]
enum Missing {
    /// There is no such thing.
    Unknown,
    /// It could not be looked up.
    Failed(Error),
}

impl From<Error> for Missing {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<Missing> for Error {
    fn from(missing: Missing) -> Self {
        match missing {
            Missing::Unknown => Self::Unavailable("there is no such receiver"),
            Missing::Failed(error) => error,
        }
    }
}

fn nothing_known<K, V>(capacity: usize) -> Known<K, V>
where
    K: Hash + Eq,
    V: Clone,
{
    Cache::with(1_000.min(capacity), capacity as u64, UnitWeighter, RandomState::default(), DefaultLifecycle::default())
}

/// What `cache` has of `key`, else what `load` brings: for all who ask meanwhile. A look-up is rare and large: in a box, it
/// does not make every request's future as large, which is copied several times.
async fn known<K, V, F>(cache: &Known<K, V>, key: &K, load: impl FnOnce() -> F) -> Result<V, Missing>
where
    K: Hash + Eq + Clone,
    V: Clone,
    F: Future<Output = Result<V, Missing>>,
{
    if let Some(known) = cache.get(key) {
        return Ok(known);
    }
    match tokio::time::timeout(LOOK_UP, Box::pin(cache.get_or_insert_async(key, load()))).await {
        Ok(found) => found,
        Err(_) => Err(Missing::Failed(Error::Unavailable("the look-up took too long"))),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    /// Answers how often it was asked, itself included; after others had their turn.
    async fn count(asked: &AtomicUsize) -> Result<usize, Missing> {
        tokio::task::yield_now().await;
        Ok(asked.fetch_add(1, Ordering::Relaxed) + 1)
    }

    #[actix_web::test]
    async fn all_who_ask_at_once_have_one_look_up() {
        let (cache, asked) = (nothing_known(10), AtomicUsize::new(0));
        let ask = || known(&cache, &'a', || count(&asked));
        assert_eq!(futures::try_join!(ask(), ask(), ask()).unwrap(), (1, 1, 1));
        assert_eq!((ask().await.unwrap(), known(&cache, &'b', || count(&asked)).await.unwrap()), (1, 2));
    }

    #[actix_web::test]
    async fn a_look_up_that_failed_is_tried_again() {
        let cache = nothing_known(10);
        let fail = || async { Err(Missing::Unknown) };
        assert!(known(&cache, &'a', fail).await.is_err());
        assert_eq!(known(&cache, &'a', || async { Ok(7) }).await.unwrap(), 7);
    }

    #[test]
    fn a_key_is_valid_within_its_window_only() {
        let now = store::now_ms();
        let key = |active_from, active_until| Key { active_from, active_until, key: hmac::Key::new(hmac::HMAC_SHA256, b"k") };
        let keys = |windows: &[(i64, i64)]| Keys(windows.iter().map(|(from, until)| key(*from, *until)).collect());
        let (past, future) = (now - 60_000, now + 60_000);
        assert!(keys(&[(0, past), (future, i64::MAX)]).is_empty());
        assert_eq!(keys(&[(future, i64::MAX), (past, i64::MAX), (past, future), (0, i64::MAX)]).iter().count(), 2);
    }
}
