//! `delivery_attempts`: one try to deliver a message.

use sea_orm::entity::prelude::*;

/// One try to deliver a message.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "delivery_attempts")]
pub struct Model {
    /// Whose it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub company_id: Uuid,
    /// Where it went.
    #[sea_orm(primary_key, auto_increment = false)]
    pub endpoint_id: Uuid,
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// What went there.
    pub message_id: Uuid,
    /// 1 for the first.
    pub number: i64,
    /// When it began, milliseconds.
    pub at: i64,
    /// delivered or failed.
    pub state: String,
    /// Of the answer, if one came.
    pub status: Option<i64>,
    /// Why no answer came.
    #[sea_orm(column_type = "Text", nullable)]
    pub error: Option<String>,
    /// How long it took.
    pub duration_ms: i64,
    /// Bytes of the answer that were read.
    pub size: i64,
    /// The beginning of the answer.
    #[sea_orm(column_type = "Text", nullable)]
    pub excerpt: Option<String>,
}

/// No relations: queries join by company explicitly.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
