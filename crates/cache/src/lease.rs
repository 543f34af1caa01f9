//! The right to do something alone among all replicas, for a while, with a fencing number.

use std::time::Duration;

use redis_client::{Error, Script, fred::clients::Client};
use uuid::Uuid;

/// One replica's claim to a right.
#[derive(Debug)]
pub struct Lease {
    client: Client,
    key: String,
    owner: String,
    lasts: Duration,
    hold: Script,
    let_go: Script,
}

impl Lease {
    /// A claim to the right named `key`, which must have a hash tag; it lasts that long after each
    /// [`Self::hold`].
    pub fn new(client: Client, key: &str, lasts: Duration) -> Self {
        Self {
            client,
            key: key.to_owned(),
            owner: Uuid::now_v7().simple().to_string(),
            lasts,
            hold: Script::new(include_str!("lua/acquire_lease.lua")),
            let_go: Script::new(include_str!("lua/release_lease.lua")),
        }
    }

    /// Takes or keeps the right. Returns its fencing number, higher with every new owner; none while
    /// another has it.
    pub async fn hold(&self) -> Result<Option<u64>, Error> {
        let keys = vec![self.key.clone(), format!("{}:fence", self.key)];
        let args = vec![self.owner.as_str().into(), (self.lasts.as_millis() as i64).into()];
        let fence: i64 = self.hold.call(&self.client, keys, args).await?;
        Ok(u64::try_from(fence).ok().filter(|fence| *fence > 0))
    }

    /// Gives the right up now rather than when it runs out.
    pub async fn release(&self) {
        let done: Result<i64, _> = self.let_go.call(&self.client, vec![self.key.clone()], vec![self.owner.as_str().into()]).await;
        if let Err(error) = done {
            tracing::debug!(%error, "a lease was not released; it runs out");
        }
    }
}
