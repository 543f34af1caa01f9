//! A connection of its own to each master of a cluster. fred's cluster client stands still as a whole while it reconnects
//! to one node; over these, a node that is away holds up nobody but its own slots.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use fred::{
    clients::Client,
    interfaces::{ClientLike, ClusterInterface},
    types::{
        Builder,
        config::{Server, ServerConfig},
    },
};

use crate::connection::keep_connected;

/// The masters of the cluster that a client is connected to; of a single server, that client itself. Clones share them.
#[derive(Debug, Clone)]
pub struct Nodes {
    client: Client,
    masters: Arc<Mutex<HashMap<Server, Client>>>,
}

impl Nodes {
    /// The nodes that `client` knows. Connects when they are asked for.
    pub fn of(client: &Client) -> Self {
        Self { client: client.clone(), masters: Arc::default() }
    }

    /// A client of the master that has `slot`; of the whole cluster while that is not known.
    pub fn master_of(&self, slot: u16) -> Client {
        if !self.client.is_clustered() {
            return self.client.clone();
        }
        let Some(routing) = self.client.cached_cluster_state() else { return self.client.clone() };
        let Some(server) = routing.get_server(slot) else { return self.client.clone() };
        let mut masters = self.masters.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(master) = masters.get(server) {
            return master.clone();
        }
        let serving = routing.unique_primary_nodes();
        for (_, former) in masters.extract_if(|known, _| !serving.contains(known)) {
            // Otherwise it would try to connect for ever.
            tokio::spawn(async move { former.quit().await });
        }
        let Ok(master) = self.connect_to(server) else { return self.client.clone() };
        masters.insert(server.clone(), master.clone());
        master
    }

    /// A client of `server` alone, with the same password, limits and encryption.
    fn connect_to(&self, server: &Server) -> Result<Client, fred::error::Error> {
        let mut config = self.client.client_config();
        config.server = ServerConfig::Centralized { server: server.clone() };
        let mut builder = Builder::from_config(config);
        builder.set_connection_config(self.client.connection_config().clone());
        builder.set_performance_config(self.client.perf_config());
        if let Some(policy) = self.client.client_reconnect_policy() {
            builder.set_policy(policy);
        }
        let master = builder.build()?;
        keep_connected(&master);
        Ok(master)
    }
}
