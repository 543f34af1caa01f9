//! What every simulation begins with: a database with two companies, their keys and tokens, made once and copied for each seed.

use std::{
    path::{Path, PathBuf},
    sync::OnceLock,
    time::{Duration, Instant},
};

use common::{CompanyId, Endpoint, signature::KeyEncoding};
use sea_orm::ConnectionTrait;
use settings::{MasterKeys, Settings};
use store::{companies, secrets, secrets::Vault, tokens};

use crate::{host::Host, process, services};

/// The companies' slugs.
pub const COMPANIES: [&str; 2] = ["acme", "globex"];
/// Their keys, by which webhooks are signed.
pub const KEYS: [&str; 2] = ["key-of-acme-0123456789", "key-of-globex-0123456789"];
/// How long a killed worker's jobs wait for another.
pub const LEASE: Duration = Duration::from_secs(10);

const MASTER_KEY: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

/// What a simulation's services are told.
#[derive(Debug, Clone)]
pub struct Setup {
    pub companies: [CompanyId; 2],
    /// A token for each, which may read transactions.
    pub tokens: [String; 2],
    pub database: PathBuf,
}

impl Setup {
    /// A database of its own for the simulation of that name.
    ///
    /// # Panics
    ///
    /// Where nothing can be written.
    pub fn new(name: &str) -> Self {
        static FIRST: OnceLock<Setup> = OnceLock::new();
        let first = FIRST.get_or_init(|| std::thread::spawn(make).join().expect("the database is made"));
        let database = directory().join(format!("{name}.db"));
        std::fs::copy(&first.database, &database).expect("the database is copied");
        Self { companies: first.companies, tokens: first.tokens.clone(), database }
    }

    /// The settings of the service at `host`.
    ///
    /// # Panics
    ///
    /// Where the environment has settings that are no good.
    pub fn settings(&self, host: &str) -> Settings {
        let mut settings = Settings::load().expect("the settings are good");
        settings.database_url = format!("sqlite://{}?mode=rwc", self.database.display());
        settings.database_max_connections = 1;
        settings.redis_url = format!("redis://{host}:6379/0");
        settings.cache_redis_url = settings.redis_url.clone();
        settings.master_keys = Some(MasterKeys::parse(MASTER_KEY).expect("a key"));
        settings.queue_shards = 2;
        settings.queue_lease = LEASE;
        settings.batch_size = 10;
        settings.worker_concurrency = 2;
        settings.shutdown_timeout = Duration::from_secs(5);
        settings.requests_per_minute = 100_000;
        settings.requests_per_minute_company = 100_000;
        settings
    }
}

impl Drop for Setup {
    fn drop(&mut self) {
        for end in ["", "-wal", "-shm"] {
            drop(std::fs::remove_file(format!("{}{end}", self.database.display())));
        }
    }
}

/// In memory, where there is such a place: each commit is synced.
fn directory() -> &'static Path {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY.get_or_init(|| {
        let memory = Path::new("/dev/shm");
        let parent = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let own = parent.join(format!("netbanx-simulation-{}", std::process::id()));
        std::fs::create_dir_all(&own).expect("a directory");
        own
    })
}

/// Removes what is left of all simulations of this process.
pub fn clear() {
    drop(std::fs::remove_dir_all(directory()));
}

fn make() -> Setup {
    process::begin(0);
    let host = Host::start("setup".to_owned(), Instant::now());
    let none = CompanyId::NONE;
    let mut setup =
        Setup { companies: [none, none], tokens: [String::new(), String::new()], database: directory().join("first.db") };
    let settings = setup.settings("nowhere");
    let watch = host.watch();
    host.complete(async {
        let db = services::database(&settings, &watch).await;
        store::migrate(&db).await.expect("the tables are made");
        let vault = Vault::new(&settings.master_keys.as_ref().expect("keys").0).expect("a vault");
        for (n, slug) in COMPANIES.iter().enumerate() {
            let company = CompanyId(companies::add(&db, slug, slug, None).await.expect("a company").id);
            secrets::add(&db, &vault, Endpoint::Netbanx, company, KEYS[n], KeyEncoding::Utf8, 0).await.expect("a key");
            let permissions = ["read:transactions".to_owned()];
            let (_, token) = tokens::add(&db, company, "reader", &permissions, None, "simulation").await.expect("a token");
            setup.companies[n] = company;
            setup.tokens[n] = token;
        }
        db.execute_unprepared(POISON).await.expect("a trigger");
        db.execute_unprepared("PRAGMA wal_checkpoint(TRUNCATE)").await.expect("a whole file");
        db.close().await.expect("it closes");
    });
    setup
}

/// Refuses webhooks that are told to be poison, as a fault in what stores them would.
const POISON: &str = "CREATE TRIGGER poison BEFORE INSERT ON webhook_events FOR EACH ROW WHEN NEW.payload LIKE '%poison%' \
                      BEGIN SELECT RAISE(ABORT, 'poison'); END";
