//! The store on real databases.
#![allow(
    missing_docs,
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod aging;
mod alerting;
mod as_of;
mod endpoint_keys;
mod figure_check;
mod figures;
mod horizons;
mod identities;
mod limits;
mod naive;
mod outbound;
mod partitions;
mod plans;
mod reconciliations;
mod replay;
mod replay_beside;
mod rows;
mod writer;

use sea_orm::{ConnectionTrait, DatabaseConnection};
use uuid::Uuid;

/// A database of one's own that ends with the test.
pub struct Database {
    pub db: DatabaseConnection,
    url: String,
    directory: std::path::PathBuf,
}

impl Database {
    pub async fn sqlite() -> Self {
        let directory = std::env::temp_dir().join(format!("netbanx-store-{}", Uuid::now_v7().simple()));
        std::fs::create_dir_all(&directory).unwrap();
        let url = format!("sqlite://{}/netbanx.db?mode=rwc", directory.display());
        Self::at(&url, directory).await
    }

    /// On the server that `TEST_POSTGRES_URL` names.
    pub async fn postgres() -> Self {
        let server = std::env::var("TEST_POSTGRES_URL").expect("TEST_POSTGRES_URL must name a server: run `make test`");
        let name = format!("netbanx_{}", Uuid::now_v7().simple());
        // Spread over several servers, where `make distributed` started some.
        if let Ok(directory) = std::env::var("TEST_DISTRIBUTED") {
            let output = distributed(&directory, "database", &name);
            assert!(output.status.success(), "distributed: {}", String::from_utf8_lossy(&output.stderr));
        } else {
            let db = store::connect(&server, 1).await.unwrap();
            db.execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
            db.close().await.unwrap();
        }
        let (base, _) = server.rsplit_once('/').unwrap();
        Self::at(&format!("{base}/{name}"), std::path::PathBuf::new()).await
    }

    /// The same database by a single connection.
    pub async fn one(&self) -> DatabaseConnection {
        store::connect(&self.url, 1).await.unwrap()
    }

    async fn at(url: &str, directory: std::path::PathBuf) -> Self {
        let db = store::connect(url, 5).await.unwrap();
        store::migrate(&db).await.unwrap();
        Self { db, url: url.to_owned(), directory }
    }
}

/// What `scripts/distributed` says to a command about a database.
fn distributed(directory: &str, command: &str, name: &str) -> std::process::Output {
    let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/distributed");
    std::process::Command::new(script).args([command, directory, name]).output().unwrap()
}

impl Drop for Database {
    fn drop(&mut self) {
        if self.directory.is_absolute() {
            let _ = std::fs::remove_dir_all(&self.directory);
        }
        if let (Ok(directory), Some((_, name))) = (std::env::var("TEST_DISTRIBUTED"), self.url.rsplit_once('/')) {
            // Each of its servers has processes and connections for it.
            let _ = distributed(&directory, "drop", name);
        }
    }
}
