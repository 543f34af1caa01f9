//! `rollup_deltas`: a difference that is not folded into its buckets yet.

use sea_orm::entity::prelude::*;

/// A difference that is not folded into its buckets yet.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "rollup_deltas")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Nil: none.
    pub company_id: Uuid,
    /// live or test.
    pub mode: String,
    /// The start of its minute, milliseconds since 1970 UTC.
    pub bucket: i64,
    /// See `common::Series`.
    pub series: String,
    /// How many.
    pub count: i64,
    /// Minor units of the series' currency.
    pub amount: i64,
}

/// No relations: queries join by company explicitly.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
