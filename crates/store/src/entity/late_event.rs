//! `late_events`: stored webhooks that tell of a time whose history had been removed when they came.

use sea_orm::entity::prelude::*;

/// A stored webhook that changed neither a transaction nor a closed day: it is too old to be told from one that was removed.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "late_events")]
pub struct Model {
    /// The webhook's id, UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub event_id: Uuid,
}

/// No relations: queries join by company explicitly.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
