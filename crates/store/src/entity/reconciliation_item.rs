//! `reconciliation_items`: what a comparison found.

use sea_orm::entity::prelude::*;

/// What a comparison found.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "reconciliation_items")]
pub struct Model {
    /// Whose transactions.
    #[sea_orm(primary_key, auto_increment = false)]
    pub company_id: Uuid,
    /// In which comparison.
    #[sea_orm(primary_key, auto_increment = false)]
    pub reconciliation_id: Uuid,
    /// missingHere, missingThere, differing or malformed; deferred while it is not known yet.
    #[sea_orm(primary_key, auto_increment = false)]
    pub finding: String,
    /// 1, 2, … over all findings of the comparison.
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i64,
    /// The same for the same difference in every comparison.
    pub item_key: String,
    /// JSON.
    pub detail: String,
    /// open, ignored or taken-over.
    pub state: String,
    /// Why it is not open any more.
    pub reason: Option<String>,
}

/// No relations: queries join by company explicitly.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
