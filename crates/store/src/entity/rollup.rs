//! `rollups`: figures of one bucket of time.

use sea_orm::entity::prelude::*;

/// The company under which all companies are summed up.
pub const ALL_COMPANIES: Uuid = Uuid::max();

/// Figures of one bucket of time.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "rollups")]
pub struct Model {
    /// Nil: none; all bits set: all companies together.
    #[sea_orm(primary_key, auto_increment = false)]
    pub company_id: Uuid,
    /// minute, hour or day.
    #[sea_orm(primary_key, auto_increment = false)]
    pub grain: String,
    /// live or test.
    #[sea_orm(primary_key, auto_increment = false)]
    pub mode: String,
    /// Its start, milliseconds since 1970 UTC.
    #[sea_orm(primary_key, auto_increment = false)]
    pub bucket: i64,
    /// See `common::Series`.
    #[sea_orm(primary_key, auto_increment = false)]
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
