//! Who may do what: a row for each operation of the contract, and nothing else.

/// Who may do an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Everyone, also without a credential.
    Everyone,
    /// Everyone who is signed in.
    Anyone,
    /// People: those who have a session. No token is anybody's account.
    Person,
    /// Those with all of these permissions.
    With(&'static [&'static str]),
}

/// What somebody of another company finds who names things of the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Foreign {
    /// An answer without anything of the first company.
    Own,
    /// A refusal: by the company's name, which is 403.
    Forbidden,
    /// As if there were no such thing.
    NotFound,
}

/// An operation, asked in one way.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    pub method: &'static str,
    /// As the document has it.
    pub path: &'static str,
    pub who: Who,
    pub foreign: Foreign,
    /// The status for those who may.
    pub done: u16,
    /// The body; `{n}` is another number each time.
    pub body: Option<&'static str>,
}

/// What an operator of the whole platform has.
const PLATFORM: Who = Who::With(&["admin"]);
const TRANSACTIONS: Who = Who::With(&["read:transactions"]);
const ACCOUNTS: Who = Who::With(&["read:accounts"]);
const ANALYTICS: Who = Who::With(&["read:analytics"]);
const EVENTS: Who = Who::With(&["read:events"]);
const QUEUE: Who = Who::With(&["manage:queue"]);
const SECRETS: Who = Who::With(&["manage:secrets"]);
/// Nobody makes a user who may do more than they may themselves.
const READERS: Who = Who::With(&["manage:secrets", "read:transactions", "read:accounts", "read:analytics", "read:events"]);

const fn get(path: &'static str, who: Who, foreign: Foreign) -> Row {
    Row { method: "GET", path, who, foreign, done: 200, body: None }
}

const fn delete(path: &'static str, who: Who, foreign: Foreign) -> Row {
    Row { method: "DELETE", path, who, foreign, done: 204, body: None }
}

const fn send(method: &'static str, path: &'static str, who: Who, foreign: Foreign, done: u16, body: &'static str) -> Row {
    Row { method, path, who, foreign, done, body: Some(body) }
}

use Foreign::{Forbidden, NotFound, Own};

