//! `endpoints`: where a company's own system is told of what changed.

use sea_orm::entity::prelude::*;

/// Where a company's own system is told of what changed.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "endpoints")]
pub struct Model {
    /// Whose it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub company_id: Uuid,
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Where messages go.
    #[sea_orm(column_type = "Text")]
    pub url: String,
    /// For people; may be empty.
    #[sea_orm(column_type = "Text")]
    pub description: String,
    /// Separated by blanks; `*`: all.
    #[sea_orm(column_type = "Text")]
    pub event_types: String,
    /// enabled or disabled; listening: see `crate::outbound::listeners`.
    pub state: String,
    /// Why it is disabled.
    #[sea_orm(column_type = "Text", nullable)]
    pub reason: Option<String>,
    /// Messages per second at most.
    pub rate: Option<i64>,
    /// The key that signs, sealed.
    #[sea_orm(column_type = "Text")]
    pub secret: String,
    /// The key before it, sealed, which signs too until `previous_until`.
    #[sea_orm(column_type = "Text", nullable)]
    pub previous_secret: Option<String>,
    /// Milliseconds since 1970 UTC.
    pub previous_until: Option<i64>,
    /// Keys before that one which sign too, the latest first, as JSON: `[[until, sealed], …]`.
    #[sea_orm(column_type = "Text", nullable)]
    pub earlier_secrets: Option<String>,
    /// When the first attempt after the last success failed, milliseconds.
    pub failing_since: Option<i64>,
    /// The process that delivers to it.
    pub lease_owner: Option<Uuid>,
    /// Until when, milliseconds.
    pub lease_until: i64,
    /// Milliseconds since 1970 UTC.
    pub created_at: i64,
    /// Milliseconds since 1970 UTC.
    pub updated_at: i64,
}

/// No relations: queries join by company explicitly.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
