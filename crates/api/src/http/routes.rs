//! Which path leads to which handler.

use std::time::Duration;

use actix_web::{
    Error, Resource, ResponseError, Route,
    body::BoxBody,
    dev::{HttpServiceFactory, ServiceRequest, ServiceResponse},
    guard,
    middleware::{Next, from_fn},
    web,
};
use http_service::{Problem, ProblemKind, only};

use crate::{
    Api,
    account::{password, second_factor, sessions},
    admin::{
        alert_channels, alert_notices, attempts, audit, companies, dead_letter_list, endpoints, queue, receivers, tokens, users,
    },
    alerting::standing,
    analytics,
    auth::{oidc, session},
    http::{dashboard, openapi, reference},
    monitoring,
    reads::{accounts, events, export, receipt, totals, transactions},
    reconciliations, stream,
};

/// Adds the API's routes; to be added before the receiver's, which know all that is below
/// `/api/webhooks/`.
pub fn add(config: &mut web::ServiceConfig, api: Api) {
    config
        .app_data(web::Data::new(api))
        .service(read("/api/v1/transactions", || web::to(transactions::list)))
        .service(read("/api/v1/transactions.csv", || web::to(export::transactions_csv)))
        .service(read("/api/v1/transactions.jsonl", || web::to(export::transactions_jsonl)))
        .service(read("/api/v1/events.csv", || web::to(export::events_csv)))
        .service(read("/api/v1/events.jsonl", || web::to(export::events_jsonl)))
        .service(read("/api/v1/accounts.csv", || web::to(export::accounts_csv)))
        .service(read("/api/v1/accounts.jsonl", || web::to(export::accounts_jsonl)))
        .service(read("/api/v1/audit.csv", || web::to(export::audit_csv)))
        .service(read("/api/v1/audit.jsonl", || web::to(export::audit_jsonl)))
        .service(read("/api/v1/analytics.csv", || web::to(export::analytics_csv)))
        .service(read("/api/v1/analytics.jsonl", || web::to(export::analytics_jsonl)))
        .service(read("/api/v1/transactions/totals", || web::to(totals::show)))
        .service(read("/api/v1/transactions/{id}", || web::to(transactions::show)))
        .service(read("/api/v1/accounts", || web::to(accounts::list)))
        .service(read("/api/v1/accounts/{id}", || web::to(accounts::show)))
        .service(read("/api/v1/events", || web::to(events::list)))
        .service(read("/api/v1/events/{id}", || web::to(events::show)))
        .service(asking(read("/api/v1/receipt", || web::to(receipt::show))))
        .service(read("/api/v1/analytics", || web::to(analytics::show)))
        .service(only("/api/v1/stream", "GET, HEAD, OPTIONS").route(web::get().to(stream::open)))
        .service(asking(read("/api/v1/audit", || web::to(audit::list))))
        .service(read("/api/performance/status", || web::to(monitoring::status)))
        .service(read("/api/performance/history", || web::to(monitoring::history::show)))
        .service(read("/api/openapi.json", || web::to(openapi::document)))
        .service(asking(
            only("/api/v1/session", "DELETE, GET, HEAD, OPTIONS, POST")
                .route(web::post().to(session::sign_in))
                .route(web::get().to(session::show))
                .route(web::delete().to(session::sign_out)),
        ))
        .configure(add_accounts)
        .service(asking(
            only("/api/v1/users", "GET, HEAD, OPTIONS, POST").route(web::get().to(users::list)).route(web::post().to(users::add)),
        ))
        .service(asking(only("/api/v1/users/{id}", "DELETE, OPTIONS").route(web::delete().to(users::remove))))
        .service(asking(
            only("/api/v1/users/{id}/second-factor", "DELETE, OPTIONS").route(web::delete().to(users::reset_second_factor)),
        ))
        .service(asking(
            only("/api/v1/tokens", "GET, HEAD, OPTIONS, POST")
                .route(web::get().to(tokens::list))
                .route(web::post().to(tokens::add)),
        ))
        .service(asking(only("/api/v1/tokens/{id}", "DELETE, OPTIONS").route(web::delete().to(tokens::revoke))))
        .service(asking(read("/api/v1/companies", || web::to(companies::list))))
        .service(asking(only("/api/v1/companies/{id}", "OPTIONS, PATCH").route(web::patch().to(companies::change))))
        .service(asking(read("/api/v1/receivers", || web::to(receivers::list))))
        .service(asking(only("/api/v1/receivers/{endpoint}/keys", "OPTIONS, POST").route(web::post().to(receivers::add))))
        .service(asking(
            only("/api/v1/receivers/{endpoint}/keys/{version}", "DELETE, OPTIONS").route(web::delete().to(receivers::revoke)),
        ))
        .service(asking(only("/api/v1/receivers/{endpoint}/test", "OPTIONS, POST").route(web::post().to(receivers::test))))
        .configure(add_endpoints)
        .configure(add_alerts)
        .configure(add_reconciliations)
        .configure(dashboard::add)
        .service(reference::entrance())
        .service(reference::pages())
        .service(
            only("/api/webhooks/queue", "GET, HEAD, OPTIONS, POST")
                .route(web::get().to(queue::show))
                .route(web::post().to(queue::act)),
        )
        .service(read("/api/webhooks/queue/dead", || web::to(dead_letter_list::list)))
        .service(read("/api/webhooks/queue/dead/{id}", || web::to(dead_letter_list::show)));
}

