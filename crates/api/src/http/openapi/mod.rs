//! `/api/openapi.json`: the contract, generated from the handlers' own descriptions.

mod presentation;
pub(crate) mod problems;
pub(crate) mod queries;
mod webhooks;

use std::sync::OnceLock;

use actix_web::HttpResponse;
use utoipa::{
    Modify, OpenApi,
    openapi::{
        OpenApi as Document,
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use presentation::Presentation;
use webhooks::Webhooks;

use crate::{
    account::{password, second_factor, sessions},
    admin::{
        alert_channels, alert_notices, attempts, audit, companies, dead_letter_list, endpoints, queue, receivers, tokens, users,
    },
    alerting::standing,
    analytics,
    auth::{self, oidc, session},
    monitoring::{self, history},
    reads::{accounts, events, export, receipt, totals, transactions},
    reconciliations::{self, ask, items, mappings, start},
    stream,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Netbanx webhook platform",
        description = "What was received by webhook, private to each company. Amounts are integers in minor units of their \
            currency, times are RFC 3339 in UTC. Cached answers carry a strong ETag and `X-Cache`; they are at most two seconds \
            behind what is stored. Answers to whoever is known tell by `RateLimit-Policy` and `RateLimit` how many requests a \
            sender and a company may send in a minute and how many are left; a quota that is used up is answered 429 with \
            `Retry-After`.",
        contact(name = "The team that runs this installation")
    ),
    servers((url = "/", description = "This installation")),
    tags(
        (name = "transactions", description = "Payments, refunds and whatever else moves money, as folded from their webhooks"),
        (name = "accounts", description = "Merchants' accounts at Netbanx, how far they have come, and their payment methods"),
        (name = "events", description = "Webhooks as they were received, masked"),
        (name = "analytics", description = "Figures over any span, zone and interval"),
        (name = "reconciliation", description = "Netbanx's reports compared with what was received"),
        (name = "session", description = "Signing in and out"),
        (name = "account", description = "What a person changes of their own: password, second factor, sessions"),
        (name = "management", description = "Users, tokens, companies, receivers and the audit log"),
        (name = "endpoints", description = "Where companies' own systems are told of what changed"),
        (name = "alerts", description = "Where alerts are told, and from when on something is wrong with a company's business"),
        (name = "queue", description = "Waiting webhooks, dead letters, pause and resume"),
        (name = "monitoring", description = "How the platform is"),
    ),
    paths(
        transactions::list, export::transactions_csv, export::transactions_jsonl, export::events_csv, export::events_jsonl,
        export::accounts_csv, export::accounts_jsonl, export::audit_csv, export::audit_jsonl, export::analytics_csv, export::analytics_jsonl, totals::show, transactions::show, accounts::list, accounts::show, events::list, events::show, receipt::show, analytics::show, stream::open,
        session::sign_in, session::show, session::sign_out, oidc::methods, oidc::begin, oidc::callback,
        password::change, sessions::list, sessions::end, sessions::end_others, second_factor::show,
        second_factor::begin_enrolment, second_factor::confirm, second_factor::renew, second_factor::turn_off,
        users::list, users::add, users::remove, users::reset_second_factor,
        tokens::list, tokens::add, tokens::revoke, companies::list, companies::change, receivers::list, receivers::add, receivers::revoke,
        receivers::test, endpoints::list, endpoints::add, endpoints::show, endpoints::change, endpoints::remove,
        endpoints::rotate, attempts::list, attempts::send_again, attempts::test, alert_channels::list, alert_channels::add, alert_channels::show,
        alert_channels::change, alert_channels::remove, alert_notices::list, alert_notices::test, alert_notices::show_rules,
        alert_notices::change_rules, standing::list, audit::list, queue::show, queue::act, dead_letter_list::list,
        dead_letter_list::show, monitoring::status, history::show, reconciliations::list, start::start, reconciliations::show, items::list, mappings::list, mappings::remove, ask::ask, export::items::items_csv, export::items::items_jsonl,
        items::ignore, items::take_over,
    ),
    components(schemas(
        problems::ProblemDocument, webhooks::TransactionMessage, webhooks::AccountMessage, webhooks::UnreadableMessage, webhooks::DifferenceMessage,
    )),
    modifiers(&Credentials, &OperationIds, &Presentation, &Webhooks),
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
        components
            .add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(auth::credentials::COOKIE))));
    }
}

/// An id of its own for each operation, by its method and path: `getTransactionsId`.
struct OperationIds;

impl Modify for OperationIds {
    fn modify(&self, document: &mut Document) {
        for (path, item) in &mut document.paths.paths {
            let operations =
                [("get", &mut item.get), ("post", &mut item.post), ("patch", &mut item.patch), ("delete", &mut item.delete)];
            for (method, operation) in operations {
                if let Some(operation) = operation {
                    operation.operation_id = Some(operation_id(method, path));
                }
            }
        }
    }
}

fn operation_id(method: &str, path: &str) -> String {
    let words = path.split(['/', '{', '}', '.']).filter(|word| !matches!(*word, "" | "api" | "v1"));
    words.fold(method.to_owned(), |mut id, word| {
        let mut letters = word.chars();
        id.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        id.push_str(letters.as_str());
        id
    })
}

pub(crate) async fn document() -> HttpResponse {
    static TEXT: OnceLock<String> = OnceLock::new();
    let text = TEXT.get_or_init(|| Api::openapi().to_json().unwrap_or_default());
    HttpResponse::Ok().insert_header(("content-type", "application/json")).body(text.as_str())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    /// The dashboard's client is generated from a copy, so that it can be built before the API.
    #[test]
    fn the_dashboards_copy_is_this_document() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboard/openapi.json");
        let document = Api::openapi().to_pretty_json().unwrap() + "\n";
        if std::env::var_os("UPDATE_OPENAPI").is_some() {
            fs::write(&path, &document).unwrap();
        }
        let copy = fs::read_to_string(&path).unwrap_or_default();
        assert!(copy == document, "the contract changed: UPDATE_OPENAPI=1 cargo test -p api openapi");
    }

    #[test]
    fn every_operation_has_an_id_of_its_own() {
        let document = serde_json::to_value(Api::openapi()).unwrap();
        let operations = document["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values());
        let ids: Vec<&str> = operations.map(|operation| operation["operationId"].as_str().unwrap()).collect();
        assert_eq!(ids.iter().collect::<std::collections::BTreeSet<_>>().len(), ids.len(), "{ids:?}");
        assert!(ids.contains(&"getTransactionsId"), "{ids:?}");
    }

    /// Browsers' own tables differ from ISO 4217 for some currencies; the dashboard follows ours.
    #[test]
    fn the_dashboards_decimals_are_ours() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboard/src/format/decimals.json");
        let decimals: std::collections::BTreeMap<String, u32> = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        for a in b'A'..=b'Z' {
            for b in b'A'..=b'Z' {
                for c in b'A'..=b'Z' {
                    let code = String::from_utf8(vec![a, b, c]).unwrap();
                    assert_eq!(decimals.get(&code).copied().unwrap_or(2), common::money::exponent(&code), "{code}");
                }
            }
        }
    }
}
