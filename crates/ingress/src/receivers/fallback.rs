//! The database, where Redis has no directory of receivers: one look-up at a time, and the directory is built meanwhile.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use common::{CompanyId, Endpoint};
use receivers::{
    Directory, Error, SealedKey,
    keeper::{self, Keeper},
};
use sea_orm::DatabaseConnection;
use store::{companies, receiver_pages};
use tokio::sync::Semaphore;

/// Longest wait for one's turn, and for one look-up.
const TURN: Duration = Duration::from_secs(1);
/// How long a database that did not answer is not asked again.
const PAUSE: Duration = Duration::from_secs(1);

/// The database as the fallback.
#[derive(Debug)]
pub(super) struct Fallback {
    db: DatabaseConnection,
    turn: Semaphore,
    failed: Mutex<Option<Instant>>,
    /// Ends the keeper with this.
    is_needed: Arc<AtomicBool>,
}

impl Drop for Fallback {
    fn drop(&mut self) {
        self.is_needed.store(false, Ordering::Release);
    }
}

impl Fallback {
    /// Starts the task that builds a missing directory.
    pub fn start(db: DatabaseConnection, directory: Directory) -> Self {
        let is_needed = Arc::new(AtomicBool::new(true));
        let (mut keeper, needed) = (Keeper::new(db.clone(), directory), is_needed.clone());
        tokio::spawn(async move {
            while needed.load(Ordering::Acquire) {
                if let Err(error) = keeper.look().await {
                    tracing::debug!(%error, "the directory of receivers is looked after later");
                }
                tokio::time::sleep(keeper::LOOK).await;
            }
        });
        Self { db, turn: Semaphore::new(1), failed: Mutex::new(None), is_needed }
    }

    /// Whether the database answers.
    pub async fn is_there(&self) -> bool {
        store::ping(&self.db).await.is_ok()
    }

    pub async fn company(&self, slug: &str) -> Result<Option<CompanyId>, Error> {
        self.ask(async { Ok(companies::find(&self.db, slug).await?.map(|row| CompanyId(row.id))) }).await
    }

    pub async fn account(&self, account: &str) -> Result<CompanyId, Error> {
        self.ask(companies::of_account(&self.db, account)).await
    }

    pub async fn keys(&self, endpoint: Endpoint, company: CompanyId) -> Result<Vec<SealedKey>, Error> {
        let rows = self.ask(receiver_pages::keys_of(&self.db, endpoint.as_str(), company)).await?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    /// Asks the database, one at a time; fails at once for a moment after it did not answer.
    async fn ask<T>(&self, query: impl Future<Output = Result<T, store::Error>>) -> Result<T, Error> {
        let waited = tokio::time::timeout(TURN, self.turn.acquire()).await;
        let Ok(Ok(_turn)) = waited else { return Err(Error::Unavailable("the database is asked by others")) };
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner).filter(|at| at.elapsed() < PAUSE);
        if failed.is_some() {
            return Err(Error::Unavailable("the database does not answer"));
        }
        let answer = store::within(TURN, query).await;
        if answer.is_err() {
            failed = Some(Instant::now());
        }
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = failed;
        Ok(answer?)
    }
}