/// Sign-in by a provider, and what people change of their own account.
fn add_accounts(config: &mut web::ServiceConfig) {
    config
        .service(read("/api/v1/session/methods", || web::to(oidc::methods)))
        .service(asking(read("/api/v1/session/oidc", || web::to(oidc::begin))))
        .service(asking(read("/api/v1/session/oidc/callback", || web::to(oidc::callback))))
        .service(asking(only("/api/v1/account/password", "OPTIONS, POST").route(web::post().to(password::change))))
        .service(asking(
            only("/api/v1/account/sessions", "DELETE, GET, HEAD, OPTIONS")
                .route(web::get().to(sessions::list))
                .route(web::delete().to(sessions::end_others)),
        ))
        .service(asking(only("/api/v1/account/sessions/{id}", "DELETE, OPTIONS").route(web::delete().to(sessions::end))))
        .service(asking(
            only("/api/v1/account/second-factor", "GET, HEAD, OPTIONS, POST")
                .route(web::get().to(second_factor::show))
                .route(web::post().to(second_factor::begin_enrolment)),
        ))
        .service(asking(
            only("/api/v1/account/second-factor/confirm", "OPTIONS, POST").route(web::post().to(second_factor::confirm)),
        ))
        .service(asking(
            only("/api/v1/account/second-factor/recovery-codes", "OPTIONS, POST").route(web::post().to(second_factor::renew)),
        ))
        .service(asking(
            only("/api/v1/account/second-factor/off", "OPTIONS, POST").route(web::post().to(second_factor::turn_off)),
        ));
}

/// Where companies' own systems are told of what changed.
fn add_endpoints(config: &mut web::ServiceConfig) {
    config
        .service(asking(
            only("/api/v1/endpoints", "GET, HEAD, OPTIONS, POST")
                .route(web::get().to(endpoints::list))
                .route(web::post().to(endpoints::add)),
        ))
        .service(asking(
            only("/api/v1/endpoints/{id}", "DELETE, GET, HEAD, OPTIONS, PATCH")
                .route(web::get().to(endpoints::show))
                .route(web::patch().to(endpoints::change))
                .route(web::delete().to(endpoints::remove)),
        ))
        .service(asking(only("/api/v1/endpoints/{id}/rotate", "OPTIONS, POST").route(web::post().to(endpoints::rotate))))
        .service(asking(only("/api/v1/endpoints/{id}/test", "OPTIONS, POST").route(web::post().to(attempts::test))))
        .service(asking(only("/api/v1/endpoints/{id}/resend", "OPTIONS, POST").route(web::post().to(attempts::send_again))))
        .service(asking(read("/api/v1/endpoints/{id}/attempts", || web::to(attempts::list))));
}

