//! `/api/v1/reconciliation-mappings`: how a company's reports are read, as it was saved by name.

use actix_web::{HttpRequest, HttpResponse, web};
use comparison::view;
use http_service::{Problem, uncached};
use serde::Serialize;
use serde_json::Value;
use store::{Scope, reconciliations};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    Api,
    admin::{
        audit::{Author, PERMISSION},
        users::no_company,
    },
    auth,
    http::{
        openapi::problems,
        query::{self, OfCompany},
    },
    query_failed,
    reads::{transactions, views::Success},
    refused,
};

/// How reports are read.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SavedMapping {
    company_id: Uuid,
    /// What it is saved under.
    name: String,
    /// Columns by field, units of amounts, forms of numbers and times.
    #[schema(value_type = Object)]
    mapping: Value,
}

/// The mappings that were saved.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SavedMappings {
    mappings: Vec<SavedMapping>,
}

/// The mapping that a path names.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[allow(dead_code, reason = "it describes what the path reads")]
pub(crate) struct MappingPath {
    /// What it is saved under.
    name: String,
}

/// List how reports are read, as it was saved with `saveMapping`. Needs `read:transactions`. A company keeps 100 at most.
#[utoipa::path(get, path = "/api/v1/reconciliation-mappings", tag = "reconciliation", params(OfCompany),
    responses((status = 200, body = Success<SavedMappings>, description = "By name"), problems::List))]
pub(crate) async fn list(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let caller = auth::caller(&api, &request, transactions::PERMISSION).await?;
    let scope = OfCompany::scope(&api, &request, &caller).await?;
    let rows = reconciliations::mappings(&api.db, scope).await.map_err(|e| query_failed(&e))?.into_iter();
    let mappings = rows.map(|row| {
        let mapping = view::parsed(&row.mapping);
        SavedMapping { company_id: row.company_id, name: row.name, mapping }
    });
    Ok(uncached(HttpResponse::Ok(), SavedMappings { mappings: mappings.collect() }))
}

/// Remove how reports are read, as it was saved. Needs `manage:secrets`. Comparisons that were made with it stay.
#[utoipa::path(delete, path = "/api/v1/reconciliation-mappings/{name}", tag = "reconciliation", params(MappingPath, OfCompany),
    responses((status = 204, description = "It is removed"), problems::ShowChange))]
pub(crate) async fn remove(api: web::Data<Api>, request: HttpRequest, path: web::Path<String>) -> Result<HttpResponse, Problem> {
    let caller = auth::caller(&api, &request, PERMISSION).await?;
    let Scope::Company(company) = OfCompany::scope(&api, &request, &caller).await? else { return Err(no_company()) };
    let company = common::CompanyId(company);
    let author = Author::of(&api, &request, &caller);
    let is_removed = reconciliations::remove_mapping(&api.db, company, &path, author.by()).await.map_err(|e| refused(&e))?;
    if is_removed { Ok(HttpResponse::NoContent().finish()) } else { Err(query::not_found("mapping")) }
}
