//! `/api/v1/audit`: who changed what; and the notes that make it.

use actix_web::{HttpRequest, HttpResponse, web};
use common::CompanyId;
use http_service::{Problem, uncached};
use sea_orm::{ConnectionTrait, DatabaseTransaction};
use serde::Serialize;
use serde_json::value::RawValue;
use store::shown::time;
use store::{Scope, audit, entity::audit_entry, reconciliations::By};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    Api,
    auth::{self, Caller},
    http::{
        openapi::problems,
        query::{self, page::After},
    },
    query_failed,
    reads::views::Success,
};

/// The permission for users, tokens and what was done with them.
pub(crate) const PERMISSION: &str = "manage:secrets";

/// A management action.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AuditEntry {
    id: Uuid,
    at: Option<String>,
    /// `user:ID`, `token:ID` or `command`.
    actor: String,
    /// Who that is: the address of the user, or the name of the token. Absent where they are gone, or are not of your company.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "ada@shop.example")]
    actor_name: Option<String>,
    /// Null: it concerned all companies.
    company_id: Option<Uuid>,
    /// For example `token.add` or `queue.retry`.
    action: String,
    /// Where the request came from.
    address: Option<String>,
    /// Its number in the chain; null before version 1.0.
    sequence: Option<i64>,
    /// SHA-256 over this entry and the hash before it: `netbanx audit verify` proves the chain.
    hash: Option<String>,
    /// What was changed, without secrets.
    #[schema(value_type = Option<Object>)]
    detail: Option<Box<RawValue>>,
}

/// Entries as they are shown, with the names of those who made them.
pub(crate) async fn shown(
    db: &impl ConnectionTrait,
    scope: Scope,
    rows: Vec<audit_entry::Model>,
) -> Result<Vec<AuditEntry>, store::Error> {
    let names = audit::names(db, scope, &rows).await?;
    Ok(rows.into_iter().map(|row| AuditEntry { actor_name: names.get(&row.actor).cloned(), ..row.into() }).collect())
}

impl From<audit_entry::Model> for AuditEntry {
    fn from(row: audit_entry::Model) -> Self {
        Self {
            id: row.id,
            at: time(row.at),
            actor: row.actor,
            actor_name: None,
            company_id: (!row.company_id.is_nil()).then_some(row.company_id),
            action: row.action,
            address: row.address,
            sequence: row.sequence,
            hash: row.hash,
            detail: RawValue::from_string(row.detail).ok(),
        }
    }
}

/// A page of the audit log.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AuditLog {
    entries: Vec<AuditEntry>,
    /// Goes on behind this page; null at the end.
    next_cursor: Option<String>,
}

/// Who does something, from where.
#[derive(Debug, Clone)]
pub(crate) struct Author {
    actor: String,
    company: CompanyId,
    address: Option<String>,
}

impl Author {
    /// The sender of `request`.
    pub fn of(api: &Api, request: &HttpRequest, caller: &Caller) -> Self {
        let company = match caller.scope() {
            Scope::All => CompanyId::NONE,
            Scope::Company(id) => CompanyId(id),
        };
        Self { actor: caller.actor.clone(), company, address: address_of(api, request) }
    }

    /// The same of something that concerns `company`.
    pub fn about(mut self, company: CompanyId) -> Self {
        self.company = company;
        self
    }

    /// Notes in `tx` what was done; `detail` is JSON without secrets.
    pub async fn note(&self, tx: &DatabaseTransaction, action: &str, detail: &serde_json::Value) -> Result<(), Problem> {
        let detail = detail.to_string();
        audit::record(tx, self.entry(action, &detail)).await.map_err(|e| query_failed(&e))
    }

    /// The same of what is not in the database.
    pub async fn note_alone(&self, api: &Api, action: &str, detail: &serde_json::Value) -> Result<(), Problem> {
        let detail = detail.to_string();
        audit::record_alone(&api.db, self.entry(action, &detail)).await.map_err(|e| query_failed(&e))
    }

    /// Who decides what becomes of a difference.
    pub fn by(&self) -> By<'_> {
        By { actor: &self.actor, address: self.address.as_deref() }
    }

    fn entry<'e>(&'e self, action: &'e str, detail: &'e str) -> audit::Note<'e> {
        tracing::info!(actor = self.actor, action, "management action");
        audit::Note { actor: &self.actor, company: self.company, action, detail, address: self.address.as_deref() }
    }
}

/// Where a request comes from, for people.
pub(crate) fn address_of(api: &Api, request: &HttpRequest) -> Option<String> {
    api.addresses.of(request).map(|address| address.to_string())
}

/// List management actions, the latest first. Needs `manage:secrets`.
#[utoipa::path(get, path = "/api/v1/audit", tag = "management", params(After),
    responses((status = 200, body = Success<AuditLog>, description = "A page"), problems::List))]
pub(crate) async fn list(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let scope = auth::caller(&api, &request, PERMISSION).await?.scope();
    let page: After = query::read(&request)?;
    let rows = audit::list(&api.db, scope, page.id(), page.limit()).await.map_err(|e| query_failed(&e))?;
    let next_cursor = page.next(rows.iter().map(|row| row.id));
    let entries = shown(&api.db, scope, rows).await.map_err(|e| query_failed(&e))?;
    let log = AuditLog { entries, next_cursor };
    Ok(uncached(HttpResponse::Ok(), log))
}
