//! Clients by company, shared by whoever asks in this process: together they keep one rate, and all know of Netbanx what one learnt.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use common::CompanyId;
use settings::{LookupSettings, OutboundSettings};
use store::{Vault, entity::lookup_configuration, lookups};
use uuid::Uuid;

use crate::{Client, Error};

/// Clients that are kept. Beyond it all are made anew, which forgets how often was asked within the last minute.
const KEPT: usize = 10_000;

/// Cheap to clone.
#[derive(Debug, Clone)]
pub struct Clients {
    vault: Arc<Vault>,
    outbound: OutboundSettings,
    limits: LookupSettings,
    kept: Arc<Mutex<HashMap<CompanyId, Kept>>>,
}

/// A client, and the configuration that it was made of with its version.
#[derive(Debug)]
struct Kept {
    version: (Uuid, i64),
    client: Arc<Client>,
}

impl Clients {
    /// Whose passwords `vault` opens.
    pub fn new(vault: Arc<Vault>, outbound: OutboundSettings, limits: LookupSettings) -> Self {
        Self { vault, outbound, limits, kept: Arc::default() }
    }

    /// The client of the configuration `row`.
    pub fn of(&self, row: &lookup_configuration::Model) -> Result<Arc<Client>, Error> {
        let (company, version) = (CompanyId(row.company_id), (row.id, row.version));
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kept.get(&company).filter(|known| known.version == version) {
            return Ok(known.client.clone());
        }
        let client = Arc::new(Client::new(lookups::open(&self.vault, row)?, &self.outbound, &self.limits)?);
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(company, Kept { version, client: client.clone() });
        Ok(client)
    }

    /// The limits that they keep.
    pub(crate) fn limits(&self) -> &LookupSettings {
        &self.limits
    }
}
