//! Whether a shard can keep jobs now. The first job that could not be kept tells; those that come after it are refused at
//! once, instead of waiting for the same timeout, until a probe finds that the shard keeps jobs again. Each shard has its
//! own: others do not wait.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use redis_client::fred::interfaces::HashesInterface;

use crate::{Error, Queue};

/// Pause between two probes of a shard.
const PROBE_PAUSE: Duration = Duration::from_millis(100);
/// How long a probe waits for the replicas, in milliseconds.
const PROBE_REPLICAS_MS: i64 = 100;

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
            loop {
                tokio::time::sleep(PROBE_PAUSE).await;
                let Some(degraded) = state.upgrade() else { return };
                if queue.probe(shard).await.is_ok() {
                    tracing::info!(shard, "the shard keeps jobs again");
                    degraded.store(false, Ordering::Relaxed);
                    return;
                }
            }
        });
    }
}

impl Queue {
    /// Whether the shard takes a write that as many replicas as wanted have.
    async fn probe(&self, shard: usize) -> Result<(), Error> {
        let stats = self.shard(shard)?.stats();
        let _: i64 = self.client.hset(stats, ("probe", 1)).await?;
        self.wait_for_replicas(shard, PROBE_REPLICAS_MS).await
    }
}
