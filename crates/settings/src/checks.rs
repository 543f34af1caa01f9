//! Settings whose form is checked.

use crate::{Error, Source, bad, table};

pub(crate) fn otlp_endpoint(source: &Source) -> Result<Option<String>, Error> {
    let endpoint = source.optional(&table::OTEL_EXPORTER_OTLP_ENDPOINT);
    match endpoint.as_deref().map(url::Url::parse) {
        Some(Ok(url)) if url.scheme() == "http" && url.has_host() => Ok(endpoint),
        Some(_) => Err(bad("OTEL_EXPORTER_OTLP_ENDPOINT", "must be http://HOST:PORT of a collector that takes OTLP over HTTP")),
        None => Ok(None),
    }
}

pub(crate) fn header_name(source: &Source) -> Result<Option<String>, Error> {
    let name = source.optional(&table::CLIENT_ADDRESS_HEADER).map(|name| name.to_ascii_lowercase());
    let is_token = |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    match name {
        Some(name) if !is_token(&name) => Err(bad("CLIENT_ADDRESS_HEADER", "must be a header's name, such as x-forwarded-for")),
        name => Ok(name),
    }
}

pub(crate) fn public_url(source: &Source) -> Result<Option<String>, Error> {
    let address = source.optional(&table::INGRESS_PUBLIC_URL);
    match address.as_deref().map(url::Url::parse) {
        Some(Ok(url)) if matches!(url.scheme(), "http" | "https") && url.has_host() && url.query().is_none() => {
            Ok(Some(url.as_str().trim_end_matches('/').to_owned()))
        }
        Some(_) => Err(bad("INGRESS_PUBLIC_URL", "must be the http or https address under which portals reach ingress")),
        None => Ok(None),
    }
}
