//! A real OTLP endpoint that keeps what it is sent.

use std::sync::{Arc, Mutex};

use actix_web::{App, HttpResponse, HttpServer, dev::ServerHandle, web};
use opentelemetry_proto::tonic::{
    collector::{metrics::v1::ExportMetricsServiceRequest, trace::v1::ExportTraceServiceRequest},
    trace::v1::Span,
};
use prost::Message;

/// A span and the service that sent it.
#[derive(Debug, Clone)]
pub struct Sent {
    pub service: String,
    pub span: Span,
}

impl Sent {
    pub fn trace(&self) -> String {
        hex::encode(&self.span.trace_id)
    }

    /// Everything that it says, as text.
    pub fn text(&self) -> String {
        format!("{:?}", self.span)
    }
}

#[derive(Debug, Default)]
struct Kept {
    spans: Mutex<Vec<Sent>>,
    metrics: Mutex<Vec<String>>,
}

/// The endpoint; ends with its last use.
pub struct Collector {
    kept: Arc<Kept>,
    url: String,
    server: ServerHandle,
}

async fn traces(kept: web::Data<Kept>, body: web::Bytes) -> HttpResponse {
    let Ok(request) = ExportTraceServiceRequest::decode(body) else { return HttpResponse::BadRequest().finish() };
    let mut spans = kept.spans.lock().unwrap();
    for resource in request.resource_spans {
        let attributes = resource.resource.map(|resource| resource.attributes).unwrap_or_default();
        let service = attributes.iter().find(|attribute| attribute.key == "service.name").map(|a| format!("{:?}", a.value));
        for span in resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            spans.push(Sent { service: service.clone().unwrap_or_default(), span });
        }
    }
    HttpResponse::Ok().finish()
}

async fn metrics(kept: web::Data<Kept>, body: web::Bytes) -> HttpResponse {
    let Ok(request) = ExportMetricsServiceRequest::decode(body) else { return HttpResponse::BadRequest().finish() };
    let scopes = request.resource_metrics.into_iter().flat_map(|resource| resource.scope_metrics);
    let names = scopes.flat_map(|scope| scope.metrics).map(|metric| metric.name);
    kept.metrics.lock().unwrap().extend(names);
    HttpResponse::Ok().finish()
}

impl Collector {
    pub fn start() -> Self {
        let kept: Arc<Kept> = Arc::default();
        let data = web::Data::from(kept.clone());
        let server = HttpServer::new(move || {
            App::new()
                .app_data(data.clone())
                .app_data(web::PayloadConfig::new(64 << 20))
                .route("/v1/traces", web::post().to(traces))
                .route("/v1/metrics", web::post().to(metrics))
        })
        .workers(1)
        .disable_signals()
        .bind(("127.0.0.1", 0))
        .unwrap();
        let url = format!("http://{}", server.addrs()[0]);
        let server = server.run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { kept, url, server: handle }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn spans(&self) -> Vec<Sent> {
        self.kept.spans.lock().unwrap().clone()
    }

    /// Names of metrics that were sent.
    pub fn metrics(&self) -> Vec<String> {
        self.kept.metrics.lock().unwrap().clone()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        drop(self.server.stop(false));
    }
}
