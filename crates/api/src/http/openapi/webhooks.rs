//! The document's `webhooks`: what endpoints are told.

use serde::Serialize;
use store::outbound::{ACCOUNT_UPDATED, RECONCILIATION_DIFFERENCE, TRANSACTION_CREATED, TRANSACTION_UPDATED, WEBHOOK_UNREADABLE};
use utoipa::{
    Modify, ToSchema,
    openapi::{
        ContentBuilder, HttpMethod, OpenApi as Document, PathItem, PathsBuilder, Ref, Required, ResponseBuilder,
        path::{OperationBuilder, ParameterBuilder, ParameterIn},
        request_body::RequestBodyBuilder,
        schema::{ObjectBuilder, Type},
    },
};
use uuid::Uuid;

use store::shown::{Account, Transaction};

/// A message of a transaction that is new, or of which something changed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TransactionMessage {
    /// transaction.created or transaction.updated.
    r#type: String,
    /// 1; another one when a field loses its meaning or goes.
    version: u8,
    /// When the change was written, RFC 3339.
    timestamp: String,
    data: Transaction,
}

/// A message of an account that is new, or of which something changed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AccountMessage {
    /// account.updated.
    r#type: String,
    /// 1; another one when a field loses its meaning or goes.
    version: u8,
    /// When the change was written, RFC 3339.
    timestamp: String,
    data: Account,
}

/// A message of a webhook that became a dead letter.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UnreadableMessage {
    /// webhook.unreadable.
    r#type: String,
    /// 1; another one when a field loses its meaning or goes.
    version: u8,
    /// When that was noted, RFC 3339.
    timestamp: String,
    data: DeadWebhook,
}

/// A webhook that cannot be read, or not be stored.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeadWebhook {
    /// As `POST /api/webhooks/…` answered it.
    webhook_id: Uuid,
    /// live or test.
    mode: String,
}

/// A message of a comparison with Netbanx's reports that found differences.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DifferenceMessage {
    /// reconciliation.difference.
    r#type: String,
    /// 1; another one when a field loses its meaning or goes.
    version: u8,
    /// When the comparison ended, RFC 3339.
    timestamp: String,
    data: DifferingReconciliation,
}

/// A comparison that ended with something to look at.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DifferingReconciliation {
    /// As `GET /api/v1/reconciliations/{id}` takes it.
    reconciliation_id: Uuid,
    /// live or test.
    mode: String,
    /// The earliest time in the reports, RFC 3339; null: no row tells one.
    from: Option<String>,
    /// The latest time in the reports, RFC 3339.
    until: Option<String>,
    /// Rows that say what is stored.
    matched: i64,
    /// Rows without a transaction; here and below without what is ignored.
    missing_here: i64,
    /// Transactions without a row.
    missing_there: i64,
    /// Rows that say something else than their transaction.
    differing: i64,
    /// Rows that cannot be read.
    malformed: i64,
}

/// Each event type with its schema and what it tells.
const TOLD: [(&str, &str, &str); 5] = [
    (TRANSACTION_CREATED, "TransactionMessage", "A transaction is new"),
    (TRANSACTION_UPDATED, "TransactionMessage", "Something visible of a transaction changed"),
    (ACCOUNT_UPDATED, "AccountMessage", "An account is new, or something visible of it changed"),
    (WEBHOOK_UNREADABLE, "UnreadableMessage", "A webhook became a dead letter"),
    (RECONCILIATION_DIFFERENCE, "DifferenceMessage", "A comparison with Netbanx's reports found differences"),
];

const HEADERS: [(&str, &str); 3] = [
    ("webhook-id", "The message: the same for every attempt"),
    ("webhook-timestamp", "The attempt's time, in seconds since 1970 UTC"),
    (
        "webhook-signature",
        "`v1,BASE64` of HMAC-SHA256 over `id.timestamp.body`; two of them, by a blank, while a key is replaced",
    ),
];

/// Adds them.
pub(super) struct Webhooks;

impl Modify for Webhooks {
    fn modify(&self, document: &mut Document) {
        let paths = TOLD.into_iter().fold(PathsBuilder::new(), |paths, (event_type, schema, summary)| {
            paths.path(event_type, PathItem::new(HttpMethod::Post, operation(event_type, schema, summary)))
        });
        document.webhooks = Some(paths.build());
    }
}

fn operation(event_type: &str, schema: &str, summary: &str) -> OperationBuilder {
    let id = event_type.split('.').fold("told".to_owned(), |id, word| {
        let (first, rest) = word.split_at_checked(1).unwrap_or((word, ""));
        id + &first.to_ascii_uppercase() + rest
    });
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(schema))).build();
    let answered = ResponseBuilder::new().description("Any 2xx: it arrived. 410: the endpoint is disabled. Else it comes again");
    let operation = OperationBuilder::new()
        .operation_id(Some(id))
        .summary(Some(summary))
        .request_body(Some(RequestBodyBuilder::new().content("application/json", content).required(Some(Required::True)).build()))
        .response("2XX", answered.build());
    HEADERS.into_iter().fold(operation, |operation, (name, what)| {
        let text = ObjectBuilder::new().schema_type(Type::String).build();
        let header =
            ParameterBuilder::new().name(name).parameter_in(ParameterIn::Header).description(Some(what)).required(Required::True);
        operation.parameter(header.schema(Some(text)).build())
    })
}
