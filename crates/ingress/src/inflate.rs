//! Compressed bodies: which codings are known, and what a body says, within a bound.

use std::io::Read;

use actix_web::http::header::{CONTENT_ENCODING, HeaderMap};
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use http_service::{Problem, ProblemKind};

/// How a body is coded (RFC 9110, 8.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    /// As it is.
    Identity,
    /// `gzip`, also under its old name.
    Gzip,
    /// `deflate`: zlib's format, and without its frame as some senders have it.
    Deflate,
}

impl Coding {
    /// The coding that the headers name. Several, and others, are refused.
    pub fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let mut coding = Self::Identity;
        for value in headers.get_all(CONTENT_ENCODING) {
            for name in value.to_str().unwrap_or("?").split(',').map(str::trim).filter(|name| !name.is_empty()) {
                let named = match name.to_ascii_lowercase().as_str() {
                    "identity" => Self::Identity,
                    "gzip" | "x-gzip" => Self::Gzip,
                    "deflate" => Self::Deflate,
                    _ => return Err(unsupported()),
                };
                match (coding, named) {
                    (_, Self::Identity) => {}
                    (Self::Identity, named) => coding = named,
                    _ => return Err(unsupported()),
                }
            }
        }
        Ok(coding)
    }
}

fn unsupported() -> Problem {
    Problem::new(ProblemKind::UnsupportedEncoding, "send the body as it is, or compressed once with gzip or deflate")
}

/// More comes out than the bound.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooLarge;

/// What `body` says; nothing where it is broken. Stops at `limit` bytes.
pub(crate) fn inflate(coding: Coding, body: &[u8], limit: usize) -> Result<Option<Vec<u8>>, TooLarge> {
    match coding {
        Coding::Identity => Ok(Some(body.to_vec())),
        Coding::Gzip => whole(MultiGzDecoder::new(body), limit),
        Coding::Deflate => match whole(ZlibDecoder::new(body), limit)? {
            Some(plain) => Ok(Some(plain)),
            None => whole(DeflateDecoder::new(body), limit),
        },
    }
}

fn whole(reader: impl Read, limit: usize) -> Result<Option<Vec<u8>>, TooLarge> {
    let mut plain = Vec::new();
    match reader.take(limit as u64 + 1).read_to_end(&mut plain) {
        Ok(_) if plain.len() > limit => Err(TooLarge),
        Ok(_) => Ok(Some(plain)),
        Err(_) => Ok(None),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Write;

    use actix_web::http::header::HeaderValue;
    use flate2::{
        Compression,
        write::{DeflateEncoder, GzEncoder, ZlibEncoder},
    };

    use super::*;

    macro_rules! packed {
        ($encoder:ident, $plain:expr) => {{
            let mut encoder = $encoder::new(Vec::new(), Compression::default());
            encoder.write_all($plain).unwrap();
            encoder.finish().unwrap()
        }};
    }

    #[test]
    fn each_coding_comes_back_within_its_bound() {
        let plain = br#"{"a":"b"}"#.repeat(100);
        for (coding, packed) in [
            (Coding::Gzip, packed!(GzEncoder, &plain)),
            (Coding::Deflate, packed!(ZlibEncoder, &plain)),
            (Coding::Deflate, packed!(DeflateEncoder, &plain)),
        ] {
            assert_eq!(inflate(coding, &packed, plain.len()), Ok(Some(plain.clone())));
            assert_eq!(inflate(coding, &packed, plain.len() - 1), Err(TooLarge));
            assert_eq!(inflate(coding, packed.get(..packed.len() / 2).unwrap(), plain.len()), Ok(None));
        }
        let bomb = packed!(GzEncoder, &vec![0; 50 << 20]);
        assert_eq!(inflate(Coding::Gzip, &bomb, 1 << 18), Err(TooLarge));
    }

    #[test]
    fn codings_by_their_names() {
        let named = |values: &[&'static str]| {
            let values = values.iter().map(|value| (CONTENT_ENCODING, HeaderValue::from_static(value)));
            Coding::of(&values.collect::<HeaderMap>()).ok()
        };
        assert_eq!(named(&[]), Some(Coding::Identity));
        assert_eq!(named(&["identity"]), Some(Coding::Identity));
        assert_eq!(named(&["GZIP"]), Some(Coding::Gzip));
        assert_eq!(named(&["x-gzip, identity"]), Some(Coding::Gzip));
        assert_eq!(named(&["deflate"]), Some(Coding::Deflate));
        for other in [&["compress"][..], &["br"], &["zstd"], &["gzip, gzip"], &["gzip", "deflate"], &["aes128gcm"]] {
            assert_eq!(named(other), None, "{other:?}");
        }
    }
}
