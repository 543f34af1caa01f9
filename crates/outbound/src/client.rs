//! One request, within limits: no redirects, a time-out, a bounded answer, and a connection to no address that is not allowed.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use reqwest::{
    Client, Proxy, Response,
    dns::{Addrs, Name, Resolve, Resolving},
    header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER},
    redirect,
};
use settings::OutboundSettings;

use crate::{
    schedule,
    signature::{ID, SIGNATURE, TIMESTAMP},
    target::{self, Policy},
};

/// Longest wait for a connection, TLS included.
const CONNECT: Duration = Duration::from_secs(5);
/// Longest time for all of it.
const WHOLE: Duration = Duration::from_secs(15);
/// Connections that are kept for an endpoint, and for how long.
const IDLE: (usize, Duration) = (8, Duration::from_secs(30));
/// The header of W3C Trace Context.
const TRACEPARENT: &str = "traceparent";
/// Bytes of an answer that are read at most.
const ANSWER: usize = 64 * 1024;
/// Bytes of it that are kept.
const EXCERPT: usize = 1024;

/// A client that follows no redirect, connects to no address that `settings` do not allow, and ends each request after `whole`.
/// An address in a URL itself is never looked up: [`Policy::read`] refuses it.
pub fn guarded(settings: &OutboundSettings, whole: Duration) -> Result<Client, reqwest::Error> {
    let client = Client::builder()
        .redirect(redirect::Policy::none())
        .connect_timeout(CONNECT.min(whole))
        .timeout(whole)
        .pool_max_idle_per_host(IDLE.0)
        .pool_idle_timeout(IDLE.1)
        .referer(false)
        .user_agent("netbanx-webhooks/1")
        .no_proxy();
    let client = match &settings.proxy {
        // It looks names up, and connects: what it may reach is its own to say.
        Some(proxy) => client.proxy(Proxy::all(proxy)?),
        None => client.dns_resolver(Arc::new(AllowedOnly(Policy::of(settings)))),
    };
    client.build()
}

/// Sends messages. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Sender {
    client: Client,
    policy: Policy,
}

/// What came of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// The status, if an answer came.
    pub status: Option<u16>,
    /// Why none came, without the address.
    pub error: Option<String>,
    /// Bytes that were read.
    pub size: usize,
    /// The beginning of the body.
    pub excerpt: Option<String>,
    /// What `Retry-After` asks for.
    pub retry_after: Option<Duration>,
}

impl Answer {
    fn failed(error: impl Into<String>) -> Self {
        Self { error: Some(error.into()), ..Self::default() }
    }

    /// Whether the message arrived.
    pub fn is_success(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }
}

/// A message as it is sent.
#[derive(Debug, Clone)]
pub struct Request<'m> {
    /// Where to.
    pub url: &'m str,
    /// The message's id.
    pub id: &'m str,
    /// In seconds since 1970 UTC.
    pub timestamp: i64,
    /// See [`crate::signature::sign`].
    pub signature: String,
    /// JSON.
    pub body: String,
    /// The W3C trace context that the receiver may go on in.
    pub traceparent: Option<String>,
}

impl Sender {
    /// A sender within `settings`. Variables such as `HTTP_PROXY` do not count, `OUTBOUND_PROXY` does.
    pub fn new(settings: &OutboundSettings) -> Result<Self, reqwest::Error> {
        Ok(Self { client: guarded(settings, WHOLE)?, policy: Policy::of(settings) })
    }

    /// Sends a message; takes `WHOLE` at most.
    pub async fn send(&self, request: Request<'_>, now_ms: i64) -> Answer {
        let timestamp = request.timestamp.to_string();
        let signed = [(ID, request.id), (TIMESTAMP, timestamp.as_str()), (SIGNATURE, request.signature.as_str())];
        let traced = request.traceparent.as_deref().map(|own| (TRACEPARENT, own));
        let headers: Vec<(&str, &str)> = signed.into_iter().chain(traced).collect();
        self.post(request.url, &headers, request.body, now_ms).await
    }

    /// Posts JSON; takes `WHOLE` at most.
    pub async fn post(&self, url: &str, headers: &[(&'static str, &str)], body: String, now_ms: i64) -> Answer {
        // Addresses in the URL itself are never looked up, and what is allowed may have changed since it was entered.
        let url = match self.policy.read(url) {
            Ok(url) => url,
            Err(refused) => return Answer::failed(refused.to_string()),
        };
        let sent = self.client.post(url).header(CONTENT_TYPE, "application/json").body(body);
        let sent = headers.iter().fold(sent, |sent, (name, value)| sent.header(*name, *value));
        match sent.send().await {
            Ok(answer) => read(answer, now_ms).await,
            Err(error) => Answer::failed(reason(&error)),
        }
    }
}

async fn read(mut answer: Response, now_ms: i64) -> Answer {
    let (status, retry_after) = (answer.status().as_u16(), asked(answer.headers(), now_ms));
    let (mut size, mut kept) = (0, Vec::new());
    let mut error = None;
    while size < ANSWER {
        match answer.chunk().await {
            Ok(Some(chunk)) => {
                size += chunk.len();
                kept.extend(chunk.iter().take(EXCERPT.saturating_sub(kept.len())));
            }
            Ok(None) => break,
            Err(broken) => {
                error = Some(format!("the answer broke off: {}", reason(&broken)));
                break;
            }
        }
    }
    Answer { status: Some(status), error, size, excerpt: excerpt(&kept), retry_after }
}

fn asked(headers: &HeaderMap, now_ms: i64) -> Option<Duration> {
    schedule::retry_after(headers.get(RETRY_AFTER)?.to_str().ok()?, now_ms)
}

/// The text of `bytes` for people: at most [`EXCERPT`] bytes, without control characters.
fn excerpt(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(bytes);
    let mut kept = String::new();
    for letter in text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }) {
        if kept.len() + letter.len_utf8() > EXCERPT {
            break;
        }
        kept.push(letter);
    }
    (!kept.is_empty()).then_some(kept)
}

/// Why no answer came, by the innermost cause, without the URL: its query may be a secret.
pub fn reason(error: &reqwest::Error) -> String {
    let kind = if error.is_timeout() {
        return "no answer in time".to_owned();
    } else if error.is_connect() {
        "no connection"
    } else {
        "no answer"
    };
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    if cause.downcast_ref::<reqwest::Error>().is_some() { kind.to_owned() } else { format!("{kind}: {cause}") }
}

/// Tells of a name's addresses those alone that are allowed: whatever is connected to was checked.
#[derive(Debug)]
struct AllowedOnly(Policy);

impl Resolve for AllowedOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let policy = self.0.clone();
        Box::pin(async move {
            let found = target::addresses(name.as_str()).await.ok_or("the name has no address")?;
            let allowed: Vec<SocketAddr> = found.into_iter().filter(|address| policy.allows(address.ip())).collect();
            if allowed.is_empty() {
                return Err("the name has no address that is allowed".into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_short_and_plain() {
        assert_eq!(excerpt(b""), None);
        assert_eq!(excerpt(b"a\r\n\0b\xff").as_deref(), Some("a   b\u{fffd}"));
        assert!(excerpt(&[0xff; 1024]).is_some_and(|text| text.len() <= EXCERPT));
    }
}
