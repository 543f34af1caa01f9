//! What Netbanx says, as an event: its body says `"source":"lookup"`, it is stored beside the webhooks and folded by the same rules.
//!
//! The event has the time that Netbanx tells for the status, else the moment of the question: a webhook that says the same is of that
//! time or older and changes nothing, one of a later status counts. Of a transaction that we have it says the status, and what
//! webhooks did not say: it never has another value for what they did, and a status without a time takes back no later one.

use chrono::{DateTime, SecondsFormat, Utc};
use common::{CompanyId, Endpoint, Envelope, Event, EventIdentity, Mode, Status, TransactionState, masking, status::stage};
use sea_orm::{ColumnTrait, DatabaseConnection, EntityTrait, QueryFilter};
use serde_json::{Map, Value, json};
use store::{
    batch::{NewEvent, Writer},
    entity::{account, transaction},
    lookups::Outcome,
};
use uuid::Uuid;

use crate::{Error, Told, What};

/// In the place of a company's path in identities: no slug is written so, and no webhook is taken for what a look-up said.
const SOURCE: &str = "(lookup)";

/// What we have of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Ours {
    /// Nothing.
    Nothing,
    /// A transaction.
    Transaction(Box<transaction::Model>),
    /// An account.
    Account(Box<account::Model>),
}

impl Ours {
    /// Its status as it is stored.
    pub fn status(&self) -> Option<&str> {
        match self {
            Self::Nothing => None,
            Self::Transaction(row) => Some(&row.status),
            Self::Account(row) => Some(&row.status),
        }
    }

    /// Its mode, which a webhook told.
    fn mode(&self) -> Option<&str> {
        match self {
            Self::Nothing => None,
            Self::Transaction(row) => Some(&row.mode),
            Self::Account(row) => Some(&row.mode),
        }
    }
}

/// What `company` has of the `what` with that id.
pub async fn ours(db: &DatabaseConnection, company: CompanyId, what: What, id: &str) -> Result<Ours, Error> {
    use transaction::{Column, Entity};
    let failed = |error: sea_orm::DbErr| Error::Store(error.into());
    let Some(kind) = what.kind() else {
        use account::{Column, Entity};
        let own = Entity::find().filter(Column::CompanyId.eq(company.0)).filter(Column::ExternalId.eq(id));
        return Ok(own.one(db).await.map_err(failed)?.map_or(Ours::Nothing, |row| Ours::Account(Box::new(row))));
    };
    let own = Entity::find().filter(Column::CompanyId.eq(company.0)).filter(Column::ExternalId.eq(id));
    let row = own.filter(Column::Kind.eq(kind.as_str())).one(db).await.map_err(failed)?;
    Ok(row.map_or(Ours::Nothing, |row| Ours::Transaction(Box::new(row))))
}

/// Whether `told` says something that is not in `ours`: a status, or a field that no webhook told.
pub fn is_news(told: &Told, ours: &Ours) -> bool {
    match ours {
        Ours::Nothing => true,
        Ours::Transaction(row) => has_other_status(told, row) || !fields(told, Some(row)).is_empty(),
        Ours::Account(row) => row.status != told.raw_status,
    }
}

/// Whether it says another status than the row has. Without a time nobody knows when it was so: what ends a transaction is believed,
/// and an earlier stage may be how it was before.
fn has_other_status(told: &Told, row: &transaction::Model) -> bool {
    let (status, own) = (told.status(), Status::parse(&row.status));
    let is_earlier = own.is_some_and(|own| stage(status) < stage(own));
    own != Some(status) && (told.status_ms.is_some() || !is_earlier)
}

/// Stores what `told` says, unless it says what we have. Returns what came of it, and the event where there was a new one.
pub async fn store(
    db: &DatabaseConnection,
    writer: &Writer,
    company: CompanyId,
    told: &Told,
) -> Result<(Outcome, Option<NewEvent>), Error> {
    let ours = ours(db, company, told.what, &told.id).await?;
    if !is_news(told, &ours) {
        return Ok((Outcome::Unchanged, None));
    }
    let event = event(company, told, &ours, clock::now(), writer.has_legacy().await)?;
    let written = writer.write(std::slice::from_ref(&event)).await?;
    if written.new == 0 { Ok((Outcome::Unchanged, None)) } else { Ok((Outcome::Stored, Some(event))) }
}

