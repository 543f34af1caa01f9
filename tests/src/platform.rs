use std::{
    fs,
    io::Write,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use queue::{Queue, QueueSettings, Stats};
use reqwest::{Client, Response};
use sea_orm::QueryResult;
use serde_json::Value;

use crate::{
    Database, KEY, Redis, WallClock,
    database::{self, count_in},
    eventually, free_port,
    hand::new_directory,
    sign, worked_off,
};

/// One of the three.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    Ingress,
    Worker,
    Api,
}

impl Service {
    fn name(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Worker => "worker",
            Self::Api => "api",
        }
    }
}

/// A platform of one's own: Redis, database, and the services that were started.
pub struct Platform {
    directory: PathBuf,
    pub database_url: String,
    pub ingress_port: u16,
    pub api_port: u16,
    pub redis: Redis,
    services: Vec<(Service, Child)>,
    pub http: Client,
    pub admin_token: String,
    /// Further settings for whatever is started from now on.
    pub variables: Vec<(&'static str, String)>,
    keeps_log: bool,
}

/// The master key of every platform.
pub const MASTER_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// A program of ours.
pub fn binary(name: &str) -> PathBuf {
    // Beside this one, or beside the folder of tests that it is in: built as it is.
    let own = std::env::current_exe().unwrap();
    let folder = own.ancestors().skip(1).find(|folder| !folder.ends_with("deps")).unwrap();
    let built = folder.join(name);
    assert!(built.exists(), "{} is missing: run `make test`, or `cargo build --workspace` first", built.display());
    built
}

impl Platform {
    /// Redis, a migrated database with company `acme`, the key [`KEY`] on every receiver, an
    /// administrator's token, and all three services.
    pub async fn start(database: Database) -> Self {
        let mut platform = Self::prepare(database).await;
        for service in [Service::Ingress, Service::Worker, Service::Api] {
            platform.run(service).await;
        }
        platform
    }

    /// The same without any service.
    pub async fn prepare(database: Database) -> Self {
        Self::prepare_with(database, &binary("netbanx")).await
    }

    /// The same, its database furnished by that version of the operator's command.
    pub async fn prepare_with(database: Database, netbanx: &Path) -> Self {
        let server = std::env::var("TEST_POSTGRES_URL").ok();
        Self::prepare_as(database, server, netbanx, None).await
    }

    /// The same with a new database on that PostgreSQL server.
    pub async fn prepare_on(database: Database, server: Option<String>) -> Self {
        Self::prepare_as(database, server, &binary("netbanx"), None).await
    }

    /// The same with that database, which is there and empty.
    pub async fn prepare_at_url(database_url: String) -> Self {
        Self::prepare_in(new_directory(), async |_| database_url, &binary("netbanx"), None).await
    }

    /// The same on that clock, Redis too, unless it is a cluster.
    pub async fn prepare_at(database: Database, clock: &WallClock) -> Self {
        let server = std::env::var("TEST_POSTGRES_URL").ok();
        Self::prepare_as(database, server, &binary("netbanx"), Some(clock)).await
    }

    async fn prepare_as(database: Database, server: Option<String>, netbanx: &Path, clock: Option<&WallClock>) -> Self {
        let make = async |directory: PathBuf| database::make(database, server, &directory).await;
        Self::prepare_in(new_directory(), make, netbanx, clock).await
    }

    async fn prepare_in(
        directory: PathBuf,
        make: impl AsyncFnOnce(PathBuf) -> String,
        netbanx: &Path,
        clock: Option<&WallClock>,
    ) -> Self {
        let variables = clock.map(|clock| clock.environment().to_vec()).unwrap_or_default();
        let redis = Redis::start_with(&directory, &variables).await;
        let platform = Self {
            database_url: make(directory.clone()).await,
            directory,
            ingress_port: free_port(),
            api_port: free_port(),
            redis,
            services: Vec::new(),
            // Shorter than servers keep an idle connection: none ends just as it is used again.
            http: Client::builder().pool_idle_timeout(Duration::from_secs(2)).build().unwrap(),
            admin_token: String::new(),
            variables,
            keeps_log: false,
        };
        platform.furnish(netbanx)
    }

    fn furnish(mut self, program: &Path) -> Self {
        let platform = &mut self;
        let netbanx = |args: &[&str]| operated(platform.command(program), args);
        netbanx(&["migrate"]);
        netbanx(&["company", "add", "Acme", "--slug", "acme"]);
        for endpoint in ["netbanx", "account-status", "direct-debit", "alternate-payments"] {
            netbanx(&["secret", "set", "--endpoint", endpoint, "--key", KEY]);
            netbanx(&["secret", "set", "--endpoint", endpoint, "--company", "acme", "--key", KEY]);
        }
        platform.admin_token = netbanx(&["token", "add", "--admin"]);
        self
    }

