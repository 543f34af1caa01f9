//! What is marked at stored events: those that tell of a time whose history had been removed when they came, and those that
//! contradict each other.

use std::collections::{HashMap, HashSet};

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use crate::{
    Error,
    entity::{event_conflict, late_event},
};

/// Which of the events `ids`, at most some thousands, were stored apart for that.
pub async fn late(db: &impl ConnectionTrait, ids: impl IntoIterator<Item = Uuid>) -> Result<HashSet<Uuid>, Error> {
    let rows = late_event::Entity::find().filter(late_event::Column::EventId.is_in(ids)).all(db).await?;
    Ok(rows.into_iter().map(|row| row.event_id).collect())
}

/// The events that have the sender's event id of one of the events `ids`, at most some thousands, and tell different facts.
pub async fn conflicts(
    db: &impl ConnectionTrait,
    ids: impl IntoIterator<Item = Uuid>,
) -> Result<HashMap<Uuid, Vec<Uuid>>, Error> {
    let rows = event_conflict::Entity::find().filter(event_conflict::Column::EventId.is_in(ids)).all(db).await?;
    let mut others: HashMap<Uuid, Vec<Uuid>> = HashMap::new();
    for row in rows {
        others.entry(row.event_id).or_default().push(row.other_id);
    }
    Ok(others)
}
