//! `reconciliation_mappings`: how a company's reports are read, by name.

use sea_orm::entity::prelude::*;

/// How a company's reports are read, by name.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "reconciliation_mappings")]
pub struct Model {
    /// Whose reports.
    #[sea_orm(primary_key, auto_increment = false)]
    pub company_id: Uuid,
    /// The mapping's name.
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    /// JSON.
    pub mapping: String,
}

/// No relations: queries join by company explicitly.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
