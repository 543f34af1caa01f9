//! The batch write: events in, folded rows out, in one database transaction.
//!
//! Events that are there already (by company and identity) are skipped and change nothing, so a
//! batch may be written any number of times. A batch of new transactions takes three statements, the
//! commit included: look up, write. See [`Writer`].

pub(crate) mod accounts;
mod beyond;
mod conflicts;
mod legacy;
pub(crate) mod transactions;
mod writer;

use std::collections::BTreeMap;

use common::{Category, CompanyId, Endpoint, Event, EventIdentity, WebhookOutcome};
use foldhash::HashSet;
use sea_orm::{DatabaseConnection, DatabaseTransaction, TransactionTrait};
use uuid::Uuid;

use crate::{
    Error,
    dialect::{
        self,
        rows::{self, Insert, Rest, RowValue},
    },
    entity::{event_identity, webhook_event},
    error::{is_deadlock, is_taken},
    outbound::{
        messages::{self, Outbox},
        subscriptions::Subscriptions,
    },
    rollups::{self, CompanyDeltas},
};
pub(crate) use legacy::ROLL_OUT_MS;
use legacy::{Legacy, Recognised, own};
use transactions::Transactions;
pub use writer::Writer;

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
    /// The identity that versions before 1.0 give it; absent where none of their events is stored ([`Writer::has_legacy`]).
    pub legacy: Option<EventIdentity>,
    /// What it shares with all events of the same sender's event id; absent where it has none.
    pub event_key: Option<EventIdentity>,
    /// When it was received, in milliseconds since 1970 UTC.
    pub received_ms: i64,
    /// What it means.
    pub event: Event,
    /// The body, masked.
    pub payload: String,
    /// The W3C trace context of its receipt, where that is traced: endpoints are told in the same trace.
    pub trace: Option<String>,
}

impl NewEvent {
    /// The order in which events of one transaction or account are told to endpoints; what they make of it has none.
    fn place(&self) -> (i64, Uuid) {
        (self.received_ms, self.webhook_id)
    }
}

/// What a batch changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    /// Events that were new.
    pub new: usize,
    /// Events that were there already.
    pub known: usize,
}

/// Writes `events` in one transaction: all or none. Anyone who has many batches has a [`Writer`].
pub async fn write(db: &DatabaseConnection, events: &[NewEvent]) -> Result<Written, Error> {
    Writer::new(db.clone(), 0).write(events).await
}

/// The same without its figures, of one event at least: for the benchmark that tells what they cost.
#[doc(hidden)]
pub async fn write_uncounted(db: &DatabaseConnection, events: &[NewEvent]) -> Result<Written, Error> {
    let tx = db.begin().await?;
    let subscriptions = Subscriptions::default();
    let circumstances = Circumstances { legacy: Legacy::None, horizon: None, subscriptions: &subscriptions, is_counted: false };
    let written = write_in(&tx, events, &circumstances, Approach::Checked).await?.unwrap_or_default();
    tx.commit().await?;
    Ok(written)
}

/// How a batch finds out what of it is stored already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Approach {
    /// Its events and the transactions that no directory has are taken to be new, and entered with everything else: right for
    /// nearly all batches, since the queue's claims keep duplicates away. A unique key tells where it was wrong.
    Optimistic,
    /// Entries of the directories are made first, as far as they are missing: what was there is known.
    Checked,
}

/// What a batch is written by, beside its events.
#[derive(Debug)]
struct Circumstances<'s> {
    legacy: Legacy,
    /// What tells of a time before it is kept apart.
    horizon: Option<i64>,
    /// What changes is told to those of them that want it.
    subscriptions: &'s Subscriptions,
    is_counted: bool,
}

