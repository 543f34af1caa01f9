//! The PostgreSQL that is measured with.

use std::ops::Deref;

use e2e::{OwnDirectory, Postgres, new_directory};
use sea_orm::ConnectionTrait;

/// Settings beside the defaults: those of `k8s/components/cloudnative-pg`, with buffers as it gives them for
/// that memory, and the times of commits, by which the latency is told.
const SETTINGS: [&str; 4] =
    ["shared_buffers = 2GB", "max_wal_size = 4GB", "checkpoint_timeout = 15min", "track_commit_timestamp = on"];

/// What a server has behind it that runs for a day: memory that was touched (half a gigabyte of its buffers), and
/// files of its log to write again (a gigabyte), where a new server first fills each with zeros.
const WARM_UP: [&str; 6] = [
    "CREATE UNLOGGED TABLE filling (page text)",
    "ALTER TABLE filling ALTER COLUMN page SET STORAGE PLAIN",
    "INSERT INTO filling SELECT repeat('x', 7000) FROM generate_series(1, 65536)",
    "DROP TABLE filling",
    "DO $$ BEGIN FOR file IN 1..64 LOOP
       PERFORM pg_logical_emit_message(false, 'bench', 'warm-up'); PERFORM pg_switch_wal();
     END LOOP; END $$",
    "CHECKPOINT",
];

/// A server as in production. Nothing of it is left.
pub struct Server {
    postgres: Postgres,
    _data: OwnDirectory,
}

impl Server {
    pub async fn start() -> Self {
        let directory = new_directory();
        let server = Self { postgres: Postgres::start_with(&directory, &SETTINGS), _data: OwnDirectory(directory) };
        let db = store::connect(server.url(), 1).await.unwrap();
        for statement in WARM_UP {
            db.execute_unprepared(statement).await.unwrap();
        }
        db.close().await.unwrap();
        server
    }
}

impl Deref for Server {
    type Target = Postgres;

    fn deref(&self) -> &Postgres {
        &self.postgres
    }
}
