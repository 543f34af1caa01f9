//! `receiver_secrets`: a receiver's HMAC key, encrypted.

use sea_orm::entity::prelude::*;

/// A receiver's HMAC key, encrypted.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "receiver_secrets")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Path segment.
    pub endpoint: String,
    /// Nil: the endpoint's default receiver.
    pub company_id: Uuid,
    /// 1, 2, … per receiver.
    pub version: i32,
    /// utf8, base64 or hex.
    pub encoding: String,
    /// base64 of nonce, AES-256-GCM ciphertext and tag.
    pub ciphertext: String,
    /// Milliseconds since 1970 UTC.
    pub active_from: i64,
    /// Milliseconds since 1970 UTC; none: until revoked.
    pub active_until: Option<i64>,
    /// Milliseconds since 1970 UTC.
    pub created_at: i64,
}

/// No relations: queries join by company explicitly.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
