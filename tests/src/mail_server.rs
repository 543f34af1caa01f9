//! A real mail server (PyPI's `aiosmtpd`): STARTTLS and a password are required, what it takes is kept.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
};

use serde_json::Value;

use crate::{free_port, listens, new_directory};

const PROGRAM: &str = r#"
import json, ssl, sys, time
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

class Keep:
    async def handle_DATA(self, server, session, envelope):
        kept = {"from": envelope.mail_from, "to": envelope.rcpt_tos, "tls": session.ssl is not None,
                "content": envelope.content.decode()}
        print(json.dumps(kept), flush=True)
        return "250 taken"

def known(server, session, envelope, mechanism, data):
    wanted = LoginPassword(sys.argv[2].encode(), sys.argv[3].encode())
    return AuthResult(success=isinstance(data, LoginPassword) and data == wanted, handled=False)

context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("server.pem", "server.key")
Controller(Keep(), hostname="127.0.0.1", port=int(sys.argv[1]), tls_context=context, require_starttls=True,
           authenticator=known, auth_required=True, auth_require_tls=True).start()
while True:
    time.sleep(60)
"#;

/// The user that it knows.
pub const MAIL_USER: &str = "alerts";
/// Their password.
pub const MAIL_PASSWORD: &str = "mail-pass-word";

/// The server; ends with its last use.
pub struct MailServer {
    child: Child,
    port: u16,
    directory: PathBuf,
    kept: Arc<Mutex<Vec<Value>>>,
}

fn openssl(directory: &Path, arguments: &str) {
    let output = Command::new("openssl").args(arguments.split(' ')).current_dir(directory).output().unwrap();
    assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

impl MailServer {
    pub async fn start() -> Self {
        let python = std::env::var("AIOSMTPD").expect("AIOSMTPD must name a Python that has it: run `make test`");
        let directory = new_directory();
        fs::write(directory.join("san"), "subjectAltName=IP:127.0.0.1,DNS:localhost").unwrap();
        for arguments in [
            "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=ca -keyout ca.key -out ca.pem",
            "req -newkey rsa:2048 -nodes -subj /CN=mail -keyout server.key -out server.csr",
            "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile san -out server.pem",
        ] {
            openssl(&directory, arguments);
        }
        let port = free_port();
        let mut child = Command::new(python)
            .args(["-c", PROGRAM, &port.to_string(), MAIL_USER, MAIL_PASSWORD])
            .current_dir(&directory)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let kept: Arc<Mutex<Vec<Value>>> = Arc::default();
        let (lines, keep) = (BufReader::new(child.stdout.take().unwrap()), kept.clone());
        std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                keep.lock().unwrap().push(serde_json::from_str(&line).unwrap());
            }
        });
        listens("the mail server", port).await;
        Self { child, port, directory, kept }
    }

    /// The settings that lead to it, with that password.
    pub fn settings(&self, password: &str) -> [(&'static str, String); 3] {
        [
            ("SMTP_URL", format!("smtp://{MAIL_USER}:{password}@localhost:{}", self.port)),
            ("SMTP_TLS_CA_FILE", self.directory.join("ca.pem").display().to_string()),
            ("ALERT_MAIL_FROM", "alerts@platform.example".to_owned()),
        ]
    }

    /// What it took, in order: `from`, `to`, `tls`, `content`.
    pub fn kept(&self) -> Vec<Value> {
        self.kept.lock().unwrap().clone()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.directory);
    }
}
