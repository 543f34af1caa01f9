//! The batch write: events in, folded rows out, in one database transaction.
//!
//! Events that are there already (by company and identity) are skipped and change nothing, so a
//! batch may be written any number of times. A batch of new transactions takes four statements, the
//! first and the last of the transaction included: note and lock, write.

mod accounts;
mod transactions;

use std::collections::{BTreeMap, HashSet};

use common::{CompanyId, Endpoint, Event, EventIdentity, WebhookOutcome, event::Change, normal};
use sea_orm::{DatabaseConnection, Set, TransactionTrait};
use uuid::Uuid;

use crate::{
    Error,
    dialect::{
        RowLock,
        rows::{self, Insert},
    },
    entity::{event_identity, webhook_event},
    rollups::{self, CompanyDeltas},
};
use transactions::Transactions;

/// One event to write.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// The webhook's id.
    pub webhook_id: Uuid,
    /// Whose it is.
    pub company_id: CompanyId,
    /// Where it was received.
    pub endpoint: Endpoint,
    /// Which event it is.
    pub identity: EventIdentity,
    /// When it was received, in milliseconds since 1970 UTC.
    pub received_ms: i64,
    /// What it means.
    pub event: Event,
    /// The body, masked.
    pub payload: String,
}

/// What a batch changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    /// Events that were new.
    pub new: usize,
    /// Events that were there already.
    pub known: usize,
}

/// Writes `events` in one transaction: all or none.
pub async fn write(db: &DatabaseConnection, events: &[NewEvent]) -> Result<Written, Error> {
    write_parts(db, events, true).await
}

/// The same without its figures: for the benchmark that tells what they cost.
#[doc(hidden)]
pub async fn write_uncounted(db: &DatabaseConnection, events: &[NewEvent]) -> Result<Written, Error> {
    write_parts(db, events, false).await
}

async fn write_parts(db: &DatabaseConnection, events: &[NewEvent], is_counted: bool) -> Result<Written, Error> {
    if events.is_empty() {
        return Ok(Written::default());
    }
    // One order for all batches, so that two with the same events do not lock each other out.
    let mut unique: BTreeMap<(CompanyId, &str), &NewEvent> = BTreeMap::new();
    for event in events {
        unique.entry((event.company_id, event.identity.as_str())).or_insert(event);
    }
    let mut transactions = Transactions::of(unique.values().copied());
    let locks = events.iter().filter_map(lock_of).collect();
    let tx = db.begin().await?;
    // What is entered into the directories now is new; the rest is known. Entries first, then locks, each in one order
    // for all: so no two batches wait for each other, and what is read after it stays as it is.
    let identities = Insert::missing(unique.values().map(|new| identity_row(new)).collect(), event_identity::Column::EventId)?;
    let noted: HashSet<Uuid> = rows::insert_missing(&tx, vec![identities, transactions.keys()?], locks).await?;
    let new: Vec<&NewEvent> = unique.into_values().filter(|event| noted.contains(&event.webhook_id)).collect();
    let mut deltas = CompanyDeltas::new();
    for event in &new {
        deltas.entry(event.company_id).or_default().webhook(event.received_ms, event.event.mode, WebhookOutcome::Processed);
    }
    transactions.recall(&tx, &noted, &new).await?;
    let mut inserts = vec![Insert::of(new.iter().map(|event| event_row(event)).collect(), "")?];
    inserts.extend(transactions.fold(&new, &mut deltas)?);
    if is_counted {
        inserts.push(Insert::of(rollups::rows(&deltas), "")?);
    }
    rows::insert(&tx, inserts).await?;
    accounts::fold(&tx, &new).await?;
    tx.commit().await?;
    Ok(Written { new: new.len(), known: events.len() - new.len() })
}

fn lock_of(new: &NewEvent) -> Option<RowLock> {
    match &new.event.change {
        Change::Transaction(facts) => Some(RowLock::of(new.company_id, Some(facts.kind), &facts.external_id)),
        Change::Account(facts) => Some(RowLock::of(new.company_id, None, &facts.external_id)),
        Change::Nothing => None,
    }
}

fn identity_row(new: &NewEvent) -> event_identity::ActiveModel {
    event_identity::ActiveModel {
        company_id: Set(new.company_id.0),
        identity: Set(new.identity.as_str().to_owned()),
        event_id: Set(new.webhook_id),
    }
}

fn event_row(new: &NewEvent) -> webhook_event::ActiveModel {
    let event = &new.event;
    let category = normal::category(&event.name);
    let kind = match category {
        normal::Category::Transaction(kind) => Some(kind.as_str().to_owned()),
        _ => None,
    };
    webhook_event::ActiveModel {
        id: Set(new.webhook_id),
        company_id: Set(new.company_id.0),
        identity: Set(new.identity.as_str().to_owned()),
        endpoint: Set(new.endpoint.as_str().to_owned()),
        name: Set(event.name.clone()),
        category: Set(category.as_str().to_owned()),
        kind: Set(kind),
        mode: Set(event.mode.as_str().to_owned()),
        resource_id: Set(event.resource_id.clone()),
        account_id: Set(event.account_id.clone()),
        merchant_ref_num: Set(event.merchant_ref_num.clone()),
        status_time: Set(event.status_time.timestamp_millis()),
        received_at: Set(new.received_ms),
        payload: Set(new.payload.clone()),
    }
}

fn received(new: &NewEvent) -> Option<chrono::DateTime<chrono::Utc>> {
    chrono::DateTime::from_timestamp_millis(new.received_ms)
}

/// Bytes of a state, or somewhat more.
const STATE: usize = 1024;

fn json(state: &impl serde::Serialize) -> Result<String, Error> {
    let mut bytes = Vec::with_capacity(STATE);
    serde_json::to_writer(&mut bytes, state).map_err(|e| Error::Refused(e.to_string()))?;
    String::from_utf8(bytes).map_err(|e| Error::Refused(e.to_string()))
}
