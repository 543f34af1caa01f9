//! `second_factors`: the secret by which somebody's app computes codes.

use sea_orm::entity::prelude::*;

/// The secret by which somebody's app computes codes.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "second_factors")]
pub struct Model {
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: Uuid,
    /// Sealed, bound to the user.
    #[sea_orm(column_type = "Text")]
    pub secret: String,
    /// The latest step of 30 seconds since 1970 UTC of which a code was taken.
    pub last_step: i64,
    /// Milliseconds since 1970 UTC.
    pub created_at: i64,
    /// When the first code was right, milliseconds since 1970 UTC; none: it does not count yet.
    pub confirmed_at: Option<i64>,
}

/// No relations: queries join explicitly.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
