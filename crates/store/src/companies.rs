//! Companies, their time zones, and which accounts are theirs.

use std::collections::HashSet;

use chrono_tz::Tz;
use common::{CompanyId, receiver};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Set,
    TransactionTrait,
    sea_query::{Expr, OnConflict},
};
use uuid::Uuid;

use crate::{
    Error,
    entered::{self, invalid},
    entity::{account_assignment, company},
    receiver_changes,
};
use clock::now_ms;

/// Companies whose zones are told at once at most.
const ZONED: u64 = 100_000;

/// The zone that IANA's database calls so, in whatever case.
pub fn zone(name: &str) -> Option<Tz> {
    chrono_tz::TZ_VARIANTS.into_iter().find(|zone| zone.name().eq_ignore_ascii_case(name))
}

/// Adds a company; the slug must be new and fit for a path.
pub async fn add(db: &DatabaseConnection, name: &str, slug: &str, zone: Option<Tz>) -> Result<company::Model, Error> {
    let name = entered::line("name", name, 1, entered::LONGEST)?;
    if !receiver::is_slug(slug) {
        return Err(invalid("slug", "slug must be 1 to 63 of a-z, 0-9 and '-': it stands in paths".to_owned()));
    }
    if find(db, slug).await?.is_some() {
        return Err(Error::Conflict(format!("there is a company '{slug}' already")));
    }
    let time_zone = zone.map(|zone| zone.name().to_owned());
    let row = company::Model { id: Uuid::now_v7(), slug: slug.to_owned(), name, time_zone, created_at: now_ms() };
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

/// From now on the company's figures are those of the days of `zone`, or of UTC's if there is none. None where there is no such
/// company.
pub async fn set_time_zone(db: &impl ConnectionTrait, id: Uuid, zone: Option<Tz>) -> Result<Option<company::Model>, Error> {
    let set = company::Entity::update_many().col_expr(company::Column::TimeZone, Expr::value(zone.map(Tz::name)));
    set.filter(company::Column::Id.eq(id)).exec(db).await?;
    Ok(company::Entity::find_by_id(id).one(db).await?)
}

/// The company's own zone; none where it has none, or one that only a later version knows.
pub async fn time_zone(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<Tz>, Error> {
    let row = company::Entity::find_by_id(id).one(db).await?;
    Ok(row.and_then(|row| row.time_zone).and_then(|name| zone(&name)))
}

/// The companies whose days are not those of UTC, at most 100,000.
pub async fn with_other_days(db: &impl ConnectionTrait) -> Result<HashSet<Uuid>, Error> {
    use company::Column;
    let zoned = company::Entity::find().select_only().column(Column::Id).filter(Column::TimeZone.ne(Tz::UTC.name()));
    Ok(zoned.limit(ZONED).into_tuple().all(db).await?.into_iter().collect())
}

/// From now on, webhooks of account `external_id` whose path names no company belong to `company`. Returns the account's id as it is
/// kept, without blanks around it.
pub async fn assign_account(db: &DatabaseConnection, external_id: &str, company: CompanyId) -> Result<String, Error> {
    use account_assignment::Column;
    let external_id = entered::line("accountId", external_id, 1, entered::LONGEST)?;
    let row = account_assignment::ActiveModel {
        external_id: Set(external_id.clone()),
        company_id: Set(company.0),
        created_at: Set(now_ms()),
    };
    let replace = OnConflict::column(Column::ExternalId).update_columns([Column::CompanyId, Column::CreatedAt]).to_owned();
    let tx = db.begin().await?;
    account_assignment::Entity::insert(row).on_conflict(replace).exec_without_returning(&tx).await?;
    receiver_changes::note(&tx).await?;
    tx.commit().await?;
    Ok(external_id)
}

/// The company that account `external_id` is assigned to; [`CompanyId::NONE`] where none is.
pub async fn of_account(db: &DatabaseConnection, external_id: &str) -> Result<CompanyId, Error> {
    let row = account_assignment::Entity::find_by_id(external_id).one(db).await?;
    Ok(row.map_or(CompanyId::NONE, |row| CompanyId(row.company_id)))
}
