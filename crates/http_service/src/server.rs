//! A server's life: bind, serve until told to stop, drain within a limit.

use std::{io, net::SocketAddr, time::Duration};

use actix_web::{
    App, HttpServer,
    http::header,
    middleware::{DefaultHeaders, from_fn},
    web,
};
use tokio::sync::watch;

use crate::{Problem, ProblemKind, instrument::instrument, methods::head, unread::hold};

/// Becomes true when the process is to stop.
pub type Stop = watch::Receiver<bool>;

/// A [`Stop`] that SIGTERM and SIGINT set.
pub fn stop_on_signal() -> io::Result<Stop> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let (sender, stop) = watch::channel(false);
    tokio::spawn(async move {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        tracing::info!("stopping");
        sender.send_replace(true);
        // Held, so that receivers see a value and never a closed channel.
        std::future::pending::<()>().await;
    });
    Ok(stop)
}

/// Serves what `routes` adds on `bind` until `stop`, then finishes open requests within `drain`.
/// `threads` 0: one per core.
pub async fn serve<F>(bind: SocketAddr, threads: usize, drain: Duration, mut stop: Stop, routes: F) -> io::Result<()>
where
    F: Fn(&mut web::ServiceConfig) + Send + Clone + 'static,
{
    let mut server = HttpServer::new(move || {
        App::new()
            .wrap(from_fn(head))
            .wrap(from_fn(hold))
            .wrap(DefaultHeaders::new().add((header::X_CONTENT_TYPE_OPTIONS, "nosniff")))
            .wrap(from_fn(instrument))
            .configure(&routes)
            .default_service(web::to(|| async { Problem::new(ProblemKind::NotFound, "there is nothing under this path") }))
    })
    .shutdown_timeout(drain.as_secs().max(1))
    .disable_signals();
    if threads > 0 {
        server = server.workers(threads);
    }
    let server = server.bind(bind).map_err(|e| io::Error::new(e.kind(), format!("{bind}: {e}")))?.run();
    tracing::info!(%bind, "listening");
    let handle = server.handle();
    let stopper = tokio::spawn(async move {
        // An error means that nobody can tell us to stop any more: the same as being told.
        let _ = stop.wait_for(|stop| *stop).await;
        handle.stop(true).await;
    });
    let done = server.await;
    stopper.abort();
    done
}
