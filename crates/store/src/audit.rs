//! The audit log: who changed what, and when.

use common::CompanyId;
use sea_orm::{ColumnTrait, DatabaseConnection, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set};
use uuid::Uuid;

use crate::{
    Error,
    entity::audit_entry::{ActiveModel, Column, Entity, Model},
    now_ms,
    reads::Scope,
};

/// Notes an action; `detail` is JSON without secrets.
pub async fn record(db: &DatabaseConnection, actor: &str, company: CompanyId, action: &str, detail: String) -> Result<(), Error> {
    let row = ActiveModel {
        id: Set(Uuid::now_v7()),
        at: Set(now_ms()),
        actor: Set(actor.to_owned()),
        company_id: Set(company.0),
        action: Set(action.to_owned()),
        detail: Set(detail),
    };
    Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

/// At most `limit` entries before `before` (an entry's id), the latest first.
pub async fn list(db: &DatabaseConnection, scope: Scope, before: Option<Uuid>, limit: u64) -> Result<Vec<Model>, Error> {
    let mut entries = Entity::find();
    if let Scope::Company(company) = scope {
        entries = entries.filter(Column::CompanyId.eq(company));
    }
    // UUIDv7 sort by time.
    if let Some(before) = before {
        entries = entries.filter(Column::Id.lt(before));
    }
    Ok(entries.order_by_desc(Column::Id).limit(limit).all(db).await?)
}