/// Where alerts are told, and from when on something is wrong.
fn add_alerts(config: &mut web::ServiceConfig) {
    config
        .service(asking(
            only("/api/v1/alert-channels", "GET, HEAD, OPTIONS, POST")
                .route(web::get().to(alert_channels::list))
                .route(web::post().to(alert_channels::add)),
        ))
        .service(asking(
            only("/api/v1/alert-channels/{id}", "DELETE, GET, HEAD, OPTIONS, PATCH")
                .route(web::get().to(alert_channels::show))
                .route(web::patch().to(alert_channels::change))
                .route(web::delete().to(alert_channels::remove)),
        ))
        .service(asking(read("/api/v1/alert-channels/{id}/notices", || web::to(alert_notices::list))))
        // It waits for the other end, which has a limit of its own.
        .service(only("/api/v1/alert-channels/{id}/test", "OPTIONS, POST").route(web::post().to(alert_notices::test)))
        .service(asking(read("/api/v1/alerts", || web::to(standing::list))))
        .service(asking(
            only("/api/v1/alert-rules", "GET, HEAD, OPTIONS, PATCH")
                .route(web::get().to(alert_notices::show_rules))
                .route(web::patch().to(alert_notices::change_rules)),
        ));
}

/// Reports, and what comparisons with them found.
fn add_reconciliations(config: &mut web::ServiceConfig) {
    config
        // A report takes as long as it takes; that has a limit of its own.
        .service(
            only("/api/v1/reconciliations", "GET, HEAD, OPTIONS, POST")
                .route(web::get().to(reconciliations::list))
                .route(web::post().to(reconciliations::start::start)),
        )
        .service(asking(read("/api/v1/reconciliation-mappings", || web::to(reconciliations::mappings::list))))
        .service(asking(
            only("/api/v1/reconciliation-mappings/{name}", "DELETE, OPTIONS")
                .route(web::delete().to(reconciliations::mappings::remove)),
        ))
        .service(asking(read("/api/v1/reconciliations/{id}", || web::to(reconciliations::show))))
        .service(asking(read("/api/v1/reconciliations/{id}/items", || web::to(reconciliations::items::list))))
        .service(read("/api/v1/reconciliations/{id}/items.csv", || web::to(export::items::items_csv)))
        .service(read("/api/v1/reconciliations/{id}/items.jsonl", || web::to(export::items::items_jsonl)))
        .service(asking(
            only("/api/v1/reconciliations/{id}/items/{number}/ignore", "OPTIONS, POST")
                .route(web::post().to(reconciliations::items::ignore)),
        ))
        .service(
            only("/api/v1/reconciliations/{id}/items/{number}/take-over", "OPTIONS, POST")
                .route(web::post().to(reconciliations::items::take_over)),
        )
        // Netbanx takes as long as it takes; that has a limit of its own.
        .service(
            only("/api/v1/reconciliations/{id}/items/{number}/ask", "OPTIONS, POST")
                .route(web::post().to(reconciliations::ask::ask)),
        );
}

/// Longest wait for the database where no response cache is in between.
const ASKED: Duration = Duration::from_secs(10);

/// What asks the database each time.
fn asking(resource: Resource) -> impl HttpServiceFactory + 'static {
    resource.wrap(from_fn(|request, next| in_time(ASKED, request, next)))
}

/// Answers within `limit`, also where the database does not.
async fn in_time(limit: Duration, request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse, Error> {
    let asked = request.request().clone();
    let silent = || {
        let detail = "the database did not answer in time; what was asked for may be done all the same";
        Ok(ServiceResponse::new(asked, Problem::new(ProblemKind::Unavailable, detail).error_response()))
    };
    store::deadline::answered(limit, next.call(request)).await.unwrap_or_else(silent)
}

/// What can only be read.
fn read(path: &str, handler: impl Fn() -> Route) -> Resource {
    only(path, "GET, HEAD, OPTIONS").route(handler().guard(guard::Get()))
}
