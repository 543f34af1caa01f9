//! What requests carry in their heads.

use common::signature::{self, Candidates};
use ring::hmac;

/// Signature headers: whatever stands before the right one, it counts where it is among the first.
pub fn signature(bytes: &[u8]) {
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"a key of thirty-two bytes or more");
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let body = b"{}".as_slice();
    let found = Candidates::gather(text.split('\n'));
    assert!(!found.verifies([&key], &[body]) || !found.is_empty());
    assert!(Candidates::default().is_empty());
    let signed = signature::sign(&key, body);
    assert!(Candidates::gather([&*signed, text]).verifies([&key], &[body]), "the first counts");
    let other = hmac::Key::new(hmac::HMAC_SHA256, b"another key, which signed nothing");
    assert!(!Candidates::gather([&*signed, text]).verifies([&other], &[body]), "nobody guesses a signature");
}

/// Query strings, read as each list reads them.
pub fn query(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        api::fuzzing::query(text);
    }
}

/// Cursors: what is read of one is written as one that reads the same.
pub fn cursor(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        api::fuzzing::cursor(text);
    }
}

/// Session cookies and tokens, byte by byte as they come.
pub fn cookie(bytes: &[u8]) {
    let (cookies, tokens) = api::fuzzing::credentials(bytes);
    assert!(cookies.len() <= 8, "{cookies:?}");
    for cookie in cookies {
        assert!(
            !cookie.is_empty() && cookie.len() <= 64 && cookie.is_ascii() && !cookie.contains(['=', ';', '"', ' ']),
            "{cookie}"
        );
    }
    assert!(tokens.is_none_or(|token| !token.is_empty() && token == token.trim()));
}
