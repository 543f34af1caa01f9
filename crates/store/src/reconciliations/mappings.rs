//! How a company's reports are read, kept by name.

use common::CompanyId;
use sea_orm::{
    ColumnTrait, DatabaseConnection, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Set, TransactionTrait,
    sea_query::OnConflict,
};

use super::By;
use crate::{
    Error, Scope,
    audit::{self, Note},
    entered,
    entity::reconciliation_mapping::{ActiveModel, Column, Entity, Model},
    reads::scoped,
};

/// The longest name of a mapping, in characters.
pub const LONGEST_NAME: usize = 64;
/// Mappings that a company may keep.
pub const MOST_MAPPINGS: u64 = 100;
/// Mappings that are listed at most: those of a company always are.
const LISTED: u64 = 1_000;

/// The mapping that a company keeps under `name`, as JSON.
pub async fn mapping(db: &DatabaseConnection, company: CompanyId, name: &str) -> Result<Option<String>, Error> {
    let found = Entity::find_by_id((company.0, name.to_owned())).one(db).await?;
    Ok(found.map(|row| row.mapping))
}

/// The mappings within `scope`, by company and name.
pub async fn mappings(db: &DatabaseConnection, scope: Scope) -> Result<Vec<Model>, Error> {
    let own = Entity::find().filter(scoped(Column::CompanyId, scope));
    Ok(own.order_by_asc(Column::CompanyId).order_by_asc(Column::Name).limit(LISTED).all(db).await?)
}

/// Keeps a mapping under `name`, in the place of the one before. Refuses more than [`MOST_MAPPINGS`].
pub async fn save_mapping(db: &DatabaseConnection, company: CompanyId, name: &str, mapping: &str) -> Result<(), Error> {
    // Over HTTP no other could be asked for.
    let name = &entered::line("saveMapping", name, 1, LONGEST_NAME)?;
    let others = Entity::find().filter(Column::CompanyId.eq(company.0)).filter(Column::Name.ne(name));
    if others.count(db).await? >= MOST_MAPPINGS {
        return Err(Error::Conflict(format!("a company keeps {MOST_MAPPINGS} mappings at most: remove one")));
    }
    let row = ActiveModel { company_id: Set(company.0), name: Set(name.to_owned()), mapping: Set(mapping.to_owned()) };
    let replace = OnConflict::columns([Column::CompanyId, Column::Name]).update_column(Column::Mapping).to_owned();
    Entity::insert(row).on_conflict(replace).exec_without_returning(db).await?;
    Ok(())
}

/// Removes the mapping of that name; noted in the audit log. Returns whether there was one. Comparisons that were made with it stay.
pub async fn remove_mapping(
    db: &DatabaseConnection,
    company: CompanyId,
    name: &str,
    By { actor, address }: By<'_>,
) -> Result<bool, Error> {
    let tx = db.begin().await?;
    let is_removed = Entity::delete_by_id((company.0, name.to_owned())).exec(&tx).await?.rows_affected > 0;
    if is_removed {
        let detail = serde_json::json!({"mapping": name}).to_string();
        let action = "reconciliation.removeMapping";
        audit::record(&tx, Note { actor, company, action, detail: &detail, address }).await?;
    }
    tx.commit().await?;
    Ok(is_removed)
}
