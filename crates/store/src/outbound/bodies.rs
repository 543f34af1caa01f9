//! What a message tells: JSON of our own, whose `version` changes when a field loses its meaning or goes. `data` is the row as the
//! API shows it; a test of the API holds the two against each other.

use chrono::{DateTime, SecondsFormat};
use serde::Serialize;
use uuid::Uuid;

use crate::{
    Error,
    entity::{account, transaction},
};

/// The version of all bodies.
const VERSION: u8 = 1;

/// A body.
#[derive(Debug, Serialize)]
struct Body<'b, T> {
    r#type: &'b str,
    version: u8,
    timestamp: Option<String>,
    data: T,
}

/// The body of a message of that type, made at `at_ms`.
pub fn body(event_type: &str, at_ms: i64, data: impl Serialize) -> Result<String, Error> {
    let body = Body { r#type: event_type, version: VERSION, timestamp: time(at_ms), data };
    serde_json::to_string(&body).map_err(|error| Error::Refused(error.to_string()))
}

fn time(ms: i64) -> Option<String> {
    DateTime::from_timestamp_millis(ms).map(|time| time.to_rfc3339_opts(SecondsFormat::Millis, true))
}

fn known(company: Uuid) -> Option<Uuid> {
    (!company.is_nil()).then_some(company)
}

/// A transaction as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Transaction {
    id: Uuid,
    external_id: String,
    kind: String,
    status: String,
    raw_status: String,
    amount: Option<i64>,
    currency: Option<String>,
    merchant_ref_num: Option<String>,
    payment_method: Option<String>,
    account_id: Option<String>,
    company_id: Option<Uuid>,
    mode: String,
    failure_reason: Option<String>,
    outcome: Option<String>,
    transaction_time: Option<String>,
    status_time: Option<String>,
    created_at: Option<String>,
    updated_at: Option<String>,
}

impl Transaction {
    /// Whether `other` shows something else than the time of its last webhook.
    pub fn differs(&self, other: &Self) -> bool {
        let updated_at = other.updated_at.clone();
        Self { updated_at, ..self.clone() } != *other
    }
}

impl From<transaction::Model> for Transaction {
    fn from(row: transaction::Model) -> Self {
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
            company_id: known(row.company_id),
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

/// An account as the API shows it in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    id: Uuid,
    external_id: String,
    status: String,
    onboarding_stage: String,
    partner_id: Option<String>,
    company_id: Option<Uuid>,
    mode: String,
    status_time: Option<String>,
    created_at: Option<String>,
    updated_at: Option<String>,
}

impl Account {
    /// Whether `other` shows something else than the time of its last webhook.
    pub fn differs(&self, other: &Self) -> bool {
        let updated_at = other.updated_at.clone();
        Self { updated_at, ..self.clone() } != *other
    }
}

impl From<account::Model> for Account {
    fn from(row: account::Model) -> Self {
        Self {
            id: row.id,
            external_id: row.external_id,
            status: row.status,
            onboarding_stage: row.onboarding_stage,
            partner_id: row.partner_id,
            company_id: known(row.company_id),
            mode: row.mode,
            status_time: time(row.status_time),
            created_at: time(row.created_at),
            updated_at: time(row.updated_at),
        }
    }
}

/// A webhook that became a dead letter.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeadWebhook<'w> {
    pub webhook_id: Uuid,
    pub mode: &'w str,
}

/// What a test tells.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Test {
    pub endpoint_id: Uuid,
}
