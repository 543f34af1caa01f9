//! The production overlay as it stands: each service with just its environment, arguments, user, read-only
//! file system and time to end.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Child, Command},
    sync::Mutex,
    time::{Duration, Instant},
};

use e2e::{Database, Platform, Sender, eventually};
use serde_json::Value;

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts").join(name)
}

struct Overlay(Vec<Value>);

impl Overlay {
    fn render(name: &str) -> Self {
        let output = Command::new(script("rendered")).arg(name).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Self(serde_json::from_slice(&output.stdout).unwrap())
    }

    fn find(&self, kind: &str, name: &str) -> &Value {
        self.0.iter().find(|r| r["kind"] == kind && r["metadata"]["name"] == name).unwrap_or_else(|| panic!("no {kind} {name}"))
    }

    /// The pod of a Deployment or a Job.
    fn pod(&self, kind: &str, name: &str) -> &Value {
        &self.find(kind, name)["spec"]["template"]["spec"]
    }

    /// A container's environment, the secrets' values being these.
    fn environment(&self, pod: &Value, secrets: &BTreeMap<&str, String>) -> BTreeMap<String, String> {
        let mut all = BTreeMap::new();
        let container = &pod["containers"][0];
        for source in container["envFrom"].as_array().unwrap() {
            if let Some(name) = source["configMapRef"]["name"].as_str() {
                for (key, value) in self.find("ConfigMap", name)["data"].as_object().unwrap() {
                    all.insert(key.clone(), value.as_str().unwrap().to_owned());
                }
            } else {
                let name = source["secretRef"]["name"].as_str().unwrap();
                for entry in self.find("ExternalSecret", name)["spec"]["data"].as_array().unwrap() {
                    let key = entry["secretKey"].as_str().unwrap();
                    all.insert(key.to_owned(), secrets[key].clone());
                }
            }
        }
        for variable in container["env"].as_array().into_iter().flatten() {
            all.insert(variable["name"].as_str().unwrap().to_owned(), variable["value"].as_str().unwrap().to_owned());
        }
        all
    }
}

/// A container that runs; its ports are its own, its address is one of ours.
struct Container {
    child: Child,
    address: String,
    pod: Value,
}

impl Container {
    fn start(overlay: &Overlay, name: &str, address: &str, secrets: &BTreeMap<&str, String>, directory: &Path) -> Self {
        let pod = overlay.pod("Deployment", &format!("netbanx-{name}")).clone();
        let security = &pod["containers"][0]["securityContext"];
        assert_eq!((&security["readOnlyRootFilesystem"], &pod["securityContext"]["runAsUser"]), (&true.into(), &65532.into()));
        let mut environment = overlay.environment(&pod, secrets);
        for (_, value) in environment.iter_mut().filter(|(name, _)| name.ends_with("_BIND")) {
            *value = value.replace("0.0.0.0", address);
        }
        let child = Command::new(script("as-in-pod"))
            .arg(directory.join(name))
            .args(arguments(&pod))
            .env_clear()
            .env("PATH", std::env::var("PATH").unwrap())
            .envs(environment)
            .env("RUST_LOG", "warn")
            .current_dir("/")
            .spawn()
            .unwrap();
        Self { child, address: address.to_owned(), pod }
    }

    fn port(&self, name: &str) -> u64 {
        let ports = self.pod["containers"][0]["ports"].as_array().unwrap();
        ports.iter().find(|port| port["name"] == name).unwrap()["containerPort"].as_u64().unwrap()
    }

    fn url(&self, port: &str) -> String {
        format!("http://{}:{}", self.address, self.port(port))
    }

