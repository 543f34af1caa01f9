//! All receivers by pages, for the directory beside the queue; and one of each by its key.

use common::{CompanyId, Endpoint};
use sea_orm::{ColumnTrait, Condition, DatabaseConnection, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use crate::{
    Error,
    entity::{account_assignment, company, receiver_secret},
    now_ms,
};

/// Rows of one page.
pub const PAGE: usize = 1000;

/// Companies after that slug, by slug.
pub async fn companies(db: &DatabaseConnection, after: &str) -> Result<Vec<company::Model>, Error> {
    use company::Column;
    Ok(company::Entity::find().filter(Column::Slug.gt(after)).order_by_asc(Column::Slug).limit(PAGE as u64).all(db).await?)
}

/// Assignments after that account, by account.
pub async fn assignments(db: &DatabaseConnection, after: &str) -> Result<Vec<account_assignment::Model>, Error> {
    use account_assignment::{Column, Entity};
    let page = Entity::find().filter(Column::ExternalId.gt(after)).order_by_asc(Column::ExternalId).limit(PAGE as u64);
    Ok(page.all(db).await?)
}

/// Keys that have not ended, of companies after that one, by company and newest first. A page ends with a company's last key.
pub async fn keys(
    db: &DatabaseConnection,
    endpoint: Endpoint,
    after: Option<Uuid>,
) -> Result<(Vec<receiver_secret::Model>, Option<Uuid>), Error> {
    use receiver_secret::{Column, Entity};
    let mut rows = Entity::find()
        .filter(Column::Endpoint.eq(endpoint.as_str()))
        .filter(Condition::all().add_option(after.map(|after| Column::CompanyId.gt(after))))
        .filter(has_not_ended())
        .order_by_asc(Column::CompanyId)
        .order_by_desc(Column::Version)
        .limit(PAGE as u64)
        .all(db)
        .await?;
    let Some(last) = rows.last().map(|row| row.company_id).filter(|_| rows.len() >= PAGE) else { return Ok((rows, None)) };
    if rows.iter().any(|row| row.company_id != last) {
        rows.retain(|row| row.company_id != last);
    }
    let next = rows.last().map(|row| row.company_id);
    Ok((rows, next))
}

/// Keys of one receiver that have not ended, newest first.
pub async fn keys_of(db: &DatabaseConnection, endpoint: &str, company: CompanyId) -> Result<Vec<receiver_secret::Model>, Error> {
    use receiver_secret::{Column, Entity};
    Ok(Entity::find()
        .filter(Column::Endpoint.eq(endpoint))
        .filter(Column::CompanyId.eq(company.0))
        .filter(has_not_ended())
        .order_by_desc(Column::Version)
        .limit(PAGE as u64)
        .all(db)
        .await?)
}

fn has_not_ended() -> Condition {
    use receiver_secret::Column;
    Condition::any().add(Column::ActiveUntil.is_null()).add(Column::ActiveUntil.gt(now_ms()))
}
