//! What every simulation begins with: a database with two companies, their keys and tokens, made once and copied for each seed.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
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
pub const LEASE: Duration = Duration::from_secs(5);

const MASTER_KEY: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

/// The variable that names a directory which [`make`] filled.
pub const VARIABLE: &str = "SIMULATION_FIRST";

/// What a simulation's services are told.
#[derive(Debug)]
pub struct Setup {
    pub companies: [CompanyId; 2],
    /// A token for each, which may read transactions.
    pub tokens: [String; 2],
    directory: PathBuf,
}

impl Setup {
    /// A database of its own, as a copy of the one that the environment names or as a new one.
    ///
    /// # Panics
    ///
    /// Where nothing can be written.
    pub fn begin() -> Self {
        let directory = new_directory();
        match std::env::var_os(VARIABLE) {
            Some(first) => {
                for name in [DATABASE, NAMES] {
                    std::fs::copy(Path::new(&first).join(name), directory.join(name)).expect("the database is copied");
                }
            }
            None => make(&directory),
        }
        let names = std::fs::read_to_string(directory.join(NAMES)).expect("who there is");
        let names: Vec<&str> = names.lines().collect();
        let company = |n: usize| CompanyId(names[n].parse().expect("a company's id"));
        let tokens = [names[2].to_owned(), names[3].to_owned()];
        Self { companies: [company(0), company(1)], tokens, directory }
    }

    /// The settings of the service at `host`.
    ///
    /// # Panics
    ///
    /// Where the environment has settings that are no good.
    pub fn settings(&self, host: &str) -> Settings {
        settings(&self.directory, host)
    }
}

fn settings(directory: &Path, host: &str) -> Settings {
    let mut settings = Settings::load().expect("the settings are good");
    settings.database_url = format!("sqlite://{}?mode=rwc", directory.join(DATABASE).display());
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

impl Drop for Setup {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.directory));
    }
}

const DATABASE: &str = "platform.db";
const NAMES: &str = "names";

/// A directory in memory, where there is such a place: each commit is synced.
///
/// # Panics
///
/// Where none can be made.
pub fn new_directory() -> PathBuf {
    static NUMBERS: AtomicU64 = AtomicU64::new(0);
    let memory = Path::new("/dev/shm");
    let is_told = std::env::var_os("TMPDIR").is_some();
    let parent = if memory.is_dir() && !is_told { memory.to_owned() } else { std::env::temp_dir() };
    let name = format!("netbanx-simulation-{}-{}", std::process::id(), NUMBERS.fetch_add(1, Relaxed));
    let directory = parent.join(name);
    std::fs::create_dir_all(&directory).expect("a directory");
    directory
}

/// Makes the database, and notes who there is, on a thread whose time is before that of every seed.
///
/// # Panics
///
/// Where nothing can be written.
pub fn make(directory: &Path) {
    let directory = directory.to_owned();
    std::thread::spawn(move || make_here(&directory)).join().expect("the database is made");
}

fn make_here(directory: &Path) {
    process::begin_first();
    let host = Host::start("setup".to_owned(), Instant::now());
    let settings = settings(directory, "nowhere");
    let watch = host.watch();
    let names = host.complete(async {
        let (mut ids, mut tokens_of) = (String::new(), String::new());
        let db = services::database(&settings, &watch).await;
        store::migrate(&db).await.expect("the tables are made");
        let vault = Vault::new(&settings.master_keys.as_ref().expect("keys").0).expect("a vault");
        for (n, slug) in COMPANIES.iter().enumerate() {
            let company = CompanyId(companies::add(&db, slug, slug, None).await.expect("a company").id);
            secrets::add(&db, &vault, Endpoint::Netbanx, company, KEYS[n], KeyEncoding::Utf8, 0).await.expect("a key");
            let permissions = ["read:transactions".to_owned()];
            let (_, token) = tokens::add(&db, company, "reader", &permissions, None, "simulation").await.expect("a token");
            ids += &format!("{}\n", company.0);
            tokens_of += &format!("{token}\n");
        }
        db.execute_unprepared(POISON).await.expect("a trigger");
        db.execute_unprepared("PRAGMA wal_checkpoint(TRUNCATE)").await.expect("a whole file");
        db.close().await.expect("it closes");
        ids + &tokens_of
    });
    std::fs::write(directory.join(NAMES), names).expect("the names are written");
}

/// Refuses webhooks that are told to be poison, as a fault in what stores them would.
const POISON: &str = "CREATE TRIGGER poison BEFORE INSERT ON webhook_events FOR EACH ROW WHEN NEW.payload LIKE '%poison%' \
                      BEGIN SELECT RAISE(ABORT, 'poison'); END";
