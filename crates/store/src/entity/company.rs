//! `companies`: a company whose webhooks are kept.

use sea_orm::entity::prelude::*;

/// A company whose webhooks are kept.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "companies")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Its name in paths, unique.
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// The zone of IANA's database whose days are its days; none: UTC's are.
    pub time_zone: Option<String>,
    /// Milliseconds since 1970 UTC.
    pub created_at: i64,
}

/// No relations: queries join by company explicitly.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
