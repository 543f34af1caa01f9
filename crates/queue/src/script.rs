//! The Lua scripts, called by hash; the text is sent when a server does not know it yet.

use fred::{
    clients::Client,
    interfaces::LuaInterface,
    types::{FromValue, MultipleKeys, Value, scripts::Script as Lua},
};

use crate::Error;

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
}

impl Scripts {
    pub fn load() -> Self {
        Self {
            enqueue: Script::new(include_str!("lua/enqueue.lua")),
            fetch: Script::new(include_str!("lua/fetch.lua")),
            ack: Script::new(include_str!("lua/ack.lua")),
            fail: Script::new(include_str!("lua/fail.lua")),
            renew: Script::new(include_str!("lua/renew.lua")),
            release: Script::new(include_str!("lua/release.lua")),
            stats: Script::new(include_str!("lua/stats.lua")),
            redrive: Script::new(include_str!("lua/redrive.lua")),
            discard: Script::new(include_str!("lua/discard.lua")),
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
        match client.evalsha(self.hash.as_str(), keys.clone(), args.clone()).await {
            Err(error) if error.details().starts_with("NOSCRIPT") => Ok(client.eval(self.text, keys, args).await?),
            other => Ok(other?),
        }
    }
}
