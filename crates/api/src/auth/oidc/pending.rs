//! Sign-ins that were begun, until the provider answers: in Redis, where every replica finds them, each once.

use std::sync::Arc;

use http_service::{Problem, ProblemKind};
use redis_client::fred::{clients::Client, interfaces::KeysInterface, types::Expiration};
use serde::{Deserialize, Serialize};
use store::users::key_of;

/// For how long the provider may take to answer.
pub(super) const KEPT_SECS: i64 = 600;

/// What the answer has to fit.
#[derive(Serialize, Deserialize)]
pub(super) struct Pending {
    /// That the ID token must hold.
    pub nonce: String,
    /// That shows the provider who asked for the code (PKCE).
    pub verifier: String,
}

/// All of them.
#[derive(Debug)]
pub(super) struct PendingSignIns {
    redis: Client,
    prefix: Arc<str>,
}

impl PendingSignIns {
    /// Of the platform named `name`.
    pub fn new(redis: Client, name: &str) -> Self {
        Self { redis, prefix: format!("{{{name}:oidc}}").into() }
    }

    /// Keeps one under `state`, of which Redis learns a digest alone.
    pub async fn keep(&self, state: &str, pending: &Pending) -> Result<(), Problem> {
        let text = serde_json::to_string(pending).map_err(|_| Problem::new(ProblemKind::Internal, "it cannot be kept"))?;
        let expires = Some(Expiration::EX(KEPT_SECS));
        self.redis.set::<(), _, _>(self.key(state), text, expires, None, false).await.map_err(|e| away(&e))
    }

    /// The one under `state`, which is gone then; none: it was never begun, is too old or was taken before.
    pub async fn take(&self, state: &str) -> Result<Option<Pending>, Problem> {
        let text: Option<String> = self.redis.getdel(self.key(state)).await.map_err(|e| away(&e))?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }

    fn key(&self, state: &str) -> String {
        format!("{}:{}", self.prefix, key_of(state))
    }
}

fn away(error: &redis_client::fred::error::Error) -> Problem {
    tracing::warn!(%error, "a sign-in by the provider needs Redis");
    Problem::new(ProblemKind::Unavailable, "sign-in by the provider is not available at this moment")
}
