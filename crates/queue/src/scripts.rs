//! The Lua scripts of the queue.

use redis_client::Script;

/// A script of a shard: whatever memory there is, for it frees some in the end or loses a job.
macro_rules! of_shard {
    ($file:literal) => {
        Script::new(concat!(
            "#!lua flags=allow-oom\n",
            include_str!("lua/fair_queue.lua"),
            include_str!("lua/shard.lua"),
            include_str!($file)
        ))
    };
}

/// A script of a shard and of its claims, which `$flags` say more of.
macro_rules! of_claims {
    ($flags:literal, $file:literal) => {
        Script::new(concat!(
            "#!lua",
            $flags,
            "\n",
            include_str!("lua/fair_queue.lua"),
            include_str!("lua/claims.lua"),
            include_str!("lua/shard.lua"),
            include_str!($file)
        ))
    };
}

#[derive(Debug)]
pub(crate) struct Scripts {
    pub enqueue: Script,
    pub enqueue_dead: Script,
    pub fetch: Script,
    pub ack: Script,
    pub fail: Script,
    pub renew: Script,
    pub release: Script,
    pub stats: Script,
    pub redrive: Script,
    pub discard: Script,
    pub expired: Script,
    pub forget: Script,
    pub replace_dead: Script,
    pub workers: Script,
}

impl Scripts {
    pub fn load() -> Self {
        Self {
            // The two that are refused when Redis is full.
            enqueue: Script::new(concat!(
                "#!lua\n",
                include_str!("lua/fair_queue.lua"),
                include_str!("lua/claims.lua"),
                include_str!("lua/enqueue.lua")
            )),
            enqueue_dead: of_claims!("", "lua/enqueue_dead.lua"),
            fetch: of_shard!("lua/fetch.lua"),
            ack: of_shard!("lua/ack.lua"),
            fail: of_shard!("lua/fail.lua"),
            renew: of_shard!("lua/renew.lua"),
            release: of_shard!("lua/release.lua"),
            stats: of_shard!("lua/stats.lua"),
            redrive: of_shard!("lua/redrive.lua"),
            discard: of_claims!(" flags=allow-oom", "lua/discard.lua"),
            expired: of_shard!("lua/expired.lua"),
            forget: of_claims!(" flags=allow-oom", "lua/forget.lua"),
            replace_dead: of_shard!("lua/replace_dead.lua"),
            workers: Script::new(concat!("#!lua flags=allow-oom\n", include_str!("lua/workers.lua"))),
        }
    }
}
