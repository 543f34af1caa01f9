//! What the figures were taken on and of.

use std::process::Command;

use e2e::usage::of_proc;
use serde_json::{Value, json};

fn first_line(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).lines().next()?.trim().to_owned())
}

/// The machine, the versions of what runs beside us, and the commit.
pub fn describe() -> Value {
    let postgres = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/postgres-bin");
    let postgres = first_line(postgres, &[]).and_then(|bin| first_line(&format!("{bin}/postgres"), &["--version"]));
    json!({
        "processor": of_proc("/proc/cpuinfo", "model name"),
        "processors": std::thread::available_parallelism().map_or(0, usize::from),
        "memory": of_proc("/proc/meminfo", "MemTotal"),
        "kernel": std::fs::read_to_string("/proc/sys/kernel/osrelease").ok().map(|text| text.trim().to_owned()),
        "redis": first_line("redis-server", &["--version"]),
        "postgres": postgres,
        "node": first_line("node", &["--version"]),
        "rust": option_env!("NETBANX_RUSTC"),
        "commit": option_env!("NETBANX_COMMIT"),
        "at": clock::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
    })
}
