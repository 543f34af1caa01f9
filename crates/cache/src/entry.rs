//! An answer as it is kept: serialised once, tagged once, compressed once.

use std::{
    io::{Read, Write},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use redis_client::fred::bytes::Bytes;
use ring::digest;

/// Bodies of fewer bytes are not compressed: it would not pay.
const COMPRESS_FROM: usize = 1024;
/// Bytes of a body's tag.
const TAG: usize = 16;
/// Bytes of the fixed head of a stored entry: version, time, digest, tag, length of the plain body.
const HEAD: usize = 8 + 8 + 32 + TAG + 8;
/// In that length: the body is compressed.
const PACKED: u64 = 1 << 63;
/// Longest plain body that a stored entry may unfold to.
const MOST: u64 = 256 * 1024 * 1024;

/// A computed answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The version of its tag before it was computed.
    pub version: u64,
    /// When it was computed, in milliseconds since 1970 UTC.
    pub computed_ms: u64,
    digest: [u8; 32],
    tag: [u8; TAG],
    /// The body.
    pub plain: Bytes,
    /// The same compressed by gzip, where that pays.
    pub gzip: Option<Bytes>,
}

impl Entry {
    /// The entry of `data` at `place`, which `wrap` makes a body of. Where the data are those of
    /// `before`, its body stays, and with it its ETag. Equal bodies of two places have two ETags: what
    /// one company holds tells nothing of another.
    pub(crate) fn new(version: u64, place: &[u8], data: &[u8], wrap: impl Fn(&[u8]) -> Vec<u8>, before: Option<&Self>) -> Self {
        let hash = sha256(&[data]);
        let computed_ms = clock::now_ms().unsigned_abs();
        if let Some(before) = before.filter(|before| before.digest == hash) {
            return Self { version, computed_ms, ..before.clone() };
        }
        let plain = wrap(data);
        let gzip = compress(&plain).map(Bytes::from);
        let mut tag = [0; TAG];
        tag.copy_from_slice(sha256(&[place, &plain]).get(..TAG).unwrap_or(&[0; TAG]));
        Self { version, computed_ms, digest: hash, tag, plain: plain.into(), gzip }
    }

    /// The strong ETag of the plain or the compressed form, without its quotes.
    pub fn etag(&self, compressed: bool) -> String {
        let text = URL_SAFE_NO_PAD.encode(self.tag);
        if compressed { format!("{text}-gzip") } else { text }
    }

    /// How long ago it was computed. One that was computed later than now is as old as the clock is wrong: it must not be
    /// taken for new until a clock that was set back has come as far again.
    pub fn age(&self) -> Duration {
        Duration::from_millis(clock::now_ms().unsigned_abs().abs_diff(self.computed_ms))
    }

    /// Bytes that it takes.
    pub(crate) fn weight(&self) -> u32 {
        let bodies = self.plain.len() + self.gzip.as_ref().map_or(0, Bytes::len);
        u32::try_from(bodies + 200).unwrap_or(u32::MAX)
    }

    /// As Redis keeps it: the compressed body alone where there is one.
    pub(crate) fn encode(&self) -> Bytes {
        let body = self.gzip.as_ref().unwrap_or(&self.plain);
        let length = self.plain.len() as u64 | if self.gzip.is_some() { PACKED } else { 0 };
        let mut bytes = Vec::with_capacity(HEAD + body.len());
        bytes.extend_from_slice(&self.version.to_be_bytes());
        bytes.extend_from_slice(&self.computed_ms.to_be_bytes());
        bytes.extend_from_slice(&self.digest);
        bytes.extend_from_slice(&self.tag);
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(body);
        bytes.into()
    }

    pub(crate) fn decode(bytes: &Bytes) -> Option<Self> {
        let number = |at: usize| Some(u64::from_be_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
        let told = number(48 + TAG)?;
        let (is_packed, length) = (told & PACKED != 0, told & !PACKED);
        // That length is the end of the head: it is all there.
        let body = (length <= MOST).then(|| bytes.slice(HEAD..))?;
        let (plain, gzip) = if is_packed { (unpack(&body, length)?, Some(body)) } else { (body, None) };
        Some(Self {
            version: number(0)?,
            computed_ms: number(8)?,
            digest: bytes.get(16..48)?.try_into().ok()?,
            tag: bytes.get(48..48 + TAG)?.try_into().ok()?,
            plain: Some(plain).filter(|plain| plain.len() as u64 == length)?,
            gzip,
        })
    }
}

/// The plain form of a compressed body, if it has that length.
fn unpack(packed: &[u8], length: u64) -> Option<Bytes> {
    // What is stored may be cut or another's: the room is made as it is filled.
    let mut plain = Vec::with_capacity(usize::try_from(length).ok()?.min(packed.len().saturating_mul(16)));
    GzDecoder::new(packed).take(length + 1).read_to_end(&mut plain).ok()?;
    Some(plain.into())
}

fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = digest::Context::new(&digest::SHA256);
    for part in parts {
        hash.update(part);
    }
    let mut sum = [0; 32];
    sum.copy_from_slice(hash.finish().as_ref());
    sum
}

