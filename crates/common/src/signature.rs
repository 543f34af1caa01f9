//! Webhook signatures: HMAC-SHA-256 of the body under the receiver's key.
//!
//! Senders spell the same 32 bytes in many ways: base64 (Paysafe's own form) or base64url, padded or not, or hex; bare or
//! behind `sha256=` or `v1,`; several in one header while a key is rotated; beside headers of the same name that mean
//! something else. All spellings are decoded first, so each key costs one HMAC, never one per form.

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};
use ring::hmac;
use subtle::ConstantTimeEq;

/// Header names that carry a signature.
pub const HEADERS: [&str; 4] = ["signature", "x-paysafe-signature", "x-netbanx-signature", "x-signature"];

/// Signatures of one header that are compared at most: what stands in one does not hide those of another.
pub const MAX_OF_HEADER: usize = 8;

/// Signatures of one request that are compared at most.
const MAX_CANDIDATES: usize = MAX_OF_HEADER * HEADERS.len();

/// What stands before a signature in some spellings; compared without regard to case.
const PREFIXES: [&str; 6] = ["sha256=", "sha256:", "hmac-sha256=", "v1=", "v1:", "signature="];

/// What may stand around a signature.
const QUOTES: [char; 2] = ['"', '\''];

const ANY_PADDING: GeneralPurposeConfig = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, ANY_PADDING);
const BASE64URL: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, ANY_PADDING);

/// The 32 bytes of an HMAC-SHA-256.
type Tag = [u8; 32];

/// The signatures that a request carries, decoded: at most [`MAX_OF_HEADER`] of each header.
#[derive(Debug, Clone, Copy, Default)]
pub struct Candidates {
    tags: [Tag; MAX_CANDIDATES],
    count: usize,
}

impl Candidates {
    /// Reads every value of one signature header, in the order given. A value may hold several signatures, separated by
    /// commas or blanks; what has the shape of none is passed over.
    pub fn gather<'v>(values: impl IntoIterator<Item = &'v str>) -> Self {
        Self::default().and(values)
    }

    /// The same and those of another header.
    #[must_use]
    pub fn and<'v>(mut self, values: impl IntoIterator<Item = &'v str>) -> Self {
        let tokens = values.into_iter().flat_map(|value| value.split(|c: char| c == ',' || c == ';' || c.is_whitespace()));
        for tag in tokens.filter_map(decode).take(MAX_OF_HEADER) {
            if let Some(slot) = self.tags.get_mut(self.count) {
                *slot = tag;
                self.count += 1;
            }
        }
        self
    }

    /// Whether nothing in the headers had the shape of a signature.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether any of `keys` made any of these signatures for any of `bodies`, the forms in which one body may have been
    /// signed. Takes the same time wherever two tags differ.
    pub fn verifies<'k>(&self, keys: impl IntoIterator<Item = &'k hmac::Key>, bodies: &[&[u8]]) -> bool {
        let tags = self.tags.get(..self.count).unwrap_or_default();
        if tags.is_empty() {
            return false;
        }
        keys.into_iter().any(|key| {
            bodies.iter().any(|body| {
                let made = hmac::sign(key, body);
                let found = tags.iter().fold(subtle::Choice::from(0), |found, tag| found | made.as_ref().ct_eq(tag.as_slice()));
                found.into()
            })
        })
    }
}

/// One signature in any of its spellings.
fn decode(token: &str) -> Option<Tag> {
    let token = token.trim_matches(QUOTES);
    let is_prefix = |prefix: &&&str| token.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    let bare = PREFIXES.iter().find(is_prefix).and_then(|prefix| token.get(prefix.len()..)).unwrap_or(token).trim_matches(QUOTES);
    let mut tag = [0; 32];
    match bare.len() {
        64 => hex::decode_to_slice(bare, &mut tag).ok()?,
        43 | 44 => {
            // Room for what the decoder asks for beforehand.
            let mut room = [0; 36];
            let length = BASE64.decode_slice(bare, &mut room).or_else(|_| BASE64URL.decode_slice(bare, &mut room)).ok()?;
            tag = room.get(..length)?.try_into().ok()?;
        }
        _ => return None,
    }
    Some(tag)
}

/// How a stored secret's text becomes key bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyEncoding {
    /// The text's own bytes, as the Paysafe portal means it.
    Utf8,
    /// Standard base64.
    Base64,
    /// Hexadecimal.
    Hex,
}

/// A secret's text does not fit its encoding, or is empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the key is empty or does not fit its encoding")]
pub struct BadKey;

impl KeyEncoding {
    /// The name used in commands and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Utf8 => "utf8",
            Self::Base64 => "base64",
            Self::Hex => "hex",
        }
    }

    /// The encoding of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Utf8, Self::Base64, Self::Hex].into_iter().find(|e| e.as_str() == name)
    }

    /// Prepares the HMAC key once, so that a request only pays for the digest.
    pub fn key(self, text: &str) -> Result<hmac::Key, BadKey> {
        Ok(hmac::Key::new(hmac::HMAC_SHA256, &self.bytes(text)?))
    }

    /// How many bytes the key has; 0 of a text that does not fit.
    pub fn length(self, text: &str) -> usize {
        self.bytes(text).map_or(0, |bytes| bytes.len())
    }

    fn bytes(self, text: &str) -> Result<Vec<u8>, BadKey> {
        let bytes = match self {
            Self::Utf8 => text.as_bytes().to_vec(),
            Self::Base64 => STANDARD.decode(text).map_err(|_| BadKey)?,
            Self::Hex => hex::decode(text).map_err(|_| BadKey)?,
        };
        if bytes.is_empty() { Err(BadKey) } else { Ok(bytes) }
    }
}

