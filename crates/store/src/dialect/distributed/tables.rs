//! Which table goes where on a distributed database.
//!
//! A company's rows are together: all tables of [`TENANT`] are spread by `company_id`, so a company's part of each is on the same
//! server, and what joins them there asks that server alone. What is in no list here stays on the coordinator as a plain table:
//! companies, users, sessions, tokens, keys, assignments, the audit log (a chain in one order), `platform_state`, alert channels.
//! They are few, every program asks for them, and a worker node that is away must not keep anyone from signing in: a reference
//! table could not be written then.

/// A table whose rows are spread by their company.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tenant {
    /// Its name.
    pub name: &'static str,
    /// Its key behind the company, where that of a single server does not begin with the company.
    pub key: Option<&'static str>,
    /// A unique index that lacks the company. It is made again without its promise: ids are unique by how they are made.
    pub unique: Option<(&'static str, &'static str)>,
}

const fn of(name: &'static str) -> Tenant {
    Tenant { name, key: None, unique: None }
}

const fn keyed(name: &'static str, key: &'static str) -> Tenant {
    Tenant { name, key: Some(key), unique: None }
}

/// In the order in which they are spread: `transactions` is the last of those that a batch writes, since by it the database is known
/// to be a distributed one.
pub(super) const TENANT: &[Tenant] = &[
    of("event_identities"),
    of("event_ids"),
    of("event_conflicts"),
    of("legacy_identities"),
    of("transaction_keys"),
    of("rollups"),
    keyed("rollup_deltas", "id"),
    keyed("failed_webhooks", "webhook_id"),
    keyed("accounts", "id"),
    keyed("account_statuses", "id"),
    of("account_payment_methods"),
    of("outbound_messages"),
    of("deliveries"),
    of("delivery_attempts"),
    Tenant { name: "endpoints", key: None, unique: Some(("endpoints_id", "id")) },
    of("reconciliations"),
    of("reconciliation_items"),
    of("reconciliation_mappings"),
    of("looked_up"),
    keyed("webhook_events", "id"),
    keyed("transactions", "id"),
];

/// Tables that every server has a copy of: few rows without a company, which are looked up beside tenants' rows.
pub(super) const REFERENCE: &[&str] = &["late_events"];
