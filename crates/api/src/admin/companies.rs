//! `/api/v1/companies`: whose data one may look at.

use actix_web::{HttpRequest, HttpResponse, web};
use http_service::{Problem, uncached};
use serde::Serialize;
use store::{Scope, companies, entity::company};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{Api, auth, http::openapi::problems, query_failed, reads::views::Success};

/// A company.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Company {
    pub id: Uuid,
    /// Its name in paths and filters.
    pub slug: String,
    /// Its name for people.
    pub name: String,
}

impl From<company::Model> for Company {
    fn from(row: company::Model) -> Self {
        Self { id: row.id, slug: row.slug, name: row.name }
    }
}

/// The companies that one may look at.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Companies {
    companies: Vec<Company>,
}

/// List the companies that one may look at: all for administrators, else one's own.
#[utoipa::path(get, path = "/api/v1/companies", tag = "management",
    responses((status = 200, body = Success<Companies>, description = "By slug, at most 1,000"), problems::Known))]
pub(crate) async fn list(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let scope = auth::anyone(&api, &request).await?.scope();
    let companies = seen_by(&api, scope).await?;
    Ok(uncached(HttpResponse::Ok(), Companies { companies }))
}

/// The companies within `scope`.
pub(crate) async fn seen_by(api: &Api, scope: Scope) -> Result<Vec<Company>, Problem> {
    let rows = companies::list(&api.db).await.map_err(|e| query_failed(&e))?;
    Ok(rows.into_iter().filter(|row| scope == Scope::All || scope == Scope::Company(row.id)).map(Into::into).collect())
}
