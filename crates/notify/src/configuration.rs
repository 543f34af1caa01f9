//! What a channel needs to be reached. As JSON it is sealed by the store; its secrets are never printed.

use outbound::Policy;
use serde::{Deserialize, Serialize};

use crate::Error;

/// Addresses of an e-mail channel at most.
const ADDRESSES: usize = 20;
/// Where events for PagerDuty go unless another region is named.
const PAGERDUTY: &str = "https://events.pagerduty.com/v2/enqueue";
/// The kinds of channels.
pub const KINDS: [&str; 4] = ["email", "slack", "pagerduty", "webhook"];

/// What a channel needs, by its kind.
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Configuration {
    /// E-mails to these addresses.
    Email {
        /// Whom.
        to: Vec<String>,
    },
    /// A Slack-compatible incoming webhook; the URL is the secret.
    Slack {
        /// Where.
        url: String,
    },
    /// PagerDuty's Events API v2.
    Pagerduty {
        /// Of the service's integration.
        routing_key: String,
        /// Where.
        url: String,
    },
    /// A webhook, signed as Standard Webhooks says.
    Webhook {
        /// Where.
        url: String,
        /// `whsec_…`.
        secret: String,
    },
}

/// What somebody enters for a channel.
#[derive(Clone, Default)]
pub struct Entered {
    /// Addresses, for e-mail.
    pub to: Option<Vec<String>>,
    /// A URL, for the others.
    pub url: Option<String>,
    /// For PagerDuty.
    pub routing_key: Option<String>,
}

impl Configuration {
    /// What was entered for a channel of `kind`, over what it was `before`, each part checked. A webhook gets `secret`, unless it
    /// has one.
    pub async fn checked(
        kind: &str,
        entered: Entered,
        before: Option<Self>,
        policy: &Policy,
        secret: impl FnOnce() -> String,
    ) -> Result<Self, Error> {
        let unfit = match kind {
            "email" => [("url", entered.url.is_some()), ("routingKey", entered.routing_key.is_some())],
            "pagerduty" => [("to", entered.to.is_some()), ("to", false)],
            _ => [("to", entered.to.is_some()), ("routingKey", entered.routing_key.is_some())],
        };
        if let Some((name, _)) = unfit.into_iter().find(|(_, is_given)| *is_given) {
            return Err(Error::Refused(name, format!("{name} is not for channels of this kind")));
        }
        let url = match &entered.url {
            Some(url) => Some(policy.check_entered(url).await.map_err(|e| Error::Refused("url", e.to_string()))?.to_string()),
            None => None,
        };
        let needed = |name: &'static str| Error::Refused(name, format!("{name} is needed"));
        match (kind, before) {
            ("email", before) => {
                let before = if let Some(Self::Email { to }) = before { Some(to) } else { None };
                Ok(Self::Email { to: addresses(entered.to.or(before).ok_or_else(|| needed("to"))?)? })
            }
            ("slack", before) => {
                let before = if let Some(Self::Slack { url }) = before { Some(url) } else { None };
                Ok(Self::Slack { url: url.or(before).ok_or_else(|| needed("url"))? })
            }
            ("pagerduty", before) => {
                let (key, old) = match before {
                    Some(Self::Pagerduty { routing_key, url }) => (Some(routing_key), Some(url)),
                    _ => (None, None),
                };
                let key = entered.routing_key.or(key).ok_or_else(|| needed("routingKey"))?;
                if !(8..=64).contains(&key.len()) || !key.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                    return Err(Error::Refused("routingKey", "routingKey has letters and digits, 32 of them usually".to_owned()));
                }
                Ok(Self::Pagerduty { routing_key: key, url: url.or(old).unwrap_or_else(|| PAGERDUTY.to_owned()) })
            }
            ("webhook", before) => {
                let (old, known) = match before {
                    Some(Self::Webhook { url, secret }) => (Some(url), Some(secret)),
                    _ => (None, None),
                };
                let url = url.or(old).ok_or_else(|| needed("url"))?;
                Ok(Self::Webhook { url, secret: known.unwrap_or_else(secret) })
            }
            _ => Err(Error::Refused("kind", format!("kind must be one of {}", KINDS.join(", ")))),
        }
    }

    /// Where it leads as people may see it: addresses, or a host, and nothing that is secret.
    pub fn target(&self) -> String {
        let host = |url: &str| url::Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
        match self {
            Self::Email { to } => to.join(", "),
            Self::Slack { url } | Self::Pagerduty { url, .. } | Self::Webhook { url, .. } => host(url),
        }
    }

    /// What a channel keeps: where it leads as people may see it, and all that it needs, to be sealed.
    pub fn kept(&self) -> Result<(String, String), Error> {
        let text = serde_json::to_string(self).map_err(|_| Error::Unwritable)?;
        Ok((self.target(), text))
    }

    /// The key that signs what goes there, where it is a webhook.
    pub fn signing_key(&self) -> Option<&str> {
        if let Self::Webhook { secret, .. } = self { Some(secret) } else { None }
    }

    /// The same text without what is secret of it: what the other end says may repeat it.
    pub fn without_secrets(&self, text: &str) -> String {
        let secrets = match self {
            Self::Email { .. } => Vec::new(),
            Self::Slack { url } => vec![url.as_str(), path_of(url)],
            Self::Pagerduty { routing_key, .. } => vec![routing_key.as_str()],
            Self::Webhook { url, secret } => vec![url.as_str(), path_of(url), secret.as_str()],
        };
        let known = secrets.into_iter().filter(|secret| secret.len() > FEW);
        known.fold(text.to_owned(), |text, secret| without_end(text.replace(secret, "***"), secret))
    }
}

