//! Passwords: argon2id, a few at a time.

use std::{
    sync::{Arc, LazyLock, OnceLock},
    time::Duration,
};

use argon2::{
    Argon2,
    password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString},
};
use tokio::sync::Semaphore;

use crate::{Error, credential};

/// Passwords checked at once: each takes 19 MiB and a core for a while.
static PLACES: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(2)));
/// Passwords that are checked or wait for it at most.
static WAITING: Semaphore = Semaphore::const_new(100);
/// Longest wait for a place.
const CHECK_WAIT: Duration = Duration::from_secs(5);

pub(super) async fn hash_password(password: String) -> Result<String, Error> {
    blocking(move || {
        let random = credential::random::<16>().ok()?;
        let salt = SaltString::encode_b64(&random).ok()?;
        Some(Argon2::default().hash_password(password.as_bytes(), &salt).ok()?.to_string())
    })
    .await?
    .ok_or(Error::Crypto)
}

/// Whether `password` is that of `known`. Without one it takes as long and is wrong.
pub(super) async fn check_password(password: String, known: Option<String>) -> Result<bool, Error> {
    static NOBODY: OnceLock<String> = OnceLock::new();
    let nobody = if let Some(hash) = NOBODY.get() {
        hash.clone()
    } else {
        let hash = hash_password("nobody has this password".to_owned()).await?;
        NOBODY.get_or_init(|| hash).clone()
    };
    blocking(move || {
        let is_known = known.is_some();
        let hash = known.unwrap_or(nobody);
        let parsed = PasswordHash::new(&hash);
        let is_right = parsed.is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok());
        is_known && is_right
    })
    .await
}

/// Does `work` beside the requests, in one of the few places. The place is kept until the work ends, also where nobody waits for
/// it any more: a connection that is cut off must not make room for another.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    let _waiting = WAITING.try_acquire().map_err(|_| Error::Busy)?;
    let place = tokio::time::timeout(CHECK_WAIT, PLACES.clone().acquire_owned()).await;
    let place = place.map_err(|_| Error::Busy)?.map_err(|_| Error::Crypto)?;
    let placed = move || {
        let done = work();
        drop(place);
        done
    };
    tokio::task::spawn_blocking(placed).await.map_err(|_| Error::Crypto)
}
