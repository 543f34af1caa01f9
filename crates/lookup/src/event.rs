//! What Netbanx says, as an event: its body says `"source":"lookup"`, it is stored beside the webhooks and folded by the same rules.
//!
//! The event has the time that Netbanx tells for the status, else the moment of the question: a webhook that says the same is of that
//! time or older and changes nothing, one of a later status counts. Of a transaction that we have it says the status, and what
//! webhooks did not say: it never has another value for what they did.

use chrono::{DateTime, SecondsFormat, Utc};
use common::{CompanyId, Endpoint, Envelope, Event, EventIdentity, masking};
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

/// Whether `told` says another status than `ours`.
pub fn is_news(told: &Told, ours: &Ours) -> bool {
    match ours {
        Ours::Nothing => true,
        Ours::Transaction(row) => row.status != told.status().as_str(),
        Ours::Account(row) => row.status != told.raw_status,
    }
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
    // A time that has not come is none.
    let at = told.status_ms.and_then(DateTime::from_timestamp_millis).filter(|at| *at <= now).unwrap_or(now);
    let at = at.to_rfc3339_opts(SecondsFormat::Millis, true);
    let Some(kind) = told.what.kind() else {
        let payload = json!({"accountNumber": told.id, "acctStatus": told.raw_status, "statusTime": at});
        let name = format!("ACCT_{}", told.raw_status);
        return json!({"eventType": name, "mode": told.mode.as_str(), "source": "lookup", "resourceId": told.id, "payload": payload});
    };
    let has = |field: fn(&transaction::Model) -> bool| matches!(ours, Ours::Transaction(row) if field(row));
    let text = |value: &Option<String>| value.clone().map(Value::from);
    // An amount is one of a currency: both or neither.
    let has_amount = has(|row| row.amount.is_some() || row.currency.is_some());
    let more = [
        ("amount", told.amount.filter(|_| !has_amount).map(Value::from)),
        ("currencyCode", text(&told.currency).filter(|_| !has_amount)),
        ("merchantRefNum", text(&told.merchant_ref_num).filter(|_| !has(|row| row.merchant_ref_num.is_some()))),
        ("paymentType", text(&told.payment_method).filter(|_| !has(|row| row.payment_method.is_some()))),
        ("accountId", text(&told.account_id).filter(|_| !has(|row| row.account_id.is_some()))),
        ("txnTime", text(&told.made).filter(|_| !has(|_| true))),
    ];
    let mut payload = Map::from_iter([
        ("id".to_owned(), Value::from(told.id.as_str())),
        ("status".to_owned(), Value::from(told.raw_status.as_str())),
        ("statusTime".to_owned(), Value::from(at)),
    ]);
    payload.extend(more.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    // The status by its word: a name of our own making says no more than that.
    let name = format!("{}_{}", kind.as_str(), told.status().as_str());
    json!({"eventType": name, "mode": told.mode.as_str(), "source": "lookup", "payload": payload})
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
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
}
