//! Transactions: which ones, in which order, and one by its id.

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseConnection, EntityTrait, FromQueryResult, Iterable, Order, QueryFilter,
    QueryOrder, QuerySelect, QueryTrait,
    sea_query::{Expr, ExprTrait, Func, Query, SelectStatement},
};
use uuid::Uuid;

use super::{
    MAX_COUNT, Page, Position, Scope, Window, count, few,
    filter::{TransactionFilter, indexed, unindexed},
    looks,
    lookup::{companies_of, just},
    scoped,
};
use crate::{
    Error,
    entity::{transaction, webhook_event},
};

/// By what transactions are put in order: by the time they were made all of them, otherwise the [`MAX_COUNT`] newest, for an
/// index by each order would cost every webhook its part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TransactionOrder {
    /// The time they were made.
    #[default]
    TransactionTime,
    /// The time of their status.
    StatusTime,
    /// Their amount; those without one count as less than any.
    Amount,
}

impl TransactionOrder {
    /// What rows are ordered by.
    fn expr(self) -> Expr {
        match self {
            Self::TransactionTime => Expr::col((transaction::Entity, transaction::Column::TransactionTime)),
            Self::StatusTime => Expr::col((transaction::Entity, transaction::Column::StatusTime)),
            Self::Amount => {
                let amount = Expr::col((transaction::Entity, transaction::Column::Amount));
                Func::coalesce([amount, Expr::val(i64::MIN)]).into()
            }
        }
    }

    /// The place of `row` in the order.
    pub fn position(self, row: &transaction::Model) -> Position {
        (self.value(row.transaction_time, row.status_time, row.amount), row.id)
    }

    /// What a row is put in order by.
    pub(super) fn value(self, transaction_time: i64, status_time: i64, amount: Option<i64>) -> i64 {
        match self {
            Self::TransactionTime => transaction_time,
            Self::StatusTime => status_time,
            Self::Amount => amount.unwrap_or(i64::MIN),
        }
    }
}

/// A page of transactions by the time they were made, newest first unless asked otherwise.
pub async fn transactions(
    db: &DatabaseConnection,
    scope: Scope,
    filter: &TransactionFilter,
    window: Window,
) -> Result<Page<transaction::Model>, Error> {
    let indexed = indexed(db, scope, filter).await?;
    if let Some(ids) = indexed.ids {
        return few::page(db, filter, indexed.holds.add(unindexed(filter)), &ids, window).await;
    }
    let all = indexed.holds.clone().add(unindexed(filter));
    let up_to = |end: Option<Position>, ascending| {
        Condition::all().add(all.clone()).add_option(end.map(|end| looks::up_to(end, ascending)))
    };
    // In another order than that of time it is the newest that are put in order.
    let is_by_time = window.order == TransactionOrder::TransactionTime;
    let begin = Window { after: None, ascending: window.ascending && is_by_time, ..window };
    let first = looks::end(db, filter, &indexed.holds, begin).await?;
    let total = count(db, transaction::Entity, up_to(first, begin.ascending)).await?;
    let end = if is_by_time && window.after.is_some() { looks::end(db, filter, &indexed.holds, window).await? } else { first };
    let rows = found_first(db, scope, filter, up_to(end, begin.ascending), window).await?;
    Ok(Page { rows, total, is_whole: first.is_none(), end: end.filter(|_| is_by_time) })
}

