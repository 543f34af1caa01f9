//! `rollups`: figures of one bucket of time.

use sea_orm::entity::prelude::*;

/// Figures of one bucket of time.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "rollups")]
pub struct Model {
    /// Nil: none.
    #[sea_orm(primary_key, auto_increment = false)]
    pub company_id: Uuid,
    /// minute, hour or day.
    #[sea_orm(primary_key, auto_increment = false)]
    pub grain: String,
    /// Its start, milliseconds since 1970 UTC.
    #[sea_orm(primary_key, auto_increment = false)]
    pub bucket: i64,
    /// live or test.
    #[sea_orm(primary_key, auto_increment = false)]
    pub mode: String,
    /// See `common::Kind`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub kind: String,
    /// See `common::Status`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub status: String,
    /// ISO 4217, or empty.
    #[sea_orm(primary_key, auto_increment = false)]
    pub currency: String,
    /// Or empty.
    #[sea_orm(primary_key, auto_increment = false)]
    pub payment_method: String,
    /// Transactions.
    pub count: i64,
    /// Minor units.
    pub amount: i64,
}

/// No relations: queries join by company explicitly.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