/// Signs `body` as Paysafe does: base64 of the HMAC.
pub fn sign(key: &hmac::Key, body: &[u8]) -> String {
    STANDARD.encode(hmac::sign(key, body))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

    fn key(text: &str) -> hmac::Key {
        KeyEncoding::Utf8.key(text).unwrap()
    }

    /// Every spelling of the signature of `body` under `key`.
    fn spellings(key: &hmac::Key, body: &[u8]) -> Vec<String> {
        let digest = hmac::sign(key, body);
        let (hex, upper) = (hex::encode(digest), hex::encode_upper(digest));
        let mut bare = vec![hex, upper];
        bare.extend([&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD].map(|engine| engine.encode(digest)));
        let forms = ["", "sha256=", "SHA256=", "sha256= ", "v1,", "v1, ", "v1=", " ", "OLD,", "t=17,v1=", "\""];
        forms.iter().flat_map(|form| bare.iter().map(move |bare| format!("{form}{bare}"))).collect()
    }

    #[test]
    fn every_spelling_verifies_and_only_under_its_key_and_body() {
        // Bodies whose signatures have both characters in which the base64 alphabets differ.
        for body in (0..40).map(|n| format!("{{\"n\":{n}}}")) {
            for spelling in spellings(&key("portal-key"), body.as_bytes()) {
                let candidates = Candidates::gather([spelling.as_str()]);
                assert!(candidates.verifies([&key("other"), &key("portal-key")], &[b"", body.as_bytes()]), "{spelling}");
                assert!(!candidates.verifies([&key("other")], &[body.as_bytes()]), "{spelling}");
                assert!(!candidates.verifies([&key("portal-key")], &[b"{ }"]), "{spelling}");
            }
        }
    }

    #[test]
    fn a_foreign_value_does_not_hide_the_right_one() {
        let right = sign(&key("k"), b"{}");
        let rotated = format!("{},{right}", sign(&key("old"), b"{}"));
        for values in [vec!["sig1=:AAAA:", &right], vec!["AAAA", &right], vec![&right, "AAAA"], vec![&rotated]] {
            assert!(Candidates::gather(values.iter().copied()).verifies([&key("k")], &[b"{}"]), "{values:?}");
        }
    }

    #[test]
    fn a_signature_that_is_told_twice_is_one() {
        let right = sign(&key("k"), b"{}");
        let twice = Candidates::gather([right.as_str(), right.as_str()]);
        assert!(twice.verifies([&key("k")], &[b"{}"]) && !twice.is_empty());
        assert!(twice.and([right.as_str(), right.as_str()]).verifies([&key("k")], &[b"{}"]));
    }

    #[test]
    fn so_many_are_compared_and_no_more() {
        let (wrong, right) = (sign(&key("wrong"), b""), sign(&key("k"), b""));
        let behind = |count: usize| Candidates::gather(vec![wrong.as_str(); count].into_iter().chain([right.as_str()]));
        assert!(behind(MAX_OF_HEADER - 1).verifies([&key("k")], &[b""]));
        assert!(!behind(MAX_OF_HEADER).verifies([&key("k")], &[b""]));
        // Another header has its own share, as many as there are.
        let full = (1..HEADERS.len()).fold(Candidates::default(), |all, _| all.and([wrong.as_str(); 9]));
        assert!(full.and([right.as_str()]).verifies([&key("k")], &[b""]));
        assert!(!full.and([wrong.as_str(); 9]).and([right.as_str()]).verifies([&key("k")], &[b""]));
    }

    #[test]
    fn other_shapes_are_none() {
        for bad in
            ["", "sha256=", "abc", &"z".repeat(64), &"!".repeat(44), "Bearer x", "ünïcödé=", &"A".repeat(45), &"=".repeat(44)]
        {
            let candidates = Candidates::gather([bad]);
            assert!(candidates.is_empty() && !candidates.verifies([&key("k")], &[b""]), "{bad}");
        }
    }

    #[test]
    fn keys_by_encoding_agree() {
        let body = b"x";
        let plain = sign(&KeyEncoding::Utf8.key("secret").unwrap(), body);
        assert_eq!(plain, sign(&KeyEncoding::Base64.key("c2VjcmV0").unwrap(), body));
        assert_eq!(plain, sign(&KeyEncoding::Hex.key("736563726574").unwrap(), body));
        assert!(KeyEncoding::Hex.key("xyz").is_err());
        assert!(KeyEncoding::Utf8.key("").is_err());
        for (encoding, name, text) in [
            (KeyEncoding::Utf8, "utf8", "secret"),
            (KeyEncoding::Base64, "base64", "c2VjcmV0"),
            (KeyEncoding::Hex, "hex", "736563726574"),
        ] {
            assert_eq!((encoding.as_str(), KeyEncoding::parse(name), encoding.length(text)), (name, Some(encoding), 6));
        }
        assert_eq!((KeyEncoding::parse("UTF8"), KeyEncoding::Hex.length("xyz")), (None, 0));
    }
}
