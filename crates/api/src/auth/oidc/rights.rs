//! What somebody may do, by the claims of the provider. No I/O.

use serde_json::Value;
use settings::OidcSettings;
use store::tokens::PERMISSIONS;

use super::provider::Claims;

/// The permission that gives every other, for all companies.
const ADMIN: &str = "admin";

/// The claim of that name; dots lead into objects, unless a claim is called so.
pub(super) fn claim<'c>(claims: &'c Claims, name: &str) -> Option<&'c Value> {
    claims.get(name).or_else(|| {
        let (first, rest) = name.split_once('.')?;
        claim(claims.get(first)?.as_object()?, rest)
    })
}

/// What the roles in `claims` permit, in the order of all permissions; none: nothing.
pub(super) fn permissions(settings: &OidcSettings, claims: &Claims) -> Option<Vec<String>> {
    let roles = match claim(claims, &settings.roles_claim)? {
        Value::String(roles) => roles.split([' ', ',']).collect(),
        Value::Array(roles) => roles.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let mapped = || settings.roles.iter().filter(|(role, _)| roles.contains(&role.as_str())).flat_map(|(_, own)| own);
    let is_administrator = mapped().any(|own| own == ADMIN);
    let permitted = |permission: &&str| is_administrator || mapped().any(|own| own == permission);
    let permissions: Vec<String> = PERMISSIONS.into_iter().filter(permitted).map(str::to_owned).collect();
    (!permissions.is_empty()).then_some(permissions)
}

/// Whether they are of somebody who belongs to no company.
pub(super) fn is_administrator(permissions: &[String]) -> bool {
    permissions.iter().any(|own| own == ADMIN)
}

/// The slug of the company that `claims` name.
pub(super) fn company(settings: &OidcSettings, claims: &Claims) -> Option<String> {
    let name = claim(claims, settings.company_claim.as_deref()?)?.as_str()?;
    (!name.is_empty() && name.len() <= 64).then(|| name.to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    fn settings(roles_claim: &str) -> OidcSettings {
        let own = |role: &str, permissions: &[&str]| (role.to_owned(), permissions.iter().map(|p| (*p).to_owned()).collect());
        OidcSettings {
            issuer: String::new(),
            client_id: String::new(),
            client_secret: None,
            redirect_url: String::new(),
            scopes: Vec::new(),
            roles_claim: roles_claim.to_owned(),
            company_claim: Some("company".to_owned()),
            roles: vec![
                own("ops", &["admin"]),
                own("reader", &["read:analytics", "read:transactions"]),
                own("tender", &["manage:queue"]),
            ],
        }
    }

    #[test]
    fn roles_add_up_and_an_administrators_gives_all() {
        let of = |claim: &str, claims: Value| permissions(&settings(claim), claims.as_object().unwrap());
        let both = Some(vec!["read:transactions".to_owned(), "read:analytics".to_owned(), "manage:queue".to_owned()]);
        assert_eq!(of("roles", json!({"roles": ["reader", "tender", "unknown"]})), both);
        assert_eq!(of("roles", json!({"roles": "reader tender"})), both);
        assert_eq!(of("realm_access.roles", json!({"realm_access": {"roles": ["reader", "tender"]}})), both);
        assert_eq!(of("https://a.example/roles", json!({"https://a.example/roles": ["reader", "tender"]})), both);
        assert_eq!(of("roles", json!({"roles": ["ops"]})).unwrap().len(), PERMISSIONS.len());
        for nothing in [json!({}), json!({"roles": []}), json!({"roles": ["unknown"]}), json!({"roles": 7})] {
            assert_eq!(of("roles", nothing), None);
        }
    }
}
