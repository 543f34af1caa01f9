//! The Redis client: every command has a time limit, a lost connection comes back by itself.

use std::time::Duration;

use fred::prelude::*;

use crate::{Error, tls};

/// Longest wait for the answer to one command.
pub const COMMAND_TIMEOUT: Duration = Duration::from_millis(1500);

/// How soon a connection that ended is made again.
const AGAIN: Duration = Duration::from_millis(200);

/// Prepares a client of any kind for `url` (`redis://…`, `redis-cluster://…`, `redis-sentinel://…`, each with `rediss` for
/// TLS).
pub fn builder(url: &str) -> Result<Builder, Error> {
    let (url, tls) = tls::split(url)?;
    let mut config = Config::from_url(&url).map_err(|e| Error::Settings(e.details().to_owned()))?;
    config.tls = tls;
    config.fail_fast = false;
    #[cfg(feature = "simulated")]
    crate::simulated::lead(&mut config);
    let own = (config.username.clone(), config.password.clone());
    if let ServerConfig::Sentinel { username, password, .. } = &mut config.server {
        (*username, *password) = of_sentinels(own, (username.take(), password.take()));
    }
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

/// A name and a password.
type Credentials = (Option<String>, Option<String>);

/// What sentinels are shown: what the address tells of them (`sentinelUsername`, `sentinelPassword`; empty: nothing), else the same
/// as the servers.
fn of_sentinels(of_servers: Credentials, told: Credentials) -> Credentials {
    match told {
        (None, None) => of_servers,
        (username, password) => (username.filter(|name| !name.is_empty()), password.filter(|password| !password.is_empty())),
    }
}

/// A client that connects in the background and for as long as it lives: Redis may be away now.
pub fn connect(url: &str) -> Result<Client, Error> {
    let client = builder(url)?.build().map_err(|e| Error::Settings(e.details().to_owned()))?;
    keep_connected(&client);
    Ok(client)
}

/// Connects `client`, and once more whenever what drives its connection ends otherwise than by its `quit`: fred ends it where it is
/// sent on between a cluster's nodes too often while a slot moves, and every later command would wait in vain. Needs a tokio runtime.
pub fn keep_connected<C: ClientLike + 'static>(client: &C) {
    let client = client.clone();
    tokio::spawn(async move {
        while let Ok(Err(error)) = client.connect().await {
            tracing::warn!(%error, "the connection to Redis ended, and is made anew");
            tokio::time::sleep(AGAIN).await;
        }
    });
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn sentinels_are_shown_what_the_address_tells_of_them_or_else_what_servers_are() {
        for (more, shown) in [
            ("", (Some("app"), Some("secret"))),
            ("&sentinelPassword=other", (None, Some("other"))),
            ("&sentinelUsername=guard&sentinelPassword=other", (Some("guard"), Some("other"))),
            ("&sentinelPassword=", (None, None)),
        ] {
            let builder =
                builder(&format!("redis-sentinel://app:secret@127.0.0.1:26379/0?sentinelServiceName=main{more}")).unwrap();
            let config = builder.get_config().unwrap();
            assert_eq!((config.username.as_deref(), config.password.as_deref()), (Some("app"), Some("secret")));
            let ServerConfig::Sentinel { username, password, .. } = &config.server else { panic!("{config:?}") };
            assert_eq!((username.as_deref(), password.as_deref()), shown, "{more}");
        }
    }
}
