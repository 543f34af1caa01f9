//! `alert_channels`: where alerts are told.

use sea_orm::entity::prelude::*;

/// Where alerts are told.
#[derive(Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "alert_channels")]
pub struct Model {
    /// Whose it is; nil: the platform's.
    #[sea_orm(primary_key, auto_increment = false)]
    pub company_id: Uuid,
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// email, slack, pagerduty or webhook.
    pub kind: String,
    /// For people.
    #[sea_orm(column_type = "Text")]
    pub name: String,
    /// Where it leads, as people may see it: addresses, or a host.
    #[sea_orm(column_type = "Text")]
    pub target: String,
    /// JSON, sealed, bound to company and id.
    #[sea_orm(column_type = "Text")]
    pub configuration: String,
    /// warning or critical: the least that is told.
    pub min_severity: String,
    /// Separated by blanks; `*`: all.
    #[sea_orm(column_type = "Text")]
    pub alerts: String,
    /// Minute of the day at which quiet hours begin.
    pub quiet_from: i64,
    /// Minute of the day at which they end; the same: there are none.
    pub quiet_until: i64,
    /// IANA's name of their time zone.
    pub quiet_zone: String,
    /// After so many hours an alert that still stands is told again; 0: never.
    pub reminder_hours: i64,
    /// enabled or disabled.
    pub state: String,
    /// Milliseconds since 1970 UTC.
    pub created_at: i64,
    /// Milliseconds since 1970 UTC.
    pub updated_at: i64,
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Model").field("id", &self.id).field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// No relations: queries join by company explicitly.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
