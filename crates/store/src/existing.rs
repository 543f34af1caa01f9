//! Which webhooks are stored, by their ids: for what Redis remembers of a database that was restored.

use std::collections::HashSet;

use sea_orm::{ColumnTrait, DatabaseConnection, EntityTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use crate::{
    Error,
    entity::webhook_event::{Column, Entity},
};

/// Returns those of `ids` that are stored.
pub async fn webhooks(db: &DatabaseConnection, ids: &[Uuid]) -> Result<HashSet<Uuid>, Error> {
    let rows = Entity::find().select_only().column(Column::Id).filter(Column::Id.is_in(ids.iter().copied()));
    Ok(rows.into_tuple::<Uuid>().all(db).await?.into_iter().collect())
}
