//! Strangers write what no honest sender does: nothing of it gets through, and the honest are served.

use std::net::SocketAddr;

use e2e::{
    Database, Platform, Service,
    usage::resident_mb,
    wire::{SlowConnections, TELLTALE, floods, honest_pair, raw, smuggling},
};

use super::{PATH, payment};

/// Megabytes of memory that ingress may take whatever strangers do (debug builds take more than released ones).
const MOST_MB: f64 = 200.0;

fn server(platform: &Platform) -> SocketAddr {
    platform.ingress_url().trim_start_matches("http://").parse().unwrap()
}

#[tokio::test]
async fn no_form_of_smuggling_gets_through() {
    let platform = Platform::start(Database::Sqlite).await;
    assert!(raw(server(&platform), &honest_pair(PATH)).await.contains(TELLTALE), "a second request would be seen");
    for (name, bytes) in smuggling(PATH) {
        let answer = raw(server(&platform), &bytes).await;
        assert!(!answer.contains(TELLTALE), "{name}: {answer}");
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{name}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count().max(1), 1, "{name} is one request at most: {answer}");
    }
    assert_eq!(platform.send(PATH, payment("after")).await.status(), 202);
}

#[tokio::test]
async fn floods_and_slow_connections_take_little_and_the_honest_are_served() {
    let platform = Platform::start(Database::Sqlite).await;
    let slow = SlowConnections::open(server(&platform), 1_000);
    for (name, bytes) in floods(PATH) {
        let answer = raw(server(&platform), &bytes).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{name}: {answer}");
        let memory = resident_mb(platform.pid(Service::Ingress));
        assert!(memory < MOST_MB, "{name}: {memory} MB");
        assert_eq!(platform.send(PATH, payment(name)).await.status(), 202, "{name}");
    }
    assert_eq!(slow.count(), 1_000);
}
