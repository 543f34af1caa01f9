//! `sessions`: a signed-in browser.

use sea_orm::entity::prelude::*;

/// A signed-in browser.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sessions")]
pub struct Model {
    /// SHA-256 of the cookie, hex.
    #[sea_orm(primary_key, auto_increment = false)]
    pub token_hash: String,
    /// Whose.
    pub user_id: Uuid,
    /// SHA-256 of the CSRF token, hex.
    pub csrf_hash: String,
    /// Milliseconds since 1970 UTC.
    pub created_at: i64,
    /// Milliseconds since 1970 UTC.
    pub expires_at: i64,
    /// When it was last used, a minute late at most; milliseconds since 1970 UTC.
    pub used_at: Option<i64>,
    /// Where it was signed in from.
    pub address: Option<String>,
    /// The browser as it calls itself, shortened.
    pub user_agent: Option<String>,
}

/// No relations: queries join by company explicitly.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
