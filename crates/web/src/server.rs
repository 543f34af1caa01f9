//! A server's life: bind, serve until told to stop, drain within a limit.

use std::{io, net::SocketAddr, time::Duration};

use actix_web::{
    App, Error, HttpServer,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::Method,
    middleware::{Next, from_fn},
    web,
};
use tokio::sync::watch;

use crate::{Problem, ProblemKind, measure::measure};

/// `HEAD` is answered wherever `GET` is: routes see a GET, and the encoder, which knows what was asked, leaves the body out.
async fn head_as_get<B: MessageBody>(mut request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<B>, Error> {
    if request.method() == Method::HEAD {
        request.head_mut().method = Method::GET;
    }
    next.call(request).await
}

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
            .wrap(from_fn(head_as_get))
            .wrap(from_fn(measure))
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