    /// What is started from now on has that setting.
    pub fn set(&mut self, name: &'static str, value: &str) {
        self.variables.push((name, value.to_owned()));
    }

    /// What is started from now on may speak plain HTTP to servers of loopback.
    pub fn may_reach_loopback(&mut self) {
        self.set("OUTBOUND_ALLOW_HTTP", "true");
        self.set("OUTBOUND_ALLOW_NETWORKS", "127.0.0.0/8");
    }

    /// What is started from now on works as in production, its telemetry going to nobody who listens.
    pub fn as_in_production(&mut self) {
        let telemetry = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9");
        for (name, value) in [("APP_ENV", "production"), telemetry] {
            self.variables.push((name, value.to_owned()));
        }
    }

    pub async fn start_redis(&mut self) {
        self.redis.resume().await;
    }

    pub fn kill_redis(&mut self) {
        self.redis.kill();
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env("DATABASE_URL", &self.database_url)
            .env("REDIS_URL", self.redis.url())
            .env("INGRESS_BIND", format!("127.0.0.1:{}", self.ingress_port))
            .env("API_BIND", format!("127.0.0.1:{}", self.api_port))
            .env("MASTER_KEY", MASTER_KEY)
            .env("HTTP_WORKERS", "1")
            .env("RUST_LOG", "warn")
            .env_remove("ADMIN_BIND")
            .env_remove("NETBANX_CONFIG")
            .envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs the operator's command; answers its standard output.
    pub fn netbanx(&self, args: &[&str]) -> String {
        operated(self.command(&binary("netbanx")), args)
    }

    /// The same that goes on running; its standard output is the caller's.
    pub fn netbanx_running(&self, args: &[&str]) -> Child {
        self.command(&binary("netbanx")).args(args).stdout(Stdio::piped()).spawn().unwrap()
    }

    /// The same with `input` on its standard input, whatever its exit status.
    pub fn netbanx_given(&self, args: &[&str], input: &[u8]) -> Output {
        let mut command = self.command(&binary("netbanx"));
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // One that does not read it all is no error here.
        let _ = child.stdin.take().unwrap().write_all(input);
        child.wait_with_output().unwrap()
    }

    /// What the operator's doctor finds, its figures included: whether all is well, and what it says of each thing.
    pub fn doctor(&self) -> (bool, Value) {
        let output = self.netbanx_given(&["--json", "doctor", "--figures"], b"");
        (output.status.success(), serde_json::from_slice(&output.stdout).unwrap())
    }

    /// A file of that name among those that end with the platform.
    pub fn file(&self, name: &str, content: &[u8]) -> String {
        let path = self.directory.join(name);
        fs::write(&path, content).unwrap();
        path.display().to_string()
    }

    /// What services that are started from now on write goes to a file that [`Self::log`] reads.
    pub fn keep_log(&mut self) {
        self.keeps_log = true;
    }

    /// What they wrote.
    pub fn log(&self) -> String {
        fs::read_to_string(self.directory.join("log")).unwrap()
    }

    /// Starts a service.
    pub fn spawn(&mut self, service: Service) {
        let mut command = self.command(&binary(service.name()));
        if self.keeps_log {
            let log = fs::OpenOptions::new().create(true).append(true).open(self.directory.join("log")).unwrap();
            command.stderr(log.try_clone().unwrap()).stdout(log);
        }
        let child = command.spawn().unwrap();
        self.services.push((service, child));
    }

    /// Starts a service and waits until it can work.
    pub async fn run(&mut self, service: Service) {
        self.spawn(service);
        let url = match service {
            Service::Ingress => format!("{}/readyz", self.ingress_url()),
            Service::Api => format!("{}/readyz", self.api_url()),
            Service::Worker => return,
        };
        eventually("the service is ready", || async { self.http.get(&url).send().await.ok().filter(|r| r.status() == 200) })
            .await;
    }

    /// Kills every instance of a service with SIGKILL.
    pub fn kill(&mut self, service: Service) {
        for (_, mut child) in self.services.extract_if(.., |(kind, _)| *kind == service) {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Asks every instance of a service to stop (SIGTERM) and waits until it has ended, well.
    pub async fn terminate(&mut self, service: Service) {
        for (_, mut child) in self.services.extract_if(.., |(kind, _)| *kind == service) {
            end_well(&mut child).await;
        }
    }

    /// The same of the instance that was started last.
    pub async fn terminate_latest(&mut self, service: Service) {
        let latest = self.services.iter().rposition(|(kind, _)| *kind == service).unwrap();
        end_well(&mut self.services.remove(latest).1).await;
    }

    /// The process of a service's first instance.
    pub fn pid(&self, service: Service) -> u32 {
        self.services.iter().find(|(kind, _)| *kind == service).map(|(_, child)| child.id()).unwrap()
    }

    /// The processes of all its instances.
    pub fn pids(&self, service: Service) -> Vec<u32> {
        self.services.iter().filter(|(kind, _)| *kind == service).map(|(_, child)| child.id()).collect()
    }

    /// Whether every service that was started still runs.
    pub fn all_alive(&mut self) -> bool {
        self.services.iter_mut().all(|(_, child)| child.try_wait().unwrap().is_none())
    }

    pub fn ingress_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ingress_port)
    }

    /// The port of ingress, for who writes to it byte by byte.
    pub fn ingress_address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.ingress_port))
    }

    pub fn api_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.api_port)
    }

    /// Posts `body`, signed.
    pub async fn send(&self, path: &str, body: impl Into<Vec<u8>>) -> Response {
        let body = body.into();
        self.send_signed(path, "Signature", &sign(&body), body).await
    }

    pub async fn send_signed(&self, path: &str, header: &str, value: &str, body: Vec<u8>) -> Response {
        self.http.post(format!("{}{path}", self.ingress_url())).header(header, value).body(body).send().await.unwrap()
    }

    /// An answer of the API under that token: status and body.
    pub async fn get_as(&self, token: &str, path: &str) -> (u16, Value) {
        let answer = self.http.get(format!("{}{path}", self.api_url())).bearer_auth(token).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }

    /// The `data` of an answer to the administrator, which must be 200.
    pub async fn get(&self, path: &str) -> Value {
        let (status, mut body) = self.get_as(&self.admin_token, path).await;
        assert_eq!(status, 200, "{path}: {body}");
        body["data"].take()
    }

    /// Waits until a worker has noted that the queue's counters are in balance with the figures: before anything is sent.
    pub async fn balanced(&self) {
        eventually("the queue's counters are noted", || async {
            let noted = "SELECT COUNT(*) AS n FROM platform_state WHERE name LIKE 'queue.%.balance'";
            (self.count(noted).await == 1).then_some(())
        })
        .await;
    }

    /// How many events are stored, by the database itself: what the API tells may be two seconds old.
    pub async fn events(&self) -> u64 {
        self.count("SELECT COUNT(*) AS n FROM webhook_events").await
    }

    /// The count `n` that `sql` selects.
    pub async fn count(&self, sql: &str) -> u64 {
        count_in(&self.database_url, sql).await
    }

    /// Does `sql` to the database.
    pub async fn execute(&self, sql: &str) {
        database::execute(&self.database_url, sql).await;
    }

    /// The rows that `sql` selects.
    pub async fn rows(&self, sql: &str) -> Vec<QueryResult> {
        database::rows_in(&self.database_url, sql).await
    }

    /// The queue itself, as the services have it.
    pub fn open_queue(&self) -> Queue {
        let redis = redis_client::connect(&self.redis.url()).unwrap();
        Queue::new(redis, QueueSettings::default())
    }

    /// The queue's counts, from Redis itself: what ingress tells may be half a second old.
    pub async fn queue(&self) -> Stats {
        self.open_queue().stats().await.unwrap()
    }

    /// Waits until nothing is left in the queue, as long as it moves: a large backlog takes its time.
    pub async fn drained(&self) {
        let queue = self.open_queue();
        worked_off(|| async { queue.stats().await.ok().map(|stats| (stats.total, (stats.completed, stats.dead))) }).await;
    }
}

async fn end_well(child: &mut Child) {
    let asked = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(asked.success());
    let child = std::sync::Mutex::new(child);
    let status = eventually("the service ends", || async { child.lock().unwrap().try_wait().unwrap() }).await;
    assert!(status.success(), "{status}");
}

fn operated(mut command: Command, args: &[&str]) -> String {
    let output = command.args(args).output().unwrap();
    assert!(output.status.success(), "netbanx {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

impl Drop for Platform {
    fn drop(&mut self) {
        for (_, child) in &mut self.services {
            let _ = child.kill();
            let _ = child.wait();
        }
        self.redis.kill();
        database::discard(&self.database_url);
        let _ = fs::remove_dir_all(&self.directory);
    }
}
