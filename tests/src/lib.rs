//! The harness of the end-to-end tests: real binaries, a Redis and a database of one's own, HTTP.
//!
//! Everything that a [`Platform`] starts ends with it. Waiting is always for a condition
//! ([`eventually`]), never for a time.

pub mod chaos;
mod collector;
mod customer;
mod database;
mod distributed;
mod gateway;
mod hand;
pub mod http_load;
mod load;
mod loopback;
mod mail_server;
mod netbanx_api;
mod person;
mod platform;
mod postgres;
mod provider;
mod redis;
mod relay;
mod report;
mod sender;
mod sentinels;
mod signed;
mod slots;
pub mod usage;
mod wall_clock;
pub mod wire;

pub use collector::Collector;
pub use customer::{Customer, Told};
pub use database::{Database, count_in};
pub use distributed::Distributed;
pub use gateway::{Gateway, OpenStreams};
pub use hand::{Bench, InFlight, Worker, new_directory};
pub use load::{drain, job, push_many};
pub use loopback::Loopback;
pub use mail_server::{MAIL_PASSWORD, MailServer};
pub use netbanx_api::{NetbanxApi, Oddity};
pub use person::{App, Person, problem_of};
pub use platform::{MASTER_KEY, Platform, Service, binary};
pub use postgres::{OwnDirectory, Postgres};
pub use provider::Provider;
pub use redis::Redis;
pub(crate) use redis::signal;
pub use relay::{Network, Relay};
pub use report::{Report, median, median_ratio, percentile};
pub use sender::Sender;
pub use sentinels::Sentinels;
pub use signed::{KEY, forms, sign, sign_with};
pub use wall_clock::WallClock;

use std::{
    fmt::Debug,
    future::Future,
    net::{Ipv4Addr, TcpListener, UdpSocket},
    ops::RangeInclusive,
    time::Duration,
};

/// Asks until `condition` answers something; fails the test when a minute has passed.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, condition: impl Fn() -> F) -> T {
    let begun = std::time::Instant::now();
    loop {
        if let Some(found) = condition().await {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "not within a minute: {what}");
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

/// Waits until somebody listens on that loopback port.
pub async fn listens(what: &str, port: u16) {
    let connected = || async { tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.ok() };
    eventually(&format!("{what} listens"), connected).await;
}

/// Waits until `look` says that no job is left, as long as the work moves on: a large backlog takes its time. It answers
/// how many are left and what changes with each that is done, or nothing where that cannot be seen just now.
pub async fn worked_off<P: PartialEq + Debug, F: Future<Output = Option<(i64, P)>>>(look: impl Fn() -> F) {
    let mut last = eventually("the queue can be seen", &look).await;
    while last.0 > 0 {
        // A look is work for Redis, which the measured need: none is due soon before a long line.
        tokio::time::sleep(Duration::from_millis(if last.0 > 2_000 { 100 } else { 10 })).await;
        last = eventually(&format!("the queue moves on from {last:?}"), || async {
            look().await.filter(|now| now.0 == 0 || now.1 != last.1)
        })
        .await;
    }
}

/// A loopback port that nobody listens on now, nor takes while this process runs: it is below those that the kernel gives
/// to outgoing connections and above those of `scripts/free-port`, and tests that run beside this one see it held by its UDP twin.
pub fn free_port() -> u16 {
    const PORTS: RangeInclusive<u16> = 20_000..=31_999;
    let begin = std::process::id() as usize * 61 % PORTS.len();
    let (port, held) = PORTS
        .skip(begin)
        .chain(PORTS)
        .find_map(|port| {
            let held = UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).ok()?;
            TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok().then_some((port, held))
        })
        .unwrap();
    std::mem::forget(held);
    port
}
