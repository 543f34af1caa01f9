//! Whom a webhook is addressed to.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A kind of receiver; one path and one set of secrets each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Endpoint {
    /// Payments API events (and whatever else a portal is told to send there).
    Netbanx,
    /// Account onboarding status.
    AccountStatus,
    /// ACH, EFT, SEPA, BACS.
    DirectDebit,
    /// Wallets and bank transfers of the older kind.
    AlternatePayments,
}

impl Endpoint {
    /// Every endpoint, in the order of the contract.
    pub const ALL: [Self; 4] = [Self::Netbanx, Self::AccountStatus, Self::DirectDebit, Self::AlternatePayments];

    /// The path segment, for example `direct-debit`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Netbanx => "netbanx",
            Self::AccountStatus => "account-status",
            Self::DirectDebit => "direct-debit",
            Self::AlternatePayments => "alternate-payments",
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown endpoint; one of netbanx, account-status, direct-debit, alternate-payments")]
pub struct UnknownEndpoint;

impl FromStr for Endpoint {
    type Err = UnknownEndpoint;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|e| e.as_str() == text).ok_or(UnknownEndpoint)
    }
}

/// A company's id; [`CompanyId::NONE`] stands for "assigned to no company", which only
/// administrators see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CompanyId(pub Uuid);

impl CompanyId {
    /// No company: a value rather than NULL, so that unique keys hold for it as well.
    pub const NONE: Self = Self(Uuid::nil());

    /// The id, or nothing for [`Self::NONE`].
    pub fn known(self) -> Option<Uuid> {
        (self != Self::NONE).then_some(self.0)
    }
}

/// Whether `slug` can name a company in a path: 1–63 of `a-z`, `0-9`, `-`, not at either end `-`.
pub fn is_slug(slug: &str) -> bool {
    (1..=63).contains(&slug.len())
        && !slug.starts_with('-')
        && !slug.ends_with('-')
        && slug.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_round_trip() {
        for endpoint in Endpoint::ALL {
            assert_eq!(endpoint.as_str().parse(), Ok(endpoint));
            assert_eq!(endpoint.to_string(), endpoint.as_str());
        }
        assert_eq!("Netbanx".parse::<Endpoint>(), Err(UnknownEndpoint));
    }

    #[test]
    fn no_company_has_no_id() {
        assert_eq!(CompanyId::NONE.known(), None);
        let id = Uuid::from_u128(7);
        assert_eq!(CompanyId(id).known(), Some(id));
    }

    #[test]
    fn slugs() {
        assert!(is_slug("acme-1"));
        for bad in ["", "-a", "a-", "A", "a/b", "a b", &"a".repeat(64)] {
            assert!(!is_slug(bad), "{bad}");
        }
    }
}
