//! Failures of strangers: no such company, no key, no signature or a wrong one. A sender with many of them is told to slow down
//! (429), by address and by receiver. What verifies is never limited: a limit only changes how a failure is answered.

use std::{net::IpAddr, time::Duration};

use common::Endpoint;
use http_service::{Problem, ProblemKind, Rate, RateLimit};
use smol_str::SmolStr;

/// Addresses and receivers that are remembered at most.
const REMEMBERED: usize = 20_000;
/// Of one address: 200, then 5 per second.
const BY_ADDRESS: Rate = Rate { burst: 200, each: Duration::from_millis(200) };
/// Of one receiver: 1,000, then 50 per second.
const BY_RECEIVER: Rate = Rate { burst: 1_000, each: Duration::from_millis(20) };

/// Counts failures.
#[derive(Debug)]
pub(crate) struct Strangers {
    addresses: RateLimit<IpAddr>,
    receivers: RateLimit<(Endpoint, SmolStr)>,
}

impl Strangers {
    pub fn new() -> Self {
        Self { addresses: RateLimit::new(BY_ADDRESS, REMEMBERED), receivers: RateLimit::new(BY_RECEIVER, REMEMBERED) }
    }

    /// Counts that a request from `address` to a receiver failed with `problem`. Returns what it is answered.
    pub fn failed(&self, address: Option<IpAddr>, endpoint: Endpoint, slug: Option<&str>, problem: Problem) -> Problem {
        let is_strangers = matches!(
            problem.kind(),
            ProblemKind::UnknownCompany | ProblemKind::NoSecret | ProblemKind::SignatureMissing | ProblemKind::SignatureInvalid
        );
        if !is_strangers {
            return problem;
        }
        let by_address = address.is_none_or(|address| self.addresses.take(address).is_ok());
        // Those that do not exist have none of their own.
        let by_receiver = problem.kind() == ProblemKind::UnknownCompany
            || self.receivers.take((endpoint, slug.unwrap_or_default().into())).is_ok();
        if by_address && by_receiver {
            return problem;
        }
        Problem::new(ProblemKind::TooManyFailures, "too many webhooks failed to verify; send fewer, or fix the key")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_failures_of_strangers_are_limited() {
        let strangers = Strangers::new();
        let address = "192.0.2.1".parse().ok();
        let fail = |kind| strangers.failed(address, Endpoint::Netbanx, None, Problem::new(kind, "")).kind();
        for _ in 0..BY_ADDRESS.burst {
            assert_eq!(fail(ProblemKind::SignatureInvalid), ProblemKind::SignatureInvalid);
        }
        assert_eq!(fail(ProblemKind::SignatureInvalid), ProblemKind::TooManyFailures);
        assert_eq!(fail(ProblemKind::Unavailable), ProblemKind::Unavailable);
        assert_eq!(fail(ProblemKind::TooLarge), ProblemKind::TooLarge);
    }
}
