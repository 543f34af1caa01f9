//! What is read, and what is refused by its name.

use super::*;

fn read(pairs: &[(&str, &str)]) -> Result<Settings, Error> {
    Settings::read(&Source::of(pairs))
}

#[test]
fn defaults_stand() {
    let settings = read(&[]).unwrap();
    assert_eq!((settings.batch_size, settings.max_attempts, settings.queue_shards), (25, 3, 4));
    assert_eq!(settings.redis_url, "redis://127.0.0.1:6379/0");
    assert_eq!(settings.cache_redis_url, settings.redis_url);
    assert_eq!(settings.sqlite_directory().unwrap(), PathBuf::from("./data"));
}

#[test]
fn each_bad_value_is_named() {
    for (name, value) in [
        ("BATCH_SIZE", "0"),
        ("BATCH_SIZE", "many"),
        ("INGRESS_BIND", "8081"),
        ("DATABASE_URL", "mysql://x"),
        ("MASTER_KEY", "c2hvcnQ="),
        ("REDIS_URL", "http://x"),
        ("REDIS_PORT", "tcp://1"),
        ("APP_ENV", "prod"),
        ("WEBHOOK_SIGNATURE_VALIDATION", "maybe"),
        ("QUEUE_NAME", "a{b}"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"),
        ("OTEL_TRACES_SAMPLER_ARG", "2"),
        ("ALERT_HIT_RATE", "80"),
        ("OUTBOUND_ALLOW_HTTP", "yes"),
        ("OUTBOUND_ALLOW_NETWORKS", "10.0.0.0/8,example.com"),
        ("OUTBOUND_PROXY", "proxy:3128"),
        ("LOOKUP_PER_MINUTE", "0"),
        ("SMTP_URL", "mail.example.com"),
        ("SMTP_URL", "smtp://user:password@mail.example.com?tls=none"),
        ("SMTP_URL", "smtp://user@mail.example.com"),
        ("ALERT_SETTLE_SECS", "0"),
        ("SECOND_FACTOR", "yes"),
    ] {
        let message = read(&[(name, value)]).unwrap_err().to_string();
        assert!(message.starts_with(&format!("{name}: ")), "{message}");
    }
}

#[test]
fn what_is_malformed_does_not_tell_its_password() {
    for (name, value) in [
        ("DATABASE_URL", "postgres://u:hunter2@host:port/x"),
        ("DATABASE_URL", "postgres://u:hunter2#@host/x"),
        ("DATABASE_URL", "postgres://u:hunter2/@host/x"),
        ("DATABASE_URL", "postgresql://u:hunter2@host:99999/x"),
        ("DATABASE_URL", "postgres://u:hunter2@host/x?sslmode=hunter2"),
        ("DATABASE_URL", "mysql://u:hunter2@host/x"),
        ("DATABASE_URL", "sqlite://x.db?mode=hunter2"),
        ("REDIS_URL", "redis://u:hunter2#@host"),
        ("REDIS_URL", "http://u:hunter2@host"),
        ("CACHE_REDIS_URL", "redis://:hunter2@host:port"),
        ("SMTP_URL", "smtp://u:hunter2#@host"),
        ("OUTBOUND_PROXY", "socks://u:hunter2@host:1"),
        ("OIDC_ISSUER", "https://u:hunter2@host:port"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://u:hunter2@host:port"),
        ("MASTER_KEY", "hunter2"),
    ] {
        let error = read(&[(name, value)]).unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn production_insists_on_signatures() {
    let off = ("WEBHOOK_SIGNATURE_VALIDATION", "false");
    assert!(read(&[off]).is_ok());
    assert!(read(&[off, ("APP_ENV", "production")]).is_err());
}

#[test]
fn redis_by_parts_and_as_a_cluster() {
    let one = read(&[("REDIS_HOST", "r"), ("REDIS_PORT", "7"), ("REDIS_PASSWORD", "p@/w"), ("REDIS_DB", "2")]).unwrap();
    assert_eq!(one.redis_url, "redis://:p%40%2Fw@r:7/2");
    let cluster = read(&[("REDIS_HOST", "a:1,b:2, c")]).unwrap();
    assert_eq!(cluster.redis_url, "redis-cluster://a:1?node=b:2&node=c:6379");
}

#[test]
fn a_mail_server_is_read_and_its_password_never_printed() {
    let from = ("ALERT_MAIL_FROM", "alerts@example.com");
    let mail = |url| read(&[("SMTP_URL", url), from]).unwrap().mail.unwrap();
    let wrapped = mail("smtps://user:p%40ss@mail.example.com");
    assert_eq!((wrapped.port, wrapped.tls), (465, MailTls::Wrapped));
    assert_eq!(wrapped.credentials, Some(("user".to_owned(), "p@ss".to_owned())));
    assert!(!format!("{wrapped:?}").contains("p@ss"));
    assert_eq!((mail("smtp://mail.example.com").port, mail("smtp://mail.example.com").tls), (587, MailTls::StartTls));
    assert_eq!(mail("smtp://127.0.0.1:25?tls=none").tls, MailTls::Plain);
    let nobody = read(&[("SMTP_URL", "smtp://mail.example.com")]).unwrap_err().to_string();
    assert!(nobody.starts_with("ALERT_MAIL_FROM: "), "{nobody}");
    for sender in ["@", "a@", "@b", "a b@c", "a@b\nBcc: c@d", "Ops <a@b", "Ops <a@b>, c@d", "a@b, c@d", "ops"] {
        let refused = read(&[("SMTP_URL", "smtp://mail.example.com"), ("ALERT_MAIL_FROM", sender)]).unwrap_err().to_string();
        assert!(refused.starts_with("ALERT_MAIL_FROM: "), "{sender:?}: {refused}");
    }
    assert!(read(&[("SMTP_URL", "smtp://mail.example.com"), ("ALERT_MAIL_FROM", "Ops <ops@example.com>")]).is_ok());
}
