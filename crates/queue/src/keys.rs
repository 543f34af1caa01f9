//! The keys of a shard, by apalis-redis' names. All of a shard share the hash tag `{name:shard}`.

use apalis_redis::Config;

/// Which line a job waits in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Served first.
    Payments,
    /// Served after, with a guaranteed share.
    Others,
}

impl Lane {
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Payments => "p",
            Self::Others => "o",
        }
    }

    pub(crate) fn from_code(code: &str) -> Option<Self> {
        [Self::Payments, Self::Others].into_iter().find(|lane| lane.code() == code)
    }
}

#[derive(Debug)]
pub(crate) struct ShardKeys {
    pub data: String,
    pub payments: String,
    pub others: String,
    pub scheduled: String,
    pub leases: String,
    pub owners: String,
    pub attempts: String,
    pub dead: String,
    pub dead_info: String,
    pub stats: String,
    pub paused: String,
    claim: String,
}

impl ShardKeys {
    pub fn new(name: &str, shard: u16) -> Self {
        let queue = format!("{{{name}:{shard}}}");
        let config = Config::default().queue(&queue);
        Self {
            data: config.job_data_hash(),
            payments: config.active_jobs_list(),
            others: format!("{}:others", config.active_jobs_list()),
            scheduled: config.scheduled_jobs_set(),
            leases: config.inflight_jobs_set(),
            owners: format!("{}:owners", config.inflight_jobs_set()),
            attempts: format!("{}:attempts", config.job_meta_hash()),
            dead: config.dead_jobs_set(),
            dead_info: format!("{}:info", config.dead_jobs_set()),
            stats: format!("{queue}:stats"),
            paused: format!("{queue}:paused"),
            claim: config.idempotency_key_set(),
        }
    }

    pub fn claim(&self, identity: &str) -> String {
        format!("{}:{identity}", self.claim)
    }
}
