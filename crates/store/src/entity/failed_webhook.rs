//! `failed_webhooks`: a webhook that was dead-lettered, so that it counts once.

use sea_orm::entity::prelude::*;

/// A webhook that was dead-lettered, so that it counts once.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "failed_webhooks")]
pub struct Model {
    /// The webhook's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub webhook_id: Uuid,
    /// Nil: none.
    pub company_id: Uuid,
    /// live or test.
    pub mode: String,
    /// Milliseconds since 1970 UTC.
    pub received_at: i64,
}

/// No relations: queries join by company explicitly.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
