//! `audit_log`: a management action.

use sea_orm::entity::prelude::*;

/// A management action.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_log")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Milliseconds since 1970 UTC.
    pub at: i64,
    /// Who.
    pub actor: String,
    /// Nil: none.
    pub company_id: Uuid,
    /// What.
    pub action: String,
    /// JSON without secrets.
    pub detail: String,
    /// 1, 2, … in the order of the chain; none: of a version before 1.0.
    pub sequence: Option<i64>,
    /// The hash of the entry before.
    pub previous_hash: Option<String>,
    /// Of this entry and the hash before it; see [`crate::audit`].
    pub hash: Option<String>,
    /// Where the request came from.
    pub address: Option<String>,
}

/// No relations: queries join by company explicitly.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
