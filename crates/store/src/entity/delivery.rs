//! `deliveries`: a message on its way to one endpoint.

use sea_orm::entity::prelude::*;

/// A message on its way to one endpoint.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "deliveries")]
pub struct Model {
    /// Whose it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub company_id: Uuid,
    /// Where it goes.
    #[sea_orm(primary_key, auto_increment = false)]
    pub endpoint_id: Uuid,
    /// What goes there.
    #[sea_orm(primary_key, auto_increment = false)]
    pub message_id: Uuid,
    /// Of the message.
    pub sequence: i64,
    /// Of the message.
    pub subject: Uuid,
    /// pending, delivered or failed.
    pub state: String,
    /// Attempts that failed.
    pub attempts: i64,
    /// When it is due, milliseconds.
    pub next_at: i64,
    /// Milliseconds since 1970 UTC.
    pub created_at: i64,
}

/// No relations: queries join by company explicitly.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
