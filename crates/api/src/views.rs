//! Rows as the contract's JSON.

use chrono::{DateTime, SecondsFormat};
use serde_json::{Value, json, value::RawValue};
use store::entity::{account, account_payment_method, account_status, transaction, webhook_event};
use uuid::Uuid;

pub(crate) fn time(ms: i64) -> Option<String> {
    DateTime::from_timestamp_millis(ms).map(|t| t.to_rfc3339_opts(SecondsFormat::Millis, true))
}

fn company(id: Uuid) -> Option<Uuid> {
    (!id.is_nil()).then_some(id)
}

pub(crate) fn transaction(row: &transaction::Model) -> Value {
    json!({
        "id": row.id, "externalId": row.external_id, "kind": row.kind, "status": row.status, "rawStatus": row.raw_status,
        "amount": row.amount, "currency": row.currency, "merchantRefNum": row.merchant_ref_num, "paymentMethod": row.payment_method,
        "accountId": row.account_id, "companyId": company(row.company_id), "mode": row.mode, "failureReason": row.failure_reason,
        "outcome": row.outcome, "transactionTime": time(row.transaction_time), "statusTime": time(row.status_time),
        "createdAt": time(row.created_at), "updatedAt": time(row.updated_at),
    })
}

pub(crate) fn account(row: &account::Model, methods: Option<&[account_payment_method::Model]>) -> Value {
    let mut view = json!({
        "id": row.id, "externalId": row.external_id, "status": row.status, "onboardingStage": row.onboarding_stage,
        "partnerId": row.partner_id, "companyId": company(row.company_id), "mode": row.mode, "statusTime": time(row.status_time),
        "createdAt": time(row.created_at), "updatedAt": time(row.updated_at),
    });
    if let (Some(methods), Some(fields)) = (methods, view.as_object_mut()) {
        let own: Vec<Value> = methods
            .iter()
            .filter(|m| m.company_id == row.company_id && m.external_id == row.external_id)
            .map(|m| json!({"kind": m.kind, "id": m.method_id}))
            .collect();
        fields.insert("paymentMethods".to_owned(), own.into());
    }
    view
}

pub(crate) fn account_step(row: &account_status::Model) -> Value {
    json!({"status": row.status, "eventName": row.event_name, "statusTime": time(row.status_time), "eventId": row.id})
}

pub(crate) fn event(row: &webhook_event::Model) -> Value {
    // The payload was written by us from parsed JSON; should it ever not parse, it is shown as null.
    let payload: Option<&RawValue> = serde_json::from_str(&row.payload).ok();
    json!({
        "id": row.id, "eventName": row.name, "endpoint": row.endpoint, "category": row.category, "kind": row.kind, "mode": row.mode,
        "resourceId": row.resource_id, "accountId": row.account_id, "merchantRefNum": row.merchant_ref_num,
        "companyId": company(row.company_id), "identity": row.identity, "statusTime": time(row.status_time),
        "receivedAt": time(row.received_at), "payload": payload,
    })
}
