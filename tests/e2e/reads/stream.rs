//! A dashboard follows what happens.

use e2e::{Database, Platform, Service, eventually};
use reqwest::Response;
use serde_json::{Value, json};

/// A stream that is read.
struct Reader {
    stream: Response,
    rest: String,
    /// Of the last event that had one.
    id: String,
}

impl Reader {
    /// A stream that goes on after the event of that id, if there is one. A token may have so many at once, and one that its reader
    /// left counts until that is noticed: then it asks again, as browsers do.
    async fn open(platform: &Platform, token: &str, last: Option<&str>) -> Self {
        let stream = eventually("there is room for a stream", || async {
            let mut request = platform.http.get(format!("{}/api/v1/stream", platform.api_url())).bearer_auth(token);
            if let Some(last) = last {
                request = request.header("last-event-id", last);
            }
            Some(request.send().await.unwrap()).filter(|stream| stream.status() != 429)
        })
        .await;
        assert_eq!((stream.status().as_u16(), stream.headers()["content-type"].to_str().unwrap()), (200, "text/event-stream"));
        assert!(stream.headers()["x-actor"].to_str().unwrap().starts_with("token:"));
        Self { stream, rest: String::new(), id: String::new() }
    }

    /// The next event: its name and data.
    async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            while let Some(end) = self.rest.find("\n\n") {
                let event: String = self.rest.drain(..end + 2).collect();
                let field =
                    |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(|text| text.trim().to_owned());
                if let Some(id) = field("id:") {
                    self.id = id;
                }
                if let (Some(name), Some(data)) = (field("event:"), field("data:")) {
                    return Some((name, serde_json::from_str(&data).unwrap()));
                }
            }
            let chunk = tokio::time::timeout(std::time::Duration::from_secs(30), self.stream.chunk())
                .await
                .expect("within 30 s")
                .ok()??;
            self.rest += std::str::from_utf8(&chunk).unwrap();
        }
    }

    /// The external ids of the next transactions that are told.
    async fn transactions(&mut self) -> Vec<String> {
        loop {
            if let (name, Value::Array(rows)) = self.next().await.unwrap()
                && name == "transactions"
            {
                return rows.iter().map(|row| row["externalId"].as_str().unwrap().to_owned()).collect();
            }
        }
    }
}

async fn pay(platform: &Platform, id: &str) {
    let payment = json!({"id": id, "amount": 1, "currencyCode": "EUR", "status": "COMPLETED"});
    let body = json!({"eventType": "PAYMENT_COMPLETED", "payload": payment});
    assert_eq!(platform.send("/api/webhooks/netbanx/acme", body.to_string()).await.status(), 202);
}

#[tokio::test]
async fn a_stream_goes_on_where_another_ended() {
    let platform = Platform::start(Database::Sqlite).await;
    let token = platform.netbanx(&["token", "add", "--company", "acme"]);
    let mut first = Reader::open(&platform, &token, None).await;
    assert_eq!(first.transactions().await, [""; 0]);
    let id_of_nothing = first.id.clone();
    pay(&platform, "p1").await;
    assert_eq!(first.transactions().await, ["p1"]);
    let id = first.id.clone();
    assert_ne!(id, id_of_nothing);
    drop(first);
    pay(&platform, "p2").await;
    // Another stream hears of it, so that it is there.
    let mut witness = Reader::open(&platform, &token, Some(&id)).await;
    let mut told = witness.transactions().await;
    if told.is_empty() {
        told = witness.transactions().await;
    }
    assert_eq!(told, ["p2"], "what was told is not told again");
    let mut known: Vec<String> = Reader::open(&platform, &token, Some(&id_of_nothing)).await.transactions().await;
    known.sort();
    assert_eq!(known, ["p1", "p2"]);
    assert_eq!(Reader::open(&platform, &token, Some(&witness.id)).await.transactions().await, [""; 0]);
    assert_eq!(Reader::open(&platform, &token, Some("no id of ours")).await.transactions().await.len(), 2);

    // More came than a stream tells at once: that is said.
    for n in 0..51 {
        pay(&platform, &format!("more-{n}")).await;
    }
    eventually("all are stored", || async { (platform.events().await == 53).then_some(()) }).await;
    eventually("the gap is told", || async {
        let mut late = Reader::open(&platform, &token, Some(&witness.id)).await;
        (late.next().await?.0 == "gap" && late.transactions().await.len() == 50).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_stream_tells_what_is_new_of_ones_own_company_and_ends_with_the_service() {
    let mut platform = Platform::start(Database::Sqlite).await;
    platform.netbanx(&["company", "add", "Other", "--slug", "other"]);
    let acme = platform.netbanx(&["token", "add", "--company", "acme"]);
    let other = platform.netbanx(&["token", "add", "--company", "other"]);
    let mut own = Reader::open(&platform, &acme, None).await;
    let mut foreign = Reader::open(&platform, &other, None).await;
    for stream in [&mut own, &mut foreign] {
        assert_eq!(stream.next().await.unwrap(), ("transactions".to_owned(), json!([])));
        assert_eq!(stream.next().await.unwrap().0, "figures");
    }
    pay(&platform, "p1").await;
    let (mut told, mut counted) = (None, 0);
    while told.is_none() || counted == 0 {
        match own.next().await.unwrap() {
            (name, data) if name == "transactions" => told = Some(data),
            (_, figures) => counted = figures["transactions"]["total"].as_i64().unwrap(),
        }
    }
    let told = told.unwrap();
    assert_eq!((told.as_array().unwrap().len(), &told[0]["externalId"], counted), (1, &json!("p1"), 1));

    // An open stream does not keep the service from its end, and nothing of acme came to the other.
    platform.terminate(Service::Api).await;
    while let Some((name, data)) = foreign.next().await {
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
