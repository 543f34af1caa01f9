//! From the database to the directory: one change right after its commit, or everything where something was missed.

use std::{collections::BTreeMap, time::Duration};

use cache::Lease;
use common::{CompanyId, Endpoint};
use redis_client::{
    Script,
    fred::{
        clients::Client,
        interfaces::{HashesInterface, KeysInterface},
        types::Value,
    },
};
use sea_orm::DatabaseConnection;
use store::{companies, entity::receiver_secret, receiver_changes, secrets};

use crate::{Directory, Error, SealedKey, State, layout, layout::Layout};

/// How long a publisher that died keeps others waiting.
const LEASE: Duration = Duration::from_secs(10);
/// How often and after which pause another publisher is waited for: two seconds in all.
const TRIES: (u32, Duration) = (40, Duration::from_millis(50));
/// How long what is written beside the directory stays if its publisher dies, in seconds.
const UNFINISHED_SECS: i64 = 600;

/// A receiver that changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change<'c> {
    /// The company of that slug was added.
    Company(&'c str),
    /// The account was assigned to a company.
    Account(&'c str),
    /// The keys of a receiver changed.
    Keys(Endpoint, CompanyId),
}

/// Publishes the directory of a queue.
#[derive(Debug)]
pub struct Publisher {
    db: DatabaseConnection,
    redis: Client,
    directory: Directory,
    layout: Layout,
    put: Script,
    swap: Script,
}

impl Publisher {
    /// The publisher of the queue `name`, from `db`.
    pub fn new(db: DatabaseConnection, redis: Client, name: &str) -> Self {
        Self {
            db,
            directory: Directory::new(redis.clone(), name),
            redis,
            layout: Layout::new(name),
            put: Script::new(concat!("#!lua\n", include_str!("lua/put.lua"))),
            swap: Script::new(concat!("#!lua\n", include_str!("lua/swap.lua"))),
        }
    }

    /// Publishes what the database has of `change` now, which is committed. Where other changes were not published, or there
    /// is no directory yet, everything is published.
    pub async fn publish(&self, change: Change<'_>) -> Result<(), Error> {
        self.alone(Box::pin(async {
            let changes = receiver_changes::count(&self.db).await?;
            // Versions before 1.0 forget what they know.
            let legacy: i64 = self.redis.incr(self.layout.legacy.as_str()).await?;
            match self.directory.state().await? {
                Some(state) if (changes - 1..=changes).contains(&state.changes) && state.legacy == legacy - 1 => {
                    self.put(change, changes, legacy).await
                }
                _ => self.publish_all().await,
            }
        }))
        .await
    }

    /// Publishes everything where there is no directory or something was not published; a database without any receiver replaces
    /// none. Returns whether it looked at all of them. Asks the
    /// database only if `asks_database`; Redis alone tells of changes by versions before 1.0 and of a lost directory.
    pub async fn repair(&self, asks_database: bool) -> Result<bool, Error> {
        if self.is_current(asks_database).await? {
            return Ok(false);
        }
        self.alone(Box::pin(async {
            // Another process may have done it meanwhile.
            if self.is_current(asks_database).await? {
                return Ok(false);
            }
            self.publish_all().await?;
            Ok(true)
        }))
        .await
    }

    async fn is_current(&self, asks_database: bool) -> Result<bool, Error> {
        let Some(State { changes, legacy, .. }) = self.directory.state().await? else { return Ok(false) };
        let counted: Option<i64> = self.redis.get(self.layout.legacy.as_str()).await?;
        Ok(counted.unwrap_or(0) == legacy && (!asks_database || receiver_changes::count(&self.db).await? == changes))
    }

    /// Does `work` while no other process publishes.
    async fn alone<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let lease = Lease::new(self.redis.clone(), &self.layout.lease, LEASE);
        for _ in 0..TRIES.0 {
            if lease.hold().await?.is_some() {
                let kept = async {
                    loop {
                        tokio::time::sleep(LEASE / 4).await;
                        if let Err(error) = lease.hold().await {
                            tracing::warn!(%error, "the lease on the directory of receivers was not renewed");
                        }
                    }
                };
                let done = tokio::select! { done = work => done, () = kept => Err(Error::Busy) };
                lease.release().await;
                return done;
            }
            tokio::time::sleep(TRIES.1).await;
        }
        Err(Error::Busy)
    }

    async fn put(&self, change: Change<'_>, changes: i64, legacy: i64) -> Result<(), Error> {
        let (hash, field, value) = match change {
            Change::Company(slug) => {
                let id = companies::find(&self.db, slug).await?.map(|row| row.id.to_string());
                (&self.layout.companies, slug.to_owned(), id.unwrap_or_default())
            }
            Change::Account(account) => {
                let company = companies::of_account(&self.db, account).await?.known();
                (&self.layout.accounts, account.to_owned(), company.map(|id| id.to_string()).unwrap_or_default())
            }
            Change::Keys(endpoint, company) => {
                let rows = secrets::active(&self.db, endpoint, company).await?;
                (&self.layout.keys, layout::receiver(endpoint, company), json(rows))
            }
        };
        let args: Vec<Value> = vec![field.into(), value.into(), changes.into(), legacy.into()];
        let _: i64 = self.put.call(&self.redis, vec![self.layout.meta.as_str(), hash], args).await?;
        Ok(())
    }

    /// Writes everything beside the directory, then puts it into its place. Counters are read first: what changes meanwhile
    /// is published by anyone who changes it, or found by its counter.
    async fn publish_all(&self) -> Result<(), Error> {
        let begun = std::time::Instant::now();
        let changes = receiver_changes::count(&self.db).await?;
        let legacy: i64 = self.redis.get::<Option<i64>, _>(self.layout.legacy.as_str()).await?.unwrap_or(0);
        let new = [&self.layout.companies, &self.layout.keys, &self.layout.accounts].map(|hash| format!("{hash}:new"));
        let [companies, keys, accounts] = &new;
        self.redis.del::<i64, _>(new.to_vec()).await?;
        let mut count = 0;
        let mut last = String::new();
        loop {
            let page = receiver_changes::companies_after(&self.db, &last).await?;
            let Some(end) = page.last() else { break };
            last.clone_from(&end.slug);
            count += page.len();
            self.write(companies, page.into_iter().map(|row| (row.slug, row.id.to_string()))).await?;
        }
        let mut last = None;
        loop {
            let (page, end) = receiver_changes::keys_after(&self.db, last).await?;
            let mut receivers: BTreeMap<String, Vec<receiver_secret::Model>> = BTreeMap::new();
            for row in page {
                let Ok(endpoint) = row.endpoint.parse::<Endpoint>() else { continue };
                receivers.entry(layout::receiver(endpoint, CompanyId(row.company_id))).or_default().push(row);
            }
            count += receivers.len();
            self.write(keys, receivers.into_iter().map(|(receiver, rows)| (receiver, json(rows)))).await?;
            match end {
                Some(end) => last = Some(end),
                None => break,
            }
        }
        let mut last = String::new();
        loop {
            let page = receiver_changes::accounts_after(&self.db, &last).await?;
            let Some(end) = page.last() else { break };
            last.clone_from(&end.external_id);
            count += page.len();
            self.write(accounts, page.into_iter().map(|row| (row.external_id, row.company_id.to_string()))).await?;
        }
        if count == 0 && self.directory.state().await?.is_some() {
            // A database that was just made, as before a backup is read into it, knows of no receiver: what Redis has stays.
            tracing::debug!("the database has no receivers: the directory in Redis stays as it is");
            return Ok(());
        }
        let present = [&self.layout.companies, &self.layout.keys, &self.layout.accounts];
        let pairs = present.into_iter().zip(&new).flat_map(|(present, new)| [present.as_str(), new.as_str()]);
        let swapped: Vec<&str> = std::iter::once(self.layout.meta.as_str()).chain(pairs).collect();
        let version: i64 = self.swap.call(&self.redis, swapped, vec![changes.into(), legacy.into()]).await?;
        tracing::info!(entries = count, version, took = ?begun.elapsed(), "the directory of receivers was published");
        Ok(())
    }

    async fn write(&self, hash: &str, entries: impl Iterator<Item = (String, String)>) -> Result<(), Error> {
        let entries: Vec<(String, String)> = entries.collect();
        if !entries.is_empty() {
            let _: i64 = self.redis.hset(hash, entries).await?;
            let _: i64 = self.redis.expire(hash, UNFINISHED_SECS, None).await?;
        }
        Ok(())
    }
}

/// The keys that have not ended of a receiver's rows, newest first.
fn json(mut rows: Vec<receiver_secret::Model>) -> String {
    rows.sort_by_key(|row| std::cmp::Reverse(row.version));
    rows.truncate(secrets::MAX_ACTIVE as usize);
    let keys: Vec<SealedKey> = rows.into_iter().map(SealedKey::from).collect();
    if keys.is_empty() { String::new() } else { serde_json::to_string(&keys).unwrap_or_default() }
}
