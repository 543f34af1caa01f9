//! A platform with what can go wrong around it.

use std::time::Duration;

use sea_orm::{ConnectionTrait, Database as Connector, TransactionTrait};
use tokio::time::sleep;

use super::plan::{Fault, Step};
use crate::{Database, OwnDirectory, Platform, Postgres, Service, new_directory, signal};

/// For how long a worker holds its jobs, in seconds.
pub const LEASE_SECS: u64 = 2;
/// The second company.
pub const OTHER: &str = "other";

/// A platform of two companies, and its database's server where it has one of its own.
pub struct World {
    pub platform: Platform,
    postgres: Option<Postgres>,
    _data: Option<OwnDirectory>,
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
        platform.set("QUEUE_LEASE_SECS", &LEASE_SECS.to_string());
        for service in [Service::Ingress, Service::Worker, Service::Api] {
            platform.run(service).await;
        }
        Self { platform, postgres, _data: data }
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
