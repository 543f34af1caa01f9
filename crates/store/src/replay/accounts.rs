//! The accounts that a slice concerns, with their status history and payment methods. Which webhooks made an account is what its
//! history says: each step of it has the id of its webhook.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use common::{AccountState, CompanyId, EventIdentity, RULES_VERSION, event};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect, sea_query::ExprTrait,
};
use uuid::Uuid;

use super::{
    Context, MOST, Slice, Subject, Work,
    change::differences,
    events::{Stored, by_ids, stored},
};
use crate::{
    Error,
    batch::accounts::{account_row, insert_methods, replaced, row},
    dialect::{RowLock, distributed},
    entity::{account, account_payment_method, account_status},
    horizon::Horizons,
    outbound::{ACCOUNT_UPDATED, messages::About},
    shown,
};

type Key = (CompanyId, String);
type Method = (&'static str, String);

/// Steps of one statement at most.
const ROWS: usize = 1_000;

/// The accounts of a slice.
pub(super) struct Accounts(BTreeSet<Key>);

/// The account that a webhook tells of now, and the step of its history.
fn step_now(stored: &Stored) -> Option<(Key, account_status::Model)> {
    let (meaning, _, event::Change::Account(facts)) = stored.change()? else { return None };
    let step = account_status::Model {
        id: stored.row.id,
        company_id: stored.row.company_id,
        external_id: facts.external_id.to_string(),
        status: facts.status.to_string(),
        event_name: meaning.name.to_string(),
        status_time: meaning.status_time.timestamp_millis(),
    };
    Some(((stored.company(), facts.external_id.to_string()), step))
}

fn key_of(step: &account_status::Model) -> Key {
    (CompanyId(step.company_id), step.external_id.clone())
}

/// The steps that the slice's webhooks made.
async fn steps(tx: &DatabaseTransaction, slice: &Slice) -> Result<HashMap<Uuid, account_status::Model>, Error> {
    let ids: Vec<Uuid> = slice.events.iter().filter(|event| event.row.category == "account").map(|event| event.row.id).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = account_status::Entity::find().filter(account_status::Column::Id.is_in(ids)).all(tx).await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

impl Accounts {
    pub async fn of(tx: &DatabaseTransaction, slice: &Slice) -> Result<Self, Error> {
        let mut keys: BTreeSet<Key> = slice.events.iter().filter_map(|event| Some(step_now(event)?.0)).collect();
        keys.extend(steps(tx, slice).await?.values().map(key_of));
        Ok(Self(keys))
    }

    pub fn locks(&self) -> impl Iterator<Item = RowLock> {
        self.0.iter().map(|(company, id)| RowLock::of(*company, None, id))
    }

    /// Folds each anew, and writes what differs.
    pub async fn fold(self, context: &Context<'_>, work: &mut Work<'_>) -> Result<(), Error> {
        if self.0.is_empty() {
            return Ok(());
        }
        let known = steps(context.tx, context.slice).await?;
        for key in self.0 {
            fold(context, &key, &known, work).await?;
        }
        Ok(())
    }
}

async fn fold(
    context: &Context<'_>,
    key: &Key,
    known: &HashMap<Uuid, account_status::Model>,
    work: &mut Work<'_>,
) -> Result<(), Error> {
    let tx = context.tx;
    let others = others(tx, key, context.slice).await?;
    let is_cut = others.len() > MOST;
    let is_later = context.range.from_ms.is_none() && context.range.until_ms.is_none();
    let is_deferred = is_later && others.iter().any(|step| context.comes_later(step.id, 0));
    let read = if is_deferred { Vec::new() } else { by_ids(tx, &others.iter().map(|step| step.id).collect::<Vec<_>>()).await? };
    let read = stored(tx, read).await?;
    // The steps as they are and as they should be, of this slice's webhooks and of the others that are stored.
    let mut before: BTreeMap<Uuid, account_status::Model> =
        known.values().filter(|step| key_of(step) == *key).map(|step| (step.id, step.clone())).collect();
    let is_stored: HashSet<Uuid> = read.iter().map(|event| event.row.id).collect();
    before.extend(others.iter().filter(|step| is_stored.contains(&step.id)).map(|step| (step.id, step.clone())));
    let own = |event: &&Stored| step_now(event).is_some_and(|(now, _)| now == *key);
    let events: Vec<&Stored> = context.slice.events.iter().chain(&read).filter(own).collect();
    let after: BTreeMap<Uuid, account_status::Model> =
        events.iter().filter_map(|event| Some((event.row.id, step_now(event)?.1))).collect();
    if !context.is_dry {
        write_steps(tx, &before, &after).await?;
    }
    if is_deferred {
        return Ok(());
    }
    refold(context, key, &events, is_cut, work).await
}

/// The steps of an account that no webhook of the slice made.
async fn others(tx: &DatabaseTransaction, (company, id): &Key, slice: &Slice) -> Result<Vec<account_status::Model>, Error> {
    use account_status::Column;
    let own = Column::CompanyId.eq(company.0).and(Column::ExternalId.eq(id.as_str()));
    let outside = Condition::any().add(Column::Id.lte(slice.after)).add(Column::Id.gt(slice.end));
    let steps = account_status::Entity::find().filter(own).filter(outside).order_by_asc(Column::StatusTime);
    Ok(steps.limit(MOST as u64 + 1).all(tx).await?)
}

async fn write_steps(
    tx: &DatabaseTransaction,
    before: &BTreeMap<Uuid, account_status::Model>,
    after: &BTreeMap<Uuid, account_status::Model>,
) -> Result<(), Error> {
    use account_status::{Column, Entity};
    let gone: Vec<Uuid> = before.keys().filter(|id| !after.contains_key(id)).copied().collect();
    for page in gone.chunks(ROWS) {
        // A webhook that went to another account may be there already.
        let own = before.get(page.first().unwrap_or(&Uuid::nil())).map(|step| step.external_id.clone()).unwrap_or_default();
        let steps = Column::Id.is_in(page.iter().copied()).and(Column::ExternalId.eq(own));
        Entity::delete_many().filter(steps).exec(tx).await?;
    }
    let changed = after.iter().filter(|(id, step)| before.get(id) != Some(step));
    let changed: Vec<_> = changed.map(|(_, step)| step.clone().into_active_model().reset_all()).collect();
    let replace = distributed::same_id(tx, Column::CompanyId, Column::Id)
        .update_columns([Column::ExternalId, Column::Status, Column::EventName, Column::StatusTime])
        .to_owned();
    for page in changed.chunks(ROWS) {
        Entity::insert_many(page.to_vec()).on_conflict(replace.clone()).exec_without_returning(tx).await?;
    }
    Ok(())
}

async fn refold(context: &Context<'_>, key: &Key, events: &[&Stored], is_cut: bool, work: &mut Work<'_>) -> Result<(), Error> {
    use account::{Column, Entity};
    let (tx, (company, external_id)) = (context.tx, key);
    let own = Column::CompanyId.eq(company.0).and(Column::ExternalId.eq(external_id.as_str()));
    let before = Entity::find().filter(own.clone()).one(tx).await?;
    let horizon = Horizons::read(tx).await?.webhooks;
    let is_gone = |received_ms: i64| horizon.is_some_and(|horizon| received_ms < horizon);
    let is_kept = is_cut || before.as_ref().is_some_and(|before| is_gone(before.created_at));
    let stored_state = match &before {
        Some(row) => serde_json::from_str(&row.state).map_err(|e| Error::Refused(format!("accounts.state: {e}")))?,
        None => AccountState::default(),
    };
    let mut state = if is_kept { stored_state.clone() } else { AccountState::default() };
    let mut methods: BTreeSet<Method> = BTreeSet::new();
    for event in events {
        if let Some((meaning, at, event::Change::Account(facts))) = event.change() {
            state.apply(meaning, facts, &EventIdentity::stored(&event.row.identity), at);
            methods.extend(facts.payment_methods.iter().map(|(kind, id)| (*kind, id.to_string())));
        }
    }
    let is_removed = events.is_empty() && !is_kept;
    if is_removed && before.is_none() {
        return Ok(());
    }
    let id = before.as_ref().map_or_else(Uuid::now_v7, |row| row.id);
    let shown_before = before.clone().map(shown::Account::from);
    let shown_after = (!is_removed).then(|| shown::Account::from(row((*company, external_id), id, &state)));
    let has_other_methods = settle_methods(context, key, &methods, is_kept).await?;
    let is_changed = shown_before != shown_after || has_other_methods;
    match (is_kept, is_changed) {
        (true, _) => work.counts.kept += 1,
        (false, true) => work.counts.changed += 1,
        (false, false) => work.counts.unchanged += 1,
    }
    if is_changed {
        work.step.companies.insert(*company);
    }
    if context.is_dry {
        let told_id = before.as_ref().map_or(Uuid::nil(), |row| row.id);
        let (before, after) = (shown_before.as_ref(), shown_after.as_ref());
        work.step.changes.extend(differences(Subject::Account, told_id, Some(external_id), before, after));
        return Ok(());
    }
    let Some(after) = shown_after else {
        Entity::delete_many().filter(own).exec(tx).await?;
        return Ok(());
    };
    if shown_before.is_none_or(|before| before.differs(&after)) {
        work.outbox.tell(About { company: *company, event_type: ACCOUNT_UPDATED, subject: id, trace: None }, &after)?;
    }
    let is_same = before.is_some_and(|row| row.rules_version == RULES_VERSION) && !is_changed && state == stored_state;
    if !is_same {
        let replace = replaced().update_column(Column::RulesVersion).to_owned();
        let new = account_row((*company, external_id), id, &state)?;
        Entity::insert(new).on_conflict(replace).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// Makes the payment methods those of `wanted`, or adds these where the account is kept. Returns whether they were others.
async fn settle_methods(
    context: &Context<'_>,
    (company, external_id): &Key,
    wanted: &BTreeSet<Method>,
    is_kept: bool,
) -> Result<bool, Error> {
    use account_payment_method::{Column, Entity};
    let own = Column::CompanyId.eq(company.0).and(Column::ExternalId.eq(external_id.as_str()));
    let rows = Entity::find().filter(own.clone()).all(context.tx).await?;
    let known: BTreeSet<(&str, &str)> = rows.iter().map(|row| (row.kind.as_str(), row.method_id.as_str())).collect();
    let wanted: BTreeSet<(&'static str, &str)> = wanted.iter().map(|(kind, id)| (*kind, id.as_str())).collect();
    let is_same = if is_kept { wanted.iter().all(|method| known.contains(method)) } else { wanted == known };
    if is_same || context.is_dry {
        return Ok(!is_same);
    }
    if !is_kept {
        Entity::delete_many().filter(own).exec(context.tx).await?;
    }
    let new = wanted.into_iter().map(|(kind, id)| (*company, external_id.as_str(), kind, id));
    insert_methods(context.tx, new).await?;
    Ok(true)
}
