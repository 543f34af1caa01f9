//! Companies, and which accounts are theirs.

use common::{CompanyId, receiver};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, Set,
    TransactionTrait, sea_query::OnConflict,
};
use uuid::Uuid;

use crate::{
    Error,
    entity::{account_assignment, company},
    receiver_changes,
};
use clock::now_ms;

/// Adds a company; the slug must be new and fit for a path.
pub async fn add(db: &DatabaseConnection, name: &str, slug: &str) -> Result<company::Model, Error> {
    if !receiver::is_slug(slug) {
        return Err(Error::Conflict(format!("'{slug}' is no slug: 1 to 63 of a-z, 0-9 and '-'")));
    }
    if find(db, slug).await?.is_some() {
        return Err(Error::Conflict(format!("there is a company '{slug}' already")));
    }
    let row = company::Model { id: Uuid::now_v7(), slug: slug.to_owned(), name: name.to_owned(), created_at: now_ms() };
    let tx = db.begin().await?;
    company::Entity::insert(company::ActiveModel::from(row.clone())).exec_without_returning(&tx).await?;
    receiver_changes::note(&tx).await?;
    tx.commit().await?;
    Ok(row)
}

/// The company of that slug.
pub async fn find(db: &DatabaseConnection, slug: &str) -> Result<Option<company::Model>, Error> {
    Ok(company::Entity::find().filter(company::Column::Slug.eq(slug)).one(db).await?)
}

/// The company of that slug, or an error that says there is none.
pub async fn get(db: &DatabaseConnection, slug: &str) -> Result<company::Model, Error> {
    find(db, slug).await?.ok_or_else(|| Error::Conflict(format!("there is no company '{slug}'")))
}

/// All companies by slug, at most 1,000.
pub async fn list(db: &impl ConnectionTrait) -> Result<Vec<company::Model>, Error> {
    Ok(company::Entity::find().order_by_asc(company::Column::Slug).paginate(db, 1000).fetch_page(0).await?)
}

/// From now on, webhooks of account `external_id` whose path names no company belong to `company`.
pub async fn assign_account(db: &DatabaseConnection, external_id: &str, company: CompanyId) -> Result<(), Error> {
    use account_assignment::Column;
    let row = account_assignment::ActiveModel {
        external_id: Set(external_id.to_owned()),
        company_id: Set(company.0),
        created_at: Set(now_ms()),
    };
    let replace = OnConflict::column(Column::ExternalId).update_columns([Column::CompanyId, Column::CreatedAt]).to_owned();
    let tx = db.begin().await?;
    account_assignment::Entity::insert(row).on_conflict(replace).exec_without_returning(&tx).await?;
    receiver_changes::note(&tx).await?;
    Ok(tx.commit().await?)
}

/// The company that account `external_id` is assigned to; [`CompanyId::NONE`] where none is.
pub async fn of_account(db: &DatabaseConnection, external_id: &str) -> Result<CompanyId, Error> {
    let row = account_assignment::Entity::find_by_id(external_id).one(db).await?;
    Ok(row.map_or(CompanyId::NONE, |row| CompanyId(row.company_id)))
}
