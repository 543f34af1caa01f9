//! `event_identities`: which events are stored, over all partitions.

use sea_orm::entity::prelude::*;

/// Which events are stored, over all partitions.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "event_identities")]
pub struct Model {
    /// Nil: none.
    #[sea_orm(primary_key, auto_increment = false)]
    pub company_id: Uuid,
    /// 64 hex digits.
    #[sea_orm(primary_key, auto_increment = false)]
    pub identity: String,
    /// The stored webhook, UUIDv7.
    pub event_id: Uuid,
}

/// No relations: queries join by company explicitly.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
