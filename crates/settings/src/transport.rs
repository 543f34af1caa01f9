//! Whether what goes over the network is encrypted, and by whose certificates.

use std::net::IpAddr;

use url::Url;

use crate::{Error, Source, bad, table};

/// The certificates of `REDIS_TLS_*` as parameters of an encrypted address; see `redis_client`.
pub(crate) fn with_certificates(source: &Source, address: String) -> Result<String, Error> {
    let files = [
        ("tls_ca", &table::REDIS_TLS_CA_FILE),
        ("tls_cert", &table::REDIS_TLS_CERT_FILE),
        ("tls_key", &table::REDIS_TLS_KEY_FILE),
    ];
    let files: Vec<(&str, String)> =
        files.into_iter().filter_map(|(parameter, setting)| Some((parameter, source.optional(setting)?))).collect();
    let mut url = Url::parse(&address).map_err(|error| bad("REDIS_URL", &error.to_string()))?;
    if files.is_empty() || !is_encrypted_redis(&url) {
        return Ok(address);
    }
    if files.iter().any(|(name, _)| *name == "tls_cert") != files.iter().any(|(name, _)| *name == "tls_key") {
        return Err(bad("REDIS_TLS_CERT_FILE", "needs REDIS_TLS_KEY_FILE beside it, and the other way round"));
    }
    url.query_pairs_mut().extend_pairs(files);
    Ok(url.into())
}

/// In production refuses an address by which data would go to another host unencrypted, or encrypted to somebody who was not
/// verified, unless `ALLOW_PLAINTEXT` says that the network sees to it.
pub(crate) fn check_redis(name: &'static str, address: &str) -> Result<(), Error> {
    let is_private = Url::parse(address).is_ok_and(|url| is_encrypted_redis(&url) || hosts(&url).iter().all(|host| is_own(host)));
    let advice = "goes to another host in plain text: use rediss://, or set ALLOW_PLAINTEXT=true where the network encrypts";
    if is_private { Ok(()) } else { Err(bad(name, advice)) }
}

/// The same of the database: of PostgreSQL `sslmode` must be `verify-full` or `verify-ca`.
pub(crate) fn check_database(address: &str) -> Result<(), Error> {
    let Ok(url) = Url::parse(address) else { return Ok(()) };
    let parameter = |name: &str| url.query_pairs().find(|(own, _)| own == name).map(|(_, value)| value.into_owned());
    let mode = parameter("sslmode").or_else(|| parameter("ssl-mode"));
    let is_verified = mode.is_some_and(|mode| ["verify-full", "verify-ca"].contains(&mode.as_str()));
    // A path in `host` is a socket of this machine.
    let host = parameter("host").or_else(|| url.host_str().map(str::to_owned)).unwrap_or_default();
    if url.scheme() == "sqlite" || is_verified || is_own(&host) {
        return Ok(());
    }
    let advice = "goes to another host without verified TLS: add sslmode=verify-full (and sslrootcert=FILE), or set \
        ALLOW_PLAINTEXT=true where the network encrypts";
    Err(bad("DATABASE_URL", advice))
}

fn is_encrypted_redis(url: &Url) -> bool {
    url.scheme().starts_with("rediss") || url.scheme().starts_with("valkeys")
}

fn hosts(url: &Url) -> Vec<String> {
    let nodes = url.query_pairs().filter(|(name, _)| name == "node").map(|(_, node)| {
        let (host, _) = node.rsplit_once(':').unwrap_or((&node, ""));
        host.to_owned()
    });
    nodes.chain(url.host_str().map(str::to_owned)).collect()
}

/// Whether it is this machine.
fn is_own(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.is_empty()
        || bare.starts_with('/')
        || bare.to_ascii_lowercase().starts_with("%2f")
        || bare.eq_ignore_ascii_case("localhost")
        || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_goes_to_this_machine_alone() {
        let redis = |address| check_redis("REDIS_URL", address).is_ok();
        for (address, allowed) in [
            ("redis://127.0.0.1:6379/0", true),
            ("redis://localhost", true),
            ("redis://[::1]:6379", true),
            ("redis://redis:6379", false),
            ("rediss://redis:6379", true),
            ("redis-cluster://127.0.0.1:1?node=127.0.0.1:2", true),
            ("redis-cluster://127.0.0.1:1?node=10.0.0.2:2", false),
            ("rediss-cluster://a:1?node=b:2", true),
        ] {
            assert_eq!(redis(address), allowed, "{address}");
        }
        for (address, allowed) in [
            ("sqlite:///data/netbanx.db", true),
            ("postgres://u@127.0.0.1/d", true),
            ("postgres://u@%2Frun%2Fpostgresql/d", true),
            ("postgres:///d?host=/run/postgresql", true),
            ("postgres://u@db/d", false),
            ("postgres://u@db/d?sslmode=require", false),
            ("postgres://u@db/d?sslmode=verify-full&sslrootcert=/ca.pem", true),
        ] {
            assert_eq!(check_database(address).is_ok(), allowed, "{address}");
        }
    }
}
