//! `account_assignments`: which company an account's webhooks belong to when the path names none.

use sea_orm::entity::prelude::*;

/// Which company an account's webhooks belong to when the path names none.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "account_assignments")]
pub struct Model {
    /// The account number.
    #[sea_orm(primary_key, auto_increment = false)]
    pub external_id: String,
    /// The company.
    pub company_id: Uuid,
    /// Milliseconds since 1970 UTC.
    pub created_at: i64,
}

/// No relations: queries join by company explicitly.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
