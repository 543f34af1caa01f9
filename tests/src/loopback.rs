//! A server of the tests' own on a free port of this machine; ends with its last use.

use actix_web::{App, HttpServer, dev::ServerHandle, web};

pub struct Loopback {
    pub port: u16,
    server: ServerHandle,
}

impl Loopback {
    /// Serves what `routes` adds, in so many threads.
    pub fn start(threads: usize, routes: impl Fn(&mut web::ServiceConfig) + Send + Clone + 'static) -> Self {
        let server = HttpServer::new(move || App::new().configure(&routes))
            .workers(threads)
            .disable_signals()
            .shutdown_timeout(0)
            .bind(("127.0.0.1", 0))
            .unwrap();
        let port = server.addrs()[0].port();
        let running = server.run();
        let server = running.handle();
        tokio::spawn(running);
        Self { port, server }
    }
}

impl Drop for Loopback {
    fn drop(&mut self) {
        drop(self.server.stop(false));
    }
}
