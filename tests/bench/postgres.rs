//! The PostgreSQL that is measured with.

use std::path::Path;

use e2e::Postgres;

/// Settings beside the defaults: those of `k8s/components/cloudnative-pg`, with buffers as it gives them for
/// that memory, and the times of commits, by which the latency is told.
const SETTINGS: [&str; 4] =
    ["shared_buffers = 2GB", "max_wal_size = 4GB", "checkpoint_timeout = 15min", "track_commit_timestamp = on"];

/// A server as in production, whose data lie in `directory`.
pub fn start(directory: &Path) -> Postgres {
    Postgres::start_with(directory, &SETTINGS)
}
