//! The transactions that a slice concerns: by what its webhooks said when they were stored, and by what they say now.

use std::collections::{BTreeMap, HashMap, HashSet};

use common::{CompanyId, EventIdentity, Kind, RULES_VERSION, TransactionState, event};
use sea_orm::{
    ColumnTrait, Condition, DatabaseTransaction, DbErr, EntityTrait, QueryFilter,
    sea_query::{Expr, ExprTrait},
};
use uuid::Uuid;

use super::{
    Context, Failed, MOST, Slice, Subject, Work,
    change::differences,
    events::{Stored, columns, stored},
};
use crate::{
    Error,
    batch::transactions::{Key, Row, entered_again, entries, refolded, row},
    dialect::{
        RowLock,
        existing_rows::{events_of, known_transactions},
        rows,
    },
    entity::{transaction, transaction_key},
    horizon::Horizons,
    outbound::{TRANSACTION_CREATED, TRANSACTION_UPDATED, messages::About},
    shown,
};

/// Entries of one statement at most.
const ENTRIES: usize = 100;

/// A transaction that may change.
struct Target {
    /// The id of its row, or one made for it.
    id: Uuid,
    /// Whether a webhook makes it by the rules of now.
    is_told: bool,
    /// Whether its entry in the directory was made by this slice.
    is_noted: bool,
}

/// The transactions of a slice.
pub(super) struct Targets<'s>(BTreeMap<Key<'s>, Target>);

/// The transaction that a webhook's columns name.
fn key_stored(stored: &Stored) -> Option<Key<'_>> {
    let row = &stored.row;
    let kind = row.kind.as_deref().filter(|_| row.category == "transaction").and_then(Kind::parse)?;
    Some((stored.company(), kind, row.resource_id.as_deref()?))
}

/// The transaction that a webhook tells of now.
fn key_now(stored: &Stored) -> Option<Key<'_>> {
    match stored.change()? {
        (_, _, event::Change::Transaction(facts)) => Some((stored.company(), facts.kind, &facts.external_id)),
        _ => None,
    }
}

/// A row that is there.
struct Before {
    row: transaction::Model,
    state: Box<TransactionState>,
}

impl<'s> Targets<'s> {
    pub fn of(slice: &'s Slice) -> Self {
        let mut targets = BTreeMap::new();
        let new = || Target { id: Uuid::now_v7(), is_told: false, is_noted: false };
        for event in slice.events.iter().filter(|event| !event.is_late) {
            if let Some(key) = key_stored(event) {
                targets.entry(key).or_insert_with(new);
            }
            if let Some(key) = key_now(event) {
                targets.entry(key).or_insert_with(new).is_told = true;
            }
        }
        Self(targets)
    }

    /// Makes the entries of the directory that are missing, in the order of all batches.
    pub async fn enter(&mut self, tx: &DatabaseTransaction) -> Result<(), DbErr> {
        let told = self.0.iter().filter(|(_, target)| target.is_told).map(|(key, target)| (*key, target.id));
        let told: Vec<_> = told.collect();
        if told.is_empty() {
            return Ok(());
        }
        let entries = entries(told).map_err(|error| DbErr::Custom(error.to_string()))?;
        let [noted] = rows::insert_missing(tx, [entries]).await?;
        let noted: HashSet<Uuid> = noted.into_iter().collect();
        self.0.values_mut().for_each(|target| target.is_noted = noted.contains(&target.id));
        Ok(())
    }

    /// The locks of those that others may be about to fold into.
    pub fn locks(&self) -> impl Iterator<Item = RowLock> {
        let known = self.0.iter().filter(|(_, target)| !target.is_noted);
        known.map(|((company, kind, id), _)| RowLock::of(*company, Some(*kind), id))
    }

    /// Their webhooks outside the slice, which are `most` at most.
    pub async fn others(&self, tx: &DatabaseTransaction, slice: &Slice, most: usize) -> Result<Vec<Stored>, Failed> {
        let mut resources: Vec<(CompanyId, &str)> = self.0.keys().map(|(company, _, id)| (*company, *id)).collect();
        resources.sort_unstable();
        resources.dedup();
        if resources.is_empty() {
            return Ok(Vec::new());
        }
        let limit = most.min(MOST) + 1;
        let rows = events_of(tx, &columns(), &resources, (slice.after, slice.end), limit).await?;
        if rows.len() > most {
            return Err(Failed::TooMany);
        }
        Ok(stored(tx, rows).await?)
    }

