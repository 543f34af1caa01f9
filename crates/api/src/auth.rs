//! Who asks: an API token, its company and its permissions.

use ::web::{Problem, ProblemKind};
use actix_web::{HttpRequest, http::header};
use store::{reads::Scope, tokens};
use uuid::Uuid;

use crate::{Api, query_failed};

/// Whoever sent a request, known and permitted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caller(Scope);

impl Caller {
    /// What they may see.
    pub fn scope(self) -> Scope {
        self.0
    }

    /// The same, of one company only if they asked for it.
    pub fn narrowed(self, company: Option<Uuid>) -> Result<Scope, Problem> {
        narrowed(self.0, company)
    }
}

/// `scope`, of one company only if that is asked for.
pub(crate) fn narrowed(scope: Scope, company: Option<Uuid>) -> Result<Scope, Problem> {
    match (scope, company) {
        (scope, None) => Ok(scope),
        (Scope::Company(own), Some(wanted)) if own != wanted => Err(other_company()),
        (_, Some(wanted)) => Ok(Scope::Company(wanted)),
    }
}

/// The refusal to whoever asks for another company than their own.
pub(crate) fn other_company() -> Problem {
    Problem::new(ProblemKind::Forbidden, "the token is another company's")
}

/// The sender of `request`, if they have `permission`.
pub(crate) async fn caller(api: &Api, request: &HttpRequest, permission: &str) -> Result<Caller, Problem> {
    let denied = |detail| Problem::new(ProblemKind::Unauthenticated, detail);
    let value = request.headers().get(header::AUTHORIZATION).and_then(|v| v.to_str().ok());
    let value = value.ok_or_else(|| denied("send Authorization: Bearer TOKEN"))?;
    let (scheme, token) = value.split_once(' ').ok_or_else(|| denied("send Authorization: Bearer TOKEN"))?;
    if !["bearer", "api-key"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return Err(denied("the scheme must be Bearer or Api-Key"));
    }
    let token = tokens::find(&api.db, token.trim()).await.map_err(|e| query_failed(&e))?;
    let token = token.ok_or_else(|| denied("the token is unknown, expired or revoked"))?;
    let granted: Vec<&str> = token.permissions.split(' ').collect();
    let is_admin = granted.contains(&"admin") && token.company_id.is_nil();
    if !is_admin && !granted.contains(&permission) {
        return Err(Problem::new(ProblemKind::Forbidden, format!("the token lacks the permission {permission}")));
    }
    Ok(Caller(if token.company_id.is_nil() { Scope::All } else { Scope::Company(token.company_id) }))
}
