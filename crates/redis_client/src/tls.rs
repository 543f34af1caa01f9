//! TLS to Redis: the server's certificate is always verified, against the system's authorities or a file of one's own.
//!
//! Three parameters of a `rediss://` address name PEM files and are taken out of it: `tls_ca` (authorities, instead of the
//! system's), `tls_cert` and `tls_key` (a client's certificate and its key).

use std::sync::Arc;

use fred::types::config::{TlsConfig, TlsConnector};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use url::Url;

use crate::Error;

/// `url` without the parameters that are ours, and the TLS that it asks for.
pub(crate) fn split(url: &str) -> Result<(String, Option<TlsConfig>), Error> {
    let mut parsed = Url::parse(url).map_err(|error| Error::Settings(error.to_string()))?;
    let is_encrypted = parsed.scheme().starts_with("rediss") || parsed.scheme().starts_with("valkeys");
    let (ours, others): (Vec<_>, Vec<_>) = parsed.query_pairs().into_owned().partition(|(name, _)| name.starts_with("tls_"));
    if ours.is_empty() && !is_encrypted {
        return Ok((url.to_owned(), None));
    }
    if !is_encrypted {
        return Err(Error::Settings("certificates are for an address that begins with rediss".to_owned()));
    }
    parsed.set_query(None);
    if !others.is_empty() {
        parsed.query_pairs_mut().extend_pairs(others);
    }
    let named = |name: &str| ours.iter().find(|(own, _)| own == name).map(|(_, path)| path.as_str());
    let config = client(named("tls_ca"), named("tls_cert").zip(named("tls_key")))?;
    Ok((parsed.into(), Some(TlsConfig::from(TlsConnector::from(config)))))
}

fn client(authorities: Option<&str>, own: Option<(&str, &str)>) -> Result<ClientConfig, Error> {
    let settings = |error: rustls::Error| Error::Settings(error.to_string());
    let mut roots = RootCertStore::empty();
    match authorities {
        Some(path) => {
            for certificate in certificates(path)? {
                roots.add(certificate).map_err(settings)?;
            }
        }
        None => drop(roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs)),
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(settings)?.with_root_certificates(roots);
    match own {
        Some((certificate, key)) => {
            let key = PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable(key, &error))?;
            builder.with_client_auth_cert(certificates(certificate)?, key).map_err(settings)
        }
        None => Ok(builder.with_no_client_auth()),
    }
}

fn certificates(path: &str) -> Result<Vec<CertificateDer<'static>>, Error> {
    let read = CertificateDer::pem_file_iter(path).map_err(|error| unreadable(path, &error))?;
    let all: Vec<_> = read.collect::<Result<_, _>>().map_err(|error| unreadable(path, &error))?;
    if all.is_empty() { Err(Error::Settings(format!("{path} holds no certificate"))) } else { Ok(all) }
}

fn unreadable(path: &str, error: &dyn std::fmt::Display) -> Error {
    Error::Settings(format!("{path}: {error}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_for_encrypted_addresses_and_are_read_at_once() {
        let (url, tls) = split("redis-cluster://a:1?node=b:2").unwrap();
        assert_eq!((url.as_str(), tls.is_none()), ("redis-cluster://a:1?node=b:2", true));
        let (url, tls) = split("rediss-cluster://:p@a:1?node=b:2&node=c:3").unwrap();
        assert_eq!(url, "rediss-cluster://:p@a:1?node=b%3A2&node=c%3A3");
        assert!(tls.is_some());
        assert!(split("redis://a:1?tls_ca=/x").is_err());
        assert!(split("rediss://a:1?tls_ca=/nowhere/ca.pem").unwrap_err().to_string().contains("/nowhere/ca.pem"));
    }
}
