//! How reports come in over HTTP: compressed, too large, cut off, and while the API ends.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use e2e::{Database, Platform, Service, eventually};
use flate2::{Compression, write::GzEncoder};
use sea_orm::{ConnectionTrait, TransactionTrait};
use serde_json::{Value, json};

use crate::reconciliation_over_http::{HEADER, PATH, compared, counts, post};

/// Bytes of a report at most.
const LARGEST: usize = 256 * 1024 * 1024;
const CHUNK: usize = 1024 * 1024;

async fn with_api(database: Database) -> (Platform, String) {
    let mut platform = Platform::prepare(database).await;
    platform.run(Service::Api).await;
    let token = platform.netbanx(&[
        "token",
        "add",
        "--company",
        "acme",
        "--permission",
        "read:transactions",
        "--permission",
        "manage:secrets",
    ]);
    (platform, token)
}

/// A connection on which a report has begun to come in, with that framing.
fn begun(platform: &Platform, token: &str, framing: &str) -> TcpStream {
    let mut connection = TcpStream::connect(platform.api_url().replace("http://", "")).unwrap();
    connection.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let head = format!("POST {PATH} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n{framing}\r\n\r\n");
    connection.write_all(head.as_bytes()).unwrap();
    connection
}

/// The status that is answered there.
fn status(mut connection: TcpStream) -> String {
    let mut line = [0; 12];
    connection.read_exact(&mut line).unwrap();
    String::from_utf8_lossy(&line[9..]).into_owned()
}

/// Whether an answer has come there already.
fn is_answered(connection: &TcpStream) -> bool {
    connection.set_nonblocking(true).unwrap();
    let is_answered = connection.peek(&mut [0]).is_ok();
    connection.set_nonblocking(false).unwrap();
    is_answered
}

async fn runs(platform: &Platform) -> Vec<Value> {
    platform.get(PATH).await["reconciliations"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_gzipped_report_is_read_over_http() {
    let (platform, token) = with_api(Database::Sqlite).await;
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    write!(gzip, "{HEADER}").unwrap();
    for number in 0..2_000 {
        writeln!(gzip, "p{number},r{number},PAYMENT,COMPLETED,100,EUR,2025-03-01T00:00:00Z").unwrap();
    }
    let report = gzip.finish().unwrap();
    let run = compared(&platform, &token, "name=march.csv.gz", report).await;
    assert_eq!(counts(&run), json!([2_000, 0, 2_000, 0, 0, 0, 0]), "{run}");
}

#[tokio::test]
async fn a_report_beyond_the_largest_is_refused_whether_it_says_so_or_not() {
    let (platform, token) = with_api(Database::Sqlite).await;
    // It says itself that it is too large: nobody waits for it.
    let told = begun(&platform, &token, &format!("content-length: {}", LARGEST + 1));
    assert_eq!(status(told), "413");
    // It does not: it is refused at the byte that is too much.
    let mut silent = begun(&platform, &token, "transfer-encoding: chunked");
    let chunk = [format!("{CHUNK:x}\r\n").into_bytes(), vec![b'x'; CHUNK], b"\r\n".to_vec()].concat();
    for _ in 0..LARGEST / CHUNK {
        silent.write_all(&chunk).unwrap();
    }
    silent.write_all(b"1\r\nx\r\n").unwrap();
    assert_eq!(status(silent), "413");
    assert_eq!(runs(&platform).await, Vec::<Value>::new());
    // Its place is free again.
    compared(&platform, &token, "", HEADER).await;
}

#[tokio::test]
async fn a_report_that_is_cut_off_leaves_nothing_behind() {
    let (platform, token) = with_api(Database::Sqlite).await;
    let whole = format!("{HEADER}p1,r1,PAYMENT,COMPLETED,100,EUR,2025-03-01T00:00:00Z\n");
    // What came of it could be compared for itself.
    for framing in [format!("content-length: {}", whole.len() * 2), "transfer-encoding: chunked".to_owned()] {
        let part = if framing.starts_with("content") { whole.clone() } else { format!("{:x}\r\n{whole}\r\n", whole.len()) };
        // It has begun when it keeps others out; where the other was first, both try again. Its sender goes away then.
        let cut = eventually("the report comes in", || async {
            let mut cut = begun(&platform, &token, &framing);
            cut.write_all(part.as_bytes()).unwrap();
            (post(&platform, &token, PATH, "colour\n").await.0 == 429 && !is_answered(&cut)).then_some(cut)
        })
        .await;
        drop(cut);
        eventually("its place is free", || async { (post(&platform, &token, PATH, "colour\n").await.0 == 400).then_some(()) })
            .await;
        assert_eq!(runs(&platform).await, Vec::<Value>::new(), "{framing}");
    }
    let run = compared(&platform, &token, "", whole).await;
    assert_eq!(counts(&run), json!([1, 0, 1, 0, 0, 0, 0]), "{run}");
    assert_eq!(runs(&platform).await.len(), 1);
}

#[tokio::test]
async fn a_comparison_that_the_end_of_the_api_cuts_off_is_stopped() {
    let (mut platform, token) = with_api(Database::Postgres).await;
    // Somebody keeps the transactions to themselves, so that the comparison is under way for as long as it has to be.
    let other = sea_orm::Database::connect(&platform.database_url).await.unwrap();
    let lock = other.begin().await.unwrap();
    lock.execute_unprepared("LOCK TABLE transactions IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let report = format!("{HEADER}p1,r1,PAYMENT,COMPLETED,100,EUR,2025-03-01T00:00:00Z\n");
    let (answer, begun) = post(&platform, &token, PATH, report.clone()).await;
    assert_eq!(answer, 202, "{begun}");
    let path = format!("{PATH}/{}", begun["data"]["id"].as_str().unwrap());
    // Threads that answer open connections to the database, which end with them: before what is noted last.
    let seen = futures::future::join_all((0..16).map(|_| platform.get(&path))).await;
    assert!(seen.iter().all(|run| run["state"] == "running"), "{seen:?}");
    platform.terminate(Service::Api).await;
    lock.rollback().await.unwrap();
    platform.run(Service::Api).await;
    // At once: nobody has to wait until its silence is noticed.
    let run = platform.get(&path).await;
    assert_eq!((&run["state"], &run["finishedAt"]), (&json!("stopped"), &Value::Null), "{run}");
    assert!(run["failure"].as_str().unwrap().contains("send the report again"), "{run}");
    assert_eq!(runs(&platform).await[0]["state"], "stopped");
    // It keeps nobody out, and is none that others are compared with.
    let again = compared(&platform, &token, "", report).await;
    assert_eq!((counts(&again), &again["new"]), (json!([1, 0, 1, 0, 0, 0, 0]), &Value::Null), "{again}");
}
