//! Transactions and accounts as JSON shows them: in the API's answers and in messages to companies' endpoints. The OpenAPI document
//! describes them by what stands here.

use chrono::{DateTime, SecondsFormat};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::entity::{account, account_payment_method, transaction};

/// A moment (milliseconds since 1970) as RFC 3339 in UTC; none where no calendar has it.
pub fn time(ms: i64) -> Option<String> {
    DateTime::from_timestamp_millis(ms).map(|time| time.to_rfc3339_opts(SecondsFormat::Millis, true))
}

/// The company; the nil id stands for none.
pub fn company(id: Uuid) -> Option<Uuid> {
    (!id.is_nil()).then_some(id)
}

/// A transaction, folded from its events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Transaction {
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

impl Transaction {
    /// Whether `other` shows something else than the time of its last webhook.
    pub fn differs(&self, other: &Self) -> bool {
        let updated_at = other.updated_at.clone();
        Self { updated_at, ..self.clone() } != *other
    }
}

/// A merchant's account, folded from its events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Account {
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PaymentMethod {
    /// credit_card or direct_debit.
    kind: String,
    /// Its id at Netbanx.
    id: String,
}

impl Account {
    /// The same with those of `methods` that are its own; `row` is the account's.
    #[must_use]
    pub fn with_methods(mut self, row: (Uuid, &str), methods: &[account_payment_method::Model]) -> Self {
        let own = methods.iter().filter(|method| (method.company_id, method.external_id.as_str()) == row);
        self.payment_methods = Some(own.map(|m| PaymentMethod { kind: m.kind.clone(), id: m.method_id.clone() }).collect());
        self
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
            company_id: company(row.company_id),
            mode: row.mode,
            status_time: time(row.status_time),
            created_at: time(row.created_at),
            updated_at: time(row.updated_at),
            payment_methods: None,
        }
    }
}

impl Account {
    /// Whether `other` shows something else than the time of its last webhook.
    pub fn differs(&self, other: &Self) -> bool {
        let updated_at = other.updated_at.clone();
        Self { updated_at, ..self.clone() } != *other
    }
}
