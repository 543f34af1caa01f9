//! Sentinels: Redis' own processes that look after a master and its copies, and tell where the master is.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crate::{Redis, free_port, listens, new_directory, redis::ask};

/// What they call the servers that they look after.
const NAME: &str = "netbanx";
/// How many there are; two of them agree that a master is gone.
const COUNT: usize = 3;

/// Sentinels that look after one master and its copies. They end with it.
pub struct Sentinels {
    directory: PathBuf,
    each: Vec<(u16, Child)>,
}

impl Sentinels {
    /// Looks after `master`, which has its copies already.
    pub async fn over(master: &Redis) -> Self {
        let directory = new_directory();
        let mut sentinels = Self { directory, each: Vec::new() };
        for n in 0..COUNT {
            let port = free_port();
            let child = start(&sentinels.directory.join(n.to_string()), port, master.ports()[0]);
            sentinels.each.push((port, child));
            listens("a sentinel", port).await;
        }
        sentinels
    }

    /// The address as `REDIS_URL` has it.
    pub fn url(&self) -> String {
        let mut hosts = self.each.iter().map(|(port, _)| format!("127.0.0.1:{port}"));
        let first = hosts.next().unwrap();
        let others: String = hosts.map(|host| format!("&node={host}")).collect();
        format!("redis-sentinel://{first}/0?sentinelServiceName={NAME}{others}")
    }

    /// Whether each of them knows all others, and the copy: before that none can act.
    pub fn are_ready(&self) -> bool {
        self.each.iter().all(|(port, _)| {
            let told = ask(*port, &["SENTINEL", "MASTER", NAME]);
            let lines: Vec<&str> = told.lines().collect();
            let figure = |name: &str| lines.iter().position(|line| *line == name).and_then(|at| lines.get(at + 1).copied());
            figure("num-slaves") == Some("1") && figure("num-other-sentinels") == Some("2")
        })
    }

    /// The port of the master, if they agree on it.
    pub fn master(&self) -> Option<u16> {
        let told = |port: u16| {
            ask(port, &["SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME]).lines().nth(1).and_then(|port| port.parse::<u16>().ok())
        };
        let mut all = self.each.iter().map(|(port, _)| told(*port));
        let first = all.next()??;
        all.all(|other| other == Some(first)).then_some(first)
    }
}

fn start(directory: &Path, port: u16, master: u16) -> Child {
    fs::create_dir_all(directory).unwrap();
    let file = directory.join("sentinel.conf");
    let settings = format!(
        "port {port}\nbind 127.0.0.1\ndir {}\nsentinel monitor {NAME} 127.0.0.1 {master} 2\n\
         sentinel down-after-milliseconds {NAME} 1000\nsentinel failover-timeout {NAME} 3000\n",
        directory.display()
    );
    fs::write(&file, settings).unwrap();
    let mut command = Command::new("redis-server");
    command.arg(&file).arg("--sentinel").stdout(Stdio::null()).spawn().expect("redis-server is needed: scripts/need redis-server")
}

impl Drop for Sentinels {
    fn drop(&mut self) {
        for (_, child) in &mut self.each {
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = fs::remove_dir_all(&self.directory);
    }
}
