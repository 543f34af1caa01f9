//! The database was restored from a backup that lacks the latest webhooks, and the portal sends all of them again.

use std::{fs, path::PathBuf};

use e2e::{Database, Platform, Service};
use serde_json::Value;

use super::sent;

const SERVICES: [Service; 3] = [Service::Ingress, Service::Worker, Service::Api];

/// Looked at, missing, forgotten.
pub(super) fn forget(platform: &Platform, options: &[&str]) -> [u64; 3] {
    let told = platform.netbanx(&[&["--json", "queue", "forget"][..], options].concat());
    let told: Value = serde_json::from_str(&told).unwrap();
    ["lookedAt", "missing", "forgotten"].map(|name| told[name].as_u64().unwrap())
}

#[tokio::test]
async fn what_a_restored_database_lost_is_taken_again_once_it_is_forgotten() {
    let mut platform = Platform::start(Database::Sqlite).await;
    let database = PathBuf::from(platform.database_url.strip_prefix("sqlite://").unwrap().split('?').next().unwrap());
    let backup = database.with_extension("backup");
    assert_eq!(sent(&platform, 0..12).await.len(), 12);
    platform.drained().await;
    platform.execute(&format!("VACUUM INTO '{}'", backup.display())).await;
    assert_eq!(sent(&platform, 12..20).await.len(), 8);
    platform.drained().await;
    assert_eq!(platform.events().await, 20);

    for service in SERVICES {
        platform.terminate(service).await;
    }
    for suffix in ["-wal", "-shm"] {
        let mut log = database.clone().into_os_string();
        log.push(suffix);
        // The last connection removes both when it is closed.
        let _ = fs::remove_file(log);
    }
    fs::rename(&backup, &database).unwrap();
    for service in SERVICES {
        platform.run(service).await;
    }
    assert_eq!(platform.events().await, 12);
    assert!(sent(&platform, 0..20).await.is_empty(), "Redis remembers them all");

    assert_eq!(forget(&platform, &["--dry-run"]), [20, 8, 0]);
    assert_eq!(forget(&platform, &[]), [20, 8, 8]);
    assert_eq!(forget(&platform, &[]), [12, 0, 0], "those that the database has are remembered");
    assert_eq!(sent(&platform, 0..20).await, Vec::from_iter(12..20));
    platform.drained().await;
    assert_eq!(platform.events().await, 20);
    assert_eq!(platform.netbanx(&["rollup", "verify"]), "0 differences");
}
