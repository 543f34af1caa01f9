//! `api_tokens`: a program's token; only its hash is kept.

use sea_orm::entity::prelude::*;

/// A program's token; only its hash is kept.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "api_tokens")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Nil: all companies.
    pub company_id: Uuid,
    /// For people.
    pub name: String,
    /// SHA-256 of the token, hex, unique.
    pub token_hash: String,
    /// Names, separated by blanks.
    pub permissions: String,
    /// Milliseconds since 1970 UTC.
    pub created_at: i64,
    /// Milliseconds since 1970 UTC.
    pub expires_at: Option<i64>,
    /// Milliseconds since 1970 UTC.
    pub revoked_at: Option<i64>,
    /// Who made it, as in the audit log; none: unknown.
    pub created_by: Option<String>,
    /// When it was last used, a minute late at most; milliseconds since 1970 UTC.
    pub last_used_at: Option<i64>,
}

/// No relations: queries join by company explicitly.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
