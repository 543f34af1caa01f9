//! How often sign-in may fail: by address and by account. It says nothing of which accounts there are.

use std::{net::IpAddr, time::Duration};

use http_service::{Problem, ProblemKind, Rate, RateLimit};
use ring::digest;

/// Of one address: 30, then one each two seconds.
const BY_ADDRESS: Rate = Rate { burst: 30, each: Duration::from_secs(2) };
/// Of one account from anywhere: 20, then one each six seconds. Above the failures that lock an account out.
const BY_ACCOUNT: Rate = Rate { burst: 20, each: Duration::from_secs(6) };
/// Addresses and accounts that are remembered at most.
const REMEMBERED: usize = 20_000;

/// Attempts to sign in.
#[derive(Debug)]
pub(crate) struct SignInLimit {
    addresses: RateLimit<IpAddr>,
    /// By a digest: an account's name may be long.
    accounts: RateLimit<[u8; 32]>,
}

impl Default for SignInLimit {
    fn default() -> Self {
        Self { addresses: RateLimit::new(BY_ADDRESS, REMEMBERED), accounts: RateLimit::new(BY_ACCOUNT, REMEMBERED) }
    }
}

impl SignInLimit {
    /// Refuses an attempt on `account` from `address` where too many have failed.
    pub fn check(&self, address: Option<IpAddr>, account: &str) -> Result<(), Problem> {
        self.of_address(address).and(self.accounts.check(&name_of(account))).map_err(too_many)
    }

    /// The same of an attempt by a provider, which tells whose it was afterwards.
    pub fn check_address(&self, address: Option<IpAddr>) -> Result<(), Problem> {
        self.of_address(address).map_err(too_many)
    }

    fn of_address(&self, address: Option<IpAddr>) -> Result<(), Duration> {
        address.map_or(Ok(()), |address| self.addresses.check(&address))
    }

    /// Counts a failure by a provider.
    pub fn failed_from(&self, address: Option<IpAddr>) {
        let _ = address.map(|address| self.addresses.take(address));
    }

    /// Counts a failure.
    pub fn failed(&self, address: Option<IpAddr>, account: &str) {
        let _ = address.map(|address| self.addresses.take(address));
        let _ = self.accounts.take(name_of(account));
    }
}

fn too_many(wait: Duration) -> Problem {
    Problem::new(ProblemKind::TooManyRequests, "too many attempts to sign in failed; wait a moment").retry_after(wait)
}

fn name_of(account: &str) -> [u8; 32] {
    let name = digest::digest(&digest::SHA256, account.trim().to_lowercase().as_bytes());
    name.as_ref().try_into().unwrap_or_default()
}
