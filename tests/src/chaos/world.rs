//! A platform with what can go wrong around it.

use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, Database as Connector, TransactionTrait};
use tokio::time::sleep;

use failpoints::{Point, VARIABLE};

use super::plan::{Fault, Step, Store};
use crate::{Customer, Database, Network, OwnDirectory, Platform, Postgres, Relay, Service, WallClock, new_directory, signal};

/// For how long a worker holds its jobs, in seconds.
pub const LEASE_SECS: u64 = 2;
/// The second company.
pub const OTHER: &str = "other";

/// How long a process may take to come to the point where it ends.
const UNTIL_IT_ENDS: Duration = Duration::from_secs(5);
/// By how much clocks jump at most, in seconds: what is put off by them comes that much later.
const JUMP_SECS: u64 = 20;

/// A platform of two companies, and its database's server where it has one of its own.
pub struct World {
    pub platform: Platform,
    postgres: Option<Postgres>,
    /// The services' ways to their stores, as far as they have one that a relay can be on.
    redis_relay: Option<Relay>,
    database_relay: Option<Relay>,
    clock: WallClock,
    /// Whom the first company's payments are told.
    pub customer: Customer,
    _data: Option<OwnDirectory>,
}

/// Whose process comes to that point.
pub const fn service_at(point: Point) -> Service {
    match point {
        Point::WebhookEnqueued => Service::Ingress,
        Point::BatchFetched
        | Point::BatchWritten
        | Point::BatchCommitted
        | Point::BatchInvalidated
        | Point::JobsAcknowledged
        | Point::DifferencesFolded
        | Point::CountsCollected => Service::Worker,
        Point::MessageDelivered => Service::Api,
    }
}

/// A relay before the server of that URL, and the URL by that way.
async fn on_a_relay(url: &str) -> (Relay, String) {
    let (before, after) = url.split_once("127.0.0.1:").unwrap();
    let (port, rest) = after.split_at(after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len()));
    let relay = Relay::start(port.parse().unwrap()).await;
    let by_relay = format!("{before}127.0.0.1:{}{rest}", relay.port());
    (relay, by_relay)
}

impl World {
    /// All services run.
    pub async fn start(database: Database) -> Self {
        let data = (database == Database::Postgres).then(|| OwnDirectory(new_directory()));
        let postgres = data.as_ref().map(|data| Postgres::start(&data.0));
        let server = postgres.as_ref().map(|server| server.url().to_owned());
        let mut platform = Platform::prepare_on(database, server).await;
        platform.netbanx(&["company", "add", "Other", "--slug", OTHER]);
        platform.netbanx(&["secret", "set", "--endpoint", "netbanx", "--company", OTHER, "--key", crate::KEY]);
        platform.may_reach_loopback();
        platform.set("QUEUE_LEASE_SECS", &LEASE_SECS.to_string());
        let (mut redis_relay, mut database_relay) = (None, None);
        if !platform.redis.is_cluster() {
            let (relay, url) = on_a_relay(&platform.redis.url()).await;
            platform.set("REDIS_URL", &url);
            redis_relay = Some(relay);
        }
        if database == Database::Postgres {
            let (relay, url) = on_a_relay(&platform.database_url).await;
            platform.set("DATABASE_URL", &url);
            database_relay = Some(relay);
        }
        let clock = WallClock::at(clock::now());
        for (name, value) in clock.environment() {
            platform.set(name, &value);
        }
        for service in [Service::Ingress, Service::Worker, Service::Api] {
            platform.run(service).await;
        }
        let customer = Customer::start();
        customer.subscribe(&platform, &["*"]).await;
        Self { platform, postgres, redis_relay, database_relay, clock, customer, _data: data }
    }

