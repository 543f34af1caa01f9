//! An e-mail by SMTP, with TLS, within limits.

use std::time::Duration;

use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{
        Mailbox,
        header::{ContentType, HeaderName, HeaderValue},
    },
    transport::smtp::{
        authentication::Credentials,
        client::{Certificate, CertificateStore, Tls, TlsParameters},
        extension::ClientId,
    },
};
use settings::{MailSettings, MailTls};

use crate::{Digest, Error};

/// Longest wait for one answer of the server.
const ANSWER: Duration = Duration::from_secs(10);
/// Longest time for all of it.
const WHOLE: Duration = Duration::from_secs(30);

/// Sends e-mails.
#[derive(Clone)]
pub(crate) struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    /// Never in what is told of a failure.
    password: Option<String>,
}

impl Mailer {
    /// A mailer by that server.
    pub fn new(settings: &MailSettings) -> Result<Self, Error> {
        let unfit = |error: String| Error::Mail(error);
        let from: Mailbox = settings.from.parse().map_err(|_| unfit("ALERT_MAIL_FROM must be an e-mail address".to_owned()))?;
        let parameters = || -> Result<TlsParameters, Error> {
            let mut builder = TlsParameters::builder(settings.host.clone());
            if let Some(path) = &settings.authority {
                let pem = std::fs::read(path).map_err(|error| unfit(format!("SMTP_TLS_CA_FILE: {error}")))?;
                let authority = Certificate::from_pem(&pem).map_err(|error| unfit(format!("SMTP_TLS_CA_FILE: {error}")))?;
                builder = builder.certificate_store(CertificateStore::None).add_root_certificate(authority);
            }
            builder.build_rustls().map_err(|error| unfit(error.to_string()))
        };
        let tls = match settings.tls {
            MailTls::Wrapped => Tls::Wrapper(parameters()?),
            MailTls::StartTls => Tls::Required(parameters()?),
            MailTls::Plain => Tls::None,
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&settings.host)
            .port(settings.port)
            .tls(tls)
            .timeout(Some(ANSWER))
            .hello_name(ClientId::Domain(from.email.domain().to_owned()));
        if let Some((user, password)) = settings.credentials.clone() {
            builder = builder.credentials(Credentials::new(user, password));
        }
        let password = settings.credentials.as_ref().map(|(_, password)| password.clone());
        Ok(Self { transport: builder.build(), from, password })
    }

    /// Sends `digest` to these addresses. Returns what the server said, or why it was not sent.
    pub async fn send(&self, to: &[String], digest: &Digest) -> Result<String, String> {
        let message = self.message(to, digest)?;
        match tokio::time::timeout(WHOLE, self.transport.send(message)).await {
            Ok(Ok(answer)) => Ok(format!("{} {}", answer.code(), answer.message().collect::<Vec<_>>().join(" "))),
            Ok(Err(error)) => Err(self.without_password(&reason(&error))),
            Err(_) => Err("the mail server took too long".to_owned()),
        }
    }

    fn message(&self, to: &[String], digest: &Digest) -> Result<Message, String> {
        let mut builder = Message::builder()
            .from(self.from.clone())
            .subject(digest.subject())
            .message_id(Some(format!("<{}@{}>", digest.id(), self.from.email.domain())))
            .header(ContentType::TEXT_PLAIN);
        if let Ok(name) = HeaderName::new_from_ascii("Auto-Submitted".to_owned()) {
            // No out-of-office answers to what a program wrote.
            builder = builder.raw_header(HeaderValue::new(name, "auto-generated".to_owned()));
        }
        for address in to {
            builder = builder.to(address.parse().map_err(|_| "an address cannot be used".to_owned())?);
        }
        builder.body(digest.text()).map_err(|error| error.to_string())
    }

    fn without_password(&self, text: &str) -> String {
        match self.password.as_deref().filter(|password| !password.is_empty()) {
            Some(password) => text.replace(password, "***"),
            None => text.to_owned(),
        }
    }
}

/// Why it was not sent, with the innermost cause.
fn reason(error: &lettre::transport::smtp::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let (whole, cause) = (error.to_string(), cause.to_string());
    if whole.contains(&cause) { whole } else { format!("{whole}: {cause}") }
}
