//! `transaction_keys`: which transactions there are, over all partitions.

use sea_orm::entity::prelude::*;

/// Which transactions there are, over all partitions.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "transaction_keys")]
pub struct Model {
    /// Nil: none.
    #[sea_orm(primary_key, auto_increment = false)]
    pub company_id: Uuid,
    /// For example PAYMENT.
    #[sea_orm(primary_key, auto_increment = false)]
    pub kind: String,
    /// As Netbanx names it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub external_id: String,
    /// The row, UUIDv7.
    pub transaction_id: Uuid,
}

/// No relations: queries join by company explicitly.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
