//! A message's headers by Standard Webhooks 1.0.

use base64::{Engine, engine::general_purpose::STANDARD};
use ring::hmac;

/// Header of the message's id: the same for every attempt.
pub const ID: &str = "webhook-id";
/// Header of the attempt's time, in seconds since 1970 UTC.
pub const TIMESTAMP: &str = "webhook-timestamp";
/// Header of the signatures.
pub const SIGNATURE: &str = "webhook-signature";

/// The signatures of a message by each of `keys`, separated by blanks: anyone who knows one of them can verify it.
pub fn sign(keys: &[hmac::Key], id: &str, timestamp: i64, body: &str) -> String {
    let signature = |key| {
        let mut context = hmac::Context::with_key(key);
        for part in [id, ".", &timestamp.to_string(), ".", body] {
            context.update(part.as_bytes());
        }
        format!("v1,{}", STANDARD.encode(context.sign()))
    };
    keys.iter().map(signature).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn key(text: &str) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &STANDARD.decode(text).unwrap())
    }

    /// The example of the specification's own libraries.
    #[test]
    fn the_specifications_example_has_its_signature() {
        let key = key("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let signed = sign(&[key], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn while_a_key_is_replaced_both_sign() {
        let keys = [key("AAAA"), key("BBBB")];
        let both = sign(&keys, "a", 1, "{}");
        let (first, second) = both.split_once(' ').unwrap();
        assert_eq!((first, second), (&*sign(&keys[..1], "a", 1, "{}"), &*sign(&keys[1..], "a", 1, "{}")));
    }
}
