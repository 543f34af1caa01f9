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
    if known.contains(&parsed.scheme()) && parsed.has_host() {
        Ok(url)
    } else {
        Err(bad(name, "must be redis://HOST:PORT/DB, redis-cluster://… or redis-sentinel://…"))
    }
}
