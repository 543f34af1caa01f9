//! `recovery_codes`: codes that stand in once for a second factor that was lost.

use sea_orm::entity::prelude::*;

/// A code that stands in once for a second factor that was lost; it leaves with its use.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "recovery_codes")]
pub struct Model {
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: Uuid,
    /// SHA-256 of the user's id and the code, hex.
    #[sea_orm(primary_key, auto_increment = false)]
    pub code_hash: String,
}

/// No relations: queries join explicitly.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
