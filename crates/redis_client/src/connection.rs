//! The Redis client: every command has a time limit, a lost connection comes back by itself.

use std::time::Duration;

use fred::prelude::*;

use crate::{Error, tls};

/// Longest wait for the answer to one command.
pub const COMMAND_TIMEOUT: Duration = Duration::from_millis(1500);

/// Prepares a client of any kind for `url` (`redis://…`, `redis-cluster://…`, `redis-sentinel://…`, each with `rediss` for
/// TLS).
pub fn builder(url: &str) -> Result<Builder, Error> {
    let (url, tls) = tls::split(url)?;
    let mut config = Config::from_url(&url).map_err(|e| Error::Settings(e.details().to_owned()))?;
    config.tls = tls;
    config.fail_fast = false;
    let mut builder = Builder::from_config(config);
    builder
        .with_connection_config(|c| {
            c.connection_timeout = Duration::from_secs(2);
            c.internal_command_timeout = Duration::from_secs(2);
            c.max_command_attempts = 2;
            c.reconnect_on_auth_error = true;
            c.unresponsive.max_timeout = Some(Duration::from_secs(3));
            c.unresponsive.interval = Duration::from_millis(500);
        })
        .with_performance_config(|p| p.default_command_timeout = COMMAND_TIMEOUT)
        .set_policy(ReconnectPolicy::new_exponential(0, 50, 1000, 2));
    Ok(builder)
}

/// A client that connects in the background and for as long as it lives: Redis may be away now.
pub fn connect(url: &str) -> Result<Client, Error> {
    let client = builder(url)?.build().map_err(|e| Error::Settings(e.details().to_owned()))?;
    drop(client.connect());
    Ok(client)
}
