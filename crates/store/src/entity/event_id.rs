//! `event_ids`: the first stored event of each event id that a sender gave.

use sea_orm::entity::prelude::*;

/// The first stored event of each event id that a sender gave.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "event_ids")]
pub struct Model {
    /// Nil: none.
    #[sea_orm(primary_key, auto_increment = false)]
    pub company_id: Uuid,
    /// 64 hex digits: of the receiver and the sender's event id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub event_key: String,
    /// The stored webhook, UUIDv7.
    pub event_id: Uuid,
}

/// No relations: queries join by company explicitly.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
