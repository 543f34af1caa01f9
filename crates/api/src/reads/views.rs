//! Rows as the contract's JSON. What is described here is what the OpenAPI document says.

use std::borrow::Cow;

use chrono::{DateTime, SecondsFormat};
use common::Envelope;
use serde::Serialize;
use serde_json::value::RawValue;
use store::entity::{account, account_payment_method, account_status, transaction, webhook_event};
use utoipa::ToSchema;
use uuid::Uuid;

pub(crate) fn time(ms: i64) -> Option<String> {
    DateTime::from_timestamp_millis(ms).map(|t| t.to_rfc3339_opts(SecondsFormat::Millis, true))
}

fn company(id: Uuid) -> Option<Uuid> {
    (!id.is_nil()).then_some(id)
}

/// The envelope of a success.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Success<T> {
    /// Always true.
    success: bool,
    /// What was asked for.
    data: T,
    /// When it was computed, RFC 3339, UTC.
    timestamp: String,
}

/// Which part of the rows a page is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Pagination {
    /// The page's number, from 1; 1 behind a cursor.
    pub page: u64,
    /// Rows on a page at most.
    pub limit: u64,
    /// Rows of the filter, counted up to 10,000.
    pub total: u64,
    /// Whether there may be more rows than `total` says.
    pub total_is_exact: bool,
    /// Pages that `total` makes.
    pub pages: u64,
    /// Goes on behind this page; null at the end.
    pub next_cursor: Option<String>,
}

/// A transaction, folded from its events.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Transaction {
    id: Uuid,
    /// Its id at Netbanx.
    external_id: String,
    /// PAYMENT, SETTLEMENT, REFUND, CHARGEBACK, PAYOUT or VERIFICATION.
    kind: String,
    /// PENDING, COMPLETED, FAILED, CANCELLED or RETURNED.
    status: String,
    /// The status as it was sent.
    raw_status: String,
    /// Minor units of the currency.
    amount: Option<i64>,
    /// ISO 4217.
    currency: Option<String>,
    merchant_ref_num: Option<String>,
    payment_method: Option<String>,
    /// The merchant's account at Netbanx.
    account_id: Option<String>,
    /// Null: of no company.
    company_id: Option<Uuid>,
    /// live or test.
    mode: String,
    /// While FAILED or RETURNED.
    failure_reason: Option<String>,
    /// How a chargeback ended: WON, LOST or REVERSED.
    outcome: Option<String>,
    /// When it was made, RFC 3339, UTC, as all times here.
    transaction_time: Option<String>,
    /// When its status was reached.
    status_time: Option<String>,
    /// When its first webhook was received.
    created_at: Option<String>,
    /// When its last webhook was received.
    updated_at: Option<String>,
}

impl From<&transaction::Model> for Transaction {
    fn from(row: &transaction::Model) -> Self {
        let row = row.clone();
        Self {
            id: row.id,
            external_id: row.external_id,
            kind: row.kind,
            status: row.status,
            raw_status: row.raw_status,
            amount: row.amount,
            currency: row.currency,
            merchant_ref_num: row.merchant_ref_num,
            payment_method: row.payment_method,
            account_id: row.account_id,
            company_id: company(row.company_id),
            mode: row.mode,
            failure_reason: row.failure_reason,
            outcome: row.outcome,
            transaction_time: time(row.transaction_time),
            status_time: time(row.status_time),
            created_at: time(row.created_at),
            updated_at: time(row.updated_at),
        }
    }
}

/// A page of transactions.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Transactions {
    pub transactions: Vec<Transaction>,
    pub pagination: Pagination,
}

/// A transaction with the webhooks that made it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TransactionDetail {
    #[serde(flatten)]
    pub transaction: Transaction,
    /// The oldest first, at most 500.
    pub events: Vec<Event>,
}

/// A merchant's account, folded from its events.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Account {
    id: Uuid,
    /// The account's number at Netbanx.
    external_id: String,
    /// For example ENABLED.
    status: String,
    /// SUBMITTED, IN_REVIEW, APPROVED, ACTIVE, DISABLED or CLOSED.
    onboarding_stage: String,
    /// The partner or merchant at Netbanx.
    partner_id: Option<String>,
    company_id: Option<Uuid>,
    /// live or test.
    mode: String,
    status_time: Option<String>,
    created_at: Option<String>,
    updated_at: Option<String>,
    /// Where they are asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    payment_methods: Option<Vec<PaymentMethod>>,
}

/// A payment method of an account.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PaymentMethod {
    /// credit_card or direct_debit.
    kind: String,
    /// Its id at Netbanx.
    id: String,
}

impl Account {
    /// The account, with those of `methods` that are its own.
    pub fn new(row: account::Model, methods: Option<&[account_payment_method::Model]>) -> Self {
        let own = |method: &&account_payment_method::Model| {
            method.company_id == row.company_id && method.external_id == row.external_id
        };
        let payment_methods = methods
            .map(|all| all.iter().filter(own).map(|m| PaymentMethod { kind: m.kind.clone(), id: m.method_id.clone() }).collect());
        Self {
            id: row.id,
            external_id: row.external_id,
            status: row.status,
            onboarding_stage: row.onboarding_stage,
            partner_id: row.partner_id,
            company_id: company(row.company_id),
            mode: row.mode,
            status_time: time(row.status_time),
            created_at: time(row.created_at),
            updated_at: time(row.updated_at),
            payment_methods,
        }
    }
}