pub const TABLE: &[Row] = &[
    get("/api/performance/status", PLATFORM, Own),
    get("/api/performance/history", PLATFORM, Own),
    // Nothing is wrong with who asks, but with the password or the code: those are tested with second factors.
    send(
        "POST",
        "/api/v1/account/password",
        Who::Person,
        Forbidden,
        400,
        r#"{"oldPassword":"wrong","newPassword":"a long enough one"}"#,
    ),
    get("/api/v1/account/second-factor", Who::Person, Forbidden),
    send("POST", "/api/v1/account/second-factor", Who::Person, Forbidden, 201, r#"{"password":"PASSWORD"}"#),
    send("POST", "/api/v1/account/second-factor/confirm", Who::Person, Forbidden, 400, r#"{"code":"x"}"#),
    send("POST", "/api/v1/account/second-factor/off", Who::Person, Forbidden, 409, r#"{"code":"x"}"#),
    send("POST", "/api/v1/account/second-factor/recovery-codes", Who::Person, Forbidden, 409, r#"{"code":"x"}"#),
    get("/api/v1/account/sessions", Who::Person, Forbidden),
    delete("/api/v1/account/sessions", Who::Person, Forbidden),
    delete("/api/v1/account/sessions/{id}", Who::Person, Forbidden),
    get("/api/v1/accounts", ACCOUNTS, Own),
    get("/api/v1/accounts.csv", ACCOUNTS, Own),
    get("/api/v1/accounts.jsonl", ACCOUNTS, Own),
    get("/api/v1/accounts/{id}", ACCOUNTS, NotFound),
    get("/api/v1/alert-channels", SECRETS, Own),
    // Of each company there may be few, and each of those who ask adds one.
    send(
        "POST",
        "/api/v1/alert-channels",
        SECRETS,
        Forbidden,
        201,
        r#"{"company":"acme","kind":"email","name":"mark-of-a-channel","to":["ops@example.com"]}"#,
    ),
    get("/api/v1/alert-channels/{id}", SECRETS, NotFound),
    send("PATCH", "/api/v1/alert-channels/{id}", SECRETS, NotFound, 200, r#"{"name":"changed"}"#),
    delete("/api/v1/alert-channels/{id}", SECRETS, NotFound),
    get("/api/v1/alert-channels/{id}/notices", SECRETS, NotFound),
    Row { body: None, ..send("POST", "/api/v1/alert-channels/{id}/test", SECRETS, NotFound, 200, "") },
    get("/api/v1/alert-rules", SECRETS, Forbidden),
    send("PATCH", "/api/v1/alert-rules", SECRETS, Forbidden, 200, r#"{"company":"acme","chargebacks":5}"#),
    get("/api/v1/alerts", ANALYTICS, Forbidden),
    get("/api/v1/analytics", ANALYTICS, Own),
    get("/api/v1/analytics.csv", ANALYTICS, Own),
    get("/api/v1/analytics.jsonl", ANALYTICS, Own),
    get("/api/v1/audit", SECRETS, Own),
    get("/api/v1/audit.csv", SECRETS, Own),
    get("/api/v1/audit.jsonl", SECRETS, Own),
    get("/api/v1/companies", Who::Anyone, Own),
    send("PATCH", "/api/v1/companies/{id}", SECRETS, NotFound, 200, r#"{"timeZone":"America/Toronto"}"#),
    get("/api/v1/endpoints", SECRETS, Own),
    send(
        "POST",
        "/api/v1/endpoints",
        SECRETS,
        Forbidden,
        201,
        r#"{"company":"acme","url":"http://127.0.0.1:9/","eventTypes":["*"]}"#,
    ),
    get("/api/v1/endpoints/{id}", SECRETS, NotFound),
    send("PATCH", "/api/v1/endpoints/{id}", SECRETS, NotFound, 200, r#"{"description":"changed"}"#),
    delete("/api/v1/endpoints/{id}", SECRETS, NotFound),
    get("/api/v1/endpoints/{id}/attempts", SECRETS, NotFound),
    send("POST", "/api/v1/endpoints/{id}/resend", SECRETS, NotFound, 202, r#"{"failedSince":"2026-01-01T00:00:00Z"}"#),
    Row { body: None, ..send("POST", "/api/v1/endpoints/{id}/rotate", SECRETS, NotFound, 200, "") },
    Row { body: None, ..send("POST", "/api/v1/endpoints/{id}/test", SECRETS, NotFound, 202, "") },
    get("/api/v1/events", EVENTS, Own),
    get("/api/v1/events.csv", EVENTS, Own),
    get("/api/v1/events.jsonl", EVENTS, Own),
    get("/api/v1/events/{id}", EVENTS, NotFound),
    get("/api/v1/receipt", EVENTS, Own),
    get("/api/v1/receivers", SECRETS, Own),
    send("POST", "/api/v1/receivers/{endpoint}/keys", SECRETS, Forbidden, 201, r#"{"company":"acme","graceHours":0}"#),
    delete("/api/v1/receivers/{endpoint}/keys/{version}", SECRETS, Forbidden),
    send("POST", "/api/v1/receivers/{endpoint}/test", SECRETS, Forbidden, 200, r#"{"company":"acme"}"#),
    get("/api/v1/reconciliation-mappings", TRANSACTIONS, Own),
    delete("/api/v1/reconciliation-mappings/{name}", SECRETS, Forbidden),
    get("/api/v1/reconciliations", TRANSACTIONS, Own),
    // Nothing is wrong with who asks, but with the report: two of a company's at once would be too many.
    send("POST", "/api/v1/reconciliations", SECRETS, Forbidden, 400, "colour\n"),
    get("/api/v1/reconciliations/{id}", TRANSACTIONS, NotFound),
    get("/api/v1/reconciliations/{id}/items", TRANSACTIONS, NotFound),
    get("/api/v1/reconciliations/{id}/items.csv", TRANSACTIONS, NotFound),
    get("/api/v1/reconciliations/{id}/items.jsonl", TRANSACTIONS, NotFound),
    send("POST", "/api/v1/reconciliations/{id}/items/{number}/ignore", SECRETS, NotFound, 200, r#"{"reason":"theirs"}"#),
    Row { body: None, ..send("POST", "/api/v1/reconciliations/{id}/items/{number}/take-over", SECRETS, NotFound, 200, "") },
    // The company has no look-ups.
    Row { body: None, ..send("POST", "/api/v1/reconciliations/{id}/items/{number}/ask", SECRETS, NotFound, 409, "") },
    get("/api/v1/session", Who::Anyone, Own),
    send("POST", "/api/v1/session", Who::Everyone, Own, 200, r#"{"email":"EMAIL","password":"PASSWORD"}"#),
    delete("/api/v1/session", Who::Anyone, Own),
    get("/api/v1/session/methods", Who::Everyone, Own),
    // No provider is configured here.
    Row { done: 404, ..get("/api/v1/session/oidc", Who::Everyone, Own) },
    Row { done: 404, ..get("/api/v1/session/oidc/callback", Who::Everyone, Own) },
    get("/api/v1/stream", TRANSACTIONS, Own),
    get("/api/v1/tokens", SECRETS, Own),
    send(
        "POST",
        "/api/v1/tokens",
        SECRETS,
        Forbidden,
        201,
        r#"{"company":"acme","name":"n{n}","permissions":["manage:secrets"]}"#,
    ),
    send("POST", "/api/v1/tokens", PLATFORM, Forbidden, 201, r#"{"company":"acme","name":"n{n}","permissions":["admin"]}"#),
    delete("/api/v1/tokens/{id}", SECRETS, NotFound),
    get("/api/v1/transactions", TRANSACTIONS, Own),
    get("/api/v1/transactions.csv", TRANSACTIONS, Own),
    get("/api/v1/transactions.jsonl", TRANSACTIONS, Own),
    get("/api/v1/transactions/totals", TRANSACTIONS, Own),
    get("/api/v1/transactions/{id}", TRANSACTIONS, NotFound),
    get("/api/v1/users", SECRETS, Own),
    send(
        "POST",
        "/api/v1/users",
        READERS,
        Forbidden,
        201,
        r#"{"company":"acme","email":"u{n}@acme.example","role":"read-only","password":"a long enough one"}"#,
    ),
    delete("/api/v1/users/{id}", SECRETS, NotFound),
    // A new user has none to be reset.
    Row { done: 404, ..delete("/api/v1/users/{id}/second-factor", SECRETS, NotFound) },
    get("/api/webhooks/queue", QUEUE, Own),
    send("POST", "/api/webhooks/queue", QUEUE, Own, 200, r#"{"action":"stats"}"#),
    send("POST", "/api/webhooks/queue", QUEUE, NotFound, 200, r#"{"action":"retry","ids":["DEAD"]}"#),
    send("POST", "/api/webhooks/queue", QUEUE, Forbidden, 200, r#"{"action":"retry","company":"acme"}"#),
    send("POST", "/api/webhooks/queue", PLATFORM, Forbidden, 200, r#"{"action":"resume"}"#),
    get("/api/webhooks/queue/dead", QUEUE, Own),
    get("/api/webhooks/queue/dead/{id}", QUEUE, NotFound),
];
