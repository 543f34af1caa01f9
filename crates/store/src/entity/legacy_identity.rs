//! `legacy_identities`: entries of `event_identities` that were made only so that a worker of a version before 1.0 finds
//! them during a roll-out. Retention removes both.

use sea_orm::entity::prelude::*;

/// An entry of `event_identities` that was made only for versions before 1.0.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "legacy_identities")]
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
