use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    dev::{HttpServiceFactory, ServerHandle},
    http::StatusCode,
    web,
};
use futures::StreamExt;
use reqwest::Client;

use crate::{Platform, free_port};

/// What stands before a platform, as its Ingress on Kubernetes does: receivers' paths go to ingress, all else
/// to the API.
pub struct Gateway {
    port: u16,
    server: ServerHandle,
}

/// Streams that browsers have open; routes of a test's own may ask for it.
#[derive(Clone, Default)]
pub struct OpenStreams(Arc<AtomicUsize>);

impl OpenStreams {
    pub fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    /// Counted until it is dropped.
    fn open(&self) -> impl Drop + 'static {
        struct Open(OpenStreams);
        impl Drop for Open {
            fn drop(&mut self) {
                self.0.0.fetch_sub(1, Ordering::SeqCst);
            }
        }
        self.0.fetch_add(1, Ordering::SeqCst);
        Open(self.clone())
    }
}

#[derive(Clone)]
struct Routes {
    http: Client,
    ingress: String,
    api: String,
}

impl Gateway {
    /// Before that platform; it forwards until it is dropped. `more` are routes of a test's own.
    pub fn start(platform: &Platform, more: impl Fn(&mut web::ServiceConfig) + Send + Clone + 'static) -> Self {
        // No pool: the API is stopped and started in between.
        let http = Client::builder().pool_max_idle_per_host(0).redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let routes = Routes { http, ingress: platform.ingress_url(), api: platform.api_url() };
        let port = free_port();
        let streams = web::Data::new(OpenStreams::default());
        let app = move || {
            App::new().app_data(web::Data::new(routes.clone())).app_data(streams.clone()).configure(&more).service(everything())
        };
        let server = HttpServer::new(app).workers(1).disable_signals().bind(("127.0.0.1", port)).unwrap().run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { port, server: handle }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        drop(self.server.stop(false));
    }
}

fn everything() -> impl HttpServiceFactory {
    web::resource("/{tail:.*}").to(forward)
}

async fn forward(
    routes: web::Data<Routes>,
    streams: web::Data<OpenStreams>,
    request: HttpRequest,
    body: web::Bytes,
) -> HttpResponse {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let is_receiver = path.starts_with("/api/webhooks/") && !path.starts_with("/api/webhooks/queue");
    let base = if is_receiver { &routes.ingress } else { &routes.api };
    let mut forwarded =
        routes.http.request(request.method().as_str().parse().unwrap(), format!("{base}{path}")).body(body.to_vec());
    for (name, value) in request.headers().iter().filter(|(name, _)| *name != "host" && *name != "content-length") {
        forwarded = forwarded.header(name.as_str(), value.as_bytes());
    }
    let Ok(answer) = forwarded.send().await else { return HttpResponse::BadGateway().finish() };
    let mut response = HttpResponse::build(StatusCode::from_u16(answer.status().as_u16()).unwrap());
    for (name, value) in answer.headers().iter().filter(|(name, _)| *name != "transfer-encoding" && *name != "connection") {
        response.append_header((name.as_str(), value.as_bytes()));
    }
    if let Some(length) = answer.content_length() {
        response.no_chunking(length);
    }
    let is_stream = answer.headers().get("content-type").is_some_and(|kind| kind == "text/event-stream");
    let open = is_stream.then(|| streams.open());
    response.streaming(answer.bytes_stream().inspect(move |_| {
        let _held = &open;
    }))
}
