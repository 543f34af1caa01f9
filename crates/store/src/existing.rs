//! What of the webhooks is stored: for a database that was restored, or that somebody put together by hand.

use std::collections::HashSet;

use common::CompanyId;
use sea_orm::{
    ColumnTrait, DatabaseConnection, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    sea_query::{Expr, Query, SelectStatement},
};
use uuid::Uuid;

use crate::{
    Error,
    entity::{
        company, event_identity,
        webhook_event::{Column, Entity},
    },
};

/// Webhooks of one look at identities.
const PAGE: u64 = 500;

/// Returns those of `ids` that are stored.
pub async fn webhooks(db: &DatabaseConnection, ids: &[Uuid]) -> Result<HashSet<Uuid>, Error> {
    let rows = Entity::find().select_only().column(Column::Id).filter(Column::Id.is_in(ids.iter().copied()));
    Ok(rows.into_tuple::<Uuid>().all(db).await?.into_iter().collect())
}

/// Returns those of `identities`, at most some hundreds, under which any company has a webhook.
pub async fn identities(db: &DatabaseConnection, identities: impl IntoIterator<Item = &str>) -> Result<HashSet<String>, Error> {
    use event_identity::Column;
    // An identity does not tell its company; the key begins with it.
    let companies = company::Entity::find().select_only().column(company::Column::Id).into_query();
    let of_any = Column::CompanyId.in_subquery(companies).or(Column::CompanyId.eq(CompanyId::NONE.0));
    let rows = event_identity::Entity::find().select_only().column(Column::Identity).filter(of_any);
    let rows = rows.filter(Column::Identity.is_in(identities)).into_tuple::<String>().all(db).await?;
    Ok(rows.into_iter().collect())
}

/// Of the newest webhooks, at most `newest`: how many there are, and how many of them have no entry among the identities, by which
/// they would be recognised if they came again.
pub async fn without_identity(db: &DatabaseConnection, newest: u64) -> Result<(u64, u64), Error> {
    let (mut looked_at, mut missing, mut below) = (0, 0, Uuid::max());
    while looked_at < newest {
        let page = Entity::find().select_only().column(Column::Id).filter(Column::Id.lt(below)).order_by_desc(Column::Id);
        let ids: Vec<Uuid> = page.limit(Ord::min(PAGE, newest - looked_at)).into_tuple().all(db).await?;
        let Some(last) = ids.last() else { break };
        below = *last;
        looked_at += ids.len() as u64;
        let nameless = Entity::find().filter(Column::Id.is_in(ids)).filter(Expr::not_exists(own_entry()));
        missing += nameless.count(db).await?;
    }
    Ok((looked_at, missing))
}

/// The entry of a webhook among the identities, in a statement about webhooks.
fn own_entry() -> SelectStatement {
    use event_identity::{Column as Entry, Entity as Entries};
    let is_same = |entry: Entry, own: Column| Expr::col((Entries, entry)).equals((Entity, own));
    Query::select()
        .expr(Expr::value(1))
        .from(Entries)
        .and_where(is_same(Entry::CompanyId, Column::CompanyId))
        .and_where(is_same(Entry::Identity, Column::Identity))
        .take()
}