/// Writes `events` in `tx`, which is to be committed if that succeeds. None where an optimistic write met what is stored
/// already, or is being stored: then `tx` is of no more use, and the same is to be done checked.
async fn write_in(
    tx: &DatabaseTransaction,
    events: &[NewEvent],
    &Circumstances { legacy, horizon, subscriptions, is_counted }: &Circumstances<'_>,
    approach: Approach,
) -> Result<Option<Written>, Error> {
    // One order for all batches, so that two with the same events do not lock each other out.
    let mut unique: BTreeMap<(CompanyId, &str), &NewEvent> = BTreeMap::new();
    for event in events {
        unique.entry((event.company_id, event.identity.as_str())).or_insert(event);
    }
    let is_timely = |event: &&NewEvent| !beyond::is_beyond(event, horizon);
    let mut transactions = Transactions::of(unique.values().copied().filter(is_timely));
    let unique: Vec<&NewEvent> = unique.into_values().collect();
    let timely: Vec<&NewEvent> = unique.iter().copied().filter(is_timely).collect();
    let is_optimistic = approach == Approach::Optimistic;
    if is_optimistic && legacy.may_hold(tx, &unique).await? {
        return Ok(None);
    }
    // Locks first, then entries of the directories, events before transactions, each in one order for all: so no two batches
    // wait for each other, and what is read after the locks stays as it is.
    let missing = if is_optimistic { transactions.missing(tx).await? } else { HashSet::default() };
    let mut locks = transactions.locks(&missing);
    locks.extend(accounts::locks(&timely));
    if !locks.is_empty() {
        dialect::hold_rows(tx, locks).await?;
    }
    let (recognised, conflicts, noted) = if is_optimistic {
        (Recognised::all_new(&unique), Vec::new(), missing)
    } else {
        // What is entered now is new; the rest is known.
        let entries = Insert::missing(legacy.entries(&unique), entry_cell, event_identity::Column::EventId)?;
        let entries = [entries, transactions.keys()?, conflicts::keys(&unique)?];
        let [entered, noted, keyed] = rows::insert_missing(tx, entries).await?;
        let recognised = legacy.recognise(tx, &unique, entered).await?;
        let conflicts = conflicts::find(tx, &unique, &recognised, keyed).await?;
        (recognised, conflicts, noted.into_iter().collect())
    };
    let new = recognised.new;
    let mut deltas = CompanyDeltas::new();
    for event in &new {
        deltas.entry(event.company_id).or_default().webhook(event.received_ms, event.event.mode, WebhookOutcome::Processed);
    }
    let (timely, late): (Vec<&NewEvent>, Vec<&NewEvent>) = new.iter().copied().partition(is_timely);
    transactions.keep(&timely);
    transactions.recall(tx, &noted).await?;
    let mut inserts = if is_optimistic {
        // PostgreSQL does the parts of a statement from the last to the first.
        vec![transactions.new_keys(&noted)?, Insert::of(new.iter().map(|new| own(new)), entry_cell, Rest::Nothing)?]
    } else {
        Vec::new()
    };
    let mut outbox = Outbox::new(subscriptions);
    let states = transactions.fold(&timely, horizon, &mut deltas, &mut outbox)?;
    inserts.push(Insert::of(new.iter().copied(), event_cell, Rest::Nothing)?);
    inserts.extend(states.inserts()?);
    inserts.push(legacy::noted(&recognised.noted)?);
    inserts.push(conflicts::pairs(&conflicts)?);
    if !late.is_empty() {
        inserts.push(Insert::of(late, beyond::cell, Rest::Nothing)?);
    }
    if is_counted {
        inserts.push(rollups::insert(&deltas)?);
    }
    let told = outbox.take_some();
    inserts.extend(messages::inserts(&told)?);
    match rows::insert(tx, inserts).await {
        Err(error) if is_optimistic && (is_taken(&error) || is_deadlock(&error)) => return Ok(None),
        done => done?,
    }
    accounts::fold(tx, &timely, &mut outbox).await?;
    outbox.write(tx).await?;
    Ok(Some(Written { new: new.len(), known: events.len() - new.len() }))
}

/// An entry of the directory of events: identity and event.
type Entry<'e> = (CompanyId, &'e str, Uuid);

fn entry_cell((company, identity, event): Entry<'_>, column: event_identity::Column) -> RowValue<'_> {
    use event_identity::Column;
    match column {
        Column::CompanyId => company.0.into(),
        Column::Identity => identity.into(),
        Column::EventId => event.into(),
    }
}

fn event_cell(new: &NewEvent, column: webhook_event::Column) -> RowValue<'_> {
    use webhook_event::Column;
    let event = &new.event;
    match column {
        Column::Id => new.webhook_id.into(),
        Column::CompanyId => new.company_id.0.into(),
        Column::Identity => new.identity.as_str().into(),
        Column::Endpoint => new.endpoint.as_str().into(),
        Column::Name => event.name.as_str().into(),
        Column::Category => event.family.category.as_str().into(),
        Column::Kind => match event.family.category {
            Category::Transaction(kind) => Some(kind.as_str()).into(),
            _ => None::<&str>.into(),
        },
        Column::Mode => event.mode.as_str().into(),
        Column::ResourceId => event.resource_id.as_deref().into(),
        Column::AccountId => event.account_id.as_deref().into(),
        Column::MerchantRefNum => event.merchant_ref_num.as_deref().into(),
        Column::StatusTime => event.status_time.timestamp_millis().into(),
        Column::ReceivedAt => new.received_ms.into(),
        Column::Payload => new.payload.as_str().into(),
    }
}

fn received(new: &NewEvent) -> Option<chrono::DateTime<chrono::Utc>> {
    chrono::DateTime::from_timestamp_millis(new.received_ms)
}

/// A state as it is stored.
fn json(state: serde_json::Result<Vec<u8>>) -> Result<String, Error> {
    let bytes = state.map_err(|e| Error::Refused(e.to_string()))?;
    String::from_utf8(bytes).map_err(|e| Error::Refused(e.to_string()))
}
