//! By which way a message goes. Each is bounded in time, and what it tells of a failure holds no secret.

use base64::{Engine, engine::general_purpose::STANDARD};
use outbound::{
    client::{self, Answer},
    signature::{ID, SIGNATURE, TIMESTAMP, sign},
};
use ring::hmac;
use settings::{MailSettings, OutboundSettings};
use store::outbound::endpoints::KEY_PREFIX;

use crate::{Configuration, Digest, Error, mail::Mailer, plan::Step};

/// Characters of an answer that are kept.
const EXCERPT: usize = 200;

/// What came of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Whether it arrived.
    pub is_delivered: bool,
    /// The HTTP status, if there was one.
    pub status: Option<u16>,
    /// What the other end said, or why it did not; without credentials.
    pub detail: String,
    /// How many of the digest's entries arrived, from the first: PagerDuty is told of each by itself.
    pub told: usize,
}

impl Outcome {
    fn failed(detail: impl Into<String>) -> Self {
        Self { is_delivered: false, status: None, detail: detail.into(), told: 0 }
    }
}

/// Sends messages by each way. Cheap to clone.
#[derive(Clone)]
pub struct Sender {
    http: client::Sender,
    mail: Option<Mailer>,
}

impl std::fmt::Debug for Sender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sender").field("mail", &self.mail.is_some()).finish_non_exhaustive()
    }
}

impl Sender {
    /// A sender within those settings.
    pub fn new(outbound: &OutboundSettings, mail: Option<&MailSettings>) -> Result<Self, Error> {
        Ok(Self { http: client::Sender::new(outbound)?, mail: mail.map(Mailer::new).transpose()? })
    }

    /// Whether it has a mail server.
    pub fn can_mail(&self) -> bool {
        self.mail.is_some()
    }

    /// Sends `digest` to a channel.
    pub async fn send(&self, channel: &Configuration, digest: &Digest) -> Outcome {
        let outcome = match channel {
            Configuration::Email { to } => self.mail(to, digest).await,
            Configuration::Slack { url } => self.post(url, &[], digest.slack().to_string(), digest).await,
            Configuration::Pagerduty { routing_key, url } => self.page(url, routing_key, digest).await,
            Configuration::Webhook { url, secret } => self.sign(url, secret, digest).await,
        };
        // Before it is cut: a part of a secret would not be found.
        Outcome { detail: short(&channel.without_secrets(&outcome.detail)), ..outcome }
    }

    async fn mail(&self, to: &[String], digest: &Digest) -> Outcome {
        let Some(mailer) = &self.mail else { return Outcome::failed("no mail server is set (SMTP_URL)") };
        match mailer.send(to, digest).await {
            Ok(detail) => Outcome { is_delivered: true, status: None, detail, told: digest.entries.len() },
            Err(detail) => Outcome::failed(detail),
        }
    }

    async fn post(&self, url: &str, headers: &[(&'static str, &str)], body: String, digest: &Digest) -> Outcome {
        let answer = self.http.post(url, headers, body, clock::now_ms()).await;
        let is_delivered = answer.is_success();
        let told = if is_delivered { digest.entries.len() } else { 0 };
        Outcome { is_delivered, status: answer.status, detail: said(&answer), told }
    }

    /// One event for each alert; stops at the first that fails.
    async fn page(&self, url: &str, routing_key: &str, digest: &Digest) -> Outcome {
        let mut last = Outcome::failed("nothing to tell");
        let mut told = 0;
        for entry in &digest.entries {
            last = self.post(url, &[], digest.pagerduty(entry, routing_key).to_string(), digest).await;
            if !last.is_delivered {
                break;
            }
            told += 1;
            if digest.is_test {
                // A test wakes nobody for longer than it takes.
                let over = crate::Entry { step: Step::End, ..entry.clone() };
                last = self.post(url, &[], digest.pagerduty(&over, routing_key).to_string(), digest).await;
            }
        }
        Outcome { told, ..last }
    }

    async fn sign(&self, url: &str, secret: &str, digest: &Digest) -> Outcome {
        let Ok(key) = STANDARD.decode(secret.strip_prefix(KEY_PREFIX).unwrap_or(secret)) else {
            return Outcome::failed("the key cannot be read");
        };
        let (now, id) = (clock::now_ms(), digest.id());
        let (timestamp, body) = (now / 1000, digest.json(now).to_string());
        let signature = sign(&[hmac::Key::new(hmac::HMAC_SHA256, &key)], &id, timestamp, &body);
        let timestamp = timestamp.to_string();
        let headers = [(ID, id.as_str()), (TIMESTAMP, timestamp.as_str()), (SIGNATURE, signature.as_str())];
        self.post(url, &headers, body, digest).await
    }
}

/// What an answer says, for people.
fn said(answer: &Answer) -> String {
    match (&answer.error, answer.status) {
        (Some(error), _) => error.clone(),
        (None, Some(status)) => format!("{status} {}", answer.excerpt.as_deref().unwrap_or_default()),
        (None, None) => "no answer".to_owned(),
    }
}

fn short(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(EXCERPT).collect::<String>().trim().to_owned()
}
