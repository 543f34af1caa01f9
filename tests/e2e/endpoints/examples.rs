//! The programs that the documents offer to start from do what is said of them.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use e2e::{Database, eventually, free_port};

use super::{HEEDED, add, pay, start};

/// Runs an example of the documents. It says nothing that it does not print at once.
fn example(name: &str, arguments: &[&str]) -> Child {
    let python = std::env::var("STANDARD_WEBHOOKS").expect("STANDARD_WEBHOOKS must name a Python: run `make test`");
    let path = format!("{}/../docs/examples/{name}", env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(python);
    command.arg("-u").arg(path).args(arguments).stdout(Stdio::piped()).spawn().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_read_all_and_are_told_what_changes() {
    let platform = start(Database::Sqlite).await;
    let port = free_port();
    let (_, secret) = add(&platform, &format!("http://127.0.0.1:{port}/"), &["*"]).await;
    let mut receiver = example("receive.py", &[&secret, &port.to_string()]);
    eventually("it listens", || async { std::net::TcpStream::connect(("127.0.0.1", port)).ok().map(drop) }).await;
    tokio::time::sleep(HEEDED).await;
    pay(&platform, "p1", "PROCESSING", 1).await;
    let mut said = BufReader::new(receiver.stdout.take().unwrap()).lines();
    assert_eq!(said.next().unwrap().unwrap(), "transaction.created p1 PENDING");
    pay(&platform, "p1", "COMPLETED", 2).await;
    assert_eq!(said.next().unwrap().unwrap(), "transaction.updated p1 COMPLETED");
    // What is not signed is refused, and not told.
    let forged = platform.http.post(format!("http://127.0.0.1:{port}/")).body("{}").send().await.unwrap();
    assert_eq!(forged.status(), 401);
    receiver.kill().unwrap();
    receiver.wait().unwrap();

    // More than a page.
    for n in 0..120 {
        pay(&platform, &format!("more{n}"), "COMPLETED", 3).await;
    }
    platform.drained().await;
    let reader = example("read.py", &[&platform.api_url(), &platform.admin_token, "2"]).wait_with_output().unwrap();
    assert!(reader.status.success(), "{reader:?}");
    let said = String::from_utf8(reader.stdout).unwrap();
    let lines: Vec<&str> = said.lines().collect();
    let rows: std::collections::BTreeSet<&str> =
        lines.iter().filter_map(|line| line.rsplit_once("EUR ")).map(|row| row.1).collect();
    assert_eq!((rows.len(), lines.len()), (121, 123), "{said}");
    assert_eq!(lines[121..], ["changed: 121 transactions", "unchanged"]);
}
