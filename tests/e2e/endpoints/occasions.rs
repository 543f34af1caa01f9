//! What is told beside transactions and accounts, and in which trace.

use e2e::{Collector, Customer, Database, Service, eventually};
use serde_json::json;

use super::{HEEDED, add, delivered, pay, prepare, start};

#[actix_web::test]
async fn a_message_goes_on_in_the_trace_of_its_webhook() {
    let collector = Collector::start();
    let mut platform = prepare(Database::Sqlite).await;
    platform.set("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url());
    for service in [Service::Ingress, Service::Worker, Service::Api] {
        platform.run(service).await;
    }
    let customer = Customer::start();
    let (endpoint, _) = add(&platform, &customer.url("/hooks?key=hush"), &["transaction.created", "webhook.unreadable"]).await;
    tokio::time::sleep(HEEDED).await;
    // The first is refused once: each attempt has a span.
    customer.script([(500, None, std::time::Duration::ZERO)]);
    pay(&platform, "p1", "COMPLETED", 1).await;
    delivered(&customer, 1).await;

    let spans = eventually("both attempts are in the webhook's trace", || async {
        let spans = collector.spans();
        let whole = spans.iter().filter(|sent| sent.span.name == "deliver").count() == 2
            && spans.iter().any(|sent| sent.span.name == "publish");
        whole.then_some(spans)
    })
    .await;
    let publish = spans.iter().find(|sent| sent.span.name == "publish").unwrap();
    for deliver in spans.iter().filter(|sent| sent.span.name == "deliver") {
        assert_eq!((deliver.trace(), &deliver.span.parent_span_id), (publish.trace(), &publish.span.span_id));
        assert!(deliver.service.contains("api"), "{}", deliver.service);
        let text = deliver.text();
        assert!(text.contains(&endpoint) && !text.contains("hush"), "it names the endpoint and not its address: {text}");
    }
    let told = customer.told();
    assert!(told.iter().all(|told| told.traceparent.starts_with(&format!("00-{}-", publish.trace()))), "{told:?}");

    // So does one that tells of a dead letter.
    assert_eq!(platform.send("/api/webhooks/netbanx/acme", "hello".to_owned()).await.status(), 202);
    let told = eventually("the dead letter is told of", || async {
        customer.told().into_iter().find(|told| told.body.contains("webhook.unreadable"))
    })
    .await;
    eventually("it came by a request of that trace", || async {
        let is_its = |name: &str, trace: &str| name.starts_with("POST ") && told.traceparent.contains(trace);
        collector.spans().iter().any(|sent| is_its(&sent.span.name, &sent.trace())).then_some(())
    })
    .await;
    assert!(!told.traceparent.contains(&publish.trace()), "each webhook has its own");
}

#[tokio::test]
async fn a_webhook_that_is_not_traced_is_told_without_a_trace() {
    let platform = start(Database::Sqlite).await;
    let customer = Customer::start();
    add(&platform, &customer.url("/"), &["*"]).await;
    tokio::time::sleep(HEEDED).await;
    pay(&platform, "p1", "COMPLETED", 1).await;
    assert_eq!(delivered(&customer, 1).await[0].traceparent, "");
}

#[tokio::test]
async fn a_comparison_that_found_differences_is_told() {
    let platform = start(Database::Sqlite).await;
    let customer = Customer::start();
    add(&platform, &customer.url("/"), &["reconciliation.difference"]).await;
    pay(&platform, "p1", "COMPLETED", 1).await;
    platform.drained().await;
    let compare = |amount: u32| {
        let report = format!("id,kind,status,amount,currency,time\np1,PAYMENT,COMPLETED,{amount},EUR,2026-01-01T00:00:01Z\n");
        let args = ["reconcile", "--company", "acme", "--json", "--summary", "-"];
        platform.netbanx_given(&args, report.as_bytes()).status.code()
    };
    assert_eq!(compare(500), Some(0), "one where all is as we have it is not told");
    assert_eq!(compare(501), Some(1));
    let told = delivered(&customer, 1).await[0].json();
    let data = &told["data"];
    let counts = ["matched", "missingHere", "missingThere", "differing", "malformed"].map(|name| data[name].clone());
    assert_eq!((&told["type"], json!(counts)), (&json!("reconciliation.difference"), json!([0, 0, 0, 1, 0])), "{told}");
    let path = format!("/api/v1/reconciliations/{}", data["reconciliationId"].as_str().unwrap());
    assert_eq!(platform.get(&path).await["differing"], 1);
    assert_eq!(data["from"], "2026-01-01T00:00:01.000Z", "{told}");
}
