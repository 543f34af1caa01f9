//! Events that are stored under the identity of versions before 1.0, and stay recognised.
//!
//! The legacy identity covers less than today's: an event that is stored under it is the same event only if its body tells
//! the same facts. A worker of such a version may write beside this one for a while after the upgrade; during that time each
//! event is entered under its legacy identity too, so that either meets what the other wrote. An installation that never
//! ran such a version has none of this.

use std::collections::{BTreeSet, HashMap};

use common::{CompanyId, Envelope, EventIdentity};
use sea_orm::{ColumnTrait, Condition, DatabaseTransaction, EntityTrait, QueryFilter, sea_query::ExprTrait};
use uuid::Uuid;

use super::{Entry, NewEvent, entry_cell};
use crate::{
    Error,
    dialect::{
        existing_rows::{Directory, owners},
        rows::{self, Insert, Rest, RowValue},
    },
    entity::{event_identity, legacy_identity, webhook_event},
};

/// How long after the upgrade workers of a version before 1.0 may be at work, in milliseconds.
pub(crate) const ROLL_OUT_MS: i64 = 48 * 3_600_000;

/// What an installation may hold under legacy identities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Legacy {
    /// Nothing.
    None,
    /// Events of the time before the upgrade.
    Stored,
    /// The same, and workers of the version before may be adding to it.
    Mixed,
}

/// Which events of a batch are new.
#[derive(Debug, Default)]
pub(super) struct Recognised<'e> {
    pub new: Vec<&'e NewEvent>,
    /// Those that are not, each with the stored event that it repeats as far as that was looked up.
    pub known: HashMap<Uuid, Option<Uuid>>,
    /// New ones, each with a stored event of the same legacy identity that tells other facts.
    pub differing: Vec<(&'e NewEvent, Uuid)>,
    /// Entries that were made for workers of the version before.
    pub noted: Vec<Entry<'e>>,
}

impl<'e> Recognised<'e> {
    /// `events` are taken to be new.
    pub fn all_new(events: &[&'e NewEvent]) -> Self {
        Self { new: events.to_vec(), ..Self::default() }
    }
}

type Key<'e> = (CompanyId, &'e str);

/// The entry of an event under its own identity.
pub(super) fn own(new: &NewEvent) -> Entry<'_> {
    (new.company_id, new.identity.as_str(), new.webhook_id)
}

fn legacy(new: &NewEvent) -> Option<Entry<'_>> {
    Some((new.company_id, new.legacy.as_ref()?.as_str(), new.webhook_id))
}

