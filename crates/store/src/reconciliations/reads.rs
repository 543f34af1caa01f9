//! Runs and their items, by page.

use common::CompanyId;
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, DatabaseConnection, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::{DEFERRED, OPEN, of_run};
use crate::{
    Error, Scope,
    entity::{reconciliation, reconciliation_item},
    reads::scoped,
};

/// Runs within `scope`, the latest first, behind the one of the id `after`.
pub async fn list(
    db: &DatabaseConnection,
    scope: Scope,
    after: Option<Uuid>,
    limit: u64,
) -> Result<Vec<reconciliation::Model>, Error> {
    use reconciliation::{Column, Entity};
    let mut found = Entity::find().filter(scoped(Column::CompanyId, scope));
    if let Some(after) = after {
        found = found.filter(Column::Id.lt(after));
    }
    Ok(found.order_by_desc(Column::Id).limit(limit).all(db).await?)
}

/// The run of that id, if it is within `scope`.
pub async fn get(db: &DatabaseConnection, scope: Scope, id: Uuid) -> Result<Option<reconciliation::Model>, Error> {
    use reconciliation::{Column, Entity};
    Ok(Entity::find().filter(scoped(Column::CompanyId, scope)).filter(Column::Id.eq(id)).one(db).await?)
}

/// Which items are asked for; absent ones do not filter.
#[derive(Debug, Clone, Copy, Default)]
pub struct ItemFilter {
    /// Of this sort.
    pub finding: Option<&'static str>,
    /// open, ignored or taken-over.
    pub state: Option<&'static str>,
}

/// What holds for the items of a run that `filter` asks for.
pub fn wanted_items(run: &reconciliation::Model, filter: ItemFilter) -> Condition {
    use reconciliation_item::Column;
    let mut own = of_run(run).add(Column::Finding.ne(DEFERRED));
    if let Some(finding) = filter.finding {
        own = own.add(Column::Finding.eq(finding));
    }
    if let Some(state) = filter.state {
        own = own.add(Column::State.eq(state));
    }
    own
}

/// Up to `limit` of the items for which `wanted` holds, by sort and number, behind `after`.
pub async fn list_items(
    db: &impl ConnectionTrait,
    wanted: Condition,
    after: Option<(&str, i64)>,
    limit: u64,
) -> Result<Vec<reconciliation_item::Model>, Error> {
    use reconciliation_item::{Column, Entity};
    let mut own = wanted;
    if let Some((finding, number)) = after {
        let same = Condition::all().add(Column::Finding.eq(finding)).add(Column::Number.gt(number));
        own = own.add(Condition::any().add(Column::Finding.gt(finding)).add(same));
    }
    let page = Entity::find().filter(own).order_by_asc(Column::Finding).order_by_asc(Column::Number);
    Ok(page.limit(limit).all(db).await?)
}

/// The item of a run with that number.
pub async fn item(
    db: &DatabaseConnection,
    run: &reconciliation::Model,
    number: i64,
) -> Result<Option<reconciliation_item::Model>, Error> {
    use reconciliation_item::{Column, Entity};
    let own = of_run(run).add(Column::Finding.ne(DEFERRED)).add(Column::Number.eq(number));
    Ok(Entity::find().filter(own).one(db).await?)
}

/// Up to `limit` open items of a run and a finding behind the number `after`, in order.
pub async fn items(
    db: &DatabaseConnection,
    run: &reconciliation::Model,
    finding: &str,
    after: i64,
    limit: u64,
) -> Result<Vec<reconciliation_item::Model>, Error> {
    use reconciliation_item::{Column, Entity};
    let own = of_run(run).add(Column::Finding.eq(finding)).add(Column::Number.gt(after)).add(Column::State.eq(OPEN));
    Ok(Entity::find().filter(own).order_by_asc(Column::Number).limit(limit).all(db).await?)
}

/// The run of that id, which the company must have.
pub async fn run(db: &DatabaseConnection, company: CompanyId, id: Uuid) -> Result<reconciliation::Model, Error> {
    let found = get(db, Scope::Company(company.0), id).await?;
    found.ok_or_else(|| Error::Conflict(format!("the company has no comparison {id}")))
}
