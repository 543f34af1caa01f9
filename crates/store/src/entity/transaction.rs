//! `transactions`: a transaction, folded from its events.

use sea_orm::entity::prelude::*;

/// A transaction, folded from its events.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "transactions")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Nil: none.
    pub company_id: Uuid,
    /// See `common::Kind`.
    pub kind: String,
    /// At Netbanx.
    pub external_id: String,
    /// See `common::Status`.
    pub status: String,
    /// As sent.
    pub raw_status: String,
    /// Minor units.
    pub amount: Option<i64>,
    /// ISO 4217.
    pub currency: Option<String>,
    /// The purchase.
    pub merchant_ref_num: Option<String>,
    /// For example CARD.
    pub payment_method: Option<String>,
    /// The merchant's account.
    pub account_id: Option<String>,
    /// live or test.
    pub mode: String,
    /// While FAILED or RETURNED.
    pub failure_reason: Option<String>,
    /// Of a chargeback.
    pub outcome: Option<String>,
    /// Milliseconds since 1970 UTC.
    pub transaction_time: i64,
    /// Milliseconds since 1970 UTC.
    pub status_time: i64,
    /// First event received, milliseconds.
    pub created_at: i64,
    /// Last event received, milliseconds.
    pub updated_at: i64,
    /// `common::TransactionState` as JSON.
    pub state: String,
    /// `common::RULES_VERSION` of whoever folded it from its events; 0 for rows of before there were versions.
    pub rules_version: i64,
}

/// No relations: queries join by company explicitly.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
