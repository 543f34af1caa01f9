//! `/api/v1/companies`: whose data one may look at, and by whose days it is counted.

use actix_web::{HttpRequest, HttpResponse, web};
use common::CompanyId;
use http_service::{Problem, uncached};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{Scope, companies, entity::company};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    Api,
    admin::audit::{Author, PERMISSION},
    auth, begin, commit,
    http::{body, openapi::problems, query},
    query_failed,
    reads::views::Success,
};

/// A company.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Company {
    pub id: Uuid,
    /// Its name in paths and filters.
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// The zone of IANA's database whose days its figures are counted by; null: UTC.
    pub time_zone: Option<String>,
}

impl From<company::Model> for Company {
    fn from(row: company::Model) -> Self {
        Self { id: row.id, slug: row.slug, name: row.name, time_zone: row.time_zone }
    }
}

/// The companies that one may look at.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Companies {
    companies: Vec<Company>,
}

/// What a company is to be from now on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CompanyChanges {
    /// A name of IANA's time zone database, such as `America/Toronto`; null: none of its own.
    // So that a field which is not there is no wish to end the zone.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(required = true, max_length = 64)]
    time_zone: Option<String>,
}

/// List the companies that one may look at: all for administrators, else one's own.
#[utoipa::path(get, path = "/api/v1/companies", tag = "management",
    responses((status = 200, body = Success<Companies>, description = "By slug, at most 1,000"), problems::Known))]
pub(crate) async fn list(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let scope = auth::anyone(&api, &request).await?.scope();
    let companies = seen_by(&api, scope).await?;
    Ok(uncached(HttpResponse::Ok(), Companies { companies }))
}

/// Set a company's time zone: its figures are those of that zone's days, everywhere within a second. Needs `manage:secrets`.
#[utoipa::path(patch, path = "/api/v1/companies/{id}", tag = "management", params(query::Id), request_body = CompanyChanges,
    responses((status = 200, body = Success<Company>, description = "As it is now"), problems::ShowChange))]
pub(crate) async fn change(
    api: web::Data<Api>,
    request: HttpRequest,
    path: web::Path<String>,
    body: web::Payload,
) -> Result<HttpResponse, Problem> {
    let caller = auth::caller(&api, &request, PERMISSION).await?;
    let id = query::id(&path)?;
    let not_found = || query::not_found("company");
    if caller.narrowed(Some(id)).is_err() {
        return Err(not_found());
    }
    let CompanyChanges { time_zone } = body::json(body).await?;
    let unknown =
        || Problem::parameter("timeZone", "timeZone must be a name of IANA's database, such as America/Toronto, or null");
    let zone = time_zone.map(|name| companies::zone(&name).ok_or_else(unknown)).transpose()?;
    let tx = begin(&api).await?;
    let row = companies::set_time_zone(&tx, id, zone).await.map_err(|e| query_failed(&e))?.ok_or_else(not_found)?;
    let author = Author::of(&api, &request, &caller).about(CompanyId(id));
    author.note(&tx, "company.change", &json!({"company": id, "timeZone": row.time_zone})).await?;
    commit(tx).await?;
    api.zones.forget(id).await;
    Ok(uncached(HttpResponse::Ok(), Company::from(row)))
}

/// The companies within `scope`.
pub(crate) async fn seen_by(api: &Api, scope: Scope) -> Result<Vec<Company>, Problem> {
    let rows = companies::list(&api.db).await.map_err(|e| query_failed(&e))?;
    Ok(rows.into_iter().filter(|row| scope == Scope::All || scope == Scope::Company(row.id)).map(Into::into).collect())
}
