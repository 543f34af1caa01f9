//! The transactions of a batch: which there are, what their events make of them.

use std::{
    collections::{BTreeMap, HashMap},
    sync::LazyLock,
};

use common::{CompanyId, Kind, RULES_VERSION, TransactionFacts, TransactionState, event::Change};
use foldhash::HashSet;
use sea_orm::{DatabaseTransaction, Iden, Iterable};
use uuid::Uuid;

use super::{NewEvent, json, received};
use crate::{
    Error,
    dialect::{
        RowLock,
        existing_rows::{KnownTransaction, known_keys, known_transactions},
        rows::{self, Insert, Rest, RowValue},
    },
    entity::{transaction, transaction_key},
    outbound::{
        TRANSACTION_CREATED, TRANSACTION_UPDATED,
        messages::{About, Outbox},
    },
    rollups::CompanyDeltas,
};

pub(crate) type Key<'e> = (CompanyId, Kind, &'e str);

/// A transaction of a batch.
struct Slot {
    /// The row's id: of the one that is there, else one made for it.
    id: Uuid,
    /// As it was before the batch, where a row is there. Boxed, like all states here: maps and vectors move what they hold.
    before: Option<Box<TransactionState>>,
}

/// The transactions of a batch, by their keys.
pub(super) struct Transactions<'e>(BTreeMap<Key<'e>, Slot>);

fn facts_of(new: &NewEvent) -> Option<(Key<'_>, &TransactionFacts)> {
    match &new.event.change {
        Change::Transaction(facts) => Some(((new.company_id, facts.kind, &facts.external_id), facts)),
        _ => None,
    }
}

impl<'e> Transactions<'e> {
    /// Those that `events` are about, each with an id made for it.
    pub fn of(events: impl Iterator<Item = &'e NewEvent>) -> Self {
        let mut slots = BTreeMap::new();
        for (key, _) in events.filter_map(facts_of) {
            slots.entry(key).or_insert_with(|| Slot { id: Uuid::now_v7(), before: None });
        }
        Self(slots)
    }

    /// Their entries in the directory, in one order for all batches.
    pub fn keys(&self) -> Result<Insert<'e>, Error> {
        entries(self.0.iter().map(|(key, slot)| (*key, slot.id)))
    }

    /// The ids made for those that no directory has.
    pub async fn missing(&self, tx: &DatabaseTransaction) -> Result<HashSet<Uuid>, Error> {
        let keys: Vec<Key<'_>> = self.0.keys().copied().collect();
        let mut missing: HashSet<Uuid> = self.0.values().map(|slot| slot.id).collect();
        if keys.is_empty() {
            return Ok(missing);
        }
        for place in known_keys(tx, &keys).await? {
            if let Some(slot) = keys.get(place).and_then(|key| self.0.get(key)) {
                missing.remove(&slot.id);
            }
        }
        Ok(missing)
    }

    /// The entries of those whose ids are `noted`, in the directory, which has none.
    pub fn new_keys(&self, noted: &HashSet<Uuid>) -> Result<Insert<'e>, Error> {
        let new = self.0.iter().filter(|(_, slot)| noted.contains(&slot.id)).map(|(key, slot)| (*key, slot.id));
        Ok(Insert::of(new, key_cell, Rest::Nothing)?)
    }

    /// The locks of all but those that are `missing` in the directory: anyone who has these too waits for our entries.
    pub fn locks(&self, missing: &HashSet<Uuid>) -> Vec<RowLock> {
        self.known(missing).map(|((company, kind, id), _)| RowLock::of(*company, Some(*kind), id)).collect()
    }

    /// Keeps those that `events` change.
    pub fn keep(&mut self, events: &[&'e NewEvent]) {
        let changed: HashSet<Key<'_>> = events.iter().filter_map(|event| Some(facts_of(event)?.0)).collect();
        self.0.retain(|key, _| changed.contains(key));
    }

    fn known(&self, noted: &HashSet<Uuid>) -> impl Iterator<Item = (&Key<'e>, &Slot)> {
        self.0.iter().filter(|(_, slot)| !noted.contains(&slot.id))
    }

    /// Takes from the database those that were not entered as new. They are locked.
    pub async fn recall(&mut self, tx: &DatabaseTransaction, noted: &HashSet<Uuid>) -> Result<(), Error> {
        let known: Vec<Key<'_>> = self.known(noted).map(|(key, _)| *key).collect();
        if known.is_empty() {
            return Ok(());
        }
        let rows = known_transactions(tx, &known).await?;
        let found: HashMap<Key<'_>, &KnownTransaction> = rows
            .iter()
            .filter_map(|row| Some(((CompanyId(row.company_id), Kind::parse(&row.kind)?, row.external_id.as_str()), row)))
            .collect();
        let mut orphans = Vec::new();
        for key in known {
            let Some(slot) = self.0.get_mut(&key) else { continue };
            match found.get(&key) {
                Some(row) => {
                    let state =
                        serde_json::from_str(&row.state).map_err(|e| Error::Refused(format!("transactions.state: {e}")))?;
                    *slot = Slot { id: row.id, before: Some(state) };
                }
                None => orphans.push((key, slot.id)),
            }
        }
        // The row went with its partition and its entry is not removed yet: it stands for the new row now.
        Ok(rows::insert(tx, vec![entered_again(orphans)?]).await?)
    }

    /// What `events` make of them, and how the figures change: one that is new and was made before `horizon` is not counted,
    /// since it may have been already. Each change goes into `outbox`.
    pub fn fold(
        self,
        events: &[&'e NewEvent],
        horizon: Option<i64>,
        deltas: &mut CompanyDeltas,
        outbox: &mut Outbox<'_>,
    ) -> Result<Folded<'e>, Error> {
        let mut states: BTreeMap<Key<'_>, Box<TransactionState>> =
            self.0.iter().map(|(key, slot)| (*key, slot.before.clone().unwrap_or_default())).collect();
        let mut told = Told::default();
        let mut events = events.to_vec();
        events.sort_by_key(|new| new.place());
        for new in events {
            let (Some((key, facts)), Some(at)) = (facts_of(new), received(new)) else { continue };
            if let (Some(state), Some(slot)) = (states.get_mut(&key), self.0.get(&key)) {
                state.apply(&new.event, facts, &new.identity, at);
                told.change(key, slot, (state, new.trace.as_deref()), outbox)?;
            }
        }
        let (mut fresh, mut changed) = (Vec::with_capacity(states.len()), Vec::new());
        for ((key, slot), mut state) in self.0.into_iter().zip(states.into_values()) {
            if slot.before.as_ref().is_none_or(|before| before.is_uncounted()) {
                state.set_uncounted(horizon.is_some_and(|horizon| state.transaction_time_ms() < horizon));
            }
            deltas.entry(key.0).or_default().transaction(key.1, slot.before.as_deref(), &state);
            let rows = if slot.before.is_some() { &mut changed } else { &mut fresh };
            rows.push(Row::of(key, slot.id, state)?);
        }
        Ok(Folded { fresh, changed })
    }
}

