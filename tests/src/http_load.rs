//! Load by plain HTTP/1.1 over kept connections, with requests that are made before it begins: the
//! client costs as little as it can.

use std::time::{Duration, Instant};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinHandle,
};

/// What came back.
#[derive(Debug, Default)]
pub struct Answers {
    /// From the first request to the last answer.
    pub took: Duration,
    /// From each request to its answer, in milliseconds.
    pub ms: Vec<f64>,
    /// Answers by status.
    pub statuses: std::collections::BTreeMap<u16, u64>,
}

impl Answers {
    pub fn rate(&self) -> f64 {
        self.ms.len() as f64 / self.took.as_secs_f64()
    }
}

/// A POST as it goes over the wire.
pub fn post(path: &str, signature: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("POST {path} HTTP/1.1\r\nHost: l\r\nSignature: {signature}\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// A GET with these headers.
pub fn get(path: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("GET {path} HTTP/1.1\r\nHost: l\r\n{headers}\r\n").into_bytes()
}

/// Sends `requests` over so many connections, each waiting for its answer before the next.
pub async fn closed_loop(port: u16, connections: usize, requests: Vec<Vec<u8>>) -> Answers {
    let begun = Instant::now();
    let mut parts: Vec<Vec<Vec<u8>>> = (0..connections).map(|_| Vec::new()).collect();
    for (n, request) in requests.into_iter().enumerate() {
        parts[n % connections].push(request);
    }
    gathered(begun, parts.into_iter().map(|part| tokio::spawn(one(port, part))).collect()).await
}

/// Waits for what was sent over each connection.
async fn gathered(begun: Instant, connections: Vec<JoinHandle<Vec<(u16, f64)>>>) -> Answers {
    let mut all = Answers::default();
    for connection in connections {
        for (status, ms) in connection.await.unwrap() {
            all.ms.push(ms);
            *all.statuses.entry(status).or_default() += 1;
        }
    }
    all.took = begun.elapsed();
    all
}

/// Sends `requests` at a rate of so many per second, over as many connections as are free at their time. A
/// request's time counts from when it was due: a slow answer makes those behind it late, too.
pub async fn open_loop(port: u16, connections: usize, a_second: u32, requests: Vec<Vec<u8>>) -> Answers {
    let begun = Instant::now();
    let (sender, due) = tokio::sync::mpsc::channel(requests.len().max(1));
    for (n, request) in requests.into_iter().enumerate() {
        drop(sender.send((begun + Duration::from_secs_f64(n as f64 / f64::from(a_second)), request)).await);
    }
    drop(sender);
    let due = std::sync::Arc::new(tokio::sync::Mutex::new(due));
    gathered(begun, (0..connections).map(|_| tokio::spawn(when_due(port, due.clone()))).collect()).await
}

type Due = tokio::sync::mpsc::Receiver<(Instant, Vec<u8>)>;

async fn when_due(port: u16, due: std::sync::Arc<tokio::sync::Mutex<Due>>) -> Vec<(u16, f64)> {
    let mut connection = Connection::open(port).await;
    let mut answers = Vec::new();
    loop {
        let next = due.lock().await.recv().await;
        let Some((at, request)) = next else { return answers };
        tokio::time::sleep_until(at.into()).await;
        let status = connection.ask(&request).await;
        answers.push((status, at.elapsed().as_secs_f64() * 1e3));
    }
}

/// A kept connection.
struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    async fn open(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, buffer: Vec::with_capacity(4096) }
    }

    /// The status of the answer to `request`.
    async fn ask(&mut self, request: &[u8]) -> u16 {
        self.stream.write_all(request).await.unwrap();
        self.buffer.clear();
        loop {
            assert!(self.stream.read_buf(&mut self.buffer).await.unwrap() > 0, "the connection ended");
            if let Some(status) = whole(&self.buffer) {
                return status;
            }
        }
    }
}

async fn one(port: u16, requests: Vec<Vec<u8>>) -> Vec<(u16, f64)> {
    let mut connection = Connection::open(port).await;
    let mut answers = Vec::with_capacity(requests.len());
    for request in requests {
        let begun = Instant::now();
        let status = connection.ask(&request).await;
        answers.push((status, begun.elapsed().as_secs_f64() * 1e3));
    }
    answers
}

/// The status, once the answer is there to its end.
fn whole(buffer: &[u8]) -> Option<u16> {
    let end = buffer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&buffer[..end]).ok()?;
    let length =
        head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    (buffer.len() >= end + 4 + length.unwrap_or(0)).then(|| head.split(' ').nth(1)?.parse().ok()).flatten()
}
