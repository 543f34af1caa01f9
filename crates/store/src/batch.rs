//! The batch write: events in, folded rows out, in one database transaction.
//!
//! Events that are there already (by company and identity) are skipped and change nothing, so a
//! batch may be written any number of times.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use common::{
    AccountState, CompanyId, Endpoint, Event, EventIdentity, Kind, TransactionState, WebhookOutcome, event::Change, normal,
};
use sea_orm::{
    ColumnTrait, Condition, DatabaseConnection, DatabaseTransaction, EntityTrait, Iden, Iterable, QueryFilter, Set,
    TransactionTrait,
    sea_query::{ExprTrait, OnConflict},
};
use uuid::Uuid;

use crate::{
    Error,
    dialect::{self, RowLock, rows},
    entity::{account, account_payment_method, account_status, event_identity, transaction, transaction_key, webhook_event},
    rollups::{self, CompanyDeltas},
};

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

type TransactionKey = (CompanyId, Kind, String);
type AccountKey = (CompanyId, String);

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
    let tx = db.begin().await?;
    dialect::lock_rows(&tx, events.iter().filter_map(lock_of).collect()).await?;
    let new = insert_events(&tx, events).await?;
    let mut deltas = CompanyDeltas::new();
    for event in &new {
        deltas.entry(event.company_id).or_default().webhook(event.received_ms, event.event.mode, WebhookOutcome::Processed);
    }
    fold_transactions(&tx, &new, &mut deltas).await?;
    fold_accounts(&tx, &new).await?;
    if is_counted {
        rollups::append(&tx, &deltas).await?;
    }
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

/// Inserts what is not there yet; answers just those, in order of identity.
async fn insert_events<'e>(tx: &DatabaseTransaction, events: &'e [NewEvent]) -> Result<Vec<&'e NewEvent>, Error> {
    // One order for all batches, so that two with the same events do not lock each other out.
    let mut unique: BTreeMap<(CompanyId, &str), &NewEvent> = BTreeMap::new();
    for event in events {
        unique.entry((event.company_id, event.identity.as_str())).or_insert(event);
    }
    let noted = note_identities(tx, unique.values().copied()).await?;
    let new: Vec<&NewEvent> =
        unique.into_values().filter(|e| noted.contains(&(e.company_id, e.identity.as_str().to_owned()))).collect();
    if !new.is_empty() {
        rows::insert(tx, new.iter().map(|event| event_row(event)).collect(), "").await?;
    }
    Ok(new)
}

