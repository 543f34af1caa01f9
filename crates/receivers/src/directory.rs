//! The directory as ingress reads it: one call for each look-up.

use std::collections::{HashMap, HashSet};

use common::{CompanyId, Endpoint, signature::KeyEncoding};
use redis_client::{
    Script,
    fred::{
        clients::Client,
        interfaces::{HashesInterface, KeysInterface},
    },
};
use serde::{Deserialize, Serialize};
use store::entity::receiver_secret;
use uuid::Uuid;

use crate::{
    Error, layout,
    layout::{Layout, VERIFIED_KEPT},
};

/// A receiver's key as it is kept: encrypted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedKey {
    /// Its version, from 1.
    pub version: i32,
    /// How its text becomes bytes: see [`KeyEncoding`].
    pub encoding: String,
    /// AES-256-GCM under the master key, base64.
    pub ciphertext: String,
    /// From when on it verifies, in milliseconds since 1970 UTC.
    pub active_from: i64,
    /// Until when, if it ends.
    pub active_until: Option<i64>,
}

impl SealedKey {
    /// The row of the database that it is of, as far as it is needed to decrypt it.
    pub fn into_row(self, endpoint: Endpoint, company: CompanyId) -> receiver_secret::Model {
        receiver_secret::Model {
            id: Uuid::nil(),
            endpoint: endpoint.as_str().to_owned(),
            company_id: company.0,
            version: self.version,
            encoding: self.encoding,
            ciphertext: self.ciphertext,
            active_from: self.active_from,
            active_until: self.active_until,
            created_at: 0,
        }
    }

    /// Whether the encoding is one that this version knows.
    pub fn is_known(&self) -> bool {
        KeyEncoding::parse(&self.encoding).is_some()
    }
}

impl From<receiver_secret::Model> for SealedKey {
    fn from(row: receiver_secret::Model) -> Self {
        let receiver_secret::Model { version, encoding, ciphertext, active_from, active_until, .. } = row;
        Self { version, encoding, ciphertext, active_from, active_until }
    }
}

/// How the directory stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// The database's counter of changes that is published.
    pub changes: i64,
    /// The counter of versions before 1.0 when it was published.
    pub legacy: i64,
    /// Goes up with each publication.
    pub version: i64,
}

/// Reads a queue's directory. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Directory {
    redis: Client,
    layout: std::sync::Arc<Layout>,
    look_up: std::sync::Arc<Script>,
}

impl Directory {
    /// The directory of the queue `name`.
    pub fn new(redis: Client, name: &str) -> Self {
        let look_up = Script::new(concat!("#!lua flags=no-writes\n", include_str!("lua/look_up.lua")));
        Self { redis, layout: Layout::new(name).into(), look_up: look_up.into() }
    }

    /// How it stands; none where there is no directory.
    pub async fn state(&self) -> Result<Option<State>, Error> {
        let fields: (Option<i64>, Option<i64>, Option<i64>) =
            self.redis.hmget(self.layout.meta.as_str(), vec!["changes", "legacy", "version"]).await?;
        Ok(match fields {
            (Some(changes), Some(legacy), Some(version)) => Some(State { changes, legacy, version }),
            _ => None,
        })
    }

    /// The company of that slug, if there is one.
    pub async fn company(&self, slug: &str) -> Result<Option<CompanyId>, Error> {
        self.look_up(&self.layout.companies, slug).await?.map(|id| company_id(&id)).transpose()
    }

    /// The company that the account is assigned to; [`CompanyId::NONE`] where it is to none.
    pub async fn company_of_account(&self, account: &str) -> Result<CompanyId, Error> {
        let found = self.look_up(&self.layout.accounts, account).await?;
        found.map_or(Ok(CompanyId::NONE), |id| company_id(&id))
    }

    /// The keys of a receiver that have not ended when they were published, newest first.
    pub async fn keys(&self, endpoint: Endpoint, company: CompanyId) -> Result<Vec<SealedKey>, Error> {
        let found = self.look_up(&self.layout.keys, &layout::receiver(endpoint, company)).await?;
        found.map_or(Ok(Vec::new()), |json| serde_json::from_str(&json).map_err(|_| Error::Malformed))
    }

    /// Notes that webhooks of these receivers (see [`layout::receiver`]) verified at `now_s`, seconds since 1970 UTC.
    pub async fn note_verified(&self, receivers: &[String], now_s: i64) -> Result<(), Error> {
        if receivers.is_empty() {
            return Ok(());
        }
        let fields: HashMap<&str, i64> = receivers.iter().map(|receiver| (receiver.as_str(), now_s)).collect();
        let _: i64 = self.redis.hset(self.layout.verified.as_str(), fields).await?;
        let kept = VERIFIED_KEPT.as_secs() as i64;
        let _: bool = self.redis.expire(self.layout.verified.as_str(), kept, None).await?;
        Ok(())
    }

    /// Those of `receivers` whose webhooks verified within [`VERIFIED_KEPT`] before `now_s`.
    pub async fn verified_before(&self, receivers: Vec<String>, now_s: i64) -> Result<HashSet<String>, Error> {
        if receivers.is_empty() {
            return Ok(HashSet::new());
        }
        let times: Vec<Option<i64>> = self.redis.hmget(self.layout.verified.as_str(), receivers.clone()).await?;
        let begin = now_s - VERIFIED_KEPT.as_secs() as i64;
        let dated = receivers.into_iter().zip(times);
        Ok(dated.filter(|(_, time)| time.is_some_and(|time| time >= begin)).map(|(receiver, _)| receiver).collect())
    }

    async fn look_up(&self, hash: &str, field: &str) -> Result<Option<String>, Error> {
        let keys = vec![self.layout.meta.as_str(), hash];
        let found: Option<Vec<String>> = self.look_up.call(&self.redis, keys, vec![field.into()]).await?;
        Ok(found.ok_or(Error::Absent)?.into_iter().nth(1))
    }
}

fn company_id(text: &str) -> Result<CompanyId, Error> {
    text.parse().map(CompanyId).map_err(|_| Error::Malformed)
}
