//! `webhook_events`: a stored webhook; identity is unique per company.

use sea_orm::entity::prelude::*;

/// A stored webhook; identity is unique per company.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_events")]
pub struct Model {
    /// The webhook's id, UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Nil: none.
    pub company_id: Uuid,
    /// 64 hex digits.
    pub identity: String,
    /// Where it was received.
    pub endpoint: String,
    /// Canonical.
    pub name: String,
    /// transaction, account or other.
    pub category: String,
    /// Of the transaction.
    pub kind: Option<String>,
    /// live or test.
    pub mode: String,
    /// What it is about.
    pub resource_id: Option<String>,
    /// The account.
    pub account_id: Option<String>,
    /// The purchase.
    pub merchant_ref_num: Option<String>,
    /// Milliseconds since 1970 UTC.
    pub status_time: i64,
    /// Milliseconds since 1970 UTC.
    pub received_at: i64,
    /// The body, masked, JSON.
    pub payload: String,
}

/// No relations: queries join by company explicitly.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