/// The event that tells what `told` does, known at `now`.
pub fn event(company: CompanyId, told: &Told, ours: &Ours, now: DateTime<Utc>, has_legacy: bool) -> Result<NewEvent, Error> {
    let endpoint = if told.what == What::Account { Endpoint::AccountStatus } else { Endpoint::Netbanx };
    let body = body(told, ours, now).to_string();
    let unusable = |error: common::Rejection| Error::Content(error.to_string());
    let mut masked = Vec::new();
    masking::write_masked(&mut masked, &Envelope::parse(body.as_bytes(), None).map_err(unusable)?);
    let envelope = Envelope::parse(&masked, None).map_err(unusable)?;
    Ok(NewEvent {
        webhook_id: Uuid::now_v7(),
        company_id: company,
        endpoint,
        identity: EventIdentity::of(endpoint, Some(SOURCE), &envelope),
        legacy: has_legacy.then(|| EventIdentity::legacy(endpoint, Some(SOURCE), &envelope)),
        event_key: None,
        received_ms: now.timestamp_millis(),
        event: Event::interpret(&envelope, now).map_err(unusable)?,
        payload: String::from_utf8_lossy(&masked).into_owned(),
        trace: None,
    })
}

fn body(told: &Told, ours: &Ours, now: DateTime<Utc>) -> Value {
    let row = match ours {
        Ours::Transaction(row) => Some(row.as_ref()),
        Ours::Nothing | Ours::Account(_) => None,
    };
    // Where the status that is told is the row's, or is not believed, fields alone are told: the row's own status moves no time.
    let kept = row.filter(|row| !has_other_status(told, row));
    // A time that has not come is none.
    let at = kept.map_or(told.status_ms, |row| Some(row.status_time));
    let at = at.and_then(DateTime::from_timestamp_millis).filter(|at| *at <= now).unwrap_or(now);
    let at = at.to_rfc3339_opts(SecondsFormat::Millis, true);
    let mode = ours.mode().or_else(|| told.mode.map(Mode::as_str)).unwrap_or(Mode::Live.as_str());
    let Some(kind) = told.what.kind() else {
        let payload = json!({"accountNumber": told.id, "acctStatus": told.raw_status, "statusTime": at});
        let name = format!("ACCT_{}", told.raw_status);
        return json!({"eventType": name, "mode": mode, "source": "lookup", "resourceId": told.id, "payload": payload});
    };
    // The status by its word: a name of our own making says no more than that.
    let (word, status) = kept
        .map_or_else(|| (told.raw_status.as_str(), told.status().as_str()), |row| (row.raw_status.as_str(), row.status.as_str()));
    let mut payload = Map::from_iter([
        ("id".to_owned(), Value::from(told.id.as_str())),
        ("status".to_owned(), Value::from(word)),
        ("statusTime".to_owned(), Value::from(at)),
    ]);
    payload.extend(fields(told, row).into_iter().map(|(name, value)| (name.to_owned(), value)));
    let name = format!("{}_{status}", kind.as_str());
    json!({"eventType": name, "mode": mode, "source": "lookup", "payload": payload})
}

