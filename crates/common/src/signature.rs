//! Webhook signatures: HMAC-SHA-256 of the raw body under the receiver's key.
//!
//! The form of a value (base64, hex, prefixed) is told by its shape, so each active key costs one
//! HMAC, never one per form (Paysafe: base64 in `Signature`; older deployments: hex, `sha256=`).

use base64::{Engine, engine::general_purpose::STANDARD};
use ring::hmac;

/// Header names that carry a signature, in the order they are looked at.
pub const HEADERS: [&str; 4] = ["signature", "x-paysafe-signature", "x-netbanx-signature", "x-signature"];

/// A decoded signature value: the 32 bytes of an HMAC-SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signature([u8; 32]);

/// The header's value has none of the accepted shapes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a signature: expected 44 base64 characters or 64 hex digits, optionally after 'sha256='")]
pub struct Malformed;

impl Signature {
    /// Reads `BASE64`, `HEX`, `sha256=BASE64` or `sha256=HEX`, the prefix and digits in any case.
    pub fn parse(value: &str) -> Result<Self, Malformed> {
        let value = value.trim();
        let bare = match value.get(..7) {
            Some(prefix) if prefix.eq_ignore_ascii_case("sha256=") => value.get(7..).unwrap_or(""),
            _ => value,
        };
        let mut bytes = [0; 32];
        match bare.len() {
            64 => hex::decode_to_slice(bare, &mut bytes).map_err(|_| Malformed)?,
            44 => {
                let decoded = STANDARD.decode(bare).map_err(|_| Malformed)?;
                bytes = decoded.try_into().map_err(|_| Malformed)?;
            }
            _ => return Err(Malformed),
        }
        Ok(Self(bytes))
    }

    /// Whether any of `keys` made this signature for `body`. Constant time in the key's bytes.
    pub fn verifies<'k>(&self, keys: impl IntoIterator<Item = &'k hmac::Key>, body: &[u8]) -> bool {
        keys.into_iter().any(|key| hmac::verify(key, body, &self.0).is_ok())
    }
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
        let bytes = match self {
            Self::Utf8 => text.as_bytes().to_vec(),
            Self::Base64 => STANDARD.decode(text).map_err(|_| BadKey)?,
            Self::Hex => hex::decode(text).map_err(|_| BadKey)?,
        };
        if bytes.is_empty() {
            return Err(BadKey);
        }
        Ok(hmac::Key::new(hmac::HMAC_SHA256, &bytes))
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

    fn forms(key: &hmac::Key, body: &[u8]) -> Vec<String> {
        let digest = hmac::sign(key, body);
        let (b64, hex) = (STANDARD.encode(digest), hex::encode(digest));
        vec![
            b64.clone(),
            format!("sha256={b64}"),
            hex.clone(),
            hex.to_uppercase(),
            format!("sha256={hex}"),
            format!("SHA256={}", hex.to_uppercase()),
        ]
    }

    #[test]
    fn every_form_verifies_and_only_under_its_key() {
        let key = KeyEncoding::Utf8.key("portal-key").unwrap();
        let other = KeyEncoding::Utf8.key("other").unwrap();
        for form in forms(&key, b"{}") {
            let signature = Signature::parse(&form).unwrap();
            assert!(signature.verifies([&other, &key], b"{}"), "{form}");
            assert!(!signature.verifies([&other], b"{}"), "{form}");
            assert!(!signature.verifies([&key], b"{ }"), "{form}");
        }
    }

    #[test]
    fn other_shapes_are_refused() {
        for bad in ["", "sha256=", "abc", &"z".repeat(64), &"!".repeat(44), "Bearer x", "ünïcödé="] {
            assert_eq!(Signature::parse(bad), Err(Malformed), "{bad}");
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
    }
}