/// So many characters of a secret tell nothing of it.
const FEW: usize = 4;

/// `text` without a beginning of `secret` at its end, where it was cut.
fn without_end(mut text: String, secret: &str) -> String {
    let cut = (FEW + 1..secret.len()).rev().filter_map(|length| secret.get(..length)).find(|begin| text.ends_with(begin));
    if let Some(begin) = cut {
        text.truncate(text.len() - begin.len());
        text.push_str("***");
    }
    text
}

/// Path and query of a URL.
fn path_of(url: &str) -> &str {
    url.splitn(4, '/').nth(3).unwrap_or_default()
}

fn addresses(to: Vec<String>) -> Result<Vec<String>, Error> {
    let refused = |detail: String| Err(Error::Refused("to", detail));
    if to.is_empty() || to.len() > ADDRESSES {
        return refused(format!("to may have 1 to {ADDRESSES} addresses"));
    }
    match to.iter().find(|address| address.parse::<lettre::Address>().is_err()) {
        Some(_) => refused("to must hold e-mail addresses".to_owned()),
        None => Ok(to),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_the_other_end_says_loses_what_is_secret() {
        let slack = Configuration::Slack { url: "https://hooks.slack.com/services/T0/B0/secret".to_owned() };
        assert_eq!(slack.target(), "hooks.slack.com");
        assert_eq!(slack.without_secrets("no /services/T0/B0/secret here"), "no /*** here");
        assert_eq!(
            slack.without_secrets("no such page: /services/T0/B0/sec"),
            "no such page: /***",
            "also where the text was cut"
        );
        let duty = Configuration::Pagerduty { routing_key: "abcdefgh".to_owned(), url: PAGERDUTY.to_owned() };
        assert_eq!(duty.without_secrets("bad key abcdefgh"), "bad key ***");
    }

    #[test]
    fn addresses_are_addresses() {
        assert!(addresses(vec!["ops@example.com".to_owned()]).is_ok());
        for bad in ["ops", "a@b\r\nBcc: c@d", "Ops <ops@example.com>", ""] {
            assert!(addresses(vec![bad.to_owned()]).is_err(), "{bad}");
        }
        assert!(addresses(Vec::new()).is_err());
    }
}