/// The fields that `told` has and no webhook of `row` told.
fn fields(told: &Told, row: Option<&transaction::Model>) -> Vec<(&'static str, Value)> {
    let lacks = |field: fn(&transaction::Model) -> bool| row.is_none_or(field);
    let text = |value: &Option<String>| value.clone().map(Value::from);
    // An amount is one of a currency: both, or what the row lacks of them where the rest is the same.
    let own = row.map_or((None, None), |row| (row.amount, row.currency.as_deref()));
    let (amount, currency) = match own {
        (None, None) => told.amount.zip(told.currency.as_ref()).unzip(),
        (None, Some(own)) => (told.amount.filter(|_| told.currency.as_deref().is_none_or(|told| told == own)), None),
        (Some(own), None) => (None, told.currency.as_ref().filter(|_| told.amount == Some(own))),
        (Some(_), Some(_)) => (None, None),
    };
    let more = [
        ("amount", amount.map(Value::from)),
        ("currencyCode", currency.map(|code| Value::from(code.as_str()))),
        ("merchantRefNum", text(&told.merchant_ref_num).filter(|_| lacks(|row| row.merchant_ref_num.is_none()))),
        ("paymentType", text(&told.payment_method).filter(|_| lacks(|row| row.payment_method.is_none()))),
        ("accountId", text(&told.account_id).filter(|_| lacks(|row| row.account_id.is_none()))),
        ("txnTime", text(&told.made).filter(|_| lacks(|row| !has_transaction_time(row)))),
    ];
    more.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// Whether an event told when it was made; so also where that cannot be known.
fn has_transaction_time(row: &transaction::Model) -> bool {
    serde_json::from_str::<TransactionState>(&row.state).map_or(true, |state| state.has_transaction_time())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn the_same_answer_is_the_same_event_and_its_time_is_netbanxs() {
        let answer =
            json!({"id": "p1", "status": "COMPLETED", "statusTime": "2026-01-01T00:00:05Z", "amount": 5, "currencyCode": "EUR"});
        let told = Told::read(What::Payment, None, &answer).unwrap();
        let (early, late) = (clock::now(), clock::now() + chrono::TimeDelta::hours(1));
        let at = |now| event(CompanyId(Uuid::now_v7()), &told, &Ours::Nothing, now, false).unwrap();
        let (one, other) = (at(early), at(late));
        assert_eq!(one.identity, other.identity);
        assert_eq!(one.event.status_time.timestamp_millis(), 1_767_225_605_000);
        assert!(one.payload.contains(r#""source":"lookup""#), "{}", one.payload);
        assert!(is_news(&told, &Ours::Nothing));
    }

    /// A payment that was completed on 1 January 2026, as webhooks told it: test, without money, reference and time of making.
    fn completed() -> Ours {
        Ours::Transaction(Box::new(transaction::Model {
            id: Uuid::now_v7(),
            company_id: Uuid::nil(),
            kind: "PAYMENT".to_owned(),
            external_id: "p1".to_owned(),
            status: "COMPLETED".to_owned(),
            raw_status: "CAPTURED".to_owned(),
            amount: None,
            currency: None,
            merchant_ref_num: None,
            payment_method: Some("CARD".to_owned()),
            account_id: None,
            mode: "test".to_owned(),
            failure_reason: None,
            outcome: None,
            transaction_time: 1_767_225_605_000,
            status_time: 1_767_225_605_000,
            created_at: 1_767_225_606_000,
            updated_at: 1_767_225_606_000,
            state: "{}".to_owned(),
            rules_version: 0,
        }))
    }

    /// What is told of that payment, unless it is no news.
    fn told(more: &Value) -> Option<Value> {
        let mut answer = json!({"id": "p1"});
        answer.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let (told, ours) = (Told::read(What::Payment, None, &answer).unwrap(), completed());
        is_news(&told, &ours).then(|| body(&told, &ours, clock::now()))
    }

    #[test]
    fn a_status_without_a_time_takes_back_no_later_one() {
        assert_eq!(told(&json!({"status": "PENDING"})), None);
        assert!(told(&json!({"status": "RETURNED"})).is_some(), "what ends it otherwise is believed");
        let dated = told(&json!({"status": "PENDING", "statusTime": "2026-01-02T00:00:00Z"})).unwrap();
        assert_eq!(dated["payload"]["statusTime"], "2026-01-02T00:00:00.000Z");
    }

    #[test]
    fn fields_that_no_webhook_told_are_news_and_move_no_status() {
        let fields = json!({"status": "COMPLETED", "amount": "500", "currencyCode": "EUR", "merchantRefNum": "m", "paymentType": "PAYPAL",
            "txnTime": "2025-12-31T00:00:00Z", "updatedTime": "2026-03-01T00:00:00Z", "liveMode": true});
        let body = told(&fields).unwrap();
        let expected = json!({"id": "p1", "status": "CAPTURED", "statusTime": "2026-01-01T00:00:05.000Z", "amount": 500,
            "currencyCode": "EUR", "merchantRefNum": "m", "txnTime": "2025-12-31T00:00:00Z"});
        assert_eq!((&body["payload"], &body["mode"]), (&expected, &json!("test")), "neither the method nor the mode is another");
        // An amount without its currency is none, and what is there is not told again.
        for nothing in [json!({"amount": 500}), json!({"currencyCode": "EUR"}), json!({"paymentType": "CARD"})] {
            let mut answer = nothing.clone();
            answer["status"] = json!("COMPLETED");
            assert_eq!(told(&answer), None, "{nothing}");
        }
    }
}
