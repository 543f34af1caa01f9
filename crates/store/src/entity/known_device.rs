//! `known_devices`: a browser from which somebody signed in before.

use sea_orm::entity::prelude::*;

/// A browser from which somebody signed in before: strangers that lock its user out do not lock this one out.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "known_devices")]
pub struct Model {
    /// SHA-256 of the cookie, hex.
    #[sea_orm(primary_key, auto_increment = false)]
    pub token_hash: String,
    /// Whose.
    pub user_id: Uuid,
    /// From this browser, since the last success.
    pub failed_sign_ins: i32,
    /// Milliseconds since 1970 UTC.
    pub locked_until: Option<i64>,
    /// Milliseconds since 1970 UTC.
    pub created_at: i64,
    /// Milliseconds since 1970 UTC.
    pub expires_at: i64,
}

/// No relations: queries join by company explicitly.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
