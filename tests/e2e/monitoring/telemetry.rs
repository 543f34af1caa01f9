//! Traces and metrics, as a collector and Prometheus get them.

use std::{collections::HashSet, io::Write, process::Stdio};

use e2e::{Collector, Database, Platform, Service, eventually, free_port};
use serde_json::json;

#[actix_web::test]
async fn a_webhook_has_one_trace_from_its_request_to_its_commit() {
    let collector = Collector::start();
    let mut platform = Platform::prepare(Database::Sqlite).await;
    platform.variables.push(("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url().to_owned()));
    for service in [Service::Ingress, Service::Worker, Service::Api] {
        platform.run(service).await;
    }
    let body = |id: &str| {
        json!({"eventType": "PAYMENT_COMPLETED", "payload": {"id": id, "amount": 71_408_253_964_711_i64, "currencyCode": "EUR", "status": "COMPLETED",
            "profile": {"email": "jane@example.com"}}})
        .to_string()
        .into_bytes()
    };
    // Some begin here, one was begun by its sender.
    for n in 0..3 {
        assert_eq!(platform.send("/api/webhooks/netbanx/acme", body(&format!("p{n}"))).await.status(), 202);
    }
    let url = format!("{}/api/webhooks/netbanx/acme", platform.ingress_url());
    let sent = platform.http.post(url).header("Signature", e2e::sign(&body("p9"))).body(body("p9"));
    let sent = sent.header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    assert_eq!(sent.send().await.unwrap().status(), 202);

    let spans = eventually("every webhook's trace is complete", || async {
        let spans = collector.spans();
        let count = |name: &str| spans.iter().filter(|sent| sent.span.name == name).count();
        let all = count("process") == 4 && count("publish") == 4 && count("POST /api/webhooks/netbanx/{company}") == 4;
        // The steps of a batch end before it does.
        (all && count("batch") > 0 && count("batch") == count("invalidate")).then_some(spans)
    })
    .await;
    let processed: Vec<_> = spans.iter().filter(|sent| sent.span.name == "process").collect();
    let traces: HashSet<String> = processed.iter().map(|sent| sent.trace()).collect();
    assert_eq!(traces.len(), 4, "each has its own");
    assert!(traces.contains("0af7651916cd43dd8448eb211c80319c"), "the sender's goes on");
    for last in processed {
        let own = |name: &str| {
            let mut found = spans.iter().filter(|sent| sent.trace() == last.trace() && sent.span.name == name);
            let first = found.next().unwrap_or_else(|| panic!("no {name} in trace {}", last.trace()));
            assert!(found.next().is_none(), "one {name} for each");
            first
        };
        let (request, publish) = (own("POST /api/webhooks/netbanx/{company}"), own("publish"));
        assert_eq!(publish.span.parent_span_id, request.span.span_id);
        assert_eq!(last.span.parent_span_id, publish.span.span_id);
        assert!(request.service.contains("ingress") && last.service.contains("worker"));
        // To the batch, and with it to the commit and the invalidation.
        let batch = spans.iter().find(|sent| sent.span.span_id == last.span.links[0].span_id).unwrap();
        assert_eq!(batch.span.name, "batch");
        assert!(batch.span.links.iter().any(|link| link.span_id == publish.span.span_id), "and back");
        for step in ["persist", "invalidate"] {
            let found = spans.iter().any(|sent| sent.span.name == step && sent.span.parent_span_id == batch.span.span_id);
            assert!(found, "{step} is part of the batch");
        }
    }
    // The amount is longer than what the digits of a time in nanoseconds hold by chance.
    for sent in &spans {
        let text = sent.text();
        assert!(!text.contains("jane@") && !text.contains("71408253964711") && !text.contains(&platform.admin_token), "{text}");
    }
    eventually("metrics arrive too", || async {
        let names = collector.metrics();
        ["http.server.request.duration", "messaging.client.sent.messages", "db.client.operation.duration"]
            .iter()
            .all(|wanted| names.iter().any(|name| name == wanted))
            .then_some(())
    })
    .await;
}

#[tokio::test]
async fn prometheus_gets_what_it_can_read() {
    let mut platform = Platform::prepare(Database::Sqlite).await;
    let mut admin = Vec::new();
    for service in [Service::Ingress, Service::Worker, Service::Api] {
        let port = free_port();
        platform.variables = vec![("ADMIN_BIND", format!("127.0.0.1:{port}"))];
        platform.run(service).await;
        admin.push(format!("http://127.0.0.1:{port}"));
    }
    let body = json!({"eventType": "PAYMENT_COMPLETED", "payload": {"id": "p", "status": "COMPLETED"}}).to_string();
    assert_eq!(platform.send("/api/webhooks/netbanx/acme", body).await.status(), 202);
    platform.drained().await;
    drop(platform.get("/api/v1/transactions").await);
    let checker = std::env::var("PROMTOOL").expect("PROMTOOL must name the checker: run `make test`");
    for (url, wanted) in admin.iter().zip([
        &["http_server_request_duration_seconds_bucket", "netbanx_webhooks_total", "messaging_client_sent_messages_total"][..],
        &["messaging_process_duration_seconds_bucket", "netbanx_queue_jobs", "db_client_operation_duration_seconds_count"],
        &["http_server_request_duration_seconds_bucket", "netbanx_cache_requests_total"],
    ]) {
        let text = eventually("all metrics are there", || async {
            let text = platform.http.get(format!("{url}/metrics")).send().await.ok()?.text().await.ok()?;
            wanted.iter().all(|name| text.contains(name)).then_some(text)
        })
        .await;
        let mut checked = std::process::Command::new(&checker)
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        checked.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = checked.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}\n{text}");
    }
    let public = platform.http.get(format!("{}/metrics", platform.ingress_url())).send().await.unwrap();
    assert_eq!(public.status(), 404, "the public port does not tell");
}
