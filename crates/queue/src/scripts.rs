//! The Lua scripts of the queue.

use redis_client::Script;

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
