//! `accounts`: a merchant's account, folded from its events.

use sea_orm::entity::prelude::*;

/// A merchant's account, folded from its events.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "accounts")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Nil: none.
    pub company_id: Uuid,
    /// The account number at Netbanx.
    pub external_id: String,
    /// Upper case.
    pub status: String,
    /// See `common::OnboardingStage`.
    pub onboarding_stage: String,
    /// At Netbanx.
    pub partner_id: Option<String>,
    /// live or test.
    pub mode: String,
    /// Milliseconds since 1970 UTC.
    pub status_time: i64,
    /// First event received, milliseconds.
    pub created_at: i64,
    /// Last event received, milliseconds.
    pub updated_at: i64,
    /// `common::AccountState` as JSON.
    pub state: String,
    /// `common::RULES_VERSION` of whoever folded it from its events; 0 for rows of before there were versions.
    pub rules_version: i64,
}

/// No relations: queries join by company explicitly.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