/// What endpoints know of a batch's transactions, those of companies alone that have any.
#[derive(Default)]
struct Told<'e>(HashMap<Key<'e>, crate::shown::Transaction>);

impl<'e> Told<'e> {
    /// Tells `outbox` of a transaction that is `state` now, by an event of that `trace`, if that shows.
    fn change(
        &mut self,
        key: Key<'e>,
        slot: &Slot,
        (state, trace): (&TransactionState, Option<&str>),
        outbox: &mut Outbox<'_>,
    ) -> Result<(), Error> {
        if !outbox.has(key.0) {
            return Ok(());
        }
        let after = shown(key, slot.id, state);
        let before = match (self.0.remove(&key), &slot.before) {
            (None, Some(before)) => Some(shown(key, slot.id, before)),
            (told, _) => told,
        };
        let about = |event_type| About { company: key.0, event_type, subject: slot.id, trace };
        match before {
            None => outbox.tell(about(TRANSACTION_CREATED), &after)?,
            Some(before) if before.differs(&after) => outbox.tell(about(TRANSACTION_UPDATED), &after)?,
            Some(_) => {}
        }
        self.0.insert(key, after);
        Ok(())
    }
}

fn shown(key: Key<'_>, id: Uuid, state: &TransactionState) -> crate::shown::Transaction {
    row(key, id, state).into()
}

/// The row of a transaction that is `state`, but for the state itself.
pub(crate) fn row((company, kind, external_id): Key<'_>, id: Uuid, state: &TransactionState) -> transaction::Model {
    let (created_at, updated_at) = state.received_ms();
    let text = |text: Option<&str>| text.map(str::to_owned);
    transaction::Model {
        id,
        company_id: company.0,
        kind: kind.as_str().to_owned(),
        external_id: external_id.to_owned(),
        status: state.status().as_str().to_owned(),
        raw_status: state.raw_status().to_owned(),
        amount: state.amount(),
        currency: text(state.currency()),
        merchant_ref_num: text(state.merchant_ref_num()),
        payment_method: text(state.payment_method()),
        account_id: text(state.account_id()),
        mode: state.mode().as_str().to_owned(),
        failure_reason: text(state.failure_reason()),
        outcome: text(state.outcome()),
        transaction_time: state.transaction_time_ms(),
        status_time: state.status_time_ms(),
        created_at,
        updated_at,
        state: String::new(),
        rules_version: RULES_VERSION,
    }
}

