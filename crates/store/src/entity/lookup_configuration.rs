//! `lookup_configurations`: how a company's transactions are asked for at Netbanx.

use sea_orm::entity::prelude::*;

/// How a company's transactions are asked for at Netbanx.
#[derive(Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "lookup_configurations")]
pub struct Model {
    /// Whose it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub company_id: Uuid,
    /// UUIDv7; new with each configuration that begins anew.
    pub id: Uuid,
    /// 1, 2, … with each password.
    pub version: i64,
    /// Before every path, without a slash at its end.
    #[sea_orm(column_type = "Text")]
    pub url: String,
    /// For HTTP Basic.
    #[sea_orm(column_type = "Text")]
    pub username: String,
    /// Sealed, bound to company, id and version.
    #[sea_orm(column_type = "Text")]
    pub password: String,
    /// When the next round of look-ups by the platform itself may begin, milliseconds.
    pub next_round_at: i64,
    /// Milliseconds since 1970 UTC.
    pub created_at: i64,
    /// Milliseconds since 1970 UTC.
    pub updated_at: i64,
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Model").field("company_id", &self.company_id).field("version", &self.version).finish_non_exhaustive()
    }
}

/// No relations: queries join by company explicitly.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