fn key((company, identity, _): Entry<'_>) -> Key<'_> {
    (company, identity)
}

impl Legacy {
    /// For an installation that stores events under today's identity `since` then; since ever where that is absent.
    pub fn since(since: Option<i64>, now_ms: i64) -> Self {
        match since {
            None => Self::None,
            Some(since) if now_ms.saturating_sub(since) < ROLL_OUT_MS => Self::Mixed,
            Some(_) => Self::Stored,
        }
    }

    /// The entries of `events`, in one order for all workers, those of the version before included.
    pub fn entries<'e>(self, events: &[&'e NewEvent]) -> Vec<Entry<'e>> {
        let mut entries: Vec<Entry<'e>> = events.iter().map(|new| own(new)).collect();
        if self == Self::Mixed {
            entries.extend(events.iter().filter_map(|new| legacy(new)));
            entries.sort_unstable();
        }
        entries
    }

    /// Whether one of `events` may be stored under its legacy identity.
    pub async fn may_hold(self, tx: &DatabaseTransaction, events: &[&NewEvent]) -> Result<bool, Error> {
        let keys: Vec<Key<'_>> = events.iter().filter_map(|new| legacy(new)).map(key).collect();
        Ok(self != Self::None && !keys.is_empty() && !owners(tx, Directory::IDENTITIES, &keys).await?.is_empty())
    }

    /// Which of `events` are new, of whose entries those of `entered` were missing.
    pub async fn recognise<'e>(
        self,
        tx: &DatabaseTransaction,
        events: &[&'e NewEvent],
        entered: Vec<Uuid>,
    ) -> Result<Recognised<'e>, Error> {
        let mut recognised = Recognised::default();
        // How many entries of an event were missing. Where one of two was, it is looked up which.
        let mut missing: HashMap<Uuid, usize> = HashMap::with_capacity(entered.len());
        for id in entered {
            *missing.entry(id).or_default() += 1;
        }
        let mut unclear = Vec::new();
        for new in events.iter().copied() {
            match (missing.get(&new.webhook_id).copied().unwrap_or(0), legacy(new), self) {
                (0, ..) => _ = recognised.known.insert(new.webhook_id, None),
                (_, None, _) | (_, _, Self::None) => recognised.new.push(new),
                (1, Some(legacy), _) => unclear.push((new, legacy)),
                (_, Some(legacy), _) => {
                    recognised.noted.push(legacy);
                    recognised.new.push(new);
                }
            }
        }
        if !unclear.is_empty() {
            self.look_up(tx, &unclear, &mut recognised).await?;
        }
        Ok(recognised)
    }

    /// Tells by what is stored which of `unclear` are new.
    async fn look_up<'e>(
        self,
        tx: &DatabaseTransaction,
        unclear: &[(&'e NewEvent, Entry<'e>)],
        recognised: &mut Recognised<'e>,
    ) -> Result<(), Error> {
        let mut keys: Vec<Key<'_>> = unclear.iter().map(|(_, legacy)| key(*legacy)).collect();
        if self == Self::Mixed {
            keys.extend(unclear.iter().map(|(new, _)| key(own(new))));
        }
        let owners = owners(tx, Directory::IDENTITIES, &keys).await?;
        let owner = |entry: Entry<'_>| owners.get(&(entry.0, entry.1.to_owned())).copied();
        let stored = stored(tx, unclear.iter().filter_map(|(_, legacy)| owner(*legacy)).collect()).await?;
        let (mut undone, mut moved) = (Vec::new(), Vec::new());
        for &(new, legacy) in unclear {
            let id = new.webhook_id;
            // After the roll-out it was its own entry that was missing: no other is made.
            let own_owner = if self == Self::Mixed { owner(own(new)).filter(|owner| *owner != id) } else { None };
            let first = owner(legacy).and_then(|owner| stored.get(&owner));
            let is_known = |first: &Stored| {
                first.identity == new.identity.as_str() || (first.identity == legacy.1 && tells_the_same(new, first))
            };
            if let Some(owner) = own_owner {
                // Stored by a worker of the version before, that took it from an ingress of this one.
                recognised.known.insert(id, Some(owner));
                moved.push((legacy.0, legacy.1, owner));
            } else if let Some(first) = first.filter(|first| is_known(first)) {
                recognised.known.insert(id, Some(first.id));
                if first.identity == legacy.1 {
                    undone.push(own(new));
                }
            } else {
                recognised.differing.extend(first.map(|first| (new, first.id)));
                recognised.new.push(new);
            }
        }
        remove(tx, &undone).await?;
        recognised.noted.extend(&moved);
        rows::insert(tx, vec![Insert::of(moved, entry_cell, Rest::Sql(MOVED))?]).await?;
        Ok(())
    }
}

/// An entry that stands for another event from now on.
const MOVED: &str = "ON CONFLICT (company_id, identity) DO UPDATE SET event_id = excluded.event_id";

/// A stored event, as far as it is compared.
type Stored = webhook_event::Model;

async fn stored(tx: &DatabaseTransaction, ids: BTreeSet<Uuid>) -> Result<HashMap<Uuid, Stored>, Error> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = webhook_event::Entity::find().filter(webhook_event::Column::Id.is_in(ids)).all(tx).await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

/// Whether both bodies, each masked, have the same identity by today's rules. Both came to the same receiver.
fn tells_the_same(new: &NewEvent, stored: &Stored) -> bool {
    let identity = |payload: &str, name: &str| {
        let envelope = Envelope::parse(payload.as_bytes(), Some(name)).ok()?;
        Some(EventIdentity::of(new.endpoint, None, &envelope))
    };
    let told = identity(&new.payload, &new.event.name);
    told.is_some() && told == identity(&stored.payload, &stored.name)
}

/// Removes the entries of events that turned out to be stored.
async fn remove(tx: &DatabaseTransaction, entries: &[Entry<'_>]) -> Result<(), Error> {
    use event_identity::{Column, Entity};
    if entries.is_empty() {
        return Ok(());
    }
    let gone = entries.iter().fold(Condition::any(), |any, (company, identity, event)| {
        any.add(Column::CompanyId.eq(company.0).and(Column::Identity.eq(*identity)).and(Column::EventId.eq(*event)))
    });
    Entity::delete_many().filter(gone).exec(tx).await?;
    Ok(())
}

/// Notes entries that were made for workers of the version before, for [`crate::retention`].
pub(super) fn noted<'e>(entries: &[Entry<'e>]) -> Result<Insert<'e>, Error> {
    let cell = |(company, identity, event): Entry<'e>, column| match column {
        legacy_identity::Column::CompanyId => RowValue::from(company.0),
        legacy_identity::Column::Identity => identity.into(),
        legacy_identity::Column::EventId => event.into(),
    };
    Ok(Insert::of(entries.iter().copied(), cell, Rest::Sql(MOVED))?)
}
