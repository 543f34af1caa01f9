use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crate::{free_port, listens};

/// Commands by which a client sets up a connection.
const SETTING_UP: [&str; 7] = ["hello", "auth", "select", "client", "info", "cluster", "subscribe"];

/// What the server at `port` answers, line by line.
pub(crate) fn ask(port: u16, command: &[&str]) -> String {
    let output = Command::new("redis-cli").args(["-p", &port.to_string()]).args(command).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// Redis servers of one's own: one, or a cluster of three masters.
pub struct Redis {
    directory: PathBuf,
    kind: Kind,
}

enum Kind {
    One { port: u16, child: Option<Child>, environment: Vec<(String, String)> },
    Cluster { url: String },
}

impl Redis {
    /// What `TEST_REDIS` asks for: `cluster`, or one server if it is unset.
    pub async fn start(directory: &Path) -> Self {
        Self::start_with(directory, &[]).await
    }

    /// The same; one server has these environment variables.
    pub async fn start_with(directory: &Path, environment: &[(&str, String)]) -> Self {
        if std::env::var("TEST_REDIS").is_ok_and(|kind| kind == "cluster") {
            Self::cluster(directory, 0)
        } else {
            let environment: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
            Self::one(directory, &environment).await
        }
    }

    /// One server, with these environment variables.
    pub async fn one(directory: &Path, environment: &[(&str, &str)]) -> Self {
        let environment = environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let kind = Kind::One { port: free_port(), child: None, environment };
        let mut redis = Self { directory: directory.to_owned(), kind };
        redis.resume().await;
        redis
    }

    /// A cluster of three masters, each with as many replicas.
    pub fn cluster(directory: &Path, replicas: u8) -> Self {
        let directory = directory.join("cluster");
        let url = cluster_script(&["start", directory.to_str().unwrap(), &replicas.to_string()]);
        Self { directory, kind: Kind::Cluster { url } }
    }

    pub fn url(&self) -> String {
        match &self.kind {
            Kind::One { port, .. } => format!("redis://127.0.0.1:{port}"),
            Kind::Cluster { url } => url.clone(),
        }
    }

    /// The port of the only server.
    pub fn port(&self) -> u16 {
        self.ports()[0]
    }

    /// The process of the only server.
    pub fn pid(&self) -> u32 {
        match &self.kind {
            Kind::One { child: Some(child), .. } => child.id(),
            _ => panic!("there is no one server"),
        }
    }

    pub fn is_cluster(&self) -> bool {
        matches!(self.kind, Kind::Cluster { .. })
    }

    pub(crate) fn ports(&self) -> Vec<u16> {
        match &self.kind {
            Kind::One { port, .. } => vec![*port],
            Kind::Cluster { .. } => {
                let lines = fs::read_to_string(self.directory.join("ports")).unwrap();
                lines.lines().map(|line| line.split(' ').next().unwrap().parse().unwrap()).collect()
            }
        }
    }

    /// Ends it at once, like a power failure of its process.
    pub fn kill(&mut self) {
        match &mut self.kind {
            Kind::One { child, .. } => {
                if let Some(mut child) = child.take() {
                    child.kill().unwrap();
                    child.wait().unwrap();
                }
            }
            Kind::Cluster { .. } => {
                let pids: Vec<u32> =
                    fs::read_dir(&self.directory).into_iter().flatten().filter_map(|node| pid(&node.ok()?.path())).collect();
                for pid in &pids {
                    signal(*pid, "KILL");
                }
                while pids.iter().any(|pid| is_running(*pid)) {
                    std::thread::sleep(std::time::Duration::from_millis(5));
                }
            }
        }
    }

    /// Ends the first master of a cluster at once.
    pub fn kill_first_master(&mut self) {
        signal(pid(&self.directory.join("1")).unwrap(), "KILL");
    }

    /// Leaves the beginning of a further write at the end of what is on its disk, as a power failure in the middle of one does. To be
    /// called when it was killed.
    pub fn tear(&self) {
        for files in self.files() {
            let written = fs::read_dir(&files).unwrap().map(|entry| entry.unwrap().path());
            let last = written
                .filter(|path| path.to_string_lossy().ends_with(".incr.aof"))
                .max_by_key(|path| fs::metadata(path).unwrap().modified().unwrap());
            let mut file = fs::OpenOptions::new().append(true).open(last.unwrap()).unwrap();
            file.write_all(b"*3\r\n$4\r\nHSET\r\n$13\r\n{netba").unwrap();
        }
    }

    /// Starts it again, with what it had on disk.
    pub async fn resume(&mut self) {
        match &mut self.kind {
            Kind::One { port, child, environment } => {
                let port = *port;
                let server = Command::new("redis-server")
                    .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--appendonly", "yes", "--save", ""])
                    // With "everysec" Redis puts off its writes, yet not its answers, while a sync is under way: killed
                    // then, it has lost what it acknowledged.
                    .args(["--appendfsync", "always"])
                    .args(["--auto-aof-rewrite-min-size", "256mb", "--rdbcompression", "no"])
                    .args(["--lazyfree-lazy-expire", "yes", "--dir"])
                    .arg(&self.directory)
                    .envs(environment.iter().map(|(k, v)| (k, v)))
                    .stdout(Stdio::null())
                    .spawn()
                    .expect("redis-server is needed: scripts/need redis-server");
                *child = Some(server);
                listens("Redis", port).await;
            }
            Kind::Cluster { .. } => drop(cluster_script(&["start", self.directory.to_str().unwrap()])),
        }
    }

    /// Copies its append-only files while it runs, as the runbook says. Returns where they are.
    pub fn back_up(&self, name: &str) -> PathBuf {
        let to = self.directory.join(name);
        for files in self.files() {
            copy(&files, &to.join(files.strip_prefix(&self.directory).unwrap()));
        }
        to
    }

    /// Ends it, and starts it with the files of that backup.
    pub async fn restore(&mut self, from: &Path) {
        self.kill();
        for files in self.files() {
            fs::remove_dir_all(&files).unwrap();
            copy(&from.join(files.strip_prefix(&self.directory).unwrap()), &files);
        }
        self.resume().await;
    }

    /// Where each server keeps its append-only files.
    fn files(&self) -> Vec<PathBuf> {
        let of = |directory: &Path| directory.join("appendonlydir");
        match &self.kind {
            Kind::One { .. } => vec![of(&self.directory)],
            Kind::Cluster { .. } => (1..=self.ports().len()).map(|node| of(&self.directory.join(node.to_string()))).collect(),
        }
    }

    /// How it syncs from now until its end: as in production before it answers (`always`), or once a second (`everysec`).
    pub fn sync(&self, how: &str) {
        for answer in self.ask(&["CONFIG", "SET", "appendfsync", how]) {
            assert_eq!(answer.trim(), "OK");
        }
    }

    /// Makes this one server a replica of that one.
    pub fn follow(&self, master: &Self) {
        let port = master.ports()[0].to_string();
        assert_eq!(self.ask(&["REPLICAOF", "127.0.0.1", &port])[0].trim(), "OK");
    }

    /// The answers of each server to a command.
    pub fn ask(&self, command: &[&str]) -> Vec<String> {
        self.ports().into_iter().map(|port| ask(port, command)).collect()
    }

    /// How often clients send each command within `span`: those of scripts not counted, nor those by which a
    /// connection is set up, which one on a busy machine may be at any time.
    pub async fn watch_commands(&self, span: std::time::Duration) -> BTreeMap<String, usize> {
        let watched: Vec<Child> = self
            .ports()
            .into_iter()
            .map(|port| {
                let seconds = span.as_secs().to_string();
                let mut command = Command::new("timeout");
                command.args([&seconds, "redis-cli", "-p", &port.to_string(), "MONITOR"]).stdout(Stdio::piped()).spawn().unwrap()
            })
            .collect();
        let count = || {
            let mut counts = BTreeMap::new();
            for child in watched {
                let seen = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
                // Each server first answers OK, and tells the commands of scripts as those of "lua".
                let sent = seen.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit()) && !line.contains(" lua] "));
                for name in sent.filter_map(|line| line.split('"').nth(1)).map(str::to_ascii_lowercase) {
                    if !SETTING_UP.contains(&name.as_str()) {
                        *counts.entry(name).or_default() += 1;
                    }
                }
            }
            counts
        };
        // The worker that is watched runs on this thread's runtime.
        tokio::task::spawn_blocking(count).await.unwrap()
    }

    /// The sum over all servers of a figure of `INFO`.
    pub fn info(&self, section: &str, name: &str) -> u64 {
        let of = |text: &String| {
            text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')?.trim().parse::<u64>().ok()).unwrap()
        };
        self.ask(&["INFO", section]).iter().map(of).sum()
    }

    /// Makes every lease run out now, as if their workers had been silent for long.
    pub fn expire_leases(&self, shards: u16, queue: &str) {
        for shard in 0..shards {
            for lane in ["", ":others"] {
                let key = format!("{{{queue}:{shard}}}:inflight{lane}");
                let script =
                    "for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do redis.call('ZADD', KEYS[1], 0, id) end";
                // Only the server that has the slot does it.
                self.ask(&["EVAL", script, "1", &key]);
            }
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

fn cluster_script(args: &[&str]) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/redis-cluster");
    let output = Command::new(script).args(args).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn pid(node: &Path) -> Option<u32> {
    fs::read_to_string(node.join("pid")).ok()?.trim().parse().ok()
}

fn is_running(pid: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    status.lines().any(|line| line.starts_with("State:") && !line.contains('Z'))
}

pub(crate) fn signal(pid: u32, name: &str) {
    // One that has ended already is as good.
    let _ = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).stderr(Stdio::null()).status();
}
