//! A real OpenID Connect provider: npm's `oidc-provider`, run by Node (`tests/provider`).

use std::{
    path::Path,
    process::{Child, Command, Stdio},
};

use reqwest::{Client, Method};
use serde_json::Value;

use crate::{Person, Platform, free_port, listens};

/// A provider of one's own; it ends with the test.
pub struct Provider {
    child: Child,
    args: Vec<String>,
    port: u16,
    pub issuer: String,
}

impl Provider {
    /// One that sends people back to `platform`, which uses it for what is started from now on. A `thin` one tells claims only
    /// where it is asked for them.
    pub async fn start(platform: &mut Platform, thin: bool) -> Self {
        Self::start_for(platform, &platform.api_url(), thin).await
    }

    /// The same where people know the platform under the address `own`.
    pub async fn start_for(platform: &mut Platform, own: &str, thin: bool) -> Self {
        let (port, redirect) = (free_port(), format!("{own}/api/v1/session/oidc/callback"));
        let mut args = vec![port.to_string(), redirect.clone()];
        args.extend(thin.then(|| "thin".to_owned()));
        let provider = Self { child: spawn(&args), args, port, issuer: format!("http://127.0.0.1:{port}") };
        listens("the provider", port).await;
        platform.set("OIDC_ISSUER", &provider.issuer);
        platform.set("OIDC_CLIENT_ID", "netbanx");
        platform.set("OIDC_CLIENT_SECRET", "a secret of the tests");
        platform.set("OIDC_REDIRECT_URL", &redirect);
        platform.set("OIDC_ROLES", "merchant:read:transactions+read:analytics,tender:manage:queue");
        platform.set("OIDC_ADMIN_ROLE", "ops");
        platform.set("OIDC_COMPANY_CLAIM", "company");
        provider
    }

    /// What is told of `account` from now on.
    pub async fn knows(&self, account: &str, claims: &Value) {
        let url = format!("{}/accounts/{account}", self.issuer);
        assert_eq!(Client::new().put(url).json(claims).send().await.unwrap().status(), 200);
    }

    /// Signs `person` in here as `account`, from where the platform sent them; answers where the provider sends them back.
    pub async fn signs_in(&self, person: &Person, account: &str, sent_to: &str) -> String {
        let mut place = sent_to.to_owned();
        for _ in 0..10 {
            if !place.starts_with(&self.issuer) {
                return place;
            }
            if let Some((interaction, _)) = place.split_once("/interaction/").filter(|_| !place.contains("/login")) {
                let uid = place.rsplit('/').next().unwrap();
                place = format!("{interaction}/interaction/{uid}/login?account={account}");
            }
            let answer = person.ask(Method::GET, &place, None).await;
            let status = answer.status();
            let Some(location) = answer.headers().get("location").map(|value| value.to_str().unwrap().to_owned()) else {
                panic!("{place} was answered {status}: {}", answer.text().await.unwrap());
            };
            place = if location.starts_with('/') { format!("{}{location}", self.issuer) } else { location };
        }
        panic!("the provider does not send {account} back from {place}");
    }

    /// Ends it and starts it again: with new keys, and knowing nobody.
    pub async fn restart(&mut self) {
        self.kill();
        self.child = spawn(&self.args);
        listens("the provider", self.port).await;
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(args: &[String]) -> Child {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("provider");
    assert!(folder.join("node_modules").exists(), "run `make test`, or scripts/npm-packages tests/provider first");
    let mut command = Command::new("node");
    command.arg(folder.join("provider.mjs")).args(args).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("node is needed: scripts/need node")
}
