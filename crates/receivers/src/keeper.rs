//! The task that keeps the directory what the database is: in every worker, and in an ingress with the database fallback.
//!
//! It repairs publications that were lost, builds what a flushed Redis lacks, and follows changes by versions before the
//! directory, which move only the legacy counter.

use std::time::{Duration, Instant};

use redis_client::fred::{
    interfaces::KeysInterface,
    types::{Expiration, SetOptions},
};
use sea_orm::DatabaseConnection;
use store::receiver_changes;

use crate::{Directory, Error, publish, refresh};

/// How often Redis is looked at.
pub const LOOK: Duration = Duration::from_secs(2);
/// How often the database is asked for its stamp.
const STAMP: Duration = Duration::from_secs(10);
/// Longest wait for the database's stamp.
const ASK: Duration = Duration::from_secs(5);
/// Longest wait for a rebuild or publication.
const REPAIR: Duration = Duration::from_secs(120);
/// How long a repair keeps others from doing the same; it ends with the repair.
const LEASE_MS: i64 = 30_000;
/// How long a publication may be on its way between the directory and the legacy counter.
const ON_ITS_WAY: Duration = Duration::from_millis(200);

/// Keeps one directory. Its owner calls [`Keeper::look`] every [`LOOK`].
#[derive(Debug)]
pub struct Keeper {
    db: DatabaseConnection,
    directory: Directory,
    asked: Option<Instant>,
}

impl Keeper {
    /// A keeper of that directory.
    pub fn new(db: DatabaseConnection, directory: Directory) -> Self {
        Self { db, directory, asked: None }
    }

    /// Looks once, and repairs what it finds.
    pub async fn look(&mut self) -> Result<(), Error> {
        let Some(head) = self.directory.head().await? else { return self.repair(true).await };
        if self.directory.legacy().await? != head.legacy {
            tokio::time::sleep(ON_ITS_WAY).await;
            let head = self.directory.head().await?.map(|head| head.legacy);
            if head != Some(self.directory.legacy().await?) {
                return self.repair(true).await;
            }
        }
        if self.asked.is_some_and(|at| at.elapsed() < STAMP) {
            return Ok(());
        }
        let changes = store::within(ASK, receiver_changes::read(&self.db)).await?;
        if changes.stamp() != head.stamp {
            return self.repair(false).await;
        }
        self.asked = Some(Instant::now());
        Ok(())
    }

    /// Publishes what is missing, or all of it; unless another does so now.
    async fn repair(&self, all: bool) -> Result<(), Error> {
        let (redis, lease) = (&self.directory.redis, format!("{}:repair", self.directory.meta()));
        let lasts = Some(Expiration::PX(LEASE_MS));
        let own: Option<String> = redis.set(lease.as_str(), "1", lasts, Some(SetOptions::NX), false).await?;
        if own.is_none() {
            return Ok(());
        }
        let repair =
            async { if all { refresh(&self.db, &self.directory).await } else { publish(&self.db, &self.directory).await } };
        let done = tokio::time::timeout(REPAIR, repair).await;
        let _: Result<i64, _> = redis.del(lease).await;
        done.unwrap_or(Err(Error::Unavailable("the directory of receivers was not repaired in time")))
    }
}