/// A page of accounts.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Accounts {
    pub accounts: Vec<Account>,
    pub pagination: Pagination,
}

/// An account with its history.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AccountDetail {
    #[serde(flatten)]
    pub account: Account,
    /// The oldest step first, at most 500.
    pub history: Vec<AccountStep>,
}

/// One step of an account's history.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AccountStep {
    status: String,
    event_name: String,
    status_time: Option<String>,
    event_id: Uuid,
}

impl From<&account_status::Model> for AccountStep {
    fn from(row: &account_status::Model) -> Self {
        Self {
            status: row.status.clone(),
            event_name: row.event_name.clone(),
            status_time: time(row.status_time),
            event_id: row.id,
        }
    }
}

/// A stored webhook.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Event {
    id: Uuid,
    event_name: String,
    /// Where it was received.
    endpoint: String,
    /// transaction, account or other.
    category: String,
    /// Of a transaction.
    kind: Option<String>,
    /// live or test.
    mode: String,
    resource_id: Option<String>,
    account_id: Option<String>,
    merchant_ref_num: Option<String>,
    company_id: Option<Uuid>,
    /// Equal for every redelivery of this event.
    identity: String,
    status_time: Option<String>,
    received_at: Option<String>,
    /// Whether it tells of a time whose history had been removed when it came: it is kept, and changed no transaction, no
    /// account and no figure but that of webhooks received.
    pub beyond_history: bool,
    /// Other events that have its sender's event id and tell different facts; all are kept.
    pub conflicts_with: Vec<Uuid>,
    /// The time of its status as it was sent, where that was not believed: it lay more than ten minutes ahead of the receipt.
    stated_time: Option<String>,
    /// The body as it was sent, bank and card numbers masked. Null for a sender without `read:events`, and in lists unless
    /// `include=payload` asks for it.
    #[schema(value_type = Option<Object>)]
    payload: Option<Box<RawValue>>,
}

fn stated_time(row: &webhook_event::Model) -> Option<String> {
    let envelope = Envelope::parse(row.payload.as_bytes(), Some(&row.name)).ok()?;
    let told = envelope
        .status_time()
        .filter(|told| told.timestamp_millis() > row.received_at && row.status_time != told.timestamp_millis());
    told.and_then(|_| envelope.status_time_text()).map(Cow::into_owned)
}

impl Event {
    /// For a sender who may not read bodies.
    pub fn leave_out_body(&mut self) {
        self.payload = None;
    }
}

impl From<webhook_event::Model> for Event {
    fn from(row: webhook_event::Model) -> Self {
        let stated_time = stated_time(&row);
        Self {
            id: row.id,
            event_name: row.name,
            endpoint: row.endpoint,
            category: row.category,
            kind: row.kind,
            mode: row.mode,
            resource_id: row.resource_id,
            account_id: row.account_id,
            merchant_ref_num: row.merchant_ref_num,
            company_id: company(row.company_id),
            identity: row.identity,
            status_time: time(row.status_time),
            received_at: time(row.received_at),
            beyond_history: false,
            conflicts_with: Vec::new(),
            stated_time,
            // It was written by us from parsed JSON; should it ever not parse, it is shown as null.
            payload: RawValue::from_string(row.payload).ok(),
        }
    }
}

/// A page of stored webhooks.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Events {
    pub events: Vec<Event>,
    pub pagination: Pagination,
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use store::outbound::bodies;

    use super::*;

    fn transaction_row() -> transaction::Model {
        let text = |text: &str| Some(text.to_owned());
        transaction::Model {
            id: Uuid::now_v7(),
            company_id: Uuid::now_v7(),
            kind: "PAYMENT".to_owned(),
            external_id: "p".to_owned(),
            status: "FAILED".to_owned(),
            raw_status: "failed".to_owned(),
            amount: Some(7),
            currency: text("EUR"),
            merchant_ref_num: text("m"),
            payment_method: text("CARD"),
            account_id: text("1"),
            mode: "live".to_owned(),
            failure_reason: text("r"),
            outcome: text("LOST"),
            transaction_time: 1,
            status_time: 2,
            created_at: 3,
            updated_at: 4,
            state: String::new(),
        }
    }

    /// Endpoints are told what the API shows; the worker, which writes that, does not know the API.
    #[test]
    fn what_endpoints_are_told_is_what_is_shown() {
        let row = transaction_row();
        let shown = serde_json::to_string(&Transaction::from(&row)).unwrap();
        assert_eq!(shown, serde_json::to_string(&bodies::Transaction::from(row)).unwrap());
        let row = account::Model {
            id: Uuid::now_v7(),
            company_id: Uuid::now_v7(),
            external_id: "1".to_owned(),
            status: "ENABLED".to_owned(),
            onboarding_stage: "ACTIVE".to_owned(),
            partner_id: Some("2".to_owned()),
            mode: "live".to_owned(),
            status_time: 1,
            created_at: 2,
            updated_at: 3,
            state: String::new(),
        };
        let told = serde_json::to_string(&bodies::Account::from(row.clone())).unwrap();
        assert_eq!(serde_json::to_string(&Account::new(row, None)).unwrap(), told);
    }
}
