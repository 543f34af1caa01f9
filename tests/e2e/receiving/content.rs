use std::io::Write;

use e2e::{Database, Platform, eventually, sign};
use flate2::{Compression, write::GzEncoder, write::ZlibEncoder};
use serde_json::Value;

use super::{PATH, dead_letters, payment, transaction};

/// A payment of the legacy form, whose amounts are decimals in major units.
fn legacy(id: &str, amount: &str, currency: &str) -> String {
    format!(
        r#"{{"id":"e{id}","eventType":"PAYMENT_COMPLETED","eventData":{{"id":"{id}","status":"COMPLETED","amount":{amount},"currencyCode":"{currency}"}}}}"#
    )
}

async fn accepted(platform: &Platform, body: impl Into<Vec<u8>>) -> Value {
    let answer = platform.send(PATH, body).await;
    assert_eq!(answer.status(), 202);
    answer.json().await.unwrap()
}

#[tokio::test]
async fn what_means_the_same_is_understood() {
    let platform = Platform::start(Database::Sqlite).await;
    accepted(&platform, ["\u{feff}".as_bytes(), payment("mark").as_bytes()].concat()).await;
    accepted(&platform, legacy("noise1", "19.989999999999998", "USD")).await;
    accepted(&platform, legacy("noise2", "0.30000000000000004", "USD")).await;
    accepted(&platform, payment("surrogate").replace("\"id\"", r#""merchantRefNum":"\ud800","id""#)).await;
    let payload = r#"{\"id\":\"text\",\"status\":\"COMPLETED\",\"amount\":7,\"currencyCode\":\"EUR\"}"#;
    accepted(&platform, format!(r#"{{"eventType":"PAYMENT_COMPLETED","payload":"{payload}"}}"#)).await;
    accepted(&platform, serde_json::to_string(&payment("quoted")).unwrap()).await;
    let array = accepted(&platform, format!("[{},{}]", payment("one"), payment("two"))).await;
    let events = array["data"].as_array().unwrap();
    assert!(events.len() == 2 && events.iter().all(|event| event["duplicate"] == false), "{array}");
    assert_eq!(array["webhookId"], events[0]["webhookId"]);
    platform.drained().await;
    for (id, amount) in [
        ("mark", 1250),
        ("noise1", 1999),
        ("noise2", 30),
        ("surrogate", 1250),
        ("text", 7),
        ("quoted", 1250),
        ("one", 1250),
        ("two", 1250),
    ] {
        let row = eventually("it is shown", || transaction(&platform, id)).await;
        assert_eq!(row["amount"], amount, "{row}");
    }
    assert_eq!(transaction(&platform, "surrogate").await.unwrap()["merchantRefNum"], "\u{fffd}");
    assert_eq!(platform.events().await, 8);
    // The same array once more: each of its events is known, and one of them is new.
    let again = platform.send(PATH, format!("[{},{}]", payment("one"), payment("two"))).await;
    assert_eq!(again.status(), 200);
    let mixed = accepted(&platform, format!("[{},{}]", payment("one"), payment("three"))).await;
    assert_eq!((&mixed["data"][0]["duplicate"], &mixed["data"][1]["duplicate"]), (&true.into(), &false.into()), "{mixed}");
}

#[tokio::test]
async fn names_in_any_spelling_and_header_are_names() {
    let platform = Platform::start(Database::Sqlite).await;
    let body = |id: &str, name: Option<&str>| {
        let body = serde_json::json!({"id": format!("e{id}"), "eventType": name, "eventData": {"id": id, "status": "COMPLETED"}});
        body.to_string()
    };
    for (id, name) in [("colon", "PAYMENT:COMPLETED"), ("slash", "payment/completed"), ("unseen", "PAYMENT\u{200b}_COMPLETED")] {
        accepted(&platform, body(id, Some(name))).await;
    }
    // New to us, and kept as an event.
    accepted(&platform, body("new", Some(&format!("SOMETHING:NEW/É{}", "x".repeat(200))))).await;
    let url = format!("{}{PATH}", platform.ingress_url());
    for (id, headers) in [
        ("empty", vec![("X-Paysafe-Event-Type", ""), ("X-Event-Type", "PAYMENT_COMPLETED")]),
        ("blank", vec![("X-Paysafe-Event-Type", "  "), ("X-Netbanx-Event-Type", "PAYMENT_COMPLETED")]),
        ("marks", vec![("X-Netbanx-Event-Type", "???"), ("X-Event-Type", "PAYMENT_COMPLETED")]),
        ("twice", vec![("X-Event-Type", ""), ("X-Event-Type", "PAYMENT_COMPLETED")]),
    ] {
        let body = body(id, None);
        let mut post = platform.http.post(&url).header("Signature", sign(body.as_bytes()));
        for (name, value) in headers {
            post = post.header(name, value);
        }
        assert_eq!(post.body(body).send().await.unwrap().status(), 202);
    }
    platform.drained().await;
    for id in ["colon", "slash", "unseen", "empty", "blank", "marks", "twice"] {
        let row = eventually("it is shown", || transaction(&platform, id)).await;
        assert_eq!((&row["kind"], &row["status"]), (&"PAYMENT".into(), &"COMPLETED".into()), "{row}");
    }
    assert_eq!((platform.events().await, platform.queue().await.dead), (8, 0));
}

#[tokio::test]
async fn compressed_bodies_are_taken_signed_in_either_form() {
    let platform = Platform::start(Database::Sqlite).await;
    let gzip = |plain: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    };
    let zlib = |plain: &[u8]| {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    };
    let send = async |coding: &str, signature: String, body: Vec<u8>| {
        let url = format!("{}{PATH}", platform.ingress_url());
        platform.http.post(url).header("Signature", signature).header("Content-Encoding", coding).body(body).send().await.unwrap()
    };
    let bodies = ["g1", "g2", "z1", "z2"].map(payment);
    let [g1, g2, z1, z2] = bodies.each_ref().map(String::as_bytes);
    assert_eq!(send("gzip", sign(g1), gzip(g1)).await.status(), 202);
    assert_eq!(send("gzip", sign(&gzip(g2)), gzip(g2)).await.status(), 202);
    assert_eq!(send("deflate", sign(z1), zlib(z1)).await.status(), 202);
    assert_eq!(send("deflate", sign(&zlib(z2)), zlib(z2)).await.status(), 202);
    assert_eq!(send("gzip", sign(b"another"), gzip(g1)).await.status(), 401);
    // What the head says of the coding is wrong: it is plain, or compressed without a word.
    let (said, unsaid) = (payment("said"), gzip(payment("unsaid").as_bytes()));
    for coding in ["gzip", "deflate"] {
        assert!(send(coding, sign(said.as_bytes()), said.clone().into_bytes()).await.status().is_success());
    }
    assert_eq!(send("identity", sign(payment("unsaid").as_bytes()), unsaid).await.status(), 202);
    for coding in ["compress", "br", "gzip, gzip"] {
        let refused = send(coding, sign(g1), g1.to_vec()).await;
        assert_eq!((refused.status().as_u16(), &refused.headers()["accept-encoding"]), (415, &"gzip, deflate".parse().unwrap()));
    }
    let bomb = gzip(&vec![b' '; 10 << 20]);
    assert_eq!(send("gzip", sign(&bomb), bomb.clone()).await.status(), 413);
    // Genuine, and yet no gzip: kept.
    assert_eq!(send("gzip", sign(b"no gzip"), b"no gzip".to_vec()).await.status(), 202);
    platform.drained().await;
    assert_eq!((platform.events().await, dead_letters(&platform).len()), (6, 1));
}

#[tokio::test]
async fn what_cannot_be_interpreted_is_kept_with_its_reason_and_nothing_readable_of_a_card() {
    const CARD: &str = "4111111111111111";
    // Longer than any is: three digits are in some id or time of every tenth run.
    const CVV: &str = "98789878";
    let platform = Platform::start(Database::Sqlite).await;
    let bodies = [
        "hello".to_owned(),
        String::new(),
        format!("card={CARD}&cvv={CVV}"),
        "[]".to_owned(),
        "{\"payload\":{}}".to_owned(),
        r#"{"eventType":"???"}"#.to_owned(),
        format!(
            r#"{{"eventType":"PAYMENT_COMPLETED","payload":{{"id":"b","amount":9223372036854775808,"cvv":"{CVV}","card":"{CARD}"}}}}"#
        ),
        payment("e").replace("1250", "1e999"),
        payment("f").replace("1250", "\"1,250\""),
        payment("g").replace("1250", "\"1_250\""),
        legacy("h", "100.5", "JPY"),
    ];
    for body in &bodies {
        let answer = accepted(&platform, body.as_str()).await;
        assert_eq!((&answer["unreadable"], &answer["duplicate"]), (&true.into(), &false.into()), "{body}: {answer}");
        let again = platform.send(PATH, body.as_str()).await;
        assert_eq!(again.status(), 200, "{body}");
    }
    let deep = format!(r#"{{"eventType":"PAYMENT_COMPLETED","a":{}{}}}"#, "[".repeat(5000), "]".repeat(5000));
    assert_eq!(accepted(&platform, deep).await["unreadable"], true);
    assert_eq!(accepted(&platform, b"{\"eventType\":\"\xff\xfe\"}".to_vec()).await["unreadable"], true);
    let letters = dead_letters(&platform);
    assert_eq!(letters.len(), bodies.len() + 2);
    for letter in &letters {
        assert_eq!((&letter["kind"], &letter["attempts"]), (&"unreadable".into(), &0.into()), "{letter}");
        assert!(!letter["error"].as_str().unwrap().is_empty(), "{letter}");
        let shown = platform.netbanx(&["--json", "queue", "dead", letter["id"].as_str().unwrap()]);
        assert!(!shown.contains(CARD) && !shown.contains(CVV) && !shown.contains("sealed:"), "{shown}");
    }
    assert_eq!(platform.events().await, 0);
    // Driven again, they are still unreadable: dead at once, and none is lost.
    platform.netbanx(&["queue", "retry", "--all"]);
    eventually("all are dead again", || async { (platform.queue().await.dead == letters.len() as i64).then_some(()) }).await;
    assert!(dead_letters(&platform).iter().all(|letter| letter["kind"] == "unreadable"));
    // What is discarded is taken again when the portal sends it again.
    platform.netbanx(&["queue", "discard", "--all"]);
    assert_eq!(accepted(&platform, "hello").await["duplicate"], false);
}
