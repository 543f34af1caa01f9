//! Events that tell of a time whose history had been removed when they came.

use std::collections::HashSet;

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use crate::{Error, entity::late_event};

/// Which of the events `ids`, at most some thousands, were stored apart for that.
pub async fn late(db: &impl ConnectionTrait, ids: impl IntoIterator<Item = Uuid>) -> Result<HashSet<Uuid>, Error> {
    let rows = late_event::Entity::find().filter(late_event::Column::EventId.is_in(ids)).all(db).await?;
    Ok(rows.into_iter().map(|row| row.event_id).collect())
}
