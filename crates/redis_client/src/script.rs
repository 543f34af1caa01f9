//! The Lua scripts, called by hash; the text is sent when a server does not know it yet.

use fred::{
    clients::Client,
    interfaces::{ClientLike, ClusterInterface, LuaInterface},
    types::{FromValue, MultipleKeys, Value, scripts::Script as Lua},
};

use crate::{Error, connection::COMMAND_TIMEOUT};

/// A Lua script, ready to be called.
#[derive(Debug)]
pub struct Script {
    text: &'static str,
    hash: String,
}

impl Script {
    /// The script of that text.
    pub fn new(text: &'static str) -> Self {
        Self { text, hash: Lua::from_lua(text).sha1().to_string() }
    }

    /// Its text.
    pub const fn text(&self) -> &'static str {
        self.text
    }

    /// Calls it over `keys`, all of one slot.
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
        #[cfg(feature = "simulated")]
        crate::simulated::travel(client).await;
        let answer = match client.evalsha(self.hash.as_str(), keys.clone(), args.clone()).await {
            Err(error) if error.details().starts_with("NOSCRIPT") => client.eval(self.text, keys, args).await,
            other => other,
        };
        #[cfg(feature = "simulated")]
        crate::simulated::travel(client).await;
        Ok(answer?)
    }
}
