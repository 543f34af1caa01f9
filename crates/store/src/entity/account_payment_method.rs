//! `account_payment_methods`: a payment method of an account.

use sea_orm::entity::prelude::*;

/// A payment method of an account.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "account_payment_methods")]
pub struct Model {
    /// Nil: none.
    #[sea_orm(primary_key, auto_increment = false)]
    pub company_id: Uuid,
    /// The account number.
    #[sea_orm(primary_key, auto_increment = false)]
    pub external_id: String,
    /// credit_card or direct_debit.
    #[sea_orm(primary_key, auto_increment = false)]
    pub kind: String,
    /// At Netbanx.
    #[sea_orm(primary_key, auto_increment = false)]
    pub method_id: String,
}

/// No relations: queries join by company explicitly.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
