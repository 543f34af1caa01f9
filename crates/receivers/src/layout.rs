//! The keys of the directory. All share a hash tag, so that a script may touch several on a cluster. Their size is bounded by
//! the number of companies, active keys and assigned accounts; they have no time to live, since what was last known must
//! serve for as long as the database is away.

use std::time::Duration;

use common::{CompanyId, Endpoint};

/// How long it is remembered that webhooks of a receiver verified.
pub const VERIFIED_KEPT: Duration = Duration::from_secs(30 * 86_400);

/// The keys of a queue's directory.
#[derive(Debug, Clone)]
pub struct Layout {
    /// Hash: slug of a company → its id.
    pub companies: String,
    /// Hash: [`receiver`] → JSON list of [`crate::SealedKey`].
    pub keys: String,
    /// Hash: account id → id of the company it is assigned to.
    pub accounts: String,
    /// Hash: `changes` (the database's counter that is published), `legacy` (the counter of versions before 1.0 at that
    /// time), `version` (goes up with each publication). Its presence says that the directory is complete.
    pub meta: String,
    /// Hash: [`receiver`] → when a webhook of it last verified, in seconds since 1970 UTC, an hour late at most. Not of the
    /// database: it leaves when nothing has verified for [`VERIFIED_KEPT`].
    pub verified: String,
    /// Lease of the process that publishes.
    pub lease: String,
    /// Counter that versions before 1.0 bump when a receiver changed; in no slot of the others.
    pub legacy: String,
}

impl Layout {
    /// The keys of the queue `name`.
    pub fn new(name: &str) -> Self {
        let key = |part: &str| format!("{{{name}:receivers}}:{part}");
        Self {
            companies: key("companies"),
            keys: key("keys"),
            accounts: key("accounts"),
            meta: key("meta"),
            verified: key("verified"),
            lease: key("publisher"),
            legacy: format!("{name}:receivers:version"),
        }
    }
}

/// The name of a receiver in the hash of keys.
pub fn receiver(endpoint: Endpoint, company: CompanyId) -> String {
    format!("{endpoint}:{}", company.0)
}
