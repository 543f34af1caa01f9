//! Transactions that are few, read by their ids. A database that is asked for a page of some thousand ids in the order of time may take
//! the way through the times, past millions of others.

use std::{cmp::Reverse, collections::HashMap};

use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QuerySelect, QueryTrait};
use uuid::Uuid;

use super::{MAX_COUNT, Page, Position, TransactionFilter, TransactionOrder, Window};
use crate::{
    Error,
    entity::transaction::{Column, Entity, Model},
};

/// What decides on a row's place.
#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    transaction_time: i64,
    status_time: i64,
    amount: Option<i64>,
    external_id: String,
    merchant_ref_num: Option<String>,
}

impl Row {
    fn position(&self, order: TransactionOrder) -> Position {
        (order.value(self.transaction_time, self.status_time, self.amount), self.id)
    }

    fn is_just(&self, q: &str) -> bool {
        self.external_id == q || self.merchant_ref_num.as_deref() == Some(q)
    }
}

/// A page of those rows among `ids` that `holds` holds for.
pub(super) async fn page(
    db: &impl ConnectionTrait,
    filter: &TransactionFilter,
    holds: Condition,
    ids: &[Uuid],
    window: Window,
) -> Result<Page<Model>, Error> {
    let rows = if ids.is_empty() { Vec::new() } else { among(db, &holds, ids).await? };
    let total = (rows.len() as u64).min(MAX_COUNT);
    let wanted = in_order(rows, filter.q.as_deref(), window);
    let rows = if wanted.is_empty() { Vec::new() } else { whole(db, holds, &wanted).await? };
    Ok(Page { rows, total, is_whole: true, end: None })
}

async fn among(db: &impl ConnectionTrait, holds: &Condition, ids: &[Uuid]) -> Result<Vec<Row>, Error> {
    let rows = Entity::find()
        .select_only()
        .columns([
            Column::Id,
            Column::TransactionTime,
            Column::StatusTime,
            Column::Amount,
            Column::ExternalId,
            Column::MerchantRefNum,
        ])
        .filter(holds.clone())
        .filter(Column::Id.is_in(ids.iter().copied()))
        .into_query();
    db.query_all(&rows).await?.iter().map(|row| Ok(Row::from_query_result(row, "")?)).collect()
}

/// The ids of a window's rows in their order; those that are just `q` come first, unless they fill a page.
fn in_order(mut rows: Vec<Row>, q: Option<&str>, window: Window) -> Vec<Uuid> {
    let Window { limit, offset, after, ascending, order } = window;
    rows.sort_by_key(|row| Reverse(row.position(TransactionOrder::TransactionTime)));
    let is_just = |row: &Row| q.is_some_and(|q| row.is_just(q));
    let fills_page = rows.iter().filter(|row| is_just(row)).count() as u64 >= limit;
    let (mut first, mut others): (Vec<Row>, Vec<Row>) = rows.into_iter().partition(|row| !fills_page && is_just(row));
    if order != TransactionOrder::TransactionTime {
        // As where they are many: the newest are put in order.
        others.truncate(usize::try_from(MAX_COUNT).unwrap_or(usize::MAX));
        others.sort_by_key(|row| Reverse(row.position(order)));
    }
    if ascending {
        others.reverse();
    }
    let is_behind = |row: &Row| {
        let position = row.position(order);
        after.is_none_or(|last| if ascending { position > last } else { position < last })
    };
    if after.is_some() {
        first.clear();
    }
    let skipped = if after.is_none() { usize::try_from(offset).unwrap_or(usize::MAX) } else { 0 };
    let wanted = first.into_iter().chain(others.into_iter().filter(is_behind)).skip(skipped);
    wanted.take(usize::try_from(limit).unwrap_or(usize::MAX)).map(|row| row.id).collect()
}

/// The rows of `ids` in their order, without those for which `holds` no longer holds.
async fn whole(db: &impl ConnectionTrait, holds: Condition, ids: &[Uuid]) -> Result<Vec<Model>, Error> {
    let rows = Entity::find().filter(holds).filter(Column::Id.is_in(ids.iter().copied())).all(db).await?;
    let mut rows: HashMap<Uuid, Model> = rows.into_iter().map(|row| (row.id, row)).collect();
    Ok(ids.iter().filter_map(|id| rows.remove(id)).collect())
}
