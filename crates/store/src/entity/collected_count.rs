//! `collected_counts`: counts that were taken over from ingress, so that they count once.

use sea_orm::entity::prelude::*;

/// Counts that were taken over from ingress, so that they count once.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "collected_counts")]
pub struct Model {
    /// Given by the process that took them.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Milliseconds since 1970 UTC.
    pub at: i64,
}

/// No relations: queries join by company explicitly.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
