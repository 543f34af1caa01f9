//! `/api/openapi.json`: the contract, generated from the handlers' own descriptions.

pub(crate) mod params;
pub(crate) mod problems;

use std::sync::OnceLock;

use actix_web::HttpResponse;
use utoipa::{
    Modify, OpenApi,
    openapi::{
        OpenApi as Document,
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use crate::{accounts, analytics, audit, auth, events, people, performance, queue_admin, session, stream, tokens, transactions};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Netbanx webhook platform",
        description = "What was received by webhook, private to each company. Amounts are integers in minor units of their \
            currency, times are RFC 3339 in UTC. Cached answers carry a strong ETag and `X-Cache`; they are at most two seconds \
            behind what is stored."
    ),
    paths(
        transactions::list, transactions::show, accounts::list, accounts::show, events::list, events::show, analytics::show, stream::open,
        session::sign_in, session::show, session::sign_out, people::list, people::add, people::remove,
        tokens::list, tokens::add, tokens::revoke, audit::list, queue_admin::show, queue_admin::act, queue_admin::dead,
        queue_admin::show_dead, performance::status,
    ),
    components(schemas(problems::ProblemDocument)),
    modifiers(&Credentials),
    security(("bearer" = []), ("apiKey" = []), ("session" = [])),
)]
struct Api;

/// How one shows who one is.
struct Credentials;

impl Modify for Credentials {
    fn modify(&self, document: &mut Document) {
        let components = document.components.get_or_insert_with(Default::default);
        let bearer = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
        let key = ApiKeyValue::with_description("authorization", "`Api-Key TOKEN`");
        components.add_security_scheme("bearer", bearer);
        components.add_security_scheme("apiKey", SecurityScheme::ApiKey(ApiKey::Header(key)));
        components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(auth::COOKIE))));
    }
}

pub(crate) async fn document() -> HttpResponse {
    static TEXT: OnceLock<String> = OnceLock::new();
    let text = TEXT.get_or_init(|| Api::openapi().to_json().unwrap_or_default());
    HttpResponse::Ok().insert_header(("content-type", "application/json")).body(text.as_str())
}
