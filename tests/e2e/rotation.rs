//! Keys come and go while webhooks arrive.

use e2e::{Database, KEY, Platform, eventually, sign_with};

#[tokio::test]
async fn two_keys_are_active_until_the_old_one_is_revoked() {
    let platform = Platform::start(Database::Sqlite).await;
    let path = "/api/webhooks/netbanx/acme";
    let receiver = ["--endpoint", "netbanx", "--company", "acme"];
    let status = async |n: u32, key: &str| {
        let body = format!(r#"{{"id":"e{n}","eventType":"PAYMENT_COMPLETED","eventData":{{"id":"p{n}"}}}}"#).into_bytes();
        platform.send_signed(path, "Signature", &sign_with(key, &body), body).await.status().as_u16()
    };
    assert_eq!((status(1, KEY).await, status(2, "another-portal-key").await), (202, 401));

    platform.netbanx(&[&["secret", "rotate"], &receiver[..], &["--key", "another-portal-key"]].concat());
    eventually("the new key is accepted", || async { (status(3, "another-portal-key").await != 401).then_some(()) }).await;
    assert_eq!(status(4, KEY).await, 202, "the old key still is, too");

    platform.netbanx(&[&["secret", "revoke"], &receiver[..], &["--version", "1"]].concat());
    eventually("the old key is refused", || async { (status(5, KEY).await == 401).then_some(()) }).await;
    assert_eq!(status(6, "another-portal-key").await, 202);
    assert!(!platform.netbanx(&["secret", "list"]).contains("another-portal-key"));
    assert_eq!(
        platform.send("/api/webhooks/netbanx", br#"{"eventType":"X"}"#.to_vec()).await.status(),
        202,
        "other receivers keep theirs"
    );
}
