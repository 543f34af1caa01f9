//! A request's body, read within its bounds: of size, of time, and of what all bodies in flight may take together.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use actix_web::{
    error::PayloadError,
    http::header::{CONTENT_LENGTH, HeaderMap},
    web::{Bytes, BytesMut},
};
use futures::{Stream, StreamExt};
use http_service::{Problem, ProblemKind};
use serde::de::IgnoredAny;

use crate::inflate::{Coding, inflate};

/// Bytes of a body at most, compressed or not.
pub(crate) const LIMIT: usize = 256 * 1024;

/// The first bytes of what gzip wrote, which no text begins with (RFC 1952, 2.3.1).
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// How long what a refused request still sends is read, so that its sender sees the refusal.
const DRAIN: Duration = Duration::from_millis(500);

/// The bounds of all bodies. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Bounds {
    in_flight: Arc<AtomicUsize>,
    /// Bytes of all bodies in flight at most.
    memory: usize,
    /// How long a body may take from its request's head.
    time: Duration,
}

/// Bytes that a body takes of what there is for all; released when it goes.
#[derive(Debug)]
struct Share {
    bounds: Bounds,
    bytes: usize,
}

impl Share {
    fn take(&mut self, bytes: usize) -> Result<(), Problem> {
        let before = self.bounds.in_flight.fetch_add(bytes, Ordering::Relaxed);
        self.bytes += bytes;
        if before + bytes > self.bounds.memory {
            return Err(Problem::new(ProblemKind::Unavailable, "too many bodies are being received; send it again"));
        }
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.bounds.in_flight.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// A body that was received.
#[derive(Debug)]
pub(crate) struct Body {
    /// As it came.
    pub raw: Bytes,
    content: Content,
    _share: Share,
}

/// What a body says.
#[derive(Debug)]
enum Content {
    /// What came.
    AsItCame,
    /// What came was compressed.
    Inflated(Bytes),
    /// What came is broken as a compressed body.
    Broken,
}

impl Body {
    /// What it says; nothing where it cannot be inflated.
    pub fn plain(&self) -> Option<&Bytes> {
        match &self.content {
            Content::AsItCame => Some(&self.raw),
            Content::Inflated(plain) => Some(plain),
            Content::Broken => None,
        }
    }

    /// The forms in which it may have been signed: as it came and, if it came compressed, what it says.
    pub fn signed_forms(&self) -> (&[u8], Option<&[u8]>) {
        let plain = if let Content::Inflated(plain) = &self.content { Some(plain.as_ref()) } else { None };
        (&self.raw, plain)
    }
}

impl Bounds {
    pub fn new(memory: usize, time: Duration) -> Self {
        Self { in_flight: Arc::default(), memory, time }
    }

    /// Reads the whole of `body`. On a refusal what is left of it is read for a moment, and thrown away; the error says
    /// whether its end was reached, so that the connection can go on.
    pub async fn read<S>(&self, headers: &HeaderMap, mut body: S) -> Result<Body, (Problem, IsAtEnd)>
    where
        S: Stream<Item = Result<Bytes, PayloadError>> + Unpin,
    {
        let refused = match self.read_whole(headers, &mut body).await {
            Ok(read) => return Ok(read),
            Err(refused) => refused,
        };
        let is_at_end = if matches!(refused.kind(), ProblemKind::TooLarge | ProblemKind::BodyTimeout | ProblemKind::Unavailable) {
            IsAtEnd(false)
        } else {
            drain(body).await
        };
        Err((refused, is_at_end))
    }

    async fn read_whole<S>(&self, headers: &HeaderMap, body: &mut S) -> Result<Body, Problem>
    where
        S: Stream<Item = Result<Bytes, PayloadError>> + Unpin,
    {
        if declares_too_much(headers) {
            return Err(too_large());
        }
        let coding = Coding::of(headers)?;
        let mut share = Share { bounds: self.clone(), bytes: 0 };
        let raw = tokio::time::timeout(self.time, pieces(body, &mut share)).await.map_err(|_| {
            Problem::new(ProblemKind::BodyTimeout, format!("the body did not come within {} s", self.time.as_secs()))
        })??;
        // A gateway may add and take off a coding, and leave what the head says of it.
        let is_gzip = coding == Coding::Identity && raw.starts_with(&GZIP);
        let content = match if is_gzip { Coding::Gzip } else { coding } {
            Coding::Identity => Content::AsItCame,
            compressed => match inflate(compressed, &raw, LIMIT).map_err(|_| too_large())? {
                Some(plain) => {
                    share.take(plain.len())?;
                    Content::Inflated(plain.into())
                }
                None if serde_json::from_slice::<IgnoredAny>(&raw).is_ok() => Content::AsItCame,
                None => Content::Broken,
            },
        };
        Ok(Body { raw, content, _share: share })
    }
}

/// Whether a body was read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IsAtEnd(pub bool);

/// Reads what is left of `body` for a moment.
pub(crate) async fn drain<S>(mut body: S) -> IsAtEnd
where
    S: Stream<Item = Result<Bytes, PayloadError>> + Unpin,
{
    let rest = async {
        let mut left = LIMIT;
        while let Some(piece) = body.next().await {
            let Ok(piece) = piece else { return false };
            let Some(rest) = left.checked_sub(piece.len()) else { return false };
            left = rest;
        }
        true
    };
    IsAtEnd(tokio::time::timeout(DRAIN, rest).await.unwrap_or(false))
}

fn too_large() -> Problem {
    Problem::new(ProblemKind::TooLarge, "a webhook has 256 KiB at most")
}

/// Whether `Content-Length` is more than is read; a number that is too large for a number is.
fn declares_too_much(headers: &HeaderMap) -> bool {
    let declared = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()).map(str::trim);
    declared.is_some_and(|text| {
        !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_digit())
            && text.parse().map_or(true, |length: usize| length > LIMIT)
    })
}

