//! Of whom a second factor is demanded (`SECOND_FACTOR`).

use http_service::{Problem, ProblemKind};
use settings::SecondFactor;
use store::{
    Vault,
    entity::user,
    users::{Role, second_factor},
};

use crate::{Api, query_failed};

/// Whether a second factor is demanded of `user`. Of whom a provider knows it is the provider's to demand.
pub(crate) fn is_made(api: &Api, user: &user::Model) -> bool {
    let is_administrator = matches!(Role::parse(&user.role), Some(Role::Administrator | Role::CompanyAdministrator));
    let of_all = match api.second_factor {
        SecondFactor::Optional => false,
        SecondFactor::Administrators => is_administrator,
        SecondFactor::Everyone => true,
    };
    of_all && user.issuer.is_none()
}

/// Whether one is demanded that `user` does not have.
pub(crate) async fn is_open(api: &Api, user: &user::Model) -> Result<bool, store::Error> {
    Ok(is_made(api, user) && second_factor::confirmed(&api.db, user.id).await?.is_none())
}

/// What opens the secrets of second factors.
pub(crate) fn vault(api: &Api) -> Result<&Vault, Problem> {
    let missing = || Problem::new(ProblemKind::Unavailable, "second factors cannot be used here: MASTER_KEY is not set");
    api.vault.as_deref().ok_or_else(missing)
}

/// A failed query as the caller sees it; where there is no vault, that one is missing.
pub(crate) fn failed(api: &Api, error: &store::Error) -> Problem {
    match (error, vault(api)) {
        (store::Error::Crypto, Err(missing)) => missing,
        _ => query_failed(error),
    }
}
