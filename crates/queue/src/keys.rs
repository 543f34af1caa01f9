//! The keys of a shard, by apalis-redis' names. All of a shard share the hash tag `{name:shard}`.

use apalis_redis::Config;
use serde::{Deserialize, Serialize};

/// Which line a job waits in. In text the lanes have the names that users know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Lane {
    /// Served first.
    #[serde(rename = "payments")]
    High,
    /// Served after, with a guaranteed share.
    #[serde(rename = "others")]
    Normal,
}

impl Lane {
    /// Both, in the order of service.
    pub const ALL: [Self; 2] = [Self::High, Self::Normal];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::High => "payments",
            Self::Normal => "others",
        }
    }

    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::High => "p",
            Self::Normal => "o",
        }
    }

    pub(crate) fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|lane| lane.code() == code)
    }
}

/// The keys of a shard that both lanes share.
#[derive(Debug)]
pub(crate) struct ShardKeys {
    pub data: String,
    owners: String,
    attempts: String,
    pub dead_info: String,
    stats: String,
    pub paused: String,
    pub recent: String,
    payments: LaneKeys,
    others: LaneKeys,
    claims: ClaimKeys,
}

/// The hashes of claims of a shard.
#[derive(Debug)]
pub(crate) struct ClaimKeys {
    now: String,
    before: String,
    /// Of versions before 1.0, by legacy identity.
    legacy: String,
    legacy_before: String,
}

impl ClaimKeys {
    fn new(legacy: String) -> Self {
        let now = format!("{legacy}:2");
        Self { before: format!("{now}:before"), legacy_before: format!("{legacy}:before"), now, legacy }
    }

    /// All, in the order that `lua/claims.lua` has.
    pub fn all(&self) -> [&str; 4] {
        [&self.now, &self.before, &self.legacy, &self.legacy_before]
    }
}

/// The keys of one lane of a shard.
#[derive(Debug)]
pub(crate) struct LaneKeys {
    waiting: String,
    flows: String,
    scheduled: String,
    leases: String,
    pub dead: String,
}

impl LaneKeys {
    fn new(config: &Config, suffix: &str) -> Self {
        Self {
            waiting: format!("{}{suffix}", config.active_jobs_list()),
            flows: format!("{}{suffix}:flows", config.active_jobs_list()),
            scheduled: format!("{}{suffix}", config.scheduled_jobs_set()),
            leases: format!("{}{suffix}", config.inflight_jobs_set()),
            dead: format!("{}{suffix}", config.dead_jobs_set()),
        }
    }

    fn all(&self) -> [&str; 5] {
        [&self.waiting, &self.flows, &self.scheduled, &self.leases, &self.dead]
    }
}

impl ShardKeys {
    pub fn new(name: &str, shard: u16) -> Self {
        let queue = format!("{{{name}:{shard}}}");
        let config = Config::default().queue(&queue);
        Self {
            data: config.job_data_hash(),
            owners: format!("{}:owners", config.inflight_jobs_set()),
            attempts: format!("{}:attempts", config.job_meta_hash()),
            dead_info: format!("{}:info", config.dead_jobs_set()),
            stats: format!("{queue}:stats"),
            paused: format!("{queue}:paused"),
            recent: config.done_jobs_set(),
            payments: LaneKeys::new(&config, ""),
            others: LaneKeys::new(&config, ":others"),
            claims: ClaimKeys::new(config.idempotency_key_set()),
        }
    }

    pub const fn lane(&self, lane: Lane) -> &LaneKeys {
        match lane {
            Lane::High => &self.payments,
            Lane::Normal => &self.others,
        }
    }

    /// Counters of the shard.
    pub fn stats(&self) -> &str {
        &self.stats
    }

    /// What `lua/shard.lua` names, in its order.
    pub fn of_shard(&self) -> Vec<&str> {
        let common: [&str; 7] =
            [&self.data, &self.owners, &self.attempts, &self.dead_info, &self.stats, &self.paused, &self.recent];
        common.into_iter().chain(self.payments.all()).chain(self.others.all()).collect()
    }

    /// The same and the hashes of claims.
    pub fn of_shard_and_claims(&self) -> Vec<&str> {
        self.of_shard().into_iter().chain(self.claims.all()).collect()
    }

    /// The hashes of claims.
    pub const fn claims(&self) -> &ClaimKeys {
        &self.claims
    }

    /// What `lua/enqueue.lua` names, in its order.
    pub fn of_enqueue(&self) -> [&str; 10] {
        let (payments, others) = (&self.payments, &self.others);
        let [now, before, legacy, legacy_before] = self.claims.all();
        [
            &self.data,
            &self.stats,
            &payments.waiting,
            &payments.flows,
            &others.waiting,
            &others.flows,
            now,
            before,
            legacy,
            legacy_before,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Jobs in Redis lie there, and the scripts take them in this order.
    #[test]
    fn the_keys_of_a_shard_never_change() {
        let named =
            |keys: &[&str]| keys.iter().map(|key| key.strip_prefix("{q:3}:").unwrap_or(key)).collect::<Vec<_>>().join(" ");
        let keys = ShardKeys::new("q", 3);
        let shard = "data inflight:owners meta:attempts dead:info stats paused done active active:flows scheduled inflight dead \
                     active:others active:others:flows scheduled:others inflight:others dead:others";
        let claims = "idempotency:2 idempotency:2:before idempotency idempotency:before";
        assert_eq!(named(&keys.of_shard()), shard);
        assert_eq!(named(&keys.of_shard_and_claims()), format!("{shard} {claims}"));
        let enqueue = "data stats active active:flows active:others active:others:flows";
        assert_eq!(named(&keys.of_enqueue()), format!("{enqueue} {claims}"));
        assert_eq!(keys.stats(), "{q:3}:stats");
    }
}