/// The pieces of `body`, joined. A body that comes in one piece, as nearly all do, is not copied.
async fn pieces<S>(body: &mut S, share: &mut Share) -> Result<Bytes, Problem>
where
    S: Stream<Item = Result<Bytes, PayloadError>> + Unpin,
{
    let (mut first, mut all) = (Bytes::new(), BytesMut::new());
    while let Some(piece) = body.next().await {
        let piece = piece.map_err(|error| match error {
            PayloadError::Overflow => too_large(),
            _ => Problem::new(ProblemKind::BodyUnreadable, "the body ended early or is badly framed"),
        })?;
        if first.len().max(all.len()) + piece.len() > LIMIT {
            return Err(too_large());
        }
        share.take(piece.len())?;
        if first.is_empty() {
            first = piece;
            continue;
        }
        if all.is_empty() {
            all.extend_from_slice(&first);
        }
        all.extend_from_slice(&piece);
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use actix_web::http::header::{CONTENT_ENCODING, HeaderValue};
    use futures::stream;

    use super::*;

    fn bounds() -> Bounds {
        Bounds::new(2 * LIMIT, Duration::from_secs(60))
    }

    async fn read_pieces(pieces: Vec<Result<Bytes, PayloadError>>) -> Result<Bytes, ProblemKind> {
        let read = bounds().read(&HeaderMap::new(), stream::iter(pieces)).await;
        read.map(|body| body.raw.clone()).map_err(|(problem, _)| problem.kind())
    }

    #[actix_web::test]
    async fn pieces_are_joined_in_their_order_up_to_the_bound() {
        let piece = |text: &'static str| Ok(Bytes::from_static(text.as_bytes()));
        assert_eq!(read_pieces(vec![]).await.unwrap(), "");
        assert_eq!(read_pieces(vec![piece(""), piece("one")]).await.unwrap(), "one");
        assert_eq!(read_pieces(vec![piece("one"), piece(" two"), piece(""), piece(" three")]).await.unwrap(), "one two three");
        let long = |length: usize| Ok(Bytes::from(vec![b' '; length]));
        assert_eq!(read_pieces(vec![long(LIMIT - 2), piece("ab")]).await.unwrap().len(), LIMIT);
        for too_long in [vec![long(LIMIT + 1)], vec![long(LIMIT - 2), piece("ab"), piece("c")]] {
            assert_eq!(read_pieces(too_long).await.unwrap_err(), ProblemKind::TooLarge);
        }
        let broken = vec![piece("one"), Err(PayloadError::Incomplete(None))];
        assert_eq!(read_pieces(broken).await.unwrap_err(), ProblemKind::BodyUnreadable);
    }

    #[actix_web::test]
    async fn a_length_that_is_too_much_is_refused_without_reading() {
        for (length, is_refused) in
            [("262144", false), ("262145", true), ("99999999999", true), ("99999999999999999999999999", true), ("", false)]
        {
            let headers = HeaderMap::from_iter([(CONTENT_LENGTH, HeaderValue::from_static(length))]);
            assert_eq!(declares_too_much(&headers), is_refused, "{length}");
        }
    }

    #[actix_web::test]
    async fn all_bodies_in_flight_share_their_memory_and_give_it_back() {
        let bounds = Bounds::new(10, Duration::from_secs(60));
        let six = || stream::iter([Ok::<_, PayloadError>(Bytes::from_static(b"sixsix"))]);
        let first = bounds.read(&HeaderMap::new(), six()).await.unwrap();
        let (refused, _) = bounds.read(&HeaderMap::new(), six()).await.unwrap_err();
        assert_eq!(refused.kind(), ProblemKind::Unavailable);
        drop(first);
        assert!(bounds.read(&HeaderMap::new(), six()).await.is_ok());
        assert_eq!(bounds.in_flight.load(Ordering::Relaxed), 0);
    }

    #[actix_web::test]
    async fn a_body_that_drips_ends() {
        let bounds = Bounds::new(LIMIT, Duration::from_millis(30));
        let (refused, IsAtEnd(is_at_end)) = bounds.read(&HeaderMap::new(), stream::pending()).await.unwrap_err();
        assert_eq!((refused.kind(), is_at_end), (ProblemKind::BodyTimeout, false));
    }

    #[actix_web::test]
    async fn a_compressed_body_may_be_signed_in_either_form() {
        let headers = HeaderMap::from_iter([(CONTENT_ENCODING, HeaderValue::from_static("gzip"))]);
        let broken = bounds().read(&headers, stream::iter([Ok(Bytes::from_static(b"no gzip"))])).await.unwrap();
        assert!(broken.plain().is_none());
        assert_eq!(broken.signed_forms(), (&b"no gzip"[..], None));
        let plain = bounds().read(&headers, stream::iter([Ok(Bytes::from_static(b"[1]"))])).await.unwrap();
        assert_eq!(plain.plain().unwrap(), "[1]");
    }
}