/// A transaction as it is after a batch.
pub(crate) struct Row<'e> {
    key: Key<'e>,
    id: Uuid,
    state: Box<TransactionState>,
    json: String,
}

impl<'e> Row<'e> {
    /// The row of that id.
    pub fn of(key: Key<'e>, id: Uuid, state: Box<TransactionState>) -> Result<Self, Error> {
        Ok(Self { key, id, json: json(state.to_json())?, state })
    }
}

/// `rows` written, whether they are there or not, as folded by the rules of now.
pub(crate) fn refolded<'r>(rows: &'r [Row<'r>]) -> Result<Insert<'r>, Error> {
    Ok(Insert::of(rows, cell, Rest::Replace(&REFOLDED))?)
}

/// Transactions as they are after a batch: new ones, and those whose rows are there.
pub(super) struct Folded<'e> {
    fresh: Vec<Row<'e>>,
    changed: Vec<Row<'e>>,
}

impl Folded<'_> {
    /// The rows to insert, and those to replace.
    pub fn inserts(&self) -> Result<[Insert<'_>; 2], Error> {
        Ok([Insert::of(&self.fresh, cell, Rest::Nothing)?, Insert::of(&self.changed, cell, Rest::Replace(&REPLACED))?])
    }
}

/// Entries of the directory, as far as they are missing.
pub(crate) fn entries<'e>(rows: impl IntoIterator<Item = (Key<'e>, Uuid)>) -> Result<Insert<'e>, Error> {
    Ok(Insert::missing(rows, key_cell, transaction_key::Column::TransactionId)?)
}

/// Entries of the directory that stand for these rows from now on.
pub(crate) fn entered_again<'e>(rows: impl IntoIterator<Item = (Key<'e>, Uuid)>) -> Result<Insert<'e>, Error> {
    let again = Rest::Sql("ON CONFLICT (company_id, kind, external_id) DO UPDATE SET transaction_id = excluded.transaction_id");
    Ok(Insert::of(rows, key_cell, again)?)
}

fn key_cell(((company, kind, external_id), id): (Key<'_>, Uuid), column: transaction_key::Column) -> RowValue<'_> {
    use transaction_key::Column;
    match column {
        Column::CompanyId => company.0.into(),
        Column::Kind => kind.as_str().into(),
        Column::ExternalId => external_id.into(),
        Column::TransactionId => id.into(),
    }
}

/// What of a transaction's row never changes.
fn is_key(column: transaction::Column) -> bool {
    use transaction::Column::{CompanyId, ExternalId, Id, Kind};
    matches!(column, Id | CompanyId | Kind | ExternalId)
}

/// A row whose id is there already is written again. What it was folded from before keeps the version of its rules.
static REPLACED: LazyLock<String> = LazyLock::new(|| replaced(|column| !matches!(column, transaction::Column::RulesVersion)));

/// The same, folded from all its events.
static REFOLDED: LazyLock<String> = LazyLock::new(|| replaced(|_| true));

fn replaced(wanted: impl Fn(transaction::Column) -> bool) -> String {
    let columns = transaction::Column::iter().filter(|column| !is_key(*column) && wanted(*column));
    let set: Vec<String> = columns.map(|column| format!("{0} = excluded.{0}", column.unquoted())).collect();
    set.join(", ")
}

fn cell<'r>(
    Row { key: (company, kind, external_id), id, state, json }: &'r Row<'_>,
    column: transaction::Column,
) -> RowValue<'r> {
    use transaction::Column;
    match column {
        Column::Id => (*id).into(),
        Column::CompanyId => company.0.into(),
        Column::Kind => kind.as_str().into(),
        Column::ExternalId => (*external_id).into(),
        Column::Status => state.status().as_str().into(),
        Column::RawStatus => state.raw_status().into(),
        Column::Amount => RowValue::Number(state.amount()),
        Column::Currency => state.currency().into(),
        Column::MerchantRefNum => state.merchant_ref_num().into(),
        Column::PaymentMethod => state.payment_method().into(),
        Column::AccountId => state.account_id().into(),
        Column::Mode => state.mode().as_str().into(),
        Column::FailureReason => state.failure_reason().into(),
        Column::Outcome => state.outcome().into(),
        Column::TransactionTime => state.transaction_time_ms().into(),
        Column::StatusTime => state.status_time_ms().into(),
        Column::CreatedAt => state.received_ms().0.into(),
        Column::UpdatedAt => state.received_ms().1.into(),
        Column::State => json.as_str().into(),
        Column::RulesVersion => RULES_VERSION.into(),
    }
}
