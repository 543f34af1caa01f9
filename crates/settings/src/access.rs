//! Who gets in how: whose second factor is demanded, and sign-in by an OpenID Connect provider.

use std::{fmt, str::FromStr};

use store::tokens::PERMISSIONS;

use crate::{
    Error, Source, bad,
    table::{self, Setting},
};

/// Where a provider sends people back to.
pub const OIDC_CALLBACK: &str = "/api/v1/session/oidc/callback";
/// The permission that gives every other, for all companies.
const ADMIN: &str = "admin";

/// `SECOND_FACTOR`: of whom a second factor is demanded. Nobody by a provider: those have theirs there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SecondFactor {
    /// Of nobody; whoever wants has one.
    #[default]
    Optional,
    /// Of administrators and company administrators.
    Administrators,
    /// Of everyone with a password.
    Everyone,
}

impl FromStr for SecondFactor {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "optional" => Ok(Self::Optional),
            "administrators" => Ok(Self::Administrators),
            "everyone" => Ok(Self::Everyone),
            _ => Err("must be optional, administrators or everyone"),
        }
    }
}

/// `OIDC_*`: sign-in by an OpenID Connect provider.
#[derive(Clone, PartialEq, Eq)]
pub struct OidcSettings {
    /// `OIDC_ISSUER`.
    pub issuer: String,
    /// `OIDC_CLIENT_ID`.
    pub client_id: String,
    /// `OIDC_CLIENT_SECRET`; ingress and workers have none.
    pub client_secret: Option<String>,
    /// `OIDC_REDIRECT_URL`: [`OIDC_CALLBACK`] under the address that people know.
    pub redirect_url: String,
    /// `OIDC_SCOPES`.
    pub scopes: Vec<String>,
    /// `OIDC_ROLES_CLAIM`: the claim that lists somebody's roles; dots lead into objects.
    pub roles_claim: String,
    /// `OIDC_COMPANY_CLAIM`: the claim that names somebody's company by its slug.
    pub company_claim: Option<String>,
    /// `OIDC_ROLES` and `OIDC_ADMIN_ROLE`: what each role may do.
    pub roles: Vec<(String, Vec<String>)>,
}

impl OidcSettings {
    /// The secret, or the error that tells it is missing.
    pub fn require_client_secret(&self) -> Result<&str, Error> {
        self.client_secret.as_deref().ok_or_else(|| bad("OIDC_CLIENT_SECRET", "is required for sign-in by OpenID Connect"))
    }
}

/// Without the secret.
impl fmt::Debug for OidcSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OidcSettings").field("issuer", &self.issuer).field("roles", &self.roles).finish_non_exhaustive()
    }
}

pub(crate) fn oidc(source: &Source, production: bool) -> Result<Option<OidcSettings>, Error> {
    const NEEDED: [&Setting; 3] = [&table::OIDC_ISSUER, &table::OIDC_CLIENT_ID, &table::OIDC_REDIRECT_URL];
    let client_secret = source.optional(&table::OIDC_CLIENT_SECRET);
    let [Some(issuer), Some(client_id), Some(redirect_url)] = NEEDED.map(|setting| source.optional(setting)) else {
        if table::all().filter(|setting| setting.name.starts_with("OIDC_")).all(|setting| source.optional(setting).is_none()) {
            return Ok(None);
        }
        let missing = NEEDED.into_iter().find(|setting| source.optional(setting).is_none());
        return Err(bad(missing.unwrap_or(&table::OIDC_ISSUER).name, "is required for sign-in by OpenID Connect"));
    };
    let is_address = |text: &str| {
        url::Url::parse(text)
            .ok()
            .filter(|url| url.has_host() && url.query().is_none() && url.fragment().is_none())
            .filter(|url| url.scheme() == "https" || (url.scheme() == "http" && !production))
    };
    if is_address(&issuer).is_none() {
        return Err(bad("OIDC_ISSUER", "must be the https address of the provider"));
    }
    if is_address(&redirect_url).is_none_or(|url| url.path() != OIDC_CALLBACK) {
        return Err(bad("OIDC_REDIRECT_URL", "must be https://YOUR-HOST/api/v1/session/oidc/callback"));
    }
    let mut roles = roles(&source.text(&table::OIDC_ROLES))?;
    if let Some(role) = source.optional(&table::OIDC_ADMIN_ROLE) {
        roles.push((role, vec![ADMIN.to_owned()]));
    }
    if roles.is_empty() {
        return Err(bad("OIDC_ROLES", "is required with OIDC_ISSUER, or OIDC_ADMIN_ROLE is: nobody could sign in"));
    }
    let company_claim = source.optional(&table::OIDC_COMPANY_CLAIM);
    if company_claim.is_none() && roles.iter().any(|(_, permissions)| !permissions.iter().any(|own| own == ADMIN)) {
        return Err(bad("OIDC_COMPANY_CLAIM", "is required: OIDC_ROLES has roles that are no administrator's"));
    }
    Ok(Some(OidcSettings {
        issuer,
        client_id,
        client_secret,
        redirect_url,
        scopes: source.text(&table::OIDC_SCOPES).split_whitespace().map(str::to_owned).collect(),
        roles_claim: source.text(&table::OIDC_ROLES_CLAIM),
        company_claim,
        roles,
    }))
}

