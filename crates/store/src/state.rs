//! Facts of the whole installation that are rows of the database and not settings of a process.

use sea_orm::{ConnectionTrait, DbErr, EntityTrait, Set, sea_query::OnConflict};

use crate::entity::platform_state::{ActiveModel, Column, Entity};

/// Since when (milliseconds since 1970 UTC) events are stored under the identity of version 2, where events of this
/// installation may be stored under the legacy one. No row: none are.
pub const LEGACY_IDENTITY_SINCE: &str = "identity.legacy_since";

/// Returns the value of `name`, if it has one.
pub async fn get(db: &impl ConnectionTrait, name: &str) -> Result<Option<String>, DbErr> {
    Ok(Entity::find_by_id(name).one(db).await?.map(|row| row.value))
}

/// Sets the value of `name`.
pub async fn set(db: &impl ConnectionTrait, name: &str, value: &str) -> Result<(), DbErr> {
    let row = ActiveModel { name: Set(name.to_owned()), value: Set(value.to_owned()) };
    let replace = OnConflict::column(Column::Name).update_column(Column::Value).to_owned();
    Entity::insert(row).on_conflict(replace).exec_without_returning(db).await.map(drop)
}
