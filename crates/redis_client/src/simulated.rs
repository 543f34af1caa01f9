//! For simulations alone: servers that are in the process. A build without the feature `simulated` has nothing of this.
//!
//! An address whose host was registered is not connected to: what stands there is asked directly. A call of a script takes a while on
//! its way there and on its way back, as long as that server says, so that callers come between each other as they do over a network.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
    time::Duration,
};

use fred::{clients::Client, interfaces::ClientLike, mocks::Mocks, types::config::Config};

/// A server of the process.
pub trait Server: Mocks {
    /// How long a message is under way now.
    fn travel(&self) -> Duration;
}

static SERVERS: LazyLock<Mutex<HashMap<String, Arc<dyn Server>>>> = LazyLock::new(Mutex::default);

/// From now on `server` stands at `host`.
pub fn register(host: &str, server: Arc<dyn Server>) {
    SERVERS.lock().unwrap_or_else(PoisonError::into_inner).insert(host.to_owned(), server);
}

fn server_of(config: &Config) -> Option<Arc<dyn Server>> {
    let host = config.server.hosts().first()?.host.to_string();
    SERVERS.lock().unwrap_or_else(PoisonError::into_inner).get(&host).cloned()
}

/// Leads `config` to the server that stands at its host, if one does.
pub(crate) fn lead(config: &mut Config) {
    if let Some(server) = server_of(config) {
        config.mocks = Some(server);
    }
}

/// Waits as long as a message of `client` is under way.
pub(crate) async fn travel(client: &Client) {
    if let Some(server) = server_of(&client.client_config()) {
        let wait = server.travel();
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
    }
}
