use base64::{Engine, engine::general_purpose::STANDARD};
use ring::hmac;

/// The receivers' key in every test.
pub const KEY: &str = "test-portal-key-1";

/// The signature under [`KEY`] as Paysafe sends it.
pub fn sign(body: &[u8]) -> String {
    sign_with(KEY, body)
}

/// The signature under another key.
pub fn sign_with(key: &str, body: &[u8]) -> String {
    STANDARD.encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()), body))
}

/// Every accepted form: header and value.
pub fn forms(body: &[u8]) -> Vec<(&'static str, String)> {
    let hex = hex::encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, KEY.as_bytes()), body));
    vec![
        ("Signature", sign(body)),
        ("Signature", hex.clone()),
        ("X-Paysafe-Signature", format!("sha256={hex}")),
        ("X-Netbanx-Signature", format!("SHA256={}", hex.to_uppercase())),
        ("X-Signature", hex.to_uppercase()),
    ]
}
