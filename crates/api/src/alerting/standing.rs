//! `/api/v1/alerts`: what is wrong with a company's business now, for whoever looks at its figures.

use actix_web::{HttpRequest, HttpResponse, web};
use clock::now_ms;
use http_service::{Problem, uncached};
use serde::Serialize;
use store::{Scope, alerting::notices::Standing};
use utoipa::ToSchema;

use super::business;
use crate::{
    Api,
    admin::{audit, users::no_company},
    analytics, auth,
    http::{openapi::problems, query::OfCompany},
    query_failed,
    reads::views::Success,
};

/// Something that is wrong with a company's business.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BusinessAlert {
    /// failure-rate, chargebacks, silence, late-webhooks, redeliveries, or endpoint-failing with the endpoint's id behind a colon.
    alert: String,
    /// warning or critical.
    severity: String,
    /// What is wrong.
    message: String,
    /// What to do.
    action: String,
}

impl From<Standing> for BusinessAlert {
    fn from(Standing { alert, severity, message, action, .. }: Standing) -> Self {
        Self { alert, severity, message, action }
    }
}

/// What is wrong now.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BusinessAlerts {
    alerts: Vec<BusinessAlert>,
}

/// Show what is wrong with a company's business now, by its rules. Needs `read:analytics`.
///
/// It is measured when it is asked, whether or not a channel is told of it.
#[utoipa::path(get, path = "/api/v1/alerts", tag = "alerts", params(OfCompany),
    responses((status = 200, body = Success<BusinessAlerts>, description = "What stands"), problems::List))]
pub(crate) async fn list(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let caller = auth::caller(&api, &request, analytics::PERMISSION).await?;
    let Scope::Company(company) = OfCompany::scope(&api, &request, &caller).await? else { return Err(no_company()) };
    let standing = business::standing(&api.db, company, now_ms()).await.map_err(|e| query_failed(&e))?;
    // Endpoints are for those who may see them.
    let is_shown = |own: &Standing| caller.may(audit::PERMISSION) || !own.alert.starts_with(business::ENDPOINT_FAILING);
    let alerts = standing.into_iter().filter(is_shown).map(BusinessAlert::from).collect();
    Ok(uncached(HttpResponse::Ok(), BusinessAlerts { alerts }))
}
