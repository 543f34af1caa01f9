//! Conflicts: events that their sender gave one event id, and that tell different facts. All are kept, each marked with the
//! first of them.

use std::collections::BTreeSet;

use common::CompanyId;
use foldhash::HashSet;
use sea_orm::{ColumnTrait, Condition, DatabaseTransaction, EntityTrait, QueryFilter, sea_query::ExprTrait};
use uuid::Uuid;

use super::{NewEvent, legacy::Recognised};
use crate::{
    Error,
    dialect::{
        existing_rows::{Directory, owners},
        rows::{self, Insert, Rest, RowValue},
    },
    entity::{event_conflict, event_id},
};

/// An entry of the directory of event ids.
type Entry<'e> = (CompanyId, &'e str, Uuid);
/// Two events of a company.
pub(super) type Pair = (CompanyId, Uuid, Uuid);

fn entry(new: &NewEvent) -> Option<Entry<'_>> {
    Some((new.company_id, new.event_key.as_ref()?.as_str(), new.webhook_id))
}

/// The entries of `events`, in one order for all batches.
pub(super) fn keys<'e>(events: &[&'e NewEvent]) -> Result<Insert<'e>, Error> {
    let mut entries: Vec<Entry<'e>> = events.iter().filter_map(|new| entry(new)).collect();
    entries.sort_unstable();
    Ok(Insert::missing(entries, cell, event_id::Column::EventId)?)
}

fn cell((company, key, event): Entry<'_>, column: event_id::Column) -> RowValue<'_> {
    use event_id::Column;
    match column {
        Column::CompanyId => company.0.into(),
        Column::EventKey => key.into(),
        Column::EventId => event.into(),
    }
}

/// The conflicts of the new ones of `events`, in both directions. The entries of `keyed` were missing.
pub(super) async fn find(
    tx: &DatabaseTransaction,
    events: &[&NewEvent],
    recognised: &Recognised<'_>,
    keyed: Vec<Uuid>,
) -> Result<Vec<Pair>, Error> {
    if events.iter().all(|new| new.event_key.is_none()) {
        return Ok(Vec::new());
    }
    let keyed: HashSet<Uuid> = keyed.into_iter().collect();
    let known = events.iter().filter(|new| keyed.contains(&new.webhook_id) && recognised.known.contains_key(&new.webhook_id));
    hand_over(tx, known.filter_map(|new| entry(new)), recognised).await?;
    let others = recognised.new.iter().filter(|new| !keyed.contains(&new.webhook_id));
    let others: Vec<Entry<'_>> = others.filter_map(|new| entry(new)).collect();
    let mut pairs = BTreeSet::new();
    if !others.is_empty() {
        let keys: Vec<_> = others.iter().map(|(company, key, _)| (*company, *key)).collect();
        let owners = owners(tx, Directory::EVENT_IDS, &keys).await?;
        pairs.extend(others.iter().filter_map(|(company, key, event)| {
            let owner = owners.get(&(*company, (*key).to_owned()))?;
            (owner != event).then_some((*company, *event, *owner))
        }));
    }
    let differing = recognised.differing.iter().filter(|(new, _)| new.event_key.is_some());
    pairs.extend(differing.map(|(new, other)| (new.company_id, new.webhook_id, *other)));
    Ok(pairs.into_iter().flat_map(|(company, one, other)| [(company, one, other), (company, other, one)]).collect())
}

/// Entries that were made for redeliveries of stored events, which have none: because a version before 1.0 stored them,
/// or the first event of that id is gone. They stand for the stored event, or are removed where that was not looked up.
async fn hand_over(
    tx: &DatabaseTransaction,
    entries: impl Iterator<Item = Entry<'_>>,
    recognised: &Recognised<'_>,
) -> Result<(), Error> {
    use event_id::{Column, Entity};
    let (mut moved, mut gone) = (Vec::new(), Vec::new());
    for (company, key, event) in entries {
        match recognised.known.get(&event).copied().flatten() {
            Some(stored) => moved.push((company, key, stored)),
            None => gone.push(Column::CompanyId.eq(company.0).and(Column::EventKey.eq(key)).and(Column::EventId.eq(event))),
        }
    }
    if !gone.is_empty() {
        Entity::delete_many().filter(gone.into_iter().fold(Condition::any(), Condition::add)).exec(tx).await?;
    }
    let rest = Rest::Sql("ON CONFLICT (company_id, event_key) DO UPDATE SET event_id = excluded.event_id");
    Ok(rows::insert(tx, vec![Insert::of(moved, cell, rest)?]).await?)
}

/// The rows of `pairs`.
pub(super) fn pairs(pairs: &[Pair]) -> Result<Insert<'static>, Error> {
    use event_conflict::Column;
    let cell = |(company, one, other): Pair, column| match column {
        Column::CompanyId => RowValue::from(company.0),
        Column::EventId => one.into(),
        Column::OtherId => other.into(),
    };
    Ok(Insert::of(pairs.iter().copied(), cell, Rest::Sql("ON CONFLICT DO NOTHING"))?)
}