/// The rows of a window; of a search those first that are just what was searched for.
async fn found_first(
    db: &DatabaseConnection,
    scope: Scope,
    filter: &TransactionFilter,
    all: Condition,
    mut window: Window,
) -> Result<Vec<transaction::Model>, Error> {
    use transaction::Column;
    let Some(q) = &filter.q else { return ordered(db, all, window).await };
    let companies = companies_of(db, scope).await?;
    let just = just(db, &companies, filter.mode, q, window.limit).await?;
    if just.is_empty() {
        return ordered(db, all, window).await;
    }
    let exact = Condition::all().add(all.clone()).add(Column::Id.is_in(just));
    let first = ordered(db, exact, Window::newest(window.limit)).await?;
    // A reference of many purchases is a filter by itself.
    if first.is_empty() || first.len() as u64 >= window.limit {
        return ordered(db, all, window).await;
    }
    let others = Condition::all().add(all).add(Column::Id.is_not_in(first.iter().map(|row| row.id)));
    let is_first_page = window.after.is_none() && window.offset == 0;
    if is_first_page {
        window.limit -= first.len() as u64;
        let mut rows = first;
        rows.extend(ordered(db, others, window).await?);
        return Ok(rows);
    }
    window.offset = window.offset.saturating_sub(first.len() as u64);
    ordered(db, others, window).await
}

/// Transactions in the order of a window.
async fn ordered(db: &impl ConnectionTrait, all: Condition, window: Window) -> Result<Vec<transaction::Model>, Error> {
    use transaction::Entity;
    let mut page = match window.order {
        TransactionOrder::TransactionTime => Entity::find().filter(all).into_query(),
        TransactionOrder::StatusTime | TransactionOrder::Amount => of_newest(all),
    };
    put_in_order(&mut page, window);
    page.limit(window.limit);
    if window.after.is_none() {
        page.offset(window.offset);
    }
    db.query_all(&page).await?.iter().map(|row| Ok(transaction::Model::from_query_result(row, "")?)).collect()
}

/// Selects the newest of the rows that `all` holds for, under the table's own name.
fn of_newest(all: Condition) -> SelectStatement {
    use transaction::{Column, Entity};
    let mut newest = Entity::find().filter(all).into_query();
    put_in_order(&mut newest, Window::newest(MAX_COUNT));
    newest.limit(MAX_COUNT);
    let columns = Column::iter().map(|column| (Entity, column));
    Query::select().columns(columns).from_subquery(newest, Entity).take()
}

/// Puts rows in the order of a window, from the one behind its position on.
pub(super) fn put_in_order(rows: &mut SelectStatement, window: Window) {
    use transaction::{Column, Entity};
    let (by, id) = (window.order.expr(), Expr::col((Entity, Column::Id)));
    let order = if window.ascending { Order::Asc } else { Order::Desc };
    rows.order_by_expr(by.clone(), order.clone()).order_by((Entity, Column::Id), order);
    match window.after {
        Some((value, last)) if window.ascending => {
            rows.and_where(by.clone().gte(value)).cond_where(Condition::any().add(by.gt(value)).add(id.gt(last)));
        }
        Some((value, last)) => {
            rows.and_where(by.clone().lte(value)).cond_where(Condition::any().add(by.lt(value)).add(id.lt(last)));
        }
        None => {}
    }
}

/// The transactions that `all` (see [`wanted`](super::wanted)) holds for, not counted: for anyone who reads on to the end.
pub async fn transactions_after(
    db: &impl ConnectionTrait,
    all: Condition,
    window: Window,
) -> Result<Vec<transaction::Model>, Error> {
    ordered(db, all, window).await
}

/// A transaction by its id, with its events, oldest first, at most 500.
pub async fn transaction(
    db: &DatabaseConnection,
    scope: Scope,
    id: Uuid,
) -> Result<Option<(transaction::Model, Vec<webhook_event::Model>)>, Error> {
    use webhook_event::Column;
    let found = transaction::Entity::find_by_id(id).filter(scoped(transaction::Column::CompanyId, scope)).one(db).await?;
    let Some(row) = found else { return Ok(None) };
    let events = webhook_event::Entity::find()
        .filter(Column::CompanyId.eq(row.company_id))
        .filter(Column::ResourceId.eq(row.external_id.as_str()))
        .filter(Column::Kind.eq(row.kind.as_str()))
        .order_by_asc(Column::StatusTime)
        .order_by_asc(Column::Id)
        .limit(500)
        .all(db)
        .await?;
    Ok(Some((row, events)))
}
