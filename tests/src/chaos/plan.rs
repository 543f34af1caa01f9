//! What goes wrong, and when: a plan that its seed tells again.

use std::{collections::BTreeMap, fmt};

use failpoints::Point;
use rand::{Rng, SeedableRng, rngs::StdRng};

use crate::{Database, Network};

/// The stores that services speak to by a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Store {
    Redis,
    Database,
}

/// Something that goes wrong with a process, a store, the network or a clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// All workers end at once, and two begin.
    WorkersKilled,
    /// All workers are told to end, and two begin.
    WorkersTold,
    /// All workers stand still for longer than their leases, and go on.
    WorkersFrozen,
    IngressKilled,
    IngressTold,
    ApiKilled,
    ApiTold,
    /// Redis ends like a process that lost its power, and comes back with what it wrote.
    RedisKilled,
    /// Redis answers nobody for a while.
    RedisSilent,
    /// Redis ends all connections.
    RedisCutOff,
    /// Redis forgets the scripts.
    RedisForgetsScripts,
    /// Redis has no memory for a further write.
    RedisFull,
    /// Redis loses its power in the middle of a write, of which a part is on its disk.
    RedisTornWrite,
    /// A cluster's slots move to another master while they are used.
    SlotsMoved,
    DatabaseKilled,
    /// The database ends all sessions.
    DatabaseCutOff,
    /// The database takes no writes, as one that is not the primary any more.
    DatabaseReadOnly,
    /// Somebody holds the tables that batches are written to.
    DatabaseLocked,
    /// A service ends at that point.
    EndsAt(Point),
    /// The services' way to that store is so.
    Way(Store, Network),
    /// The services' clocks jump, and jump back.
    ClocksJump,
}

use Fault::*;

impl Fault {
    /// Those that a platform on any stores can have.
    const ANYWHERE: [Self; 15] = [
        WorkersKilled,
        WorkersTold,
        WorkersFrozen,
        IngressKilled,
        IngressTold,
        ApiKilled,
        ApiTold,
        RedisKilled,
        RedisSilent,
        RedisCutOff,
        RedisForgetsScripts,
        RedisFull,
        RedisTornWrite,
        DatabaseLocked,
        ClocksJump,
    ];
    /// Those of a database that is a server.
    const OF_A_SERVER: [Self; 3] = [DatabaseKilled, DatabaseCutOff, DatabaseReadOnly];

    /// All that can happen on those stores.
    fn of(stores: Stores) -> Vec<Self> {
        let mut kinds = Self::ANYWHERE.to_vec();
        // A release has no such points.
        if cfg!(debug_assertions) {
            kinds.extend(Point::ALL.map(EndsAt));
        }
        let mut network = |store| {
            kinds.extend([Network::Cut, Network::Silent, Network::OneWay, Network::Slow].map(|network| Way(store, network)))
        };
        if stores.has_database_server {
            network(Store::Database);
        }
        if stores.has_cluster {
            // Its nodes tell their own addresses, which no relay is at.
            kinds.push(SlotsMoved);
        } else {
            network(Store::Redis);
        }
        if stores.has_database_server {
            kinds.extend(Self::OF_A_SERVER);
        }
        kinds
    }
}

/// On which stores a plan is gone through.
#[derive(Debug, Clone, Copy)]
pub struct Stores {
    /// PostgreSQL, and not SQLite.
    pub has_database_server: bool,
    /// A Redis Cluster, and not one server.
    pub has_cluster: bool,
}

impl Stores {
    /// Those that a test of that database has.
    pub fn with(database: Database) -> Self {
        let has_cluster = std::env::var("TEST_REDIS").is_ok_and(|kind| kind == "cluster");
        Self { has_database_server: database == Database::Postgres, has_cluster }
    }
}

/// One fault of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Quiet before it, in milliseconds.
    pub after_ms: u64,
    pub fault: Fault,
    /// How long it lasts, where it lasts, in milliseconds.
    pub for_ms: u64,
}

/// Faults in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub seed: u64,
    pub steps: Vec<Step>,
}

impl Plan {
    /// `count` faults by `seed`: each kind comes as often as any other, give or take one.
    pub fn new(seed: u64, count: usize, stores: Stores) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let kinds = Fault::of(stores);
        let mut round = Vec::new();
        let mut steps = Vec::with_capacity(count);
        for _ in 0..count {
            if round.is_empty() {
                round.clone_from(&kinds);
            }
            let fault = round.swap_remove(rng.random_range(0..round.len()));
            steps.push(Step { after_ms: rng.random_range(100..1_500), fault, for_ms: rng.random_range(50..1_500) });
        }
        Self { seed, steps }
    }

    /// How often each kind comes.
    pub fn counts(&self) -> BTreeMap<Fault, usize> {
        let mut counts = BTreeMap::new();
        for step in &self.steps {
            *counts.entry(step.fault).or_default() += 1;
        }
        counts
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SEED={}:", self.seed)?;
        self.counts().iter().try_for_each(|(fault, count)| write!(f, " {count} {fault:?}"))
    }
}
