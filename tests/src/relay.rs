//! The network between programs and a server, as it fails: a relay on loopback that can be told to.

use std::{net::Ipv4Addr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{oneshot, watch},
};

/// What is read at once.
const CHUNK: usize = 16 * 1024;

/// How a network is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Network {
    Whole,
    /// All connections end, and new ones with them.
    Cut,
    /// Nothing arrives, and nobody is told: what was sent comes when it is whole again.
    Silent,
    /// What the services say arrives; what they are answered does not until it is whole again.
    OneWay,
    /// Everything takes a while longer.
    Slow,
}

/// By how much what is slow takes longer.
const SLOWER: Duration = Duration::from_millis(40);

/// A way to a server.
pub struct Relay {
    port: u16,
    network: watch::Sender<Network>,
    lost: watch::Sender<()>,
    /// Dropped with it, which ends its thread.
    _is_over: oneshot::Sender<()>,
}

impl Relay {
    /// Before the server at that port; whole. On a thread of its own: what a test waits for may need it.
    pub async fn start(server: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let ((network, seen), (lost, _)) = (watch::channel(Network::Whole), watch::channel(()));
        let (losing, listener) = (lost.clone(), listener.into_std().unwrap());
        let (is_over, over) = oneshot::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::from_std(listener).unwrap();
                let accepting = async {
                    while let Ok((client, _)) = listener.accept().await {
                        tokio::spawn(relay(client, server, seen.clone(), losing.subscribe()));
                    }
                };
                tokio::select! {
                    () = accepting => {}
                    _ = over => {}
                }
            });
        });
        Self { port, network, lost, _is_over: is_over }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// It is so from now on.
    pub fn set(&self, network: Network) {
        self.network.send_replace(network);
    }

    /// What is connected carries nothing any more, as to a host that died; who connects from now on is served.
    pub fn fall_silent(&self) {
        self.lost.send_replace(());
    }
}

async fn relay(client: TcpStream, server: u16, network: watch::Receiver<Network>, mut lost: watch::Receiver<()>) {
    if *network.borrow() == Network::Cut {
        return;
    }
    let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, server)).await else { return };
    let ((mut from_client, mut to_client), (mut from_server, mut to_server)) = (client.into_split(), server.into_split());
    let mut cut = network.clone();
    let is_cut = async move { cut.wait_for(|network| *network == Network::Cut).await.is_ok() };
    tokio::select! {
        () = pass(&mut from_client, &mut to_server, network.clone(), &[Network::Silent]) => {}
        () = pass(&mut from_server, &mut to_client, network, &[Network::Silent, Network::OneWay]) => {}
        _ = is_cut => {}
        // Both ends stay open.
        _ = lost.changed() => std::future::pending().await,
    }
}

/// Passes on what comes, until either side ends; not while the network is one of `held`.
async fn pass(from: &mut OwnedReadHalf, to: &mut OwnedWriteHalf, mut network: watch::Receiver<Network>, held: &[Network]) {
    let mut chunk = vec![0; CHUNK];
    loop {
        let Ok(count @ 1..) = from.read(&mut chunk).await else { return };
        if network.wait_for(|network| !held.contains(network)).await.is_err() {
            return;
        }
        if *network.borrow() == Network::Slow {
            tokio::time::sleep(SLOWER).await;
        }
        if to.write_all(&chunk[..count]).await.is_err() {
            return;
        }
    }
}
