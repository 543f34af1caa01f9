//! The database: entities, migrations, the batch write and the few queries. PostgreSQL and SQLite.
//!
//! | module | part |
//! | --- | --- |
//! | [`entity`] | the tables |
//! | [`migration`] | how they came to be |
//! | [`batch`] | events in, rows out, in one transaction |
//! | [`reads`] | what the read API asks, by page and filter |
//! | [`rollups`] | figures by buckets of time, kept by differences |
//! | [`verify`] | the same figures counted again: verify and rebuild |
//! | [`figure_check`] | the same proved a day at a time, by the workers themselves |
//! | [`as_of`] | transactions and figures as they were known at a moment |
//! | [`outbound`] | companies' own systems are told of what changed |
//! | [`alerting`] | whom alerts are told, what was told, and a company's rules |
//! | [`retention`] | removes rows older than the configured ages |
//! | [`receiver_changes`] | receivers as they are published, and whether something changed |
//! | [`reconciliations`] | comparisons with Netbanx's reports: runs, what they found, what they ask |
//! | [`lookups`] | how a company's transactions are asked for at Netbanx, and which are worth it |
//! | [`horizon`] | the instants before which rows may have been removed |
//! | [`companies`] | companies and which accounts are theirs |
//! | `connection` | the pool, transactions, migrating |
//! | [`Scope`] | whose rows one may see |
//! | `error` | what the caller can do about a failure |
//! | `credential` | random credentials and their digests |
//! | [`secrets`] | receivers' keys, encrypted |
//! | [`shown`] | transactions and accounts as JSON shows them |
//! | [`tokens`] | API tokens, hashed |
//! | [`users`] | users, their roles, passwords and sessions |
//! | [`audit`] | who changed what |
//! | [`existing`] | which webhooks are stored |
//! | [`balance`] | whether all that the queue counts as stored is there |
//! | [`state`] | facts of the whole installation |
//! | [`dialect`] | the only place where the two databases differ |
//! | [`replay`] | stored webhooks interpreted anew by the rules of now |
//! | [`row_sums`] | the sums of roll-ups, counted from the rows |
//! | `vault` | encryption under the master keys |
//! | `wide` | sums beyond 64 bits in columns of 64 bits |
//! | [`deadline`] | time limits for database work |
//!
//! **A new table.** A migration of its own at the end of [`migration`], in the words of both databases; an entity in [`entity`]; a
//! module for its queries, with a row above; retention in [`retention`] unless it cannot grow. What one database says otherwise goes
//! into [`dialect`], and a company's table into the list of `dialect::distributed::tables`. A test in `tests/it` runs on both.

pub mod alerting;
pub mod as_of;
pub mod audit;
pub mod balance;
pub mod batch;
pub mod companies;
mod connection;
mod credential;
pub mod deadline;
pub mod dialect;
pub mod entered;
pub mod entity;
mod error;
pub mod existing;
pub mod figure_check;
pub mod horizon;
pub mod lookups;
pub mod migration;
pub mod opened;
pub mod outbound;
pub mod reads;
pub mod receiver_changes;
pub mod reconciliations;
pub mod replay;
pub mod retention;
pub mod rollups;
pub mod row_sums;
mod scope;
pub mod secrets;
pub mod shown;
pub mod state;
pub mod tokens;
pub mod users;
mod vault;
pub mod verify;
mod wide;

pub use connection::{Migrated, Migrations, begin, check_url, connect, connect_bounded, migrate, migrations, ping, snapshot};
pub use deadline::{answered, within};
pub use error::Error;
pub use scope::Scope;
pub use vault::Vault;

/// The first UUIDv7 of a time in milliseconds since 1970 UTC; of one that no id can tell, the nearest.
pub(crate) fn first_id(ms: i64) -> uuid::Uuid {
    const LAST_MS: u64 = (1 << 48) - 1;
    uuid::Uuid::from_u128(u128::from(u64::try_from(ms).unwrap_or(0).min(LAST_MS)) << 80)
}
