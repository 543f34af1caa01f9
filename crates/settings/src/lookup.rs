//! How Netbanx is asked for transactions and accounts.

use std::time::Duration;

use crate::{Error, Source, table};

/// How Netbanx is asked for transactions and accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LookupSettings {
    /// `LOOKUP_TIMEOUT_SECS`: the longest that one request takes.
    pub timeout: Duration,
    /// `LOOKUP_PER_MINUTE`: requests within any minute for each company.
    pub per_minute: usize,
    /// `LOOKUP_PENDING_FACTOR`: after so many times what is usual a pending transaction is asked for.
    pub pending_factor: u32,
    /// `LOOKUP_PENDING_FLOOR_SECS`: never sooner than this after it was made.
    pub pending_floor: Duration,
}

impl LookupSettings {
    pub(crate) fn read(source: &Source) -> Result<Self, Error> {
        Ok(Self {
            timeout: source.seconds(&table::LOOKUP_TIMEOUT_SECS)?,
            per_minute: source.number(&table::LOOKUP_PER_MINUTE)?,
            pending_factor: source.number(&table::LOOKUP_PENDING_FACTOR)?,
            pending_floor: source.seconds(&table::LOOKUP_PENDING_FLOOR_SECS)?,
        })
    }
}