/// Enters identities into their directory; answers those that were not in it.
async fn note_identities<'e>(
    tx: &DatabaseTransaction,
    events: impl Iterator<Item = &'e NewEvent>,
) -> Result<HashSet<(CompanyId, String)>, Error> {
    let rows = events.map(|new| event_identity::ActiveModel {
        company_id: Set(new.company_id.0),
        identity: Set(new.identity.as_str().to_owned()),
        event_id: Set(new.webhook_id),
    });
    let mut noted = HashSet::new();
    for row in rows::insert(tx, rows.collect(), "ON CONFLICT DO NOTHING RETURNING company_id, identity").await? {
        noted.insert((CompanyId(row.try_get("", "company_id")?), row.try_get("", "identity")?));
    }
    Ok(noted)
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

async fn fold_transactions(tx: &DatabaseTransaction, events: &[&NewEvent], deltas: &mut CompanyDeltas) -> Result<(), Error> {
    let mut states: BTreeMap<TransactionKey, (Uuid, TransactionState)> = BTreeMap::new();
    let mut before: BTreeMap<TransactionKey, TransactionState> = BTreeMap::new();
    for new in events {
        if let Change::Transaction(facts) = &new.event.change {
            let key = (new.company_id, facts.kind, facts.external_id.clone());
            states.entry(key).or_insert_with(|| (Uuid::now_v7(), TransactionState::default()));
        }
    }
    if states.is_empty() {
        return Ok(());
    }
    let keys: Vec<_> = states.keys().map(|(company, kind, id)| (*company, *kind, id.as_str())).collect();
    for row in rows::known_transactions(tx, &keys).await? {
        let Some(kind) = Kind::parse(&row.kind) else { continue };
        let key = (CompanyId(row.company_id), kind, row.external_id);
        if let Some(entry) = states.get_mut(&key) {
            let state: TransactionState =
                serde_json::from_str(&row.state).map_err(|e| Error::Refused(format!("transactions.state: {e}")))?;
            *entry = (row.id, state.clone());
            before.insert(key, state);
        }
    }
    for new in events {
        if let Change::Transaction(facts) = &new.event.change {
            let key = (new.company_id, facts.kind, facts.external_id.clone());
            if let (Some((_, state)), Some(at)) = (states.get_mut(&key), received(new)) {
                state.apply(&new.event, facts, &new.identity, at);
            }
        }
    }
    for (key, (_, state)) in &states {
        deltas.entry(key.0).or_default().transaction(key.1, before.get(key), state);
    }
    note_transactions(tx, states.iter().filter(|(key, _)| !before.contains_key(key)).map(|(key, (id, _))| (key, *id))).await?;
    let rows = states.into_iter().map(|(key, (id, state))| transaction_row(key, id, &state)).collect::<Result<Vec<_>, _>>()?;
    rows::insert(tx, rows, &replaced(transaction::Column::iter().filter(|column| !is_key(*column)))).await?;
    Ok(())
}

/// What of a transaction's row never changes.
fn is_key(column: transaction::Column) -> bool {
    use transaction::Column::{CompanyId, ExternalId, Id, Kind};
    matches!(column, Id | CompanyId | Kind | ExternalId)
}

/// A row whose id is there already is written anew in these columns.
fn replaced(columns: impl Iterator<Item = transaction::Column>) -> String {
    let set: Vec<String> = columns.map(|column| format!("{0} = excluded.{0}", column.unquoted())).collect();
    format!("ON CONFLICT (id) DO UPDATE SET {}", set.join(", "))
}

/// Enters new transactions into their directory. That none is entered twice is what the locks are for.
async fn note_transactions<'k>(
    tx: &DatabaseTransaction,
    new: impl Iterator<Item = (&'k TransactionKey, Uuid)>,
) -> Result<(), Error> {
    let rows = new.map(|((company, kind, external_id), id)| transaction_key::ActiveModel {
        company_id: Set(company.0),
        kind: Set(kind.as_str().to_owned()),
        external_id: Set(external_id.clone()),
        transaction_id: Set(id),
    });
    rows::insert(tx, rows.collect(), "").await?;
    Ok(())
}

fn transaction_row(
    (company, kind, external_id): TransactionKey,
    id: Uuid,
    state: &TransactionState,
) -> Result<transaction::ActiveModel, Error> {
    let (first, last) = state.received_ms();
    Ok(transaction::ActiveModel {
        id: Set(id),
        company_id: Set(company.0),
        kind: Set(kind.as_str().to_owned()),
        external_id: Set(external_id),
        status: Set(state.status().as_str().to_owned()),
        raw_status: Set(state.raw_status().to_owned()),
        amount: Set(state.amount()),
        currency: Set(state.currency()),
        merchant_ref_num: Set(state.merchant_ref_num()),
        payment_method: Set(state.payment_method()),
        account_id: Set(state.account_id()),
        mode: Set(state.mode().as_str().to_owned()),
        failure_reason: Set(state.failure_reason()),
        outcome: Set(state.outcome()),
        transaction_time: Set(state.transaction_time_ms()),
        status_time: Set(state.status_time_ms()),
        created_at: Set(first),
        updated_at: Set(last),
        state: Set(json(state)?),
    })
}

async fn fold_accounts(tx: &DatabaseTransaction, events: &[&NewEvent]) -> Result<(), Error> {
    use account::Column;
    let mut states: BTreeMap<AccountKey, (Uuid, AccountState)> = BTreeMap::new();
    let (mut steps, mut methods) = (Vec::new(), BTreeSet::new());
    for new in events {
        let Change::Account(facts) = &new.event.change else { continue };
        states.entry((new.company_id, facts.external_id.clone())).or_insert_with(|| (Uuid::now_v7(), AccountState::default()));
        steps.push(account_status::ActiveModel {
            id: Set(new.webhook_id),
            company_id: Set(new.company_id.0),
            external_id: Set(facts.external_id.clone()),
            status: Set(facts.status.clone()),
            event_name: Set(new.event.name.clone()),
            status_time: Set(new.event.status_time.timestamp_millis()),
        });
        for (kind, method) in &facts.payment_methods {
            methods.insert((new.company_id, facts.external_id.clone(), *kind, method.clone()));
        }
    }
    if states.is_empty() {
        return Ok(());
    }
    let wanted = states.keys().fold(Condition::any(), |any, (company, external_id)| {
        any.add(Column::CompanyId.eq(company.0).and(Column::ExternalId.eq(external_id.as_str())))
    });
    for row in account::Entity::find().filter(wanted).all(tx).await? {
        if let Some(entry) = states.get_mut(&(CompanyId(row.company_id), row.external_id)) {
            let state = serde_json::from_str(&row.state).map_err(|e| Error::Refused(format!("accounts.state: {e}")))?;
            *entry = (row.id, state);
        }
    }
    for new in events {
        if let Change::Account(facts) = &new.event.change {
            let key = (new.company_id, facts.external_id.clone());
            if let (Some((_, state)), Some(at)) = (states.get_mut(&key), received(new)) {
                state.apply(&new.event, facts, &new.identity, at);
            }
        }
    }
    let rows = states.into_iter().map(|(key, (id, state))| account_row(key, id, &state)).collect::<Result<Vec<_>, _>>()?;
    let replace = OnConflict::columns([Column::CompanyId, Column::ExternalId])
        .update_columns([
            Column::Status,
            Column::OnboardingStage,
            Column::PartnerId,
            Column::Mode,
            Column::StatusTime,
            Column::CreatedAt,
            Column::UpdatedAt,
            Column::State,
        ])
        .to_owned();
    account::Entity::insert_many(rows).on_conflict(replace).exec_without_returning(tx).await?;
    account_status::Entity::insert_many(steps).exec_without_returning(tx).await?;
    insert_methods(tx, methods.into_iter()).await
}

async fn insert_methods(
    tx: &DatabaseTransaction,
    methods: impl Iterator<Item = (CompanyId, String, &'static str, String)>,
) -> Result<(), Error> {
    use account_payment_method::Column;
    let rows: Vec<_> = methods
        .map(|(company, external_id, kind, method)| account_payment_method::ActiveModel {
            company_id: Set(company.0),
            external_id: Set(external_id),
            kind: Set(kind.to_owned()),
            method_id: Set(method),
        })
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    let skip =
        OnConflict::columns([Column::CompanyId, Column::ExternalId, Column::Kind, Column::MethodId]).do_nothing().to_owned();
    account_payment_method::Entity::insert_many(rows).on_conflict(skip).exec_without_returning(tx).await?;
    Ok(())
}

fn account_row((company, external_id): AccountKey, id: Uuid, state: &AccountState) -> Result<account::ActiveModel, Error> {
    let (first, last) = state.received_ms();
    Ok(account::ActiveModel {
        id: Set(id),
        company_id: Set(company.0),
        external_id: Set(external_id),
        status: Set(state.status().to_owned()),
        onboarding_stage: Set(normal::onboarding_stage(state.status()).as_str().to_owned()),
        partner_id: Set(state.partner_id()),
        mode: Set(state.mode().as_str().to_owned()),
        status_time: Set(state.status_time_ms()),
        created_at: Set(first),
        updated_at: Set(last),
        state: Set(json(state)?),
    })
}

fn received(new: &NewEvent) -> Option<chrono::DateTime<chrono::Utc>> {
    chrono::DateTime::from_timestamp_millis(new.received_ms)
}

fn json(state: &impl serde::Serialize) -> Result<String, Error> {
    serde_json::to_string(state).map_err(|e| Error::Refused(e.to_string()))
}
