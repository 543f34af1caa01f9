//! Which path leads to which handler.

use ::web::{Problem, ProblemKind};
use actix_web::{HttpResponse, web};

use crate::{Api, accounts, events, queue_admin, transactions};

/// Adds the API's routes; to be added before the receiver's, which know all that is below
/// `/api/webhooks/`.
pub fn add(config: &mut web::ServiceConfig, api: Api) {
    config
        .app_data(web::Data::new(api))
        .service(resource("/api/v1/transactions", web::get().to(transactions::list), web::head().to(transactions::list)))
        .service(resource("/api/v1/transactions/{id}", web::get().to(transactions::show), web::head().to(transactions::show)))
        .service(resource("/api/v1/accounts", web::get().to(accounts::list), web::head().to(accounts::list)))
        .service(resource("/api/v1/accounts/{id}", web::get().to(accounts::show), web::head().to(accounts::show)))
        .service(resource("/api/v1/events", web::get().to(events::list), web::head().to(events::list)))
        .service(resource("/api/v1/events/{id}", web::get().to(events::show), web::head().to(events::show)))
        .service(
            web::resource("/api/webhooks/queue")
                .route(web::get().to(queue_admin::show))
                .route(web::head().to(queue_admin::show))
                .route(web::post().to(queue_admin::act))
                .default_service(web::to(|| async {
                    Problem::new(ProblemKind::MethodNotAllowed, "GET the counts or POST an action")
                })),
        )
        .service(resource("/api/webhooks/queue/dead", web::get().to(queue_admin::dead), web::head().to(queue_admin::dead)))
        .service(resource(
            "/api/webhooks/queue/dead/{id}",
            web::get().to(queue_admin::show_dead),
            web::head().to(queue_admin::show_dead),
        ));
}

fn resource(path: &str, get: actix_web::Route, head: actix_web::Route) -> actix_web::Resource {
    web::resource(path).route(get).route(head).default_service(web::to(not_allowed))
}

async fn not_allowed() -> Result<HttpResponse, Problem> {
    Err(Problem::new(ProblemKind::MethodNotAllowed, "only GET and HEAD are allowed here"))
}
