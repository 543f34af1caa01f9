//! `looked_up`: what the platform itself asked Netbanx for lately.

use sea_orm::entity::prelude::*;

/// What the platform itself asked Netbanx for lately.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "looked_up")]
pub struct Model {
    /// Whose it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub company_id: Uuid,
    /// See `common::Kind`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub kind: String,
    /// The id at Netbanx, or `ref:` and the merchant's reference.
    #[sea_orm(primary_key, auto_increment = false)]
    pub subject: String,
    /// How often it was asked for.
    pub tries: i64,
    /// When last, milliseconds since 1970 UTC.
    pub asked_at: i64,
    /// When again at the earliest, milliseconds.
    pub next_at: i64,
    /// stored, unchanged, unknown or failed.
    pub outcome: String,
}

/// No relations: queries join by company explicitly.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
