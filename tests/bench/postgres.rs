//! The PostgreSQL that is measured with.

use std::{ops::Deref, path::PathBuf};

use e2e::{Postgres, new_directory};

/// Settings beside the defaults: those of `k8s/components/cloudnative-pg`, with buffers as it gives them for
/// that memory, and the times of commits, by which the latency is told.
const SETTINGS: [&str; 4] =
    ["shared_buffers = 2GB", "max_wal_size = 4GB", "checkpoint_timeout = 15min", "track_commit_timestamp = on"];

/// A server as in production. Nothing of it is left.
pub struct Server {
    postgres: Postgres,
    // Dropped after the server, which writes there to its end.
    _data: Data,
}

struct Data(PathBuf);

impl Drop for Data {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Server {
    pub fn start() -> Self {
        let directory = new_directory();
        Self { postgres: Postgres::start_with(&directory, &SETTINGS), _data: Data(directory) }
    }
}

impl Deref for Server {
    type Target = Postgres;

    fn deref(&self) -> &Postgres {
        &self.postgres
    }
}
