//! What no index knows: a filter by it looks through so many of the rows that the other filters hold for, and says where it left off.
//! An index by each would cost every webhook its part.

use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait};

use super::{Position, TransactionFilter, TransactionOrder, Window, filter::unindexed, transactions::put_in_order};
use crate::{
    Error,
    entity::transaction::{Column, Entity},
};

/// Rows that are looked through at most for one page.
const MOST: u64 = 10_000;

/// The last row that is looked through for `filter`, of those that `indexed` holds for, from where `window` begins; none where all are.
pub(super) async fn end(
    db: &impl ConnectionTrait,
    filter: &TransactionFilter,
    indexed: &Condition,
    window: Window,
) -> Result<Option<Position>, Error> {
    if unindexed(filter).is_empty() {
        return Ok(None);
    }
    let rows = Entity::find().select_only().columns([Column::TransactionTime, Column::Id]).filter(indexed.clone());
    let mut rows = rows.into_query();
    put_in_order(&mut rows, Window { order: TransactionOrder::TransactionTime, ..window });
    let last = db.query_one(rows.offset(MOST - 1).limit(1)).await?;
    last.map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?))).transpose()
}

/// What holds for the rows from a window's begin up to `end`, itself included.
pub(super) fn up_to((time, id): Position, ascending: bool) -> Condition {
    let (not_beyond, at_once) = if ascending {
        (Column::TransactionTime.lte(time), Column::Id.lte(id))
    } else {
        (Column::TransactionTime.gte(time), Column::Id.gte(id))
    };
    Condition::all().add(not_beyond).add(Condition::any().add(Column::TransactionTime.ne(time)).add(at_once))
}

impl Window {
    /// From the newest on.
    pub(super) fn newest(limit: u64) -> Self {
        Self { limit, offset: 0, after: None, ascending: false, order: TransactionOrder::default() }
    }
}
