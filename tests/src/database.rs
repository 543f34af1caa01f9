//! The databases of platforms, seen from outside of them.

use std::{path::Path, process::Command};

use sea_orm::{ConnectionTrait, Database as Connector, QueryResult, Statement};
use uuid::Uuid;

/// Which database a platform stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Database {
    Sqlite,
    /// A new database on the server that `TEST_POSTGRES_URL` names.
    Postgres,
}

/// A new database of that kind; returns its address.
pub(crate) async fn make(database: Database, server: Option<String>, directory: &Path) -> String {
    // On several servers whatever a test asks for is tested there.
    let is_distributed = std::env::var_os("TEST_DISTRIBUTED").is_some();
    if database == Database::Sqlite && !is_distributed {
        return format!("sqlite://{}/netbanx.db?mode=rwc", directory.display());
    }
    let server = server.expect("TEST_POSTGRES_URL must name a server: run `make test`");
    let name = format!("netbanx_{}", Uuid::now_v7().simple());
    if let Some(url) = distributed(&server, &name) {
        return url;
    }
    let db = Connector::connect(&server).await.unwrap();
    db.execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
    db.close().await.unwrap();
    let (base, _) = server.rsplit_once('/').unwrap();
    format!("{base}/{name}")
}

/// The same spread over several servers, where `server` is the coordinator of those that `make distributed` started.
fn distributed(server: &str, name: &str) -> Option<String> {
    let directory = std::env::var("TEST_DISTRIBUTED").ok()?;
    if std::env::var("TEST_POSTGRES_URL").is_ok_and(|own| own != server) {
        return None;
    }
    let output = script().args(["database", &directory, name]).output().unwrap();
    assert!(output.status.success(), "distributed: {}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap().trim().to_owned())
}

fn script() -> Command {
    Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/distributed"))
}

/// Removes a database that is spread over several servers, each of which has processes and connections for it.
pub(crate) fn discard(database_url: &str) {
    let (Ok(directory), Ok(server)) = (std::env::var("TEST_DISTRIBUTED"), std::env::var("TEST_POSTGRES_URL")) else { return };
    let (Some((base, name)), Some((own, _))) = (database_url.rsplit_once('/'), server.rsplit_once('/')) else { return };
    if base == own {
        let _ = script().args(["drop", &directory, name]).output();
    }
}

/// The count `n` that `sql` selects from that database.
pub async fn count_in(database_url: &str, sql: &str) -> u64 {
    let rows = rows_in(database_url, sql).await;
    rows[0].try_get::<i64>("", "n").unwrap().unsigned_abs()
}

/// The rows that `sql` selects from that database.
pub(crate) async fn rows_in(database_url: &str, sql: &str) -> Vec<QueryResult> {
    let db = Connector::connect(database_url).await.unwrap();
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await.unwrap();
    db.close().await.unwrap();
    rows
}

/// Does `sql` to that database.
pub(crate) async fn execute(database_url: &str, sql: &str) {
    let db = Connector::connect(database_url).await.unwrap();
    db.execute_unprepared(sql).await.unwrap();
    db.close().await.unwrap();
}
