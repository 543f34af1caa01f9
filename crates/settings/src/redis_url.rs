//! The address of Redis, whole or from its parts.

use url::Url;

use crate::{Error, Source, bad, table};

/// `REDIS_URL`, else `REDIS_HOST` (several: a cluster), `REDIS_PORT`, `REDIS_PASSWORD`, `REDIS_DB`.
pub(crate) fn read(source: &Source) -> Result<String, Error> {
    let port: u16 = source.number(&table::REDIS_PORT)?;
    let database: u8 = source.number(&table::REDIS_DB)?;
    if let Some(url) = source.optional(&table::REDIS_URL) {
        return check("REDIS_URL", url);
    }
    let hosts = source.text(&table::REDIS_HOST);
    let mut nodes = hosts
        .split(',')
        .map(str::trim)
        .filter(|h| !h.is_empty())
        .map(|host| if host.contains(':') { host.to_owned() } else { format!("{host}:{port}") });
    let first = nodes.next().ok_or_else(|| bad("REDIS_HOST", "names no host"))?;
    let password = source.optional(&table::REDIS_PASSWORD);
    let others: Vec<String> = nodes.map(|node| format!("node={node}")).collect();
    let text = if others.is_empty() {
        format!("redis://{first}/{database}")
    } else {
        format!("redis-cluster://{first}?{}", others.join("&"))
    };
    let Some(password) = password else { return check("REDIS_HOST", text) };
    let mut url = Url::parse(&text).map_err(|e| bad("REDIS_HOST", &e.to_string()))?;
    url.set_password(Some(&password)).map_err(|()| bad("REDIS_HOST", "cannot carry a password"))?;
    check("REDIS_HOST", url.to_string())
}

/// Whether `url` is an address of Redis.
pub(crate) fn check(name: &'static str, url: String) -> Result<String, Error> {
    let parsed = Url::parse(&url).map_err(|e| bad(name, &e.to_string()))?;
    let known = ["redis", "rediss", "valkey", "valkeys", "redis-cluster", "rediss-cluster", "redis-sentinel", "rediss-sentinel"];
    if !known.contains(&parsed.scheme()) || !parsed.has_host() {
        return Err(bad(name, "must be redis://HOST:PORT/DB, redis-cluster://… or redis-sentinel://…"));
    }
    let is_named = || parsed.query_pairs().any(|(field, service)| field == "sentinelServiceName" && !service.is_empty());
    if parsed.scheme().ends_with("-sentinel") && !is_named() {
        return Err(bad(name, "must tell what the sentinels call it: redis-sentinel://HOST:PORT/DB?sentinelServiceName=NAME"));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentinels_are_asked_for_a_name() {
        let is_right = |url: &str| check("REDIS_URL", url.to_owned()).is_ok();
        assert!(is_right("redis-sentinel://a:26379/0?sentinelServiceName=main&node=b:26379"));
        for url in
            ["redis-sentinel://a:26379", "rediss-sentinel://a:26379/0?node=b:26379", "redis-sentinel://a?sentinelServiceName="]
        {
            assert!(!is_right(url), "{url}");
        }
        assert!(is_right("redis-cluster://a:1?node=b:2"));
    }
}
