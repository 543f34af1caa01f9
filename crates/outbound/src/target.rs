//! Which URLs may be entered and sent to.

use std::{
    net::{IpAddr, SocketAddr},
    sync::LazyLock,
    time::Duration,
};

use ipnet::IpNet;
use settings::OutboundSettings;
use tokio::sync::Semaphore;
use url::{Host, Url};

use crate::address::is_allowed;

/// Longest URL in bytes.
const LONGEST: usize = 2048;
/// Longest wait for a name's addresses.
const LOOK_UP: Duration = Duration::from_secs(4);
/// Names that are looked up at once: each takes a thread for as long as the resolver pleases.
static LOOK_UPS: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(32));

/// What may be reached.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    allow_http: bool,
    networks: Vec<IpNet>,
}

/// Why a URL may not be sent to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub &'static str);

impl Policy {
    /// As the operator set it.
    pub fn of(settings: &OutboundSettings) -> Self {
        Self { allow_http: settings.allow_http, networks: settings.allow_networks.clone() }
    }

    /// Whether `address` may be connected to.
    pub fn allows(&self, address: IpAddr) -> bool {
        is_allowed(address, &self.networks)
    }

    /// Reads a URL and refuses what can be told from its text: however an address is spelt, the URL's parser made it one.
    pub fn read(&self, text: &str) -> Result<Url, Refused> {
        if text.len() > LONGEST {
            return Err(Refused("url may have 2,048 bytes"));
        }
        let url = Url::parse(text.trim()).map_err(|_| Refused("url must be an absolute https URL"))?;
        match url.scheme() {
            "https" => {}
            "http" if self.allow_http => {}
            "http" => return Err(Refused("url must be https: plain HTTP is not allowed here")),
            _ => return Err(Refused("url must be an absolute https URL")),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refused("url must not hold a user name or a password"));
        }
        if url.port() == Some(0) {
            return Err(Refused("url must have a port that can be connected to: 0 is none"));
        }
        if url.fragment().is_some() {
            return Err(Refused("url must have no fragment"));
        }
        match url.host() {
            Some(Host::Ipv4(address)) => self.check(address.into())?,
            Some(Host::Ipv6(address)) => self.check(address.into())?,
            Some(Host::Domain(_)) => {}
            None => return Err(Refused("url must have a host")),
        }
        Ok(url)
    }

    /// The same, and refuses a name that leads to no address that is allowed. A name that has no address at all may get one, unless it
    /// is one of those that are local by their nature.
    pub async fn check_entered(&self, text: &str) -> Result<Url, Refused> {
        let url = self.read(text)?;
        if let Some(Host::Domain(name)) = url.host() {
            let found = addresses(name).await.unwrap_or_default();
            let is_reachable = found.iter().any(|address| self.allows(address.ip()));
            if !is_reachable && (!found.is_empty() || is_local(name)) {
                return Err(Refused(NOT_PUBLIC));
            }
        }
        Ok(url)
    }

    fn check(&self, address: IpAddr) -> Result<(), Refused> {
        if self.allows(address) { Ok(()) } else { Err(Refused(NOT_PUBLIC)) }
    }
}

const NOT_PUBLIC: &str = "url must lead to a public address: private, local and reserved ones are not allowed";

/// Whether a name is local by its nature.
fn is_local(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    let last = name.rsplit('.').next().unwrap_or(name);
    !name.contains('.') || ["localhost", "local", "internal", "intranet", "lan", "home", "corp"].contains(&last)
}

/// The addresses of `name`; none where it has none, or they are not told in time.
pub(crate) async fn addresses(name: &str) -> Option<Vec<SocketAddr>> {
    let look_up = async {
        let _place = LOOK_UPS.acquire().await.ok()?;
        Some(tokio::net::lookup_host((name, 0)).await.ok()?.collect())
    };
    tokio::time::timeout(LOOK_UP, look_up).await.ok().flatten()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_refused_however_it_is_spelt() {
        let policy = Policy { allow_http: true, networks: Vec::new() };
        for host in [
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "017700000001",
            "0177.0.0.1",
            "[::1]",
            "[::ffff:7f00:1]",
            "[64:ff9b::a9fe:a9fe]",
            "169.254.169.254",
            "2852039166",
            "[::]",
            "0",
            "%31%32%37.0.0.1",
            "１２７.0.0.1",
            "127。0。0。1",
        ] {
            assert!(policy.read(&format!("http://{host}/")).is_err(), "{host}");
        }
        assert!(policy.read("https://8.8.8.8/hook?x=1").is_ok() && policy.read("http://example.com:8080/").is_ok());
    }

    #[test]
    fn what_is_no_web_address_without_credentials_is_refused() {
        let policy = Policy::default();
        for url in [
            "",
            "example.com",
            "/hook",
            "http://example.com/",
            "ftp://example.com/",
            "file:///etc/passwd",
            "https://",
            "javascript:1",
            "https://user@example.com/",
            "https://user:word@example.com/",
            "https://example.com/#part",
            "https://example.com:0/",
        ] {
            assert!(policy.read(url).is_err(), "{url}");
        }
        assert!(policy.read(&format!("https://example.com/{}", "x".repeat(2048))).is_err());
    }

    #[test]
    fn local_names_are_known() {
        for name in ["localhost", "a.localhost", "metadata.google.internal", "printer.local", "db", "db."] {
            assert!(is_local(name), "{name}");
        }
        assert!(!is_local("example.com"));
    }
}
