use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

/// A way to a server, whose connections can fall silent as those to a host that died: nothing comes, and nobody tells.
pub struct Relay {
    port: u16,
    silent: watch::Sender<()>,
    task: JoinHandle<()>,
}

impl Relay {
    /// Before the server at that port.
    pub async fn start(server: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (silent, _) = watch::channel(());
        let falls_silent = silent.clone();
        let task = tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let mut silent = falls_silent.subscribe();
                tokio::spawn(async move {
                    let Ok(mut server) = TcpStream::connect(("127.0.0.1", server)).await else { return };
                    tokio::select! {
                        _ = copy_bidirectional(&mut client, &mut server) => {}
                        // Both ends stay open.
                        _ = silent.changed() => std::future::pending().await,
                    }
                });
            }
        });
        Self { port, silent, task }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// What is connected carries nothing any more; who connects from now on is served.
    pub fn fall_silent(&self) {
        self.silent.send_replace(());
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}
