//! `users`: a person who signs in.

use sea_orm::entity::prelude::*;

/// A person who signs in.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Nil: an administrator of the platform.
    pub company_id: Uuid,
    /// Lower case; unique among those who have a password.
    pub email: String,
    /// What they may do.
    pub role: String,
    /// argon2id, in PHC form; empty: they sign in by a provider.
    pub password_hash: String,
    /// Since the last success.
    pub failed_sign_ins: i32,
    /// Milliseconds since 1970 UTC.
    pub locked_until: Option<i64>,
    /// Milliseconds since 1970 UTC.
    pub created_at: i64,
    /// The OpenID Connect provider that knows them.
    pub issuer: Option<String>,
    /// What that one calls them.
    pub subject: Option<String>,
    /// What they may do, separated by blanks, where the provider and not a role tells it.
    #[sea_orm(column_type = "Text", nullable)]
    pub permissions: Option<String>,
}

/// No relations: queries join by company explicitly.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
