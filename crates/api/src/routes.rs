//! Which path leads to which handler.

use ::web::{Problem, ProblemKind};
use actix_web::{HttpResponse, web};

use crate::{Api, accounts, events, transactions};

/// Adds the API's routes. `GET` alone, and with it `HEAD`.
pub fn add(config: &mut web::ServiceConfig, api: Api) {
    config
        .app_data(web::Data::new(api))
        .service(resource("/api/v1/transactions", web::get().to(transactions::list), web::head().to(transactions::list)))
        .service(resource("/api/v1/transactions/{id}", web::get().to(transactions::show), web::head().to(transactions::show)))
        .service(resource("/api/v1/accounts", web::get().to(accounts::list), web::head().to(accounts::list)))
        .service(resource("/api/v1/accounts/{id}", web::get().to(accounts::show), web::head().to(accounts::show)))
        .service(resource("/api/v1/events", web::get().to(events::list), web::head().to(events::list)))
        .service(resource("/api/v1/events/{id}", web::get().to(events::show), web::head().to(events::show)));
}

fn resource(path: &str, get: actix_web::Route, head: actix_web::Route) -> actix_web::Resource {
    web::resource(path).route(get).route(head).default_service(web::to(not_allowed))
}

async fn not_allowed() -> Result<HttpResponse, Problem> {
    Err(Problem::new(ProblemKind::MethodNotAllowed, "only GET and HEAD are allowed here"))
}
