//! `outbound_messages`: what endpoints are told of one change.

use sea_orm::entity::prelude::*;

/// What endpoints are told of one change.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "outbound_messages")]
pub struct Model {
    /// Whose it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub company_id: Uuid,
    /// UUIDv7; `webhook-id`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Rises with each change of the same subject.
    pub sequence: i64,
    /// See `crate::outbound::EVENT_TYPES`.
    pub event_type: String,
    /// The transaction or account: messages of one keep their order.
    pub subject: Uuid,
    /// The body, JSON.
    #[sea_orm(column_type = "Text")]
    pub payload: String,
    /// Milliseconds since 1970 UTC.
    pub created_at: i64,
    /// The W3C trace context of the webhook that made the change, where that is traced.
    pub traceparent: Option<String>,
}

/// No relations: queries join by company explicitly.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
