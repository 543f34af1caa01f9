//! `account_statuses`: one step of an account's history.

use sea_orm::entity::prelude::*;

/// One step of an account's history.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "account_statuses")]
pub struct Model {
    /// The webhook's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Nil: none.
    pub company_id: Uuid,
    /// The account number.
    pub external_id: String,
    /// Upper case.
    pub status: String,
    /// Canonical.
    pub event_name: String,
    /// Milliseconds since 1970 UTC.
    pub status_time: i64,
}

/// No relations: queries join by company explicitly.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
