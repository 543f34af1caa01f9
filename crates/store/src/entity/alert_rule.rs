//! `alert_rules`: from when on something is wrong with a company's business.

use sea_orm::entity::prelude::*;

/// From when on something is wrong with a company's business; 0 switches a rule off.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "alert_rules")]
pub struct Model {
    /// Whose rules.
    #[sea_orm(primary_key, auto_increment = false)]
    pub company_id: Uuid,
    /// More of a hundred transactions of the last hours failed.
    pub failure_percent: i64,
    /// Fewer transactions than these say nothing.
    pub failure_attempts: i64,
    /// So many chargebacks within a day.
    pub chargebacks: i64,
    /// So many hours without a webhook, where earlier weeks had some.
    pub silence_hours: i64,
    /// An endpoint has failed for so many minutes.
    pub endpoint_minutes: i64,
    /// 95 of a hundred of the last hour's webhooks came within so many minutes of Netbanx's time, or else are late.
    pub late_minutes: i64,
    /// More of a hundred of the last hour's webhooks were redeliveries.
    pub redelivery_percent: i64,
    /// Milliseconds since 1970 UTC.
    pub updated_at: i64,
}

/// No relations: queries join by company explicitly.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
