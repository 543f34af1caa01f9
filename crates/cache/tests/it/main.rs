//! The cache by itself, on a real Redis.
#![allow(missing_docs, clippy::missing_panics_doc, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod answers;
mod versions;

use std::{
    future::Future,
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use redis_client::fred::{clients::Client, interfaces::ClientLike};

/// A Redis that keeps nothing on disk, and ends with this.
pub struct Redis {
    child: Child,
    port: u16,
}

impl Redis {
    pub fn start() -> Self {
        // Somebody else may take a free port before Redis does, which ends then.
        loop {
            let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
            let mut child = Command::new("redis-server")
                .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--appendonly", "no", "--save", ""])
                .stdout(Stdio::null())
                .spawn()
                .expect("redis-server is needed: scripts/need redis-server");
            while child.try_wait().unwrap().is_none() {
                if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                    return Self { child, port };
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }

    /// A process' connection to it.
    pub async fn client(&self) -> Client {
        let client = redis_client::connect(&format!("redis://127.0.0.1:{}", self.port)).unwrap();
        eventually("Redis answers", async || client.ping::<String>(None).await.ok()).await;
        client
    }

    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Asks until `condition` answers something; fails the test when a minute has passed.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, condition: impl Fn() -> F) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = condition().await {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "not within a minute: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