fn compress(plain: &[u8]) -> Option<Vec<u8>> {
    if plain.len() < COMPRESS_FROM {
        return None;
    }
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 3), Compression::fast());
    encoder.write_all(plain).ok()?;
    encoder.finish().ok().filter(|packed| packed.len() < plain.len())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_round_trips_and_keeps_its_body_while_its_data_stay() {
        for data in [b"short".to_vec(), b"long ".repeat(1000)] {
            let wrap = |data: &[u8]| [data, b"!"].concat();
            let first = Entry::new(7, b"here", &data, wrap, None);
            assert_eq!(Entry::decode(&first.encode()).unwrap(), first);
            assert_eq!(first.gzip.is_some(), data.len() > COMPRESS_FROM);
            let again = Entry::new(8, b"here", &data, |data| [data, b"?"].concat(), Some(&first));
            assert_eq!((again.version, again.etag(false), &again.plain), (8, first.etag(false), &first.plain));
            let other = Entry::new(8, b"here", b"other", wrap, Some(&first));
            assert_ne!(other.etag(false), first.etag(false));
            assert_ne!(first.etag(false), first.etag(true));
            assert_ne!(Entry::new(7, b"there", &data, wrap, None).etag(false), first.etag(false));
        }
        assert_eq!(Entry::decode(&Bytes::from_static(b"cut")), None);
        assert_eq!(Entry::decode(&Bytes::from(vec![255; HEAD])), None);
    }

    #[test]
    fn a_body_is_compressed_from_a_size_on_where_that_pays() {
        let packed = |data: &[u8]| Entry::new(7, b"here", data, <[u8]>::to_vec, None).gzip;
        assert!(packed(&[b'a'; COMPRESS_FROM]).is_some() && packed(&[b'a'; COMPRESS_FROM - 1]).is_none());
        // What has no pattern grows.
        let noise: Vec<u8> = (0_u64..64).flat_map(|n| sha256(&[&n.to_be_bytes()])).collect();
        assert_eq!(packed(&noise), None);
    }

    #[test]
    fn an_entry_takes_what_its_bodies_take_and_somewhat_more() {
        let entry = Entry::new(7, b"here", &b"long ".repeat(1000), <[u8]>::to_vec, None);
        let bodies = 5000 + entry.gzip.as_ref().unwrap().len() as u32;
        assert_eq!(entry.weight(), bodies + 200);
    }

    #[test]
    fn an_entry_is_as_old_as_the_clock_says_either_way() {
        let entry = Entry::new(7, b"here", b"data", <[u8]>::to_vec, None);
        assert!(entry.age() < Duration::from_secs(60));
        for computed_ms in [entry.computed_ms - 3_600_000, entry.computed_ms + 3_600_000] {
            let moved = Entry { computed_ms, ..entry.clone() };
            assert!(moved.age().abs_diff(Duration::from_secs(3600)) < Duration::from_secs(60), "{:?}", moved.age());
        }
    }

    #[test]
    fn what_is_stored_is_the_compressed_body_and_no_more_of_it_is_believed_than_it_holds() {
        let data = b"long ".repeat(10_000);
        let entry = Entry::new(7, b"here", &data, <[u8]>::to_vec, None);
        let stored = entry.encode();
        assert!(stored.len() < data.len() / 10, "{}", stored.len());
        assert_eq!(Entry::decode(&stored).unwrap().plain, data);
        for length in [0, data.len() as u64 - 1, data.len() as u64 + 1, MOST, u64::MAX >> 1] {
            let mut lies = stored.to_vec();
            lies[48 + TAG..HEAD].copy_from_slice(&(length | PACKED).to_be_bytes());
            assert_eq!(Entry::decode(&lies.into()), None, "{length}");
        }
        assert_eq!(Entry::decode(&stored.slice(..stored.len() - 9)), None, "it is cut");
    }
}
