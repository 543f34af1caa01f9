//! `event_conflicts`: two stored events of one event id that tell different facts; a row in each direction.

use sea_orm::entity::prelude::*;

/// Two stored events of one event id that tell different facts; a row in each direction.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "event_conflicts")]
pub struct Model {
    /// Nil: none.
    #[sea_orm(primary_key, auto_increment = false)]
    pub company_id: Uuid,
    /// A stored webhook, UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub event_id: Uuid,
    /// The other one.
    #[sea_orm(primary_key, auto_increment = false)]
    pub other_id: Uuid,
}

/// No relations: queries join by company explicitly.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