    /// Waits until every probe is content.
    async fn ready(&self, http: &reqwest::Client) {
        for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
            let get = &self.pod["containers"][0][probe]["httpGet"];
            let url = format!("{}{}", self.url(get["port"].as_str().unwrap()), get["path"].as_str().unwrap());
            eventually(probe, || async { http.get(&url).send().await.ok().filter(|answer| answer.status() == 200) }).await;
        }
    }

    /// SIGTERM, as after the preStop hook; it ends well within what is left of its grace period.
    async fn terminate(mut self) {
        let grace = self.pod["terminationGracePeriodSeconds"].as_u64().unwrap();
        let pause = self.pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"].as_u64().unwrap();
        let begun = Instant::now();
        assert!(Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap().success());
        let child = Mutex::new(&mut self.child);
        let status = eventually("it ends", || async { child.lock().unwrap().try_wait().unwrap() }).await;
        assert!(status.success(), "{status}");
        assert!(begun.elapsed() < Duration::from_secs(grace - pause), "it took {:?} of {grace} s", begun.elapsed());
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn arguments(pod: &Value) -> Vec<String> {
    pod["containers"][0]["args"].as_array().into_iter().flatten().map(|a| a.as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_production_overlay_runs_and_ends_under_load_without_loss() {
    let overlay = Overlay::render("production");
    let mut platform = Platform::prepare(Database::Postgres).await;
    let shards = overlay.find("ConfigMap", "netbanx-config")["data"]["QUEUE_SHARDS"].as_str().unwrap().to_owned();
    platform.variables.push(("QUEUE_SHARDS", shards));
    let secrets = BTreeMap::from([
        ("DATABASE_URL", platform.database_url.clone()),
        ("REDIS_URL", platform.redis.url()),
        ("CACHE_REDIS_URL", platform.redis.url()),
        ("MASTER_KEY", e2e::MASTER_KEY.to_owned()),
    ]);
    // Readable for the user of a pod, wherever this tree is.
    let directory = e2e::new_directory();
    for name in ["ingress", "worker", "api"] {
        std::fs::copy(e2e::binary(name), directory.join(name)).unwrap();
    }
    assert_eq!(arguments(overlay.pod("Job", "netbanx-migrate")), ["migrate"]);
    let net = format!("127.{}.{}", 10 + std::process::id() % 200, std::process::id() / 200 % 250);
    let start = |name: &str, n: u8| Container::start(&overlay, name, &format!("{net}.{n}"), &secrets, &directory);
    let (first, second, worker, api) = (start("ingress", 1), start("ingress", 2), start("worker", 3), start("api", 4));
    for container in [&first, &second, &worker, &api] {
        container.ready(&platform.http).await;
        let metrics = platform.http.get(format!("{}/metrics", container.url("admin"))).send().await.unwrap();
        assert_eq!(metrics.status(), 200);
    }

    let urls = [&first, &second].map(|ingress| format!("{}/api/webhooks/netbanx/acme", ingress.url("http"))).to_vec();
    let sender = Sender::start(platform.http.clone(), urls);
    sender.accepts(50).await;
    // A roll-out: one replica after the other is replaced while the load goes on.
    first.terminate().await;
    let first = start("ingress", 1);
    first.ready(&platform.http).await;
    let newer = start("worker", 5);
    newer.ready(&platform.http).await;
    worker.terminate().await;
    sender.accepts(50).await;
    api.terminate().await;
    second.terminate().await;
    let payments = sender.stop().await;

    eventually("all that was accepted is stored", || async { (platform.events().await == 2 * payments).then_some(()) }).await;
    newer.terminate().await;
    first.terminate().await;
    assert_eq!(platform.count("SELECT COUNT(*) AS n FROM transactions WHERE status = 'COMPLETED'").await, payments);
    let left: Value = serde_json::from_str(&platform.netbanx(&["--json", "queue", "stats"])).unwrap();
    assert_eq!((&left["total"], &left["dead"]), (&0.into(), &0.into()), "{left}");
    drop(std::fs::remove_dir_all(directory));
}

#[test]
fn services_tell_their_settings_and_refuse_arguments_before_they_start() {
    for service in ["ingress", "worker", "api"] {
        let run = |argument| Command::new(e2e::binary(service)).arg(argument).env("BATCH_SIZE", "not read").output().unwrap();
        let help = run("--help");
        assert!(help.status.success() && String::from_utf8_lossy(&help.stdout).contains("REDIS_URL"), "{help:?}");
        let refused = run("--port");
        assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("--port"), "{refused:?}");
    }
}

/// What is in a release: the names within its archive, each with its mode.
fn packed(archive: &Path) -> BTreeMap<String, String> {
    let listed = Command::new("tar").args(["--list", "--verbose", "--file"]).arg(archive).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let entry = |line: &str| {
        let (mode, path) = (line.split_whitespace().next()?, line.split_whitespace().last()?);
        Some((path.split_once('/')?.1.to_owned(), mode.to_owned()))
    };
    listed.lines().filter_map(entry).collect()
}

#[test]
fn a_release_is_the_same_bytes_each_time_and_its_sums_are_right() {
    let own = e2e::OwnDirectory(e2e::new_directory());
    for program in ["ingress", "worker", "api", "netbanx"] {
        std::fs::copy("/bin/true", own.0.join(program)).unwrap();
        std::fs::write(own.0.join(format!("{program}.cdx.json")), "{}").unwrap();
    }
    let dist = script("../target/dist");
    let package = || {
        let made = Command::new(script("package")).arg("--programs").arg(&own.0).arg("--sbom").arg(&own.0).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let checked = Command::new("sha256sum").args(["--check", "--strict", "SHA256SUMS"]).current_dir(&dist).output().unwrap();
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
        String::from_utf8(made.stdout).unwrap()
    };
    let first = package();
    assert_eq!(package(), first);
    assert_eq!(first.lines().count(), 6, "an archive, four SBOMs and the changes: {first}");

    let name = first.lines().find_map(|line| line.split_whitespace().nth(1).filter(|name| name.ends_with(".tar.gz"))).unwrap();
    let files = packed(&dist.join(name));
    for program in ["ingress", "worker", "api", "netbanx"] {
        assert_eq!(files[&format!("bin/{program}")], "-rwxr-xr-x");
    }
    for file in ["LICENSE", "README.md", "docs/operations.md", "k8s/base/api.yaml", "deploy/compose.yaml"] {
        assert!(files.contains_key(file), "{file}");
    }
    let refused = Command::new(script("package")).arg("--fast").output().unwrap();
    assert_eq!(refused.status.code(), Some(2), "an option that is none");
}
