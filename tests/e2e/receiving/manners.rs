use std::time::Duration;

use e2e::{Database, Platform, Service, sign};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{PATH, payment};

/// Longest wait for an answer here, far above what any takes.
const LONG: Duration = Duration::from_secs(60);

async fn connect(platform: &Platform) -> TcpStream {
    TcpStream::connect(platform.ingress_address()).await.unwrap()
}

/// All that the server says until it closes.
async fn rest(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    // A reset counts as an end.
    let _ = timeout(LONG, stream.read_to_end(&mut answer)).await.expect("the connection is closed");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn methods_and_slashes() {
    let platform = Platform::start(Database::Sqlite).await;
    let ask = async |method: &str, url: String| {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        platform.http.request(method, url).send().await.unwrap()
    };
    let (ingress, api) = (platform.ingress_url(), platform.api_url());
    for path in ["/api/webhooks/netbanx", "/webhook", "/netbanx", "/api/webhooks/direct-debit/"] {
        let head = ask("HEAD", format!("{ingress}{path}")).await;
        assert_eq!((head.status().as_u16(), head.text().await.unwrap().as_str()), (200, ""), "{path}");
        for method in ["PUT", "DELETE", "PATCH"] {
            let refused = ask(method, format!("{ingress}{path}")).await;
            assert_eq!(
                (refused.status().as_u16(), &refused.headers()["allow"]),
                (405, &"GET, HEAD, OPTIONS, POST".parse().unwrap())
            );
        }
    }
    for method in ["GET", "HEAD", "PUT"] {
        let refused = ask(method, format!("{ingress}{PATH}")).await;
        assert_eq!(
            (refused.status().as_u16(), &refused.headers()["allow"]),
            (405, &"OPTIONS, POST".parse().unwrap()),
            "{method}"
        );
    }
    assert_eq!(ask("OPTIONS", format!("{ingress}{PATH}")).await.headers()["allow"], "OPTIONS, POST");
    for path in ["/healthz", "/readyz", "/api/openapi.json"] {
        let head = ask("HEAD", format!("{api}{path}")).await;
        assert_eq!((head.status().as_u16(), head.text().await.unwrap().as_str()), (200, ""), "{path}");
    }
    for (n, path) in [PATH, "/api/webhooks/netbanx", "/webhooks/netbanx", "/netbanx", "/webhook"].into_iter().enumerate() {
        let body = payment(&format!("slash{n}"));
        assert_eq!(platform.send(&format!("{path}/"), body.clone()).await.status(), 202, "{path}/");
        assert_eq!(platform.send(path, body).await.status(), 200, "{path} means the same");
    }
}

#[tokio::test]
async fn a_body_has_its_time_and_its_length() {
    let mut platform = Platform::prepare(Database::Sqlite).await;
    platform.set("BODY_TIMEOUT_SECS", "1");
    platform.run(Service::Ingress).await;
    for length in ["99999999999", "262145"] {
        let mut stream = connect(&platform).await;
        stream
            .write_all(format!("POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n").as_bytes())
            .await
            .unwrap();
        let answer = rest(stream).await;
        assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    }
    let mut stream = connect(&platform).await;
    stream.write_all(format!("POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n").as_bytes()).await.unwrap();
    let (mut reader, mut writer) = stream.into_split();
    let dripping = tokio::spawn(async move {
        while writer.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });
    let mut answer = Vec::new();
    let _ = timeout(LONG, reader.read_to_end(&mut answer)).await.expect("it is ended");
    assert!(answer.starts_with(b"HTTP/1.1 408"), "{}", String::from_utf8_lossy(&answer));
    timeout(LONG, dripping).await.expect("nobody listens any more").unwrap();
}

/// A body in chunks tells no length: its connection ends soon after the answer all the same, whether it drips or stands still.
#[tokio::test]
async fn a_body_in_chunks_that_never_ends_does_not_hold_its_connection() {
    let mut platform = Platform::prepare(Database::Sqlite).await;
    platform.set("BODY_TIMEOUT_SECS", "1");
    platform.run(Service::Ingress).await;
    platform.run(Service::Api).await;
    let ingress = platform.ingress_address().to_string();
    let api = platform.api_url().replace("http://", "");
    let webhook = format!("POST {PATH}");
    let cases = [
        (&ingress, webhook.as_str(), "408"),
        (&ingress, "POST /api/webhooks/netbanx/nobody", "404"),
        (&ingress, "POST /nowhere", "404"),
        (&ingress, "HEAD /healthz", "200"),
        (&api, "POST /api/v1/transactions", "405"),
        // What has a limit for the database is not taken for a database that is silent.
        (&api, "POST /api/v1/session", "408"),
        (&api, "POST /api/v1/users", "408"),
        (&api, "PATCH /api/v1/alert-rules", "408"),
        (&api, "POST /api/webhooks/queue", "408"),
    ];
    let known = format!("Authorization: Bearer {}\r\nContent-Type: application/json\r\n", platform.admin_token);
    let all = cases.iter().flat_map(|(address, request, status)| {
        let head = format!("{request} HTTP/1.1\r\nHost: x\r\n{known}Transfer-Encoding: chunked\r\n\r\n");
        [true, false].map(|drips| {
            let head = head.clone();
            async move {
                let answer = answer_to_chunks(address, &head, drips).await;
                assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{request} {drips}: {answer}");
                assert!(status != &"408" || answer.contains("the body did not come within"), "{request}: {answer}");
            }
        })
    });
    futures::future::join_all(all).await;
}

/// What is answered to a request whose body never ends, until the connection does.
async fn answer_to_chunks(address: &str, head: &str, drips: bool) -> String {
    let (mut reader, mut writer) = TcpStream::connect(address).await.unwrap().into_split();
    writer.write_all(head.as_bytes()).await.unwrap();
    let dripping = tokio::spawn(async move {
        while writer.write_all(b"1\r\nx\r\n").await.is_ok() {
            tokio::time::sleep(if drips { Duration::from_millis(200) } else { LONG }).await;
        }
    });
    let mut answer = Vec::new();
    // A reset counts as an end.
    let _ = timeout(LONG / 2, reader.read_to_end(&mut answer)).await.unwrap_or_else(|_| panic!("{head}: it is not ended"));
    dripping.abort();
    String::from_utf8_lossy(&answer).into_owned()
}

/// The next request of a connection is served where the one before came in chunks to its end.
#[tokio::test]
async fn a_connection_goes_on_after_a_body_in_chunks() {
    let platform = Platform::start(Database::Sqlite).await;
    let mut stream = connect(&platform).await;
    for n in 0..2 {
        let body = payment(&format!("chunked{n}"));
        let head = format!("POST {PATH} HTTP/1.1\r\nHost: x\r\nSignature: {}\r\n", sign(body.as_bytes()));
        let close = if n == 1 { "Connection: close\r\n" } else { "" };
        let chunks = format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
        stream.write_all(format!("{head}{close}{chunks}").as_bytes()).await.unwrap();
    }
    assert_eq!(rest(stream).await.matches("HTTP/1.1 202").count(), 2);
}

/// What follows a refused request's head is its body, whatever it looks like.
#[tokio::test]
async fn a_refused_body_is_never_taken_for_a_request() {
    let platform = Platform::start(Database::Sqlite).await;
    let smuggled = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    let genuine = payment("after");
    for (path, extra) in [
        ("/api/webhooks/netbanx/nobody", ""),
        (PATH, "Content-Encoding: compress\r\n"),
        (PATH, ""),
        ("/api/webhooks/nothing", ""),
        ("/nowhere", ""),
    ] {
        let mut stream = connect(&platform).await;
        let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\n{extra}Content-Length: {}\r\n\r\n", smuggled.len());
        let next = format!(
            "POST {PATH} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nSignature: {}\r\nContent-Length: {}\r\n\r\n{genuine}",
            sign(genuine.as_bytes()),
            genuine.len()
        );
        stream.write_all(format!("{head}{smuggled}{next}").as_bytes()).await.unwrap();
        let answer = rest(stream).await;
        assert!(!answer.contains("alive"), "{path}: {answer}");
        let statuses: Vec<&str> = answer.match_indices("HTTP/1.1 ").map(|(at, _)| &answer[at + 9..at + 12]).collect();
        assert!(statuses[0].starts_with('4') && statuses.len() <= 2, "{path}: {statuses:?}");
        assert!(statuses.get(1).is_none_or(|status| status.starts_with('2')), "{path}: {statuses:?}");
    }
}

#[tokio::test]
async fn strangers_are_slowed_down_and_what_verifies_is_not() {
    let platform = Platform::start(Database::Sqlite).await;
    let mut statuses = std::collections::BTreeMap::new();
    for n in 0..400 {
        let answer = platform.send(&format!("/api/webhooks/netbanx/nobody{n}"), payment("x")).await;
        if answer.status() == 429 {
            assert!(answer.headers().contains_key("retry-after"));
        }
        *statuses.entry(answer.status().as_u16()).or_insert(0) += 1;
    }
    assert!(statuses[&404] >= 200 && statuses[&429] > 0 && statuses.len() == 2, "{statuses:?}");
    // A forged signature is slowed down, too; one is let through now and then while time passes.
    let mut forged = Vec::new();
    while forged.len() < 400 && forged.last() != Some(&429) {
        let answer = platform.send_signed(PATH, "Signature", &sign(b"another"), payment("x").into_bytes()).await;
        forged.push(answer.status().as_u16());
    }
    assert_eq!(forged.pop(), Some(429));
    assert!(forged.len() < 200 && forged.iter().all(|status| *status == 401), "{forged:?}");
    for n in 0..50 {
        assert_eq!(platform.send(PATH, payment(&format!("genuine{n}"))).await.status(), 202);
    }
}
