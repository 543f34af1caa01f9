//! Strangers write what no honest sender does: nothing of it gets through, and the honest are served.

use e2e::{
    Database, Platform, Service, eventually,
    usage::resident_mb,
    wire::{SlowConnections, TELLTALE, floods, honest_pair, raw, smuggling},
};

use super::{PATH, payment};

/// Megabytes of memory that ingress may take whatever strangers do (debug builds take more than released ones).
const MOST_MB: f64 = 200.0;

#[tokio::test]
async fn no_form_of_smuggling_gets_through() {
    let platform = Platform::start(Database::Sqlite).await;
    let server = platform.ingress_address();
    assert!(raw(server, &honest_pair(PATH)).await.contains(TELLTALE), "a second request would be seen");
    for (name, bytes) in smuggling(PATH) {
        let answer = raw(server, &bytes).await;
        assert!(!answer.contains(TELLTALE), "{name}: {answer}");
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{name}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count().max(1), 1, "{name} is one request at most: {answer}");
    }
    assert_eq!(platform.send(PATH, payment("after")).await.status(), 202);
}

#[tokio::test]
async fn floods_and_slow_connections_take_little_and_the_honest_are_served() {
    let platform = Platform::start(Database::Sqlite).await;
    let server = platform.ingress_address();
    let slow = SlowConnections::open(server, 1_000);
    eventually("all of them are open at once", || async { (slow.open_now() == 1_000).then_some(()) }).await;
    for (name, bytes) in floods(PATH) {
        let answer = raw(server, &bytes).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{name}: {answer}");
        let memory = resident_mb(platform.pid(Service::Ingress));
        assert!(memory < MOST_MB, "{name}: {memory} MB");
        assert_eq!(platform.send(PATH, payment(name)).await.status(), 202, "{name}");
    }
}