    /// Folds each anew, and writes what differs. A webhook that is beyond the range of the run counts where it is stored.
    pub async fn fold(self, context: &Context<'_>, others: &'s [Stored], work: &mut Work<'_>) -> Result<(), Error> {
        let mut told: HashMap<Key<'_>, Vec<&Stored>> = HashMap::new();
        let mut deferred: HashSet<Key<'_>> = HashSet::new();
        // What is too much for memory is only added to.
        let is_cut = others.len() > MOST;
        for event in context.slice.events.iter().chain(others).filter(|event| !event.is_late) {
            let (now, then) = (key_now(event), key_stored(event));
            if context.comes_later(event.row.id, event.row.received_at) {
                deferred.extend(now.into_iter().chain(then));
            }
            let counts = |key: &Key<'_>| context.range.holds(event.row.received_at) || then == Some(*key);
            if let Some(key) = now.filter(|key| self.0.contains_key(key) && counts(key)) {
                told.entry(key).or_default().push(event);
            }
        }
        let mut before = self.before(context.tx).await?;
        // After the webhooks were read: had any of these been removed by then, the horizon would tell.
        let horizon = Horizons::read(context.tx).await?.webhooks;
        let mut writes = Writes::default();
        for (key, target) in self.0 {
            if deferred.contains(&key) {
                // The slice that folds it makes its entry.
                writes.unentered.extend(target.is_noted.then_some(key));
                continue;
            }
            let events = told.remove(&key).unwrap_or_default();
            refold(context, key, &target, before.remove(&key), &events, (horizon, is_cut), work, &mut writes)?;
        }
        if !context.is_dry {
            writes.write(context.tx).await?;
        }
        Ok(())
    }

    /// The rows of those that are there. They are locked.
    async fn before(&self, tx: &DatabaseTransaction) -> Result<HashMap<Key<'s>, Before>, Error> {
        let keys: Vec<Key<'_>> = self.0.iter().filter(|(_, target)| !target.is_noted).map(|(key, _)| *key).collect();
        if keys.is_empty() {
            return Ok(HashMap::new());
        }
        let known = known_transactions(tx, &keys).await?;
        let ids = known.into_iter().map(|row| row.id);
        let rows = transaction::Entity::find().filter(transaction::Column::Id.is_in(ids)).all(tx).await?;
        let mut found: HashMap<(Uuid, String, String), transaction::Model> =
            rows.into_iter().map(|row| ((row.company_id, row.kind.clone(), row.external_id.clone()), row)).collect();
        let mut before = HashMap::new();
        for key in keys {
            let Some(row) = found.remove(&(key.0.0, key.1.as_str().to_owned(), key.2.to_owned())) else { continue };
            let state = serde_json::from_str(&row.state).map_err(|e| Error::Refused(format!("transactions.state: {e}")))?;
            before.insert(key, Before { row, state });
        }
        Ok(before)
    }
}

