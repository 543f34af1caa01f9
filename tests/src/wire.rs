//! What strangers write to a port that speaks HTTP/1.1.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    task::JoinSet,
    time::timeout,
};

/// A request whose answer has [`TELLTALE`] in it: where that is seen, a body was taken for a request.
const SMUGGLED: &str = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
/// What only the answer to the smuggled request says.
pub const TELLTALE: &str = "alive";
/// Longest wait for an answer, far above what any takes.
const LONG: Duration = Duration::from_secs(60);

/// Requests that two readers may see the end of at different places, each with its name: a proxy passes on one request, and the
/// server behind it finds two.
pub fn smuggling(path: &str) -> Vec<(&'static str, Vec<u8>)> {
    let length = SMUGGLED.len();
    let chunked = format!("0\r\n\r\n{SMUGGLED}");
    let with = |headers: String, body: &str| format!("POST {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n{body}").into_bytes();
    let both = |transfer: &str| with(format!("Content-Length: {}\r\n{transfer}\r\n", chunked.len()), &chunked);
    vec![
        ("a length and chunks", both("Transfer-Encoding: chunked")),
        ("chunks in capitals", both("Transfer-Encoding: CHUNKED")),
        ("chunks behind a tab", both("Transfer-Encoding:\tchunked")),
        ("a blank before the colon", both("Transfer-Encoding : chunked")),
        ("a folded header", both("Transfer-Encoding:\r\n chunked")),
        ("chunks and another coding", both("Transfer-Encoding: chunked, identity")),
        ("chunks twice", both("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked")),
        ("an unknown coding", both("Transfer-Encoding: xchunked")),
        ("a coding with a line feed alone", both("X: y\nTransfer-Encoding: chunked")),
        ("a vertical tab before the coding", both("Transfer-Encoding: \x0bchunked")),
        ("two lengths", with(format!("Content-Length: 0\r\nContent-Length: {length}\r\n"), SMUGGLED)),
        ("two lengths in one", with(format!("Content-Length: 0, {length}\r\n"), SMUGGLED)),
        ("a length with a sign", with("Content-Length: +0\r\n".to_owned(), SMUGGLED)),
        ("a length below nothing", with("Content-Length: -1\r\n".to_owned(), SMUGGLED)),
        ("a length in hexadecimal", with("Content-Length: 0x0\r\n".to_owned(), SMUGGLED)),
        ("a length beyond 64 bits", with("Content-Length: 18446744073709551616\r\n".to_owned(), SMUGGLED)),
        (
            "a chunk's length beyond 64 bits",
            with("Transfer-Encoding: chunked\r\n".to_owned(), &format!("10000000000000000\r\n{SMUGGLED}")),
        ),
        ("a chunk's length with a blank", with("Transfer-Encoding: chunked\r\n".to_owned(), &format!("0 x\r\n\r\n{SMUGGLED}"))),
        (
            "a chunk without its end",
            with("Transfer-Encoding: chunked\r\n".to_owned(), &format!("1\r\nZZ\r\n0\r\n\r\n{SMUGGLED}")),
        ),
        ("a NUL in a name", both("Transfer\0-Encoding: chunked")),
        (
            "an upgrade to HTTP/2",
            with(
                format!(
                    "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\nContent-Length: {length}\r\n"
                ),
                SMUGGLED,
            ),
        ),
        (
            "a version of its own",
            format!("POST {path} HTTP/1.9\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{SMUGGLED}").into_bytes(),
        ),
    ]
}

/// Two requests of one connection, each with its end where it says: here the second one is answered.
pub fn honest_pair(path: &str) -> Vec<u8> {
    format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n{SMUGGLED}").into_bytes()
}

/// Requests that want more memory than any honest one, each with its name.
pub fn floods(path: &str) -> Vec<(&'static str, Vec<u8>)> {
    let post = format!("POST {path} HTTP/1.1\r\nHost: x\r\n");
    vec![
        ("a hundred thousand headers", (post.clone() + &"A: b\r\n".repeat(100_000) + "\r\n").into_bytes()),
        ("a header of eight megabytes", (post.clone() + "A: " + &"b".repeat(8 << 20) + "\r\n\r\n").into_bytes()),
        ("a path of eight megabytes", format!("POST /{} HTTP/1.1\r\nHost: x\r\n\r\n", "p".repeat(8 << 20)).into_bytes()),
        ("a method of eight megabytes", format!("{} / HTTP/1.1\r\nHost: x\r\n\r\n", "M".repeat(8 << 20)).into_bytes()),
        (
            "eight megabytes in chunks of one byte",
            (post.clone() + "Transfer-Encoding: chunked\r\n\r\n" + &"1\r\nx\r\n".repeat(8 << 17)).into_bytes(),
        ),
        (
            "a chunk's extension without an end",
            (post + "Transfer-Encoding: chunked\r\n\r\n1;" + &"e".repeat(8 << 20)).into_bytes(),
        ),
    ]
}

/// Writes all of it, as far as anyone reads, and returns all that is answered until the connection ends.
pub async fn raw(server: SocketAddr, bytes: &[u8]) -> String {
    let (mut reader, mut writer) = TcpStream::connect(server).await.unwrap().into_split();
    let mut answer = Vec::new();
    let writing = async {
        // Refused in the middle is as good, and so is one that ends the connection.
        let _ = writer.write_all(bytes).await;
        let _ = writer.shutdown().await;
    };
    let reading = reader.read_to_end(&mut answer);
    let (_, _) = timeout(LONG, async { tokio::join!(writing, reading) }).await.expect("the connection ends");
    String::from_utf8_lossy(&answer).into_owned()
}

/// Connections that send a head byte by byte and never come to its end.
pub struct SlowConnections {
    _dripping: JoinSet<()>,
    open: Arc<AtomicUsize>,
}

impl SlowConnections {
    /// Opens `count` of them, from as many addresses of this machine as the ports of one do not suffice for. Whoever is cut off comes
    /// again.
    pub fn open(server: SocketAddr, count: usize) -> Self {
        let (mut dripping, open) = (JoinSet::new(), Arc::<AtomicUsize>::default());
        for n in 0..count {
            let open = open.clone();
            dripping.spawn(async move {
                loop {
                    if let Some(stream) = connected(server, n).await {
                        open.fetch_add(1, Relaxed);
                        drip(stream).await;
                        open.fetch_sub(1, Relaxed);
                    }
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            });
        }
        Self { _dripping: dripping, open }
    }

    /// How many are open now.
    pub fn open_now(&self) -> usize {
        self.open.load(Relaxed)
    }
}

/// The connection of that number, if it is let in.
async fn connected(server: SocketAddr, n: usize) -> Option<TcpStream> {
    let socket = TcpSocket::new_v4().ok()?;
    let from = Ipv4Addr::new(127, 0, 1, 1 + (n / 10_000) as u8);
    socket.bind(SocketAddr::from((from, 0))).ok()?;
    timeout(LONG, socket.connect(server)).await.ok()?.ok()
}

/// A head without an end, until it is cut off.
async fn drip(mut stream: TcpStream) {
    let head = b"POST /api/webhooks/netbanx HTTP/1.1\r\nHost: x\r\nX-Slow: ".iter().copied().chain(std::iter::repeat(b'x'));
    for byte in head {
        if stream.write_all(&[byte]).await.is_err() {
            return;
        }
        let mut answer = [0; 512];
        if let Ok(Ok(_)) = timeout(Duration::from_secs(1), stream.read(&mut answer)).await {
            return;
        }
    }
}
