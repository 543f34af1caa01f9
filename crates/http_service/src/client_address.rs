//! The address that a request comes from, behind a proxy as a setting says.

use std::net::{IpAddr, Ipv6Addr};

use actix_web::{HttpRequest, http::header::HeaderName};

/// Which header tells a client's address behind a proxy, and which of its entries from the end.
#[derive(Debug, Clone)]
pub struct AddressSource {
    /// The header, lower case; none: the peer counts.
    pub header: Option<HeaderName>,
    /// 1: the last entry.
    pub hops: usize,
}

impl AddressSource {
    /// The source that the settings name. They checked that `header` is a header's name; what is none counts as no header.
    pub fn named(header: Option<&str>, hops: usize) -> Self {
        Self { header: header.and_then(|name| name.parse().ok()), hops }
    }

    /// The address that `request` comes from; of IPv6 the network that one host has. Nothing but the peer is believed unless
    /// a setting names the header that a proxy of ours writes.
    pub fn of(&self, request: &HttpRequest) -> Option<IpAddr> {
        let peer = || request.peer_addr().map(|peer| peer.ip());
        let address = match &self.header {
            Some(header) => {
                let values = request.headers().get_all(header).filter_map(|value| value.to_str().ok());
                let entries: Vec<&str> = values.flat_map(|value| value.split(',')).map(str::trim).collect();
                entries.iter().rev().nth(self.hops.saturating_sub(1)).and_then(|entry| parse(entry)).or_else(peer)
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

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