/// `ROLE:PERMISSION+PERMISSION,ROLE:…`.
fn roles(text: &str) -> Result<Vec<(String, Vec<String>)>, Error> {
    let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
    let entry = |entry: &str| {
        let (role, permissions) = entry.split_once(':')?;
        let permissions: Vec<String> = permissions.split('+').map(|own| own.trim().to_owned()).collect();
        let is_known = permissions.iter().all(|own| PERMISSIONS.contains(&own.as_str()));
        (is_known && !role.trim().is_empty()).then(|| (role.trim().to_owned(), permissions))
    };
    let read: Option<Vec<_>> = entries.map(entry).collect();
    let reason = format!("must be ROLE:PERMISSION+PERMISSION, by commas; permissions are {}", PERMISSIONS.join(", "));
    read.ok_or_else(|| bad("OIDC_ROLES", &reason))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const COMPLETE: [(&str, &str); 6] = [
        ("OIDC_ISSUER", "https://id.example"),
        ("OIDC_CLIENT_ID", "netbanx"),
        ("OIDC_CLIENT_SECRET", "secret"),
        ("OIDC_REDIRECT_URL", "https://pay.example/api/v1/session/oidc/callback"),
        ("OIDC_ROLES", "ops:admin, merchant:read:transactions+read:analytics"),
        ("OIDC_COMPANY_CLAIM", "company"),
    ];

    /// Complete but for what is changed or, being empty, taken away.
    fn read(changes: &[(&str, &str)]) -> Result<Option<OidcSettings>, Error> {
        oidc(&Source::of(&[&COMPLETE, changes].concat()), true)
    }

    #[test]
    fn roles_name_what_they_may_do() {
        let settings = read(&[]).unwrap().unwrap();
        let merchant = vec!["read:transactions".to_owned(), "read:analytics".to_owned()];
        assert_eq!(settings.roles, [("ops".to_owned(), vec!["admin".to_owned()]), ("merchant".to_owned(), merchant)]);
        assert!(!format!("{settings:?}").contains("secret"));
        assert!(oidc(&Source::of(&[]), true).unwrap().is_none());
        // Those who do not use it start without.
        let without = read(&[("OIDC_CLIENT_SECRET", "")]).unwrap().unwrap();
        assert!(without.require_client_secret().unwrap_err().to_string().starts_with("OIDC_CLIENT_SECRET: "));
    }

    #[test]
    fn what_is_missing_or_malformed_is_named() {
        for (name, value) in [
            ("OIDC_ISSUER", ""),
            ("OIDC_CLIENT_ID", ""),
            ("OIDC_REDIRECT_URL", ""),
            ("OIDC_ISSUER", "http://id.example"),
            ("OIDC_ISSUER", "id.example"),
            ("OIDC_REDIRECT_URL", "https://pay.example/"),
            ("OIDC_ROLES", ""),
            ("OIDC_ROLES", "ops"),
            ("OIDC_ROLES", "ops:everything"),
            ("OIDC_COMPANY_CLAIM", ""),
        ] {
            let message = read(&[(name, value)]).unwrap_err().to_string();
            assert!(message.starts_with(&format!("{name}: ")), "{message}");
        }
    }
}
