//! What was revoked lately, told to all replicas through Redis: it is asked where the database cannot be.

use std::{sync::Arc, time::Duration};

use redis_client::fred::{clients::Client, interfaces::KeysInterface, types::Expiration};

/// Notes and finds revocations. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Revocations {
    redis: Client,
    prefix: Arc<str>,
}

impl Revocations {
    /// For how long a revocation is remembered: longer than anybody is known without the database.
    pub const KEPT: Duration = Duration::from_secs(2 * 900);

    /// Of the platform named `name`.
    pub fn new(redis: Client, name: &str) -> Self {
        Self { redis, prefix: format!("{{{name}:revoked}}").into() }
    }

    /// Notes that the caller `subject` (`token:ID`, `user:ID`, `session:DIGEST`) is out. What Redis does not take is
    /// in the database all the same.
    pub async fn note(&self, subject: &str) {
        let expires = Expiration::EX(Self::KEPT.as_secs() as i64);
        let set: Result<(), _> = self.redis.set(self.key(subject), 1, Some(expires), None, false).await;
        if let Err(error) = set {
            tracing::warn!(%error, subject, "a revocation was not told to the other replicas");
        }
    }

    /// Whether one of `subjects` was revoked lately; also where that cannot be known.
    pub(crate) async fn has_any(&self, subjects: &[&str]) -> bool {
        let keys: Vec<String> = subjects.iter().map(|subject| self.key(subject)).collect();
        let found: Result<i64, _> = self.redis.exists(keys).await;
        found.map_or(true, |count| count > 0)
    }

    fn key(&self, subject: &str) -> String {
        format!("{}:{subject}", self.prefix)
    }
}
