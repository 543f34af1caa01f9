//! An answer as it is kept: serialised once, tagged once, compressed once.

use std::{
    io::Write,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use flate2::{Compression, write::GzEncoder};
use redis_client::fred::bytes::Bytes;
use ring::digest;

/// Bodies of fewer bytes are not compressed: it would not pay.
const COMPRESS_FROM: usize = 1024;
/// Bytes of the fixed head of a stored entry: version, time, digest, length of the plain body.
const HEAD: usize = 8 + 8 + 32 + 8;

/// A computed answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The version of its tag before it was computed.
    pub version: u64,
    /// When it was computed, in milliseconds since 1970 UTC.
    pub computed_ms: u64,
    digest: [u8; 32],
    /// The body.
    pub plain: Bytes,
    /// The same compressed by gzip, where that pays.
    pub gzip: Option<Bytes>,
}

impl Entry {
    /// The entry of `data`, which `wrap` makes a body of. Where the data are those of `before`, its
    /// body stays, and with it its ETag.
    pub(crate) fn new(version: u64, data: &[u8], wrap: impl Fn(&[u8]) -> Vec<u8>, before: Option<&Self>) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, data).as_ref());
        let computed_ms = now_ms();
        if let Some(before) = before.filter(|before| before.digest == hash) {
            return Self { version, computed_ms, ..before.clone() };
        }
        let plain = wrap(data);
        let gzip = compress(&plain).map(Bytes::from);
        Self { version, computed_ms, digest: hash, plain: plain.into(), gzip }
    }

    /// The strong ETag of the plain or the compressed form, with its quotes.
    pub fn etag(&self, compressed: bool) -> String {
        let body = digest::digest(&digest::SHA256, &self.plain);
        let text = URL_SAFE_NO_PAD.encode(body.as_ref().get(..15).unwrap_or_default());
        if compressed { format!("\"{text}-gzip\"") } else { format!("\"{text}\"") }
    }

    /// How long ago it was computed.
    pub fn age(&self) -> Duration {
        Duration::from_millis(now_ms().saturating_sub(self.computed_ms))
    }

    /// Bytes that it takes.
    pub(crate) fn weight(&self) -> u32 {
        let bodies = self.plain.len() + self.gzip.as_ref().map_or(0, Bytes::len);
        u32::try_from(bodies + 200).unwrap_or(u32::MAX)
    }

    pub(crate) fn encode(&self) -> Bytes {
        let gzip = self.gzip.as_deref().unwrap_or_default();
        let mut bytes = Vec::with_capacity(HEAD + self.plain.len() + gzip.len());
        bytes.extend_from_slice(&self.version.to_be_bytes());
        bytes.extend_from_slice(&self.computed_ms.to_be_bytes());
        bytes.extend_from_slice(&self.digest);
        bytes.extend_from_slice(&(self.plain.len() as u64).to_be_bytes());
        bytes.extend_from_slice(&self.plain);
        bytes.extend_from_slice(gzip);
        bytes.into()
    }

    pub(crate) fn decode(bytes: &Bytes) -> Option<Self> {
        let number = |at: usize| Some(u64::from_be_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
        let end = HEAD.checked_add(usize::try_from(number(48)?).ok()?)?;
        if bytes.len() < end {
            return None;
        }
        let gzip = bytes.slice(end..);
        Some(Self {
            version: number(0)?,
            computed_ms: number(8)?,
            digest: bytes.get(16..48)?.try_into().ok()?,
            plain: bytes.slice(HEAD..end),
            gzip: (!gzip.is_empty()).then_some(gzip),
        })
    }
}

fn compress(plain: &[u8]) -> Option<Vec<u8>> {
    if plain.len() < COMPRESS_FROM {
        return None;
    }
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 3), Compression::fast());
    encoder.write_all(plain).ok()?;
    encoder.finish().ok().filter(|packed| packed.len() < plain.len())
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_round_trips_and_keeps_its_body_while_its_data_stay() {
        for data in [b"short".to_vec(), b"long ".repeat(1000)] {
            let wrap = |data: &[u8]| [data, b"!"].concat();
            let first = Entry::new(7, &data, wrap, None);
            assert_eq!(Entry::decode(&first.encode()).unwrap(), first);
            assert_eq!(first.gzip.is_some(), data.len() > COMPRESS_FROM);
            let again = Entry::new(8, &data, |data| [data, b"?"].concat(), Some(&first));
            assert_eq!((again.version, again.etag(false), &again.plain), (8, first.etag(false), &first.plain));
            let other = Entry::new(8, b"other", wrap, Some(&first));
            assert_ne!(other.etag(false), first.etag(false));
            assert_ne!(first.etag(false), first.etag(true));
        }
        assert_eq!(Entry::decode(&Bytes::from_static(b"cut")), None);
        assert_eq!(Entry::decode(&Bytes::from(vec![255; HEAD])), None);
    }
}
