//! A roll-out: ingress and worker of the version before and of this one, mixed under load.
//!
//! The version before is where `OLD_BIN_DIR` says (`make rollout OLD=REVISION` builds it); without it
//! both are this one, and what remains of the test is that replacing replicas loses nothing.

use std::{
    path::PathBuf,
    process::{Child, Command},
};

use e2e::{Database, MASTER_KEY, Platform, Sender, binary, eventually, free_port};
use serde_json::Value;

/// The program of the version before.
fn former(name: &str) -> PathBuf {
    std::env::var_os("OLD_BIN_DIR").map_or_else(|| binary(name), |directory| PathBuf::from(directory).join(name))
}

/// One replica.
struct Replica {
    child: Child,
    port: u16,
}

impl Replica {
    async fn start(platform: &Platform, program: PathBuf, port: u16) -> Self {
        let admin = free_port();
        let child = Command::new(program)
            .env("DATABASE_URL", &platform.database_url)
            .env("REDIS_URL", platform.redis.url())
            .env("INGRESS_BIND", format!("127.0.0.1:{port}"))
            .env("ADMIN_BIND", format!("127.0.0.1:{admin}"))
            .env("MASTER_KEY", MASTER_KEY)
            .env("HTTP_WORKERS", "1")
            .env("RUST_LOG", "warn")
            .env_remove("NETBANX_CONFIG")
            .spawn()
            .unwrap();
        let url = format!("http://127.0.0.1:{admin}/readyz");
        eventually("it is ready", || async { platform.http.get(&url).send().await.ok().filter(|r| r.status() == 200) }).await;
        Self { child, port }
    }

    /// Ends it as Kubernetes does, and starts `program` on its port.
    async fn replace(&mut self, platform: &Platform, program: PathBuf) {
        assert!(Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap().success());
        let child = std::sync::Mutex::new(&mut self.child);
        let status = eventually("it ends", || async { child.lock().unwrap().try_wait().unwrap() }).await;
        assert!(status.success(), "{status}");
        *self = Self::start(platform, program, self.port).await;
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn operate(platform: &Platform, program: PathBuf, args: &[&str]) -> String {
    let mut command = Command::new(program);
    command.args(args).env("DATABASE_URL", &platform.database_url).env("REDIS_URL", platform.redis.url());
    let output = command.env("MASTER_KEY", MASTER_KEY).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn versions_side_by_side_lose_and_double_nothing() {
    let platform = Platform::prepare_with(Database::Postgres, &former("netbanx")).await;
    let start = async |name: &str| Replica::start(&platform, former(name), free_port()).await;
    let mut ingresses = [start("ingress").await, start("ingress").await];
    let mut workers = [start("worker").await, start("worker").await];
    let urls = ingresses.iter().map(|i| format!("http://127.0.0.1:{}/api/webhooks/netbanx/acme", i.port)).collect();
    let sender = Sender::start(platform.http.clone(), urls);
    sender.accepts(50).await;

    // As the Job before a roll-out does, while the version before works on.
    operate(&platform, binary("netbanx"), &["migrate"]);
    sender.accepts(50).await;
    let [first, second] = &mut ingresses;
    let [one, two] = &mut workers;
    first.replace(&platform, binary("ingress")).await;
    one.replace(&platform, binary("worker")).await;
    sender.accepts(100).await;
    // Somebody has second thoughts, and the other replicas go first.
    one.replace(&platform, former("worker")).await;
    two.replace(&platform, binary("worker")).await;
    sender.accepts(100).await;
    second.replace(&platform, binary("ingress")).await;
    one.replace(&platform, binary("worker")).await;
    sender.accepts(50).await;
    // Nothing of the version before is left: what contracts may follow.
    operate(&platform, binary("netbanx"), &["partition"]);
    sender.accepts(50).await;

    let payments = sender.stop().await;
    platform.drained().await;
    assert_eq!(platform.events().await, 2 * payments);
    let completed = "SELECT COUNT(*) AS n FROM transactions WHERE status = 'COMPLETED'";
    assert_eq!(platform.count(completed).await, payments);
    assert_eq!(platform.count("SELECT COUNT(*) AS n FROM transactions").await, payments);
    assert_eq!(platform.count("SELECT COUNT(DISTINCT external_id) AS n FROM transactions").await, payments);
    let left: Value = serde_json::from_str(&platform.netbanx(&["--json", "queue", "stats"])).unwrap();
    assert_eq!((&left["total"], &left["dead"]), (&0.into(), &0.into()), "{left}");
    platform.netbanx(&["rollup", "verify"]);
}
