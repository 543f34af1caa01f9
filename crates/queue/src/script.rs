//! The Lua scripts, called by hash; the text is sent when a server does not know it yet.

use fred::{
    clients::Client,
    interfaces::{ClientLike, ClusterInterface, LuaInterface},
    types::{FromValue, MultipleKeys, Value, scripts::Script as Lua},
};

use crate::{Error, connection::COMMAND_TIMEOUT};

/// A script of a shard: whatever memory there is, for it frees some in the end or loses a job.
macro_rules! of_shard {
    ($file:literal) => {
        Script::new(concat!(
            "#!lua flags=allow-oom\n",
            include_str!("lua/line.lua"),
            include_str!("lua/shard.lua"),
            include_str!($file)
        ))
    };
}

#[derive(Debug)]
pub(crate) struct Scripts {
    pub enqueue: Script,
    pub fetch: Script,
    pub ack: Script,
    pub fail: Script,
    pub renew: Script,
    pub release: Script,
    pub stats: Script,
    pub redrive: Script,
    pub discard: Script,
    pub expire: Script,
    pub workers: Script,
}

impl Scripts {
    pub fn load() -> Self {
        Self {
            // The one that is refused when Redis is full.
            enqueue: Script::new(concat!("#!lua\n", include_str!("lua/line.lua"), include_str!("lua/enqueue.lua"))),
            fetch: of_shard!("lua/fetch.lua"),
            ack: of_shard!("lua/ack.lua"),
            fail: of_shard!("lua/fail.lua"),
            renew: of_shard!("lua/renew.lua"),
            release: of_shard!("lua/release.lua"),
            stats: of_shard!("lua/stats.lua"),
            redrive: of_shard!("lua/redrive.lua"),
            discard: of_shard!("lua/discard.lua"),
            expire: of_shard!("lua/expire.lua"),
            workers: Script::new(concat!("#!lua flags=allow-oom\n", include_str!("lua/workers.lua"))),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Script {
    text: &'static str,
    hash: String,
}

impl Script {
    fn new(text: &'static str) -> Self {
        Self { text, hash: Lua::from_lua(text).sha1().to_string() }
    }

    pub async fn call<R: FromValue>(
        &self,
        client: &Client,
        keys: impl Into<MultipleKeys> + Send,
        args: Vec<Value>,
    ) -> Result<R, Error> {
        let keys = keys.into();
        if client.is_clustered() && client.cached_cluster_state().is_none() {
            // The client cannot tell a slot's node before its first connection, and would fail at once
            // where a single server's client waits.
            let connected = tokio::time::timeout(COMMAND_TIMEOUT, client.wait_for_connect()).await;
            connected.map_err(|_| Error::Unavailable("not connected to the cluster yet".to_owned()))??;
        }
        match client.evalsha(self.hash.as_str(), keys.clone(), args.clone()).await {
            Err(error) if error.details().starts_with("NOSCRIPT") => Ok(client.eval(self.text, keys, args).await?),
            other => Ok(other?),
        }
    }
}
