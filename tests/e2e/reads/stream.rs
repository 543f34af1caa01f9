//! A dashboard follows what happens.

use e2e::{Database, Platform, Service, eventually};
use reqwest::Response;
use serde_json::{Value, json};

/// The next event of a stream: its name and data.
async fn next(stream: &mut Response, rest: &mut String) -> Option<(String, Value)> {
    loop {
        while let Some(end) = rest.find("\n\n") {
            let event: String = rest.drain(..end + 2).collect();
            let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(|text| text.trim().to_owned());
            if let (Some(name), Some(data)) = (field("event:"), field("data:")) {
                return Some((name, serde_json::from_str(&data).unwrap()));
            }
        }
        let chunk =
            tokio::time::timeout(std::time::Duration::from_secs(30), stream.chunk()).await.expect("within 30 s").ok()??;
        *rest += std::str::from_utf8(&chunk).unwrap();
    }
}

#[tokio::test]
async fn a_stream_tells_what_is_new_of_ones_own_company_and_ends_with_the_service() {
    let mut platform = Platform::start(Database::Sqlite).await;
    platform.netbanx(&["company", "add", "Other", "--slug", "other"]);
    let acme = platform.netbanx(&["token", "add", "--company", "acme"]);
    let other = platform.netbanx(&["token", "add", "--company", "other"]);
    let open = async |token: &str| {
        let answer = platform.http.get(format!("{}/api/v1/stream", platform.api_url())).bearer_auth(token).send().await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.headers()["content-type"].to_str().unwrap()), (200, "text/event-stream"));
        answer
    };
    let (mut own, mut own_rest) = (open(&acme).await, String::new());
    let (mut foreign, mut foreign_rest) = (open(&other).await, String::new());
    for (stream, rest) in [(&mut own, &mut own_rest), (&mut foreign, &mut foreign_rest)] {
        assert_eq!(next(stream, rest).await.unwrap(), ("transactions".to_owned(), json!([])));
        assert_eq!(next(stream, rest).await.unwrap().0, "figures");
    }
    let body = json!({"eventType": "PAYMENT_COMPLETED", "payload": {"id": "p1", "amount": 1, "currencyCode": "EUR", "status": "COMPLETED"}});
    assert_eq!(platform.send("/api/webhooks/netbanx/acme", body.to_string()).await.status(), 202);
    let (mut told, mut counted) = (None, 0);
    while told.is_none() || counted == 0 {
        match next(&mut own, &mut own_rest).await.unwrap() {
            (name, data) if name == "transactions" => told = Some(data),
            (_, figures) => counted = figures["transactions"]["total"].as_i64().unwrap(),
        }
    }
    let told = told.unwrap();
    assert_eq!((told.as_array().unwrap().len(), &told[0]["externalId"], counted), (1, &json!("p1"), 1));

    // An open stream does not keep the service from its end, and nothing of acme came to the other.
    platform.terminate(Service::Api).await;
    while let Some((name, data)) = next(&mut foreign, &mut foreign_rest).await {
        assert!(name == "figures" && data["transactions"]["total"] == 0, "{name}: {data}");
    }
    let url = format!("{}/api/v1/stream", platform.api_url());
    platform.run(Service::Api).await;
    eventually("it refuses who may not", || async {
        let answer = platform.http.get(&url).send().await.ok()?;
        (answer.status() == 401).then_some(())
    })
    .await;
}
