//! Counts on their way from many processes into a database, each taken over just once: they gather
//! under one key, are set aside under a name, and are dropped when that name is known to be written.

use std::collections::HashMap;

use redis_client::{
    Error, Script,
    fred::{
        clients::Client,
        interfaces::{HashesInterface, KeysInterface},
    },
};
use uuid::Uuid;

/// The outbox of redeliveries that were recognised.
pub const DUPLICATES: &str = "duplicates";

/// Different counts that gather at most while nobody takes them over.
const FIELDS: u64 = 100_000;
/// How long they gather at most.
const TTL_SECS: i64 = 7 * 86_400;
/// The field that names what is set aside.
const NAME: &str = "#id";

/// Counts that gather in Redis. Cheap to clone.
#[derive(Debug, Clone)]
pub struct CountOutbox {
    client: Client,
    open: String,
    taken: String,
}

impl CountOutbox {
    /// The outbox `name` of the platform named `prefix`.
    pub fn new(client: Client, prefix: &str, name: &str) -> Self {
        let base = format!("{{{prefix}:ledger:{name}}}");
        Self { client, open: format!("{base}:open"), taken: format!("{base}:taken") }
    }

    /// Adds counts by name.
    pub async fn add(&self, counts: &HashMap<String, u64>) -> Result<(), Error> {
        let gathered: u64 = self.client.hlen(&self.open).await?;
        if gathered > FIELDS {
            return Err(Error::Full);
        }
        let pipeline = self.client.pipeline();
        for (name, count) in counts {
            let _: () = pipeline.hincrby(&self.open, name.as_str(), *count as i64).await?;
        }
        let _: () = pipeline.expire(&self.open, TTL_SECS, None).await?;
        let _: Vec<i64> = pipeline.all().await?;
        Ok(())
    }

    /// Sets aside what gathered, under a name; the same again until it is [`Self::close`]d. None if
    /// there is nothing.
    pub async fn take(&self) -> Result<Option<(Uuid, HashMap<String, u64>)>, Error> {
        // One look while there is nothing, which is most of the time.
        let either: u64 = self.client.exists(vec![&self.taken, &self.open]).await?;
        if either == 0 {
            return Ok(None);
        }
        let set_aside: u64 = self.client.exists(&self.taken).await?;
        if set_aside == 0 {
            // Fails if another was faster, which the next look finds.
            let _: Result<bool, _> = self.client.renamenx(&self.open, &self.taken).await;
        }
        let _: bool = self.client.hsetnx(&self.taken, NAME, Uuid::now_v7().to_string()).await?;
        let mut fields: HashMap<String, String> = self.client.hgetall(&self.taken).await?;
        let id = fields.remove(NAME).and_then(|id| id.parse().ok());
        let id = id.ok_or_else(|| Error::Unavailable("an outbox without its name".to_owned()))?;
        Ok(Some((id, fields.into_iter().filter_map(|(name, count)| Some((name, count.parse().ok()?))).collect())))
    }

    /// Drops what was set aside under that name: it is written.
    pub async fn close(&self, id: Uuid) -> Result<(), Error> {
        let script = Script::new(include_str!("lua/close.lua"));
        let _: i64 = script.call(&self.client, vec![self.taken.clone()], vec![id.to_string().into()]).await?;
        Ok(())
    }
}
