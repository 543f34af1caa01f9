//! Whether a shard can keep jobs now. The first job that could not be kept tells; those that come after it are refused at
//! once, instead of waiting for the same timeout, until a probe finds that the shard keeps jobs again. Each shard has its
//! own: others do not wait.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use redis_client::fred::{interfaces::HashesInterface, util::redis_keyslot};

use crate::{Error, Queue};

/// Pause between two probes of a shard.
const PROBE_PAUSE: Duration = Duration::from_millis(100);
/// How often it is told that a shard still keeps no jobs.
const TOLD_EVERY: Duration = Duration::from_secs(10);
/// How long a probe waits for the replicas, in milliseconds. Short, since the connection does nothing else meanwhile: what
/// a slow replica confirms after it, the next probe finds.
const PROBE_REPLICAS_MS: i64 = 10;

/// What a producer knows of one shard. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct ShardHealth(Arc<AtomicBool>);

impl ShardHealth {
    /// Whether a job was not kept and no probe has found since that jobs can be kept.
    pub fn is_degraded(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Notes that a job of `shard` was not kept because of `error`. Where that may last, the shard is probed until it is
    /// over or nobody holds this any more.
    pub fn failed(&self, queue: &Queue, shard: usize, error: &Error) {
        let lasts = matches!(error, Error::Redis(redis_client::Error::Unavailable(_)) | Error::NotReplicated { .. });
        if !lasts || self.0.swap(true, Ordering::Relaxed) {
            return;
        }
        tracing::warn!(%error, shard, "the shard keeps no jobs; they are refused until it does");
        let (queue, state) = (queue.clone(), Arc::downgrade(&self.0));
        tokio::spawn(async move {
            let mut told = Instant::now();
            loop {
                tokio::time::sleep(PROBE_PAUSE).await;
                let Some(degraded) = state.upgrade() else { return };
                match queue.probe(shard).await {
                    Ok(()) => {
                        tracing::info!(shard, "the shard keeps jobs again");
                        degraded.store(false, Ordering::Relaxed);
                        return;
                    }
                    Err(error) if told.elapsed() >= TOLD_EVERY => {
                        tracing::warn!(%error, shard, "the shard still keeps no jobs");
                        told = Instant::now();
                    }
                    Err(_) => {}
                }
            }
        });
    }
}

impl Queue {
    /// Whether the shard answers, and as many replicas as wanted have all that this connection wrote to its node.
    async fn probe(&self, shard: usize) -> Result<(), Error> {
        let keys = self.shard(shard)?;
        if self.settings.min_replicas == 0 {
            let _: i64 = self.client.hset(keys.stats(), ("probe", 1)).await?;
            return Ok(());
        }
        // Nothing is written: replicas that are slower than a probe would never have the latest one. And a key is named,
        // since a node that has lost the slot tells it for a key only.
        let _: i64 = self.client.hlen(keys.data.as_str()).await?;
        self.wait_for_replicas(&self.client, redis_keyslot(keys.data.as_bytes()), PROBE_REPLICAS_MS).await
    }
}