    /// What the step says goes wrong, and is over when this returns.
    pub async fn suffer(&mut self, step: Step) {
        let lasting = Duration::from_millis(step.for_ms);
        match step.fault {
            Fault::WorkersKilled => {
                self.platform.kill(Service::Worker);
                self.two_workers().await;
            }
            Fault::WorkersTold => {
                self.platform.terminate(Service::Worker).await;
                self.two_workers().await;
            }
            Fault::WorkersFrozen => self.frozen(Duration::from_secs(LEASE_SECS) + lasting).await,
            Fault::IngressKilled => self.killed(Service::Ingress).await,
            Fault::IngressTold => self.told(Service::Ingress).await,
            Fault::ApiKilled => self.killed(Service::Api).await,
            Fault::ApiTold => self.told(Service::Api).await,
            Fault::RedisKilled => {
                self.platform.kill_redis();
                sleep(lasting).await;
                self.platform.start_redis().await;
            }
            Fault::RedisSilent => {
                self.platform.redis.ask(&["CLIENT", "PAUSE", &step.for_ms.to_string(), "ALL"]);
                sleep(lasting).await;
            }
            Fault::RedisCutOff => drop(self.platform.redis.ask(&["CLIENT", "KILL", "TYPE", "normal"])),
            Fault::RedisForgetsScripts => drop(self.platform.redis.ask(&["SCRIPT", "FLUSH"])),
            Fault::RedisFull => {
                self.platform.redis.ask(&["CONFIG", "SET", "maxmemory", "1"]);
                sleep(lasting).await;
                self.platform.redis.ask(&["CONFIG", "SET", "maxmemory", "0"]);
            }
            Fault::RedisTornWrite => {
                self.platform.kill_redis();
                self.platform.redis.tear();
                self.platform.start_redis().await;
            }
            Fault::SlotsMoved => self.platform.redis.move_slot_of(&format!("{{netbanx:{}}}", step.for_ms % 4)),
            Fault::EndsAt(point) => self.ends_at(point, step.for_ms % 5 + 1).await,
            Fault::Way(store, network) => {
                let relay = match store {
                    Store::Redis => &self.redis_relay,
                    Store::Database => &self.database_relay,
                };
                let Some(relay) = relay else { return };
                relay.set(network);
                sleep(lasting).await;
                relay.set(Network::Whole);
            }
            Fault::ClocksJump => {
                let seconds = i64::try_from(step.for_ms % (2 * JUMP_SECS)).unwrap() - JUMP_SECS as i64;
                self.clock.set(clock::now() + chrono::Duration::seconds(seconds));
                sleep(lasting).await;
                self.clock.set(clock::now());
            }
            Fault::DatabaseKilled => {
                let Some(server) = &self.postgres else { return };
                server.stop();
                sleep(lasting).await;
                server.resume();
            }
            Fault::DatabaseCutOff => {
                let others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
                self.platform.execute(others).await;
            }
            Fault::DatabaseReadOnly => {
                for (value, lasting) in [("on", lasting), ("off", Duration::ZERO)] {
                    self.platform.execute(&format!("ALTER SYSTEM SET default_transaction_read_only = {value}")).await;
                    self.platform.execute("SELECT pg_reload_conf()").await;
                    sleep(lasting).await;
                }
            }
            Fault::DatabaseLocked => self.locked(lasting).await,
        }
    }

    /// The service of that point runs until it comes there for the `times`th time, if it does so soon, and is started again.
    async fn ends_at(&mut self, point: Point, times: u64) {
        let service = service_at(point);
        self.platform.kill(service);
        self.platform.set(VARIABLE, &format!("{point}:{times}"));
        self.platform.spawn(service);
        self.platform.set(VARIABLE, "");
        let begun = Instant::now();
        while self.platform.all_alive() && begun.elapsed() < UNTIL_IT_ENDS {
            sleep(Duration::from_millis(20)).await;
        }
        self.platform.kill(service);
        self.platform.run(service).await;
    }

    async fn two_workers(&mut self) {
        self.platform.run(Service::Worker).await;
        self.platform.run(Service::Worker).await;
    }

    async fn killed(&mut self, service: Service) {
        self.platform.kill(service);
        self.platform.run(service).await;
    }

    async fn told(&mut self, service: Service) {
        self.platform.terminate(service).await;
        self.platform.run(service).await;
    }

    async fn frozen(&self, lasting: Duration) {
        let workers = self.platform.pids(Service::Worker);
        for pid in &workers {
            signal(*pid, "STOP");
        }
        sleep(lasting).await;
        for pid in workers {
            signal(pid, "CONT");
        }
    }

    /// Somebody has the right to write for that long.
    async fn locked(&self, lasting: Duration) {
        let db = Connector::connect(&self.platform.database_url).await.unwrap();
        let held = db.begin().await.unwrap();
        let lock = match self.postgres {
            Some(_) => "LOCK TABLE webhook_events, transactions, rollup_deltas IN ACCESS EXCLUSIVE MODE",
            None => "UPDATE companies SET slug = slug",
        };
        // It may not come to its turn in time: then nothing was locked.
        if tokio::time::timeout(Duration::from_secs(5), held.execute_unprepared(lock)).await.is_ok() {
            sleep(lasting).await;
        }
        held.rollback().await.unwrap();
        db.close().await.unwrap();
    }
}
