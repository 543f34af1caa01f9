//! Where messages to companies' endpoints may go.

use ipnet::IpNet;

use crate::{Error, Source, bad, table};

/// Where messages to companies' endpoints may go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OutboundSettings {
    /// `OUTBOUND_ALLOW_HTTP`: to plain HTTP, too.
    pub allow_http: bool,
    /// `OUTBOUND_ALLOW_NETWORKS`: to these networks, though they are not public.
    pub allow_networks: Vec<IpNet>,
    /// `OUTBOUND_PROXY`: by this HTTP proxy, which looks names up itself.
    pub proxy: Option<String>,
}

impl OutboundSettings {
    pub(crate) fn read(source: &Source) -> Result<Self, Error> {
        let networks = source.text(&table::OUTBOUND_ALLOW_NETWORKS);
        let networks = networks.split(',').map(str::trim).filter(|network| !network.is_empty());
        let allow_networks: Result<Vec<IpNet>, _> = networks.map(str::parse).collect();
        let proxy = source.optional(&table::OUTBOUND_PROXY);
        match proxy.as_deref().map(url::Url::parse) {
            Some(Ok(url)) if matches!(url.scheme(), "http" | "https") && url.has_host() => {}
            Some(_) => return Err(bad("OUTBOUND_PROXY", "must be http://HOST:PORT or https://HOST:PORT of a proxy")),
            None => {}
        }
        Ok(Self {
            allow_http: source.parse(&table::OUTBOUND_ALLOW_HTTP)?,
            allow_networks: allow_networks
                .map_err(|_| bad("OUTBOUND_ALLOW_NETWORKS", "must be networks such as 10.1.0.0/16, separated by commas"))?,
            proxy,
        })
    }
}
