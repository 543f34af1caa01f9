//! A developer listens: messages reach a local address while the command runs, and nothing stays behind it.

use std::{
    io::{BufRead, BufReader},
    process::Child,
};

use e2e::{Customer, Database, Platform, Service, eventually};
use serde_json::{Value, json};

use super::{HEEDED, delivered, delivery::verifies, pay, start};

/// The command, what it says line by line, and its secret.
fn listen(platform: &Platform, more: &[&str]) -> (Child, impl Iterator<Item = Value> + use<>, String) {
    let mut child = platform.netbanx_running(&[&["--json", "listen", "--company", "acme"], more].concat());
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut lines = lines.map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
    let secret = lines.next().unwrap()["secret"].as_str().unwrap().to_owned();
    (child, lines, secret)
}

async fn rows(platform: &Platform) -> u64 {
    let mut all = 0;
    for table in ["endpoints", "deliveries", "delivery_attempts", "outbound_messages"] {
        all += platform.count(&format!("SELECT COUNT(*) AS n FROM {table}")).await;
    }
    all
}

async fn a_developer_listens(database: Database) {
    let platform = start(database).await;
    let local = Customer::start();
    let (mut child, mut lines, secret) = listen(&platform, &["--forward-to", &local.url("/dev")]);
    assert_eq!(platform.get("/api/v1/endpoints").await["endpoints"], json!([]), "it is no endpoint of the company's");
    tokio::time::sleep(HEEDED).await;
    pay(&platform, "p1", "PROCESSING", 1).await;
    delivered(&local, 1).await;
    local.script([(500, None, std::time::Duration::ZERO)]);
    pay(&platform, "p1", "COMPLETED", 2).await;
    let told = eventually("the developer is told", || async { (local.told().len() == 2).then(|| local.told()) }).await;
    assert!(told.iter().all(|told| told.path == "/dev" && verifies(told, &secret)), "{told:?}");
    let said: Vec<Value> = lines.by_ref().take(2).collect();
    let said: Vec<(&Value, &Value)> = said.iter().map(|line| (&line["type"], &line["status"])).collect();
    let (created, updated) = (json!("transaction.created"), json!("transaction.updated"));
    assert_eq!(said, [(&created, &json!(200)), (&updated, &json!(500))]);
    platform.netbanx(&["secret", "rewrap"]);

    let ended = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(ended.success() && child.wait().unwrap().success());
    assert_eq!(rows(&platform).await, 0, "nothing stays");
}

#[tokio::test]
async fn a_developer_listens_and_leaves_nothing_behind_sqlite() {
    a_developer_listens(Database::Sqlite).await;
}

#[tokio::test]
async fn a_developer_listens_and_leaves_nothing_behind_postgres() {
    a_developer_listens(Database::Postgres).await;
}

#[tokio::test]
async fn one_that_is_killed_is_gone_when_its_lease_has_ended() {
    let mut platform = start(Database::Sqlite).await;
    let local = Customer::start();
    let (mut child, _, _) =
        listen(&platform, &["--forward-to", &local.url("/"), "--events", "account.updated,transaction.created"]);
    tokio::time::sleep(HEEDED).await;
    pay(&platform, "p1", "COMPLETED", 1).await;
    delivered(&local, 1).await;
    child.kill().unwrap();
    child.wait().unwrap();
    pay(&platform, "p2", "COMPLETED", 1).await;
    platform.drained().await;
    assert!(rows(&platform).await > 0);
    // Time goes by, and a worker begins its rounds.
    platform.execute("UPDATE endpoints SET lease_until = lease_until - 60000").await;
    platform.terminate(Service::Worker).await;
    platform.run(Service::Worker).await;
    eventually("nothing of it is left", || async { (rows(&platform).await == 0).then_some(()) }).await;
    pay(&platform, "p3", "COMPLETED", 1).await;
    platform.drained().await;
    assert_eq!(rows(&platform).await, 0, "no message is made that nobody wants");
}

/// The block of the guide for customers in that language.
fn documented(language: &str) -> String {
    let guide = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/endpoints.md")).unwrap();
    let begin = format!("```{language}\n");
    let blocks = guide.split(&begin).skip(1).map(|rest| rest.split("```").next().unwrap());
    blocks.filter(|block| block.contains("timestamp")).last().unwrap().to_owned()
}

#[test]
fn what_the_guide_says_to_do_verifies_and_refuses() {
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let key = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let now = clock::now().timestamp();
    let sign = |at: i64, body: &str| {
        use base64::{Engine, engine::general_purpose::STANDARD};
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &STANDARD.decode(key).unwrap());
        format!("v1,AAAA v1,{}", STANDARD.encode(ring::hmac::sign(&key, format!("m1.{at}.{body}").as_bytes())))
    };
    let body = r#"{"type":"endpoint.test","é":1}"#;
    for (at, signature, is_genuine) in
        [(now, sign(now, body), true), (now, sign(now, "{}"), false), (now - 400, sign(now - 400, body), false)]
    {
        let headers = json!({"webhook-id": "m1", "webhook-timestamp": at.to_string(), "webhook-signature": signature});
        let python = std::env::var("STANDARD_WEBHOOKS").expect("STANDARD_WEBHOOKS must name a Python: run `make test`");
        let of_python = format!(
            "{}\nimport json, sys\nprint(str(verify(sys.argv[1], json.loads(sys.argv[2]), sys.argv[3].encode())).lower())",
            documented("python")
        );
        let of_node = format!(
            "{}\nconst [secret, headers, body] = process.argv.slice(1);\nconsole.log(verify(secret, JSON.parse(headers), body));",
            documented("js")
        );
        for (program, option, code) in [(python.as_str(), "-c", of_python), ("node", "-e", of_node)] {
            let output =
                std::process::Command::new(program).args([option, &code, secret, &headers.to_string(), body]).output().unwrap();
            let said = String::from_utf8_lossy(&output.stdout);
            assert_eq!(said.trim(), is_genuine.to_string(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }
}
