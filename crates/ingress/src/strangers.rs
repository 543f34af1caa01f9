//! Failures of strangers: no such company, no key, no signature or a wrong one. Anyone who has many is told to slow down (429),
//! by address and by receiver. What verifies is never limited: a limit only changes how a failure is answered.

use std::{
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Instant,
};

use actix_web::{HttpRequest, http::header::HeaderName};
use common::Endpoint;
use http_service::{Problem, ProblemKind};
use quick_cache::sync::Cache;
use smol_str::SmolStr;

/// Addresses and receivers that are remembered at most.
const REMEMBERED: usize = 20_000;

/// So many failures at once, and after them one each so many microseconds.
#[derive(Debug, Clone, Copy)]
struct Rate {
    burst: i64,
    each_us: i64,
}

/// Of one address: 200, then 5 a second.
const BY_ADDRESS: Rate = Rate { burst: 200, each_us: 200_000 };
/// Of one receiver: 1,000, then 50 a second.
const BY_RECEIVER: Rate = Rate { burst: 1_000, each_us: 20_000 };

/// Which header tells a client's address behind a proxy, and which of its entries from the end.
#[derive(Debug, Clone)]
pub(crate) struct AddressSource {
    pub header: Option<HeaderName>,
    pub hops: usize,
}

impl AddressSource {
    /// The address that `request` comes from; of IPv6 the network that one host has. Nothing but the peer is believed unless
    /// a setting names the header that a proxy of ours writes.
    pub fn of(&self, request: &HttpRequest) -> Option<IpAddr> {
        let peer = || request.peer_addr().map(|peer| peer.ip());
        let address = match &self.header {
            Some(header) => {
                let values = request.headers().get_all(header).filter_map(|value| value.to_str().ok());
                let entries: Vec<&str> = values.flat_map(|value| value.split(',')).map(str::trim).collect();
                entries.iter().rev().nth(self.hops - 1).and_then(|entry| parse(entry)).or_else(peer)
            }
            None => peer(),
        };
        address.map(|address| match address {
            IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or_else(|| network(v6).into(), IpAddr::V4),
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

/// An address, also with its port.
fn parse(entry: &str) -> Option<IpAddr> {
    let bare = entry.trim_start_matches('[');
    bare.split(']').next().and_then(|address| address.parse().ok()).or_else(|| entry.rsplit_once(':')?.0.parse().ok())
}

fn network(address: Ipv6Addr) -> Ipv6Addr {
    Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))
}

/// When the next failure would be within its rate, in microseconds since the start (the generic cell rate algorithm).
type Bucket = Arc<AtomicI64>;

/// Counts failures. Its memory is bounded: what failed longest ago is forgotten.
#[derive(Debug)]
pub(crate) struct Strangers {
    begun: Instant,
    addresses: Cache<IpAddr, Bucket>,
    receivers: Cache<(Endpoint, SmolStr), Bucket>,
}

impl Strangers {
    pub fn new() -> Self {
        Self { begun: Instant::now(), addresses: Cache::new(REMEMBERED), receivers: Cache::new(REMEMBERED) }
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
        let now_us = i64::try_from(self.begun.elapsed().as_micros()).unwrap_or(i64::MAX / 2);
        let by_address = address.is_none_or(|address| allows(&self.addresses, address, BY_ADDRESS, now_us));
        // Those that do not exist have none of their own.
        let by_receiver = problem.kind() == ProblemKind::UnknownCompany
            || allows(&self.receivers, (endpoint, slug.unwrap_or_default().into()), BY_RECEIVER, now_us);
        if by_address && by_receiver {
            return problem;
        }
        Problem::new(ProblemKind::TooManyFailures, "too many webhooks failed to verify; send fewer, or fix the key")
    }
}

fn allows<K: Hash + Eq + Clone>(buckets: &Cache<K, Bucket>, key: K, rate: Rate, now_us: i64) -> bool {
    let bucket = buckets.get(&key).unwrap_or_else(|| {
        let bucket = Bucket::default();
        buckets.insert(key, bucket.clone());
        bucket
    });
    let next = |at: i64| Some(at.max(now_us) + rate.each_us).filter(|next| next - now_us <= rate.burst * rate.each_us);
    bucket.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_burst_is_allowed_then_the_rate() {
        let (buckets, rate) = (Cache::new(10), Rate { burst: 3, each_us: 100 });
        let allowed = |now_us| (0..5).filter(|_| allows(&buckets, 'a', rate, now_us)).count();
        assert_eq!(allowed(0), 3);
        assert_eq!(allowed(200), 2);
        assert_eq!(allowed(10_000), 3);
        assert!(allows(&buckets, 'b', rate, 0), "each has its own");
    }

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

    #[test]
    fn an_address_comes_from_where_the_setting_says_and_nowhere_else() {
        let request = TestRequest::default()
            .peer_addr("198.51.100.7:4711".parse().unwrap())
            .insert_header(("x-forwarded-for", "203.0.113.9, 192.0.2.3:99, [2001:db8:1:2:3::4]:5"))
            .insert_header(("x-real-ip", "::ffff:192.0.2.77"))
            .to_http_request();
        let of = |header: Option<&'static str>, hops| {
            AddressSource { header: header.map(HeaderName::from_static), hops }.of(&request).unwrap().to_string()
        };
        assert_eq!(of(None, 1), "198.51.100.7");
        assert_eq!(of(Some("x-forwarded-for"), 1), "2001:db8:1:2::");
        assert_eq!(of(Some("x-forwarded-for"), 2), "192.0.2.3");
        assert_eq!(of(Some("x-forwarded-for"), 9), "198.51.100.7");
        assert_eq!(of(Some("x-real-ip"), 1), "192.0.2.77");
        assert_eq!(of(Some("forwarded"), 1), "198.51.100.7");
    }
}
