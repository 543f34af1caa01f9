use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};
use e2e::{Database, KEY, Platform, sign};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use ring::hmac;

use super::{PATH, payment};

async fn status(platform: &Platform, headers: &[(&'static str, String)], body: &str) -> u16 {
    let headers: HeaderMap =
        headers.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())).collect();
    let url = format!("{}{PATH}", platform.ingress_url());
    platform.http.post(url).headers(headers).body(body.to_owned()).send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn every_spelling_is_taken_and_a_tampered_body_never() {
    let platform = Platform::start(Database::Sqlite).await;
    let mut n = 0;
    let mut next = || {
        n += 1;
        payment(&format!("s{n}"))
    };
    let forms: [fn(&[u8]) -> String; 6] = [
        |tag| STANDARD.encode(tag),
        |tag| STANDARD_NO_PAD.encode(tag),
        |tag| URL_SAFE.encode(tag),
        |tag| URL_SAFE_NO_PAD.encode(tag),
        |tag| tag.iter().map(|byte| format!("{byte:02x}")).collect(),
        |tag| tag.iter().map(|byte| format!("{byte:02X}")).collect(),
    ];
    let key = hmac::Key::new(hmac::HMAC_SHA256, KEY.as_bytes());
    for form in forms {
        for prefix in ["", "sha256=", "SHA256=", "sha256= ", "v1,", "v1, ", "v1="] {
            let body = next();
            let value = format!("{prefix}{}", form(hmac::sign(&key, body.as_bytes()).as_ref()));
            let tampered = body.replace("1250", "9250");
            assert_eq!(status(&platform, &[("signature", value.clone())], &tampered).await, 401, "{value}");
            assert_eq!(status(&platform, &[("signature", value.clone())], &body).await, 202, "{value}");
        }
    }
    let headers = ["signature", "x-paysafe-signature", "x-netbanx-signature", "x-signature"];
    for header in headers {
        for foreign in headers {
            let body = next();
            let sent = [(foreign, "sig1=:AAAA:".to_owned()), (header, sign(body.as_bytes()))];
            assert_eq!(status(&platform, &sent, &body).await, 202, "{foreign}, {header}");
        }
    }
    let body = next();
    let rotated = format!("{},{}", sign(b"old"), sign(body.as_bytes()));
    assert_eq!(status(&platform, &[("signature", rotated)], &body).await, 202);
    let body = next();
    let many: Vec<String> = (0..40).map(|n| sign(format!("{n}").as_bytes())).collect();
    assert_eq!(status(&platform, &[("signature", many.join(","))], &body).await, 401);
    // However many another header has.
    let sent = [("signature", many.join(",")), ("x-paysafe-signature", sign(body.as_bytes()))];
    assert_eq!(status(&platform, &sent, &body).await, 202);
}
