//! The directory's keys in Redis, and how they are read.

use std::sync::Arc;

use common::{CompanyId, Endpoint};
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

use crate::Error;

/// A handle to the directory of one queue. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Directory {
    pub(crate) redis: Client,
    pub(crate) name: String,
    meta: String,
    companies: String,
    keys: String,
    accounts: String,
    find: Arc<Script>,
}

/// What a look-up in the directory brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found<T> {
    /// It is there.
    This(T),
    /// The directory is complete and has no such entry.
    Nothing,
    /// There is no complete directory.
    NoDirectory,
}

impl<T> Found<T> {
    fn and_then<U>(self, read: impl FnOnce(T) -> Result<U, Error>) -> Result<Found<U>, Error> {
        Ok(match self {
            Self::This(value) => Found::This(read(value)?),
            Self::Nothing => Found::Nothing,
            Self::NoDirectory => Found::NoDirectory,
        })
    }
}

/// What the directory says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The stamp of the latest change that it has.
    pub stamp: String,
    /// New after every publication.
    pub version: String,
    /// The legacy counter as far as it is covered.
    pub legacy: i64,
}

/// A key as the directory has it: encrypted, with the time in which it is valid.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SealedKey {
    version: i32,
    encoding: String,
    ciphertext: String,
    active_from: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    active_until: Option<i64>,
}

impl From<receiver_secret::Model> for SealedKey {
    fn from(row: receiver_secret::Model) -> Self {
        let receiver_secret::Model { version, encoding, ciphertext, active_from, active_until, .. } = row;
        Self { version, encoding, ciphertext, active_from, active_until }
    }
}

impl SealedKey {
    /// The row that it was made of, to be opened.
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
            created_at: self.active_from,
        }
    }
}

impl Directory {
    /// The directory beside the queue of that name.
    pub fn new(redis: Client, name: &str) -> Self {
        let key = |part| format!("{{{name}:receivers}}:{part}");
        let (meta, companies, keys, accounts) = (key("meta"), key("companies"), key("keys"), key("accounts"));
        Self {
            redis,
            name: name.to_owned(),
            meta,
            companies,
            keys,
            accounts,
            find: Arc::new(Script::new(include_str!("lua/find.lua"))),
        }
    }

    pub(crate) fn meta(&self) -> &str {
        &self.meta
    }

    /// The directory's own key: meta, companies, keys, accounts.
    pub(crate) fn all(&self) -> [String; 4] {
        [self.meta.clone(), self.companies.clone(), self.keys.clone(), self.accounts.clone()]
    }

    /// What it says of itself; none where there is no complete directory.
    pub async fn head(&self) -> Result<Option<Head>, Error> {
        let fields = vec!["stamp", "version", "legacy"];
        let (stamp, version, legacy): (Option<String>, Option<String>, Option<i64>) =
            self.redis.hmget(self.meta.as_str(), fields).await?;
        Ok(stamp.zip(version).map(|(stamp, version)| Head { stamp, version, legacy: legacy.unwrap_or(0) }))
    }

    /// The company of that slug.
    pub async fn company(&self, slug: &str) -> Result<Found<CompanyId>, Error> {
        self.find(&self.companies, slug).await?.and_then(|text| id(&text))
    }

    /// The company that the account is assigned to.
    pub async fn account(&self, account: &str) -> Result<Found<CompanyId>, Error> {
        self.find(&self.accounts, account).await?.and_then(|text| id(&text))
    }

    /// The keys of a receiver, newest first; those of the past and of the future may be among them.
    pub async fn keys(&self, endpoint: Endpoint, company: CompanyId) -> Result<Found<Vec<SealedKey>>, Error> {
        let found = self.find(&self.keys, &keys_field(endpoint.as_str(), company.0)).await?;
        found.and_then(|json| serde_json::from_str(&json).map_err(|_| Error::Malformed))
    }

    async fn find(&self, hash: &str, field: &str) -> Result<Found<String>, Error> {
        let keys = vec![self.meta.clone(), hash.to_owned()];
        let (is_complete, value): (i64, Option<String>) = self.find.call(&self.redis, keys, vec![field.into()]).await?;
        Ok(match value {
            Some(value) => Found::This(value),
            None if is_complete == 1 => Found::Nothing,
            None => Found::NoDirectory,
        })
    }

    /// The counter that versions before the directory move when they change something.
    pub(crate) async fn legacy(&self) -> Result<i64, Error> {
        let counter: Option<i64> = self.redis.get(redis_client::receivers_version_key(&self.name)).await?;
        Ok(counter.unwrap_or(0))
    }

    /// Makes an ingress of a version before the directory forget what it knows.
    pub(crate) async fn tell_older(&self) -> Result<(), Error> {
        let moved: i64 = self.redis.incr(redis_client::receivers_version_key(&self.name)).await?;
        let seen = Script::new(include_str!("lua/seen.lua"));
        let _: i64 = seen.call(&self.redis, vec![self.meta.clone()], vec![moved.into()]).await?;
        Ok(())
    }
}

/// The field of a receiver's keys.
pub(crate) fn keys_field(endpoint: &str, company: Uuid) -> String {
    format!("{endpoint}:{company}")
}

fn id(text: &str) -> Result<CompanyId, Error> {
    Uuid::parse_str(text).map(CompanyId).map_err(|_| Error::Malformed)
}
