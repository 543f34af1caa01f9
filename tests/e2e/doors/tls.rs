//! Redis and PostgreSQL over TLS: verified, with client certificates, and never in plain text without being told.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use e2e::{Database, Platform, Postgres, Service, binary, eventually, free_port, new_directory};
use serde_json::json;

/// An authority, a server's and a client's certificate of it, and another authority that signed neither.
struct Certificates(PathBuf);

impl Certificates {
    fn make(directory: &Path) -> Self {
        let own = Self(directory.to_owned());
        for authority in ["ca", "other"] {
            own.openssl(&format!(
                "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={authority} -keyout {authority}.key -out {authority}.pem"
            ));
        }
        fs::write(own.path("san"), "subjectAltName=IP:127.0.0.1,DNS:localhost").unwrap();
        for name in ["server", "client"] {
            own.openssl(&format!("req -newkey rsa:2048 -nodes -subj /CN=netbanx -keyout {name}.key -out {name}.csr"));
            own.openssl(&format!(
                "x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile san -out {name}.pem"
            ));
        }
        own
    }

    fn openssl(&self, arguments: &str) {
        let output = Command::new("openssl").args(arguments.split(' ')).current_dir(&self.0).output().unwrap();
        assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

/// A Redis that speaks TLS alone and asks for a client's certificate.
struct TlsRedis(Child, u16);

impl TlsRedis {
    fn start(certificates: &Certificates) -> Self {
        let port = free_port();
        let child = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", "0", "--tls-port", &port.to_string(), "--save", "", "--dir"])
            .arg(&certificates.0)
            .args(["--tls-cert-file", &certificates.path("server.pem"), "--tls-key-file", &certificates.path("server.key")])
            .args(["--tls-ca-cert-file", &certificates.path("ca.pem"), "--tls-auth-clients", "yes"])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self(child, port)
    }
}

impl Drop for TlsRedis {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn payment(id: &str) -> String {
    json!({"eventType": "PAYMENT_COMPLETED", "payload": {"id": id, "amount": 1, "currencyCode": "EUR", "status": "COMPLETED"}})
        .to_string()
}

#[tokio::test]
async fn redis_is_verified_and_shown_a_certificate() {
    let directory = new_directory();
    let certificates = Certificates::make(&directory);
    let redis = TlsRedis::start(&certificates);
    let mut platform = Platform::prepare(Database::Sqlite).await;
    platform.set("REDIS_URL", &format!("rediss://127.0.0.1:{}/0", redis.1));
    platform.set("REDIS_TLS_CA_FILE", &certificates.path("ca.pem"));
    platform.set("REDIS_TLS_CERT_FILE", &certificates.path("client.pem"));
    platform.set("REDIS_TLS_KEY_FILE", &certificates.path("client.key"));
    for service in [Service::Worker, Service::Ingress, Service::Api] {
        platform.run(service).await;
    }
    assert_eq!(platform.send("/api/webhooks/netbanx/acme", payment("p1")).await.status(), 202);
    eventually("it is stored", || async { (platform.events().await == 1).then_some(()) }).await;

    // Another authority: the server is not believed. Without a certificate: it does not believe us.
    for (name, value) in [("REDIS_TLS_CA_FILE", certificates.path("other.pem")), ("REDIS_TLS_CERT_FILE", String::new())] {
        let mut command = Command::new(binary("netbanx"));
        command.args(["queue", "stats"]).env("DATABASE_URL", &platform.database_url);
        for (own, own_value) in &platform.variables {
            command.env(own, own_value);
        }
        command.env(name, &value);
        if value.is_empty() {
            command.env("REDIS_TLS_KEY_FILE", "");
        }
        let output = command.output().unwrap();
        assert!(!output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stdout));
    }
    drop(platform);
    drop(redis);
    fs::remove_dir_all(directory).unwrap();
}

#[tokio::test]
async fn postgresql_is_verified() {
    let directory = new_directory();
    let certificates = Certificates::make(&directory);
    // The server reads its key as the user that it runs as, and wants nobody else to.
    let key = certificates.path("server.key");
    if Command::new("id").arg("-u").output().unwrap().stdout.starts_with(b"0\n") {
        assert!(Command::new("chown").args(["postgres", &key]).status().unwrap().success());
    }
    assert!(Command::new("chmod").args(["600", &key]).status().unwrap().success());
    let options = [
        "ssl = on".to_owned(),
        format!("ssl_cert_file = '{}'", certificates.path("server.pem")),
        format!("ssl_key_file = '{key}'"),
    ];
    let postgres = Postgres::start_with(&directory, &options.iter().map(String::as_str).collect::<Vec<_>>());
    let platform = Platform::prepare_on(Database::Postgres, Some(postgres.url().to_owned())).await;
    let listed = |authority: &str| {
        let url = format!("{}?sslmode=verify-full&sslrootcert={}", platform.database_url, certificates.path(authority));
        let mut command = Command::new(binary("netbanx"));
        command.args(["company", "list"]).env("DATABASE_URL", url).env("REDIS_URL", platform.redis.url());
        command.output().unwrap()
    };
    let right = listed("ca.pem");
    assert!(right.status.success() && String::from_utf8_lossy(&right.stdout).contains("acme"), "{right:?}");
    assert!(!listed("other.pem").status.success(), "a server of another authority is not believed");
    drop(platform);
    drop(postgres);
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn production_sends_nothing_in_plain_text_to_another_host_unless_told() {
    let start = |variables: &[(&str, &str)]| {
        let mut command = Command::new(binary("netbanx"));
        command.args(["queue", "stats"]).env_clear().env("APP_ENV", "production").env("MASTER_KEY", e2e::MASTER_KEY);
        command.env("DATABASE_URL", "sqlite::memory:").envs(variables.iter().copied());
        let output = command.output().unwrap();
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    for (variables, name) in [
        (&[("REDIS_URL", "redis://192.0.2.1:6379")][..], "REDIS_URL"),
        (&[("REDIS_HOST", "192.0.2.1")], "REDIS_URL"),
        (&[("CACHE_REDIS_URL", "redis-cluster://127.0.0.1:1?node=192.0.2.1:2")], "CACHE_REDIS_URL"),
        (&[("DATABASE_URL", "postgres://u@192.0.2.1/d?sslmode=require")], "DATABASE_URL"),
    ] {
        let told = start(variables);
        assert!(told.contains(name) && told.contains("ALLOW_PLAINTEXT"), "{told}");
    }
    // Nobody listens there: it was tried.
    let tried = start(&[("REDIS_URL", "redis://127.0.0.1:1")]);
    assert!(!tried.contains("ALLOW_PLAINTEXT"), "{tried}");
}
