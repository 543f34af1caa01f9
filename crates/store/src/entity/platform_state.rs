//! `platform_state`: a fact of the whole installation, by name.

use sea_orm::entity::prelude::*;

/// A fact of the whole installation, by name; see [`crate::state`].
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "platform_state")]
pub struct Model {
    /// Which fact.
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    /// Its value, as text.
    pub value: String,
}

/// No relations: queries join by company explicitly.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
