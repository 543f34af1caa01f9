//! By which server alerts are mailed.

use std::{net::IpAddr, path::PathBuf};

use url::Url;

use crate::{Error, Source, bad, table};

/// How a mail server is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailTls {
    /// TLS from the first byte.
    Wrapped,
    /// STARTTLS, or nothing at all.
    StartTls,
    /// None: on this machine alone.
    Plain,
}

/// By which server alerts are mailed.
#[derive(Clone, PartialEq, Eq)]
pub struct MailSettings {
    /// Its name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How it is spoken to.
    pub tls: MailTls,
    /// User and password, if it wants them.
    pub credentials: Option<(String, String)>,
    /// PEM file of the authority that signed its certificate; none: the system's.
    pub authority: Option<PathBuf>,
    /// Sender of e-mails.
    pub from: String,
}

impl std::fmt::Debug for MailSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MailSettings").field("host", &self.host).field("tls", &self.tls).finish_non_exhaustive()
    }
}

pub(crate) fn read(source: &Source) -> Result<Option<MailSettings>, Error> {
    let Some(text) = source.optional(&table::SMTP_URL) else { return Ok(None) };
    let malformed = || bad("SMTP_URL", "must be smtps://USER:PASSWORD@HOST:465 or smtp://USER:PASSWORD@HOST:587");
    let url = Url::parse(&text).map_err(|_| malformed())?;
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(malformed)?.trim_matches(['[', ']']).to_owned();
    let wants = url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect::<Vec<_>>();
    let is_plain = match wants.as_slice() {
        [] => false,
        [(name, value)] if name == "tls" && value == "none" => true,
        _ => return Err(bad("SMTP_URL", "may have ?tls=none and nothing else")),
    };
    let tls = match (url.scheme(), is_plain) {
        ("smtps", false) => MailTls::Wrapped,
        ("smtp", false) => MailTls::StartTls,
        ("smtp", true) if is_loopback(&host) => MailTls::Plain,
        ("smtp", true) => return Err(bad("SMTP_URL", "tls=none is for a server on this machine: others would read the e-mails")),
        _ => return Err(malformed()),
    };
    let decoded = |text: &str| percent_decoded(text).ok_or_else(malformed);
    let credentials = match (url.username(), url.password()) {
        ("", None) => None,
        (user, Some(password)) if !user.is_empty() => Some((decoded(user)?, decoded(password)?)),
        _ => return Err(bad("SMTP_URL", "needs a user and a password, or neither")),
    };
    let from = source.optional(&table::ALERT_MAIL_FROM);
    let from =
        from.filter(|from| is_sender(from)).ok_or_else(|| bad("ALERT_MAIL_FROM", "SMTP_URL needs an e-mail address here"))?;
    let authority = source.optional(&table::SMTP_TLS_CA_FILE).map(PathBuf::from);
    let port = url.port().unwrap_or(if tls == MailTls::Wrapped { 465 } else { 587 });
    Ok(Some(MailSettings { host, port, tls, credentials, authority, from }))
}

/// Whether it is an address, or a name with one: `Payments <alerts@example.com>`.
fn is_sender(text: &str) -> bool {
    let address = match text.trim().strip_suffix('>') {
        Some(named) => named.rsplit_once('<').map(|(_, address)| address),
        None => Some(text.trim()),
    };
    let is_part = |part: &str| !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || "@<>,;".contains(c));
    !text.contains(char::is_control)
        && address.and_then(|address| address.rsplit_once('@')).is_some_and(|(own, host)| is_part(own) && is_part(host))
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The text with `%40` and the like as what they mean.
fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let pair = [rest.next()?, rest.next()?];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&pair).ok()?, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}