/// What is to be written of transactions.
#[derive(Default)]
struct Writes<'s> {
    rows: Vec<Row<'s>>,
    /// Entries that stand for a row that was missing.
    entered: Vec<(Key<'s>, Uuid)>,
    /// Rows that are as they were.
    same: Vec<Uuid>,
    removed: Vec<(Key<'s>, Uuid)>,
    /// Entries that were made too early.
    unentered: Vec<Key<'s>>,
}

#[expect(clippy::too_many_arguments, reason = "what one transaction is folded from, and where it goes")]
fn refold<'s>(
    context: &Context<'_>,
    key: Key<'s>,
    target: &Target,
    before: Option<Before>,
    events: &[&Stored],
    (horizon, is_cut): (Option<i64>, bool),
    work: &mut Work<'_>,
    writes: &mut Writes<'s>,
) -> Result<(), Error> {
    let is_gone = |received_ms: i64| horizon.is_some_and(|horizon| received_ms < horizon);
    let is_kept = is_cut || before.as_ref().is_some_and(|before| is_gone(before.row.created_at));
    let mut state = before.as_ref().filter(|_| is_kept).map(|before| before.state.clone()).unwrap_or_default();
    for event in events {
        if let Some((meaning, at, event::Change::Transaction(facts))) = event.change() {
            state.apply(meaning, facts, &EventIdentity::stored(&event.row.identity), at);
        }
    }
    let (company, kind, external_id) = key;
    let deltas = work.deltas.entry(company).or_default();
    let Some(before) = before else {
        if events.is_empty() {
            return Ok(());
        }
        if events.iter().all(|event| is_gone(event.row.received_at)) && !target.is_noted {
            // It was removed itself, and its last webhooks are about to be.
            work.counts.kept += 1;
            return Ok(());
        }
        state.set_uncounted(horizon.is_some_and(|horizon| state.transaction_time_ms() < horizon));
        deltas.transaction(kind, None, &state);
        work.counts.changed += 1;
        work.step.companies.insert(company);
        let after = shown::Transaction::from(row(key, target.id, &state));
        if context.is_dry {
            let of = Subject::Transaction;
            work.step.changes.extend(differences(of, Uuid::nil(), Some(external_id), None::<&shown::Transaction>, Some(&after)));
        }
        work.outbox.tell(About { company, event_type: TRANSACTION_CREATED, subject: target.id, trace: None }, &after)?;
        if !target.is_noted {
            writes.entered.push((key, target.id));
        }
        writes.rows.push(Row::of(key, target.id, state)?);
        return Ok(());
    };
    let (id, shown_before) = (before.row.id, shown::Transaction::from(before.row.clone()));
    if events.is_empty() && !is_kept {
        deltas.transaction_removed(kind, &before.state);
        work.counts.changed += 1;
        work.step.companies.insert(company);
        if context.is_dry {
            let none = None::<&shown::Transaction>;
            work.step.changes.extend(differences(Subject::Transaction, id, Some(external_id), Some(&shown_before), none));
        }
        writes.removed.push((key, id));
        return Ok(());
    }
    if before.state.is_uncounted() {
        state.set_uncounted(horizon.is_some_and(|horizon| state.transaction_time_ms() < horizon));
    }
    deltas.transaction(kind, Some(&before.state), &state);
    let after = shown::Transaction::from(row(key, id, &state));
    let is_changed = after != shown_before;
    match (is_kept, is_changed) {
        (true, _) => work.counts.kept += 1,
        (false, true) => work.counts.changed += 1,
        (false, false) => work.counts.unchanged += 1,
    }
    if is_changed {
        work.step.companies.insert(company);
        if context.is_dry {
            let changes = differences(Subject::Transaction, id, Some(external_id), Some(&shown_before), Some(&after));
            work.step.changes.extend(changes);
        }
        if shown_before.differs(&after) {
            work.outbox.tell(About { company, event_type: TRANSACTION_UPDATED, subject: id, trace: None }, &after)?;
        }
    }
    if is_changed || state != before.state {
        writes.rows.push(Row::of(key, id, state)?);
    } else if before.row.rules_version != RULES_VERSION {
        writes.same.push(id);
    }
    Ok(())
}

impl Writes<'_> {
    async fn write(&self, tx: &DatabaseTransaction) -> Result<(), Error> {
        use transaction::{Column, Entity};
        rows::insert(tx, vec![refolded(&self.rows)?, entered_again(self.entered.iter().copied())?]).await?;
        if !self.same.is_empty() {
            Entity::update_many()
                .col_expr(Column::RulesVersion, Expr::val(RULES_VERSION))
                .filter(Column::Id.is_in(self.same.iter().copied()))
                .exec(tx)
                .await?;
        }
        let removed: Vec<&Key<'_>> = self.removed.iter().map(|(key, _)| key).chain(&self.unentered).collect();
        for page in removed.chunks(ENTRIES) {
            use transaction_key::Column as Entry;
            let entries = page.iter().fold(Condition::any(), |any, (company, kind, external_id)| {
                let own = Entry::CompanyId.eq(company.0).and(Entry::Kind.eq(kind.as_str()));
                any.add(own.and(Entry::ExternalId.eq(*external_id)))
            });
            transaction_key::Entity::delete_many().filter(entries).exec(tx).await?;
        }
        if !self.removed.is_empty() {
            Entity::delete_many().filter(Column::Id.is_in(self.removed.iter().map(|(_, id)| *id))).exec(tx).await?;
        }
        Ok(())
    }
}
