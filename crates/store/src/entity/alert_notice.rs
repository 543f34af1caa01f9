//! `alert_notices`: what a channel is told of one alert, from its beginning to its end.

use sea_orm::entity::prelude::*;

/// What a channel is told of one alert, from its beginning to its end.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "alert_notices")]
pub struct Model {
    /// Whose channel; nil: the platform's.
    #[sea_orm(primary_key, auto_increment = false)]
    pub company_id: Uuid,
    /// Which channel.
    #[sea_orm(primary_key, auto_increment = false)]
    pub channel_id: Uuid,
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The alert's name, and after a colon what it is about.
    pub alert: String,
    /// warning or critical.
    pub severity: String,
    /// What is wrong.
    #[sea_orm(column_type = "Text")]
    pub message: String,
    /// What to do.
    #[sea_orm(column_type = "Text")]
    pub action: String,
    /// When it was first seen, milliseconds since 1970 UTC.
    pub began_at: i64,
    /// When it was last seen.
    pub seen_at: i64,
    /// When its beginning was told.
    pub told_at: Option<i64>,
    /// With which severity it was told last.
    pub told_severity: Option<String>,
    /// When it was told again.
    pub reminded_at: Option<i64>,
    /// When it was over.
    pub ended_at: Option<i64>,
    /// When nothing of it was left to be told.
    pub closed_at: Option<i64>,
    /// Not tried before; a process that tries moves it, so that no other does.
    pub next_at: i64,
    /// Failed tries of what is to be told now.
    pub attempts: i64,
    /// Why the last one failed, without credentials.
    #[sea_orm(column_type = "Text", nullable)]
    pub error: Option<String>,
}

/// No relations: queries join by company explicitly.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
