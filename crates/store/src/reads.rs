//! What the read API asks: pages of transactions, accounts and events, newest first, by filter.

mod few;
mod filter;
mod looks;
mod lookup;
mod marks;
mod receipt;
mod totals;
mod transactions;

pub use filter::{TransactionFilter, currency_or_none, method_or_none, wanted};
pub use marks::{conflicts, late};
pub use receipt::{Delays, Receipts, receipts};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseConnection, EntityTrait, Order, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait, Select,
    sea_query::{Asterisk, Expr, ExprTrait, Func, Query, SelectStatement},
};
pub use totals::{Totals, totals};
pub use transactions::{TransactionOrder, transaction, transactions, transactions_after};
use uuid::Uuid;

use crate::{
    Error, Scope,
    entity::{account, account_payment_method, account_status, webhook_event},
};

/// The place after which a page begins: time in milliseconds and id of the last row before it.
pub type Position = (i64, Uuid);

/// Which part of the rows is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// Rows at most.
    pub limit: u64,
    /// Rows to pass over; not used after a position.
    pub offset: u64,
    /// Begin after this row.
    pub after: Option<Position>,
    /// The oldest first instead of the newest.
    pub ascending: bool,
    /// By what; lists other than of transactions have one order.
    pub order: TransactionOrder,
}

/// Rows and how many there are in all.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The rows, never more than asked for.
    pub rows: Vec<T>,
    /// All rows of the filter, counted up to [`MAX_COUNT`].
    pub total: u64,
    /// Whether `total` has them all but for that: no row was left out that was not looked at.
    pub is_whole: bool,
    /// Where looking for this page's rows was left off, if others are behind it.
    pub end: Option<Position>,
}

/// Rows that are counted at most: a count must not cost more as the history grows.
pub const MAX_COUNT: u64 = 10_000;

/// The rows of a window.
macro_rules! rows {
    ($entity:ident, $all:expr, $window:expr, $db:expr, $time:ident) => {{
        use $entity::{Column, Entity};
        let (all, window): (Condition, Window) = ($all, $window);
        let order = if window.ascending { Order::Asc } else { Order::Desc };
        let page = Entity::find().filter(all).order_by(Column::$time, order.clone()).order_by(Column::Id, order);
        let page = page.limit(window.limit);
        let page = match window.after {
            Some((time, id)) if window.ascending => {
                page.filter(Column::$time.gte(time)).filter(Condition::any().add(Column::$time.gt(time)).add(Column::Id.gt(id)))
            }
            Some((time, id)) => {
                page.filter(Column::$time.lte(time)).filter(Condition::any().add(Column::$time.lt(time)).add(Column::Id.lt(id)))
            }
            None => page.offset(window.offset),
        };
        page.all($db).await?
    }};
}

/// The same with how many rows there are.
macro_rules! paged {
    ($entity:ident, $all:expr, $window:expr, $db:expr, $time:ident) => {{
        let all: Condition = $all;
        let total = count($db, $entity::Entity, all.clone()).await?;
        Ok(Page { rows: rows!($entity, all, $window, $db, $time), total, is_whole: true, end: None })
    }};
}

/// How many rows `all` holds for, up to [`MAX_COUNT`].
async fn count(db: &impl ConnectionTrait, entity: impl EntityTrait, all: Condition) -> Result<u64, Error> {
    let rows = Query::select().expr(Expr::val(1)).from(entity.table_ref()).cond_where(all).limit(MAX_COUNT).take();
    counted(db, Query::select().from_subquery(rows, "counted").take()).await
}

/// How many rows `all` holds for, however many there are.
pub async fn count_all(db: &impl ConnectionTrait, entity: impl EntityTrait, all: Condition) -> Result<u64, Error> {
    counted(db, Query::select().from(entity.table_ref()).cond_where(all).take()).await
}

/// How many rows `from` has, which selects no column yet.
async fn counted(db: &impl ConnectionTrait, mut from: SelectStatement) -> Result<u64, Error> {
    let row = db.query_one(from.expr_as(Func::count(Expr::col(Asterisk)), "rows")).await?;
    let rows: i64 = row.map(|row| row.try_get("", "rows")).transpose()?.unwrap_or(0);
    Ok(rows.unsigned_abs())
}

/// A page of accounts, the latest changed first.
pub async fn accounts(
    db: &DatabaseConnection,
    scope: Scope,
    status: Option<&str>,
    stage: Option<&str>,
    window: Window,
) -> Result<Page<account::Model>, Error> {
    let all = wanted_accounts(scope, status, stage);
    paged!(account, all, window, db, UpdatedAt)
}

/// The accounts that `all` (see [`wanted_accounts`]) holds for, not counted.
pub async fn accounts_after(db: &impl ConnectionTrait, all: Condition, window: Window) -> Result<Vec<account::Model>, Error> {
    Ok(rows!(account, all, window, db, UpdatedAt))
}

/// What holds for the accounts of a filter.
pub fn wanted_accounts(scope: Scope, status: Option<&str>, stage: Option<&str>) -> Condition {
    use account::Column;
    scoped(Column::CompanyId, scope)
        .add_option(status.map(|s| Column::Status.eq(s)))
        .add_option(stage.map(|s| Column::OnboardingStage.eq(s)))
}

/// An account by its id, with its history, oldest first, at most 500 steps.
pub async fn account(
    db: &DatabaseConnection,
    scope: Scope,
    id: Uuid,
) -> Result<Option<(account::Model, Vec<account_status::Model>)>, Error> {
    use account_status::Column;
    let found = account::Entity::find_by_id(id).filter(scoped(account::Column::CompanyId, scope)).one(db).await?;
    let Some(row) = found else { return Ok(None) };
    let steps = account_status::Entity::find()
        .filter(Column::CompanyId.eq(row.company_id))
        .filter(Column::ExternalId.eq(row.external_id.as_str()))
        .order_by_asc(Column::StatusTime)
        .order_by_asc(Column::Id)
        .limit(500)
        .all(db)
        .await?;
    Ok(Some((row, steps)))
}

/// Accounts whose payment methods are asked for at once: SQLite takes no condition of a thousand parts.
const ACCOUNTS_AT_ONCE: usize = 100;

/// The payment methods of those accounts, at most 100 for each.
pub async fn payment_methods(
    db: &impl ConnectionTrait,
    accounts: &[account::Model],
) -> Result<Vec<account_payment_method::Model>, Error> {
    use account_payment_method::Column;
    let mut methods = Vec::new();
    for some in accounts.chunks(ACCOUNTS_AT_ONCE) {
        let wanted = some.iter().fold(Condition::any(), |any, row| {
            any.add(Column::CompanyId.eq(row.company_id).and(Column::ExternalId.eq(row.external_id.as_str())))
        });
        methods.extend(account_payment_method::Entity::find().filter(wanted).limit(some.len() as u64 * 100).all(db).await?);
    }
    Ok(methods)
}

/// Filters of events; absent ones do not filter.
#[derive(Debug, Clone, Default)]
pub struct EventFilter {
    /// Canonical event name.
    pub name: Option<String>,
    /// `live` or `test`.
    pub mode: Option<&'static str>,
    /// The account.
    pub account_id: Option<String>,
    /// What it is about.
    pub resource_id: Option<String>,
    /// The purchase.
    pub merchant_ref_num: Option<String>,
    /// Received at or after, milliseconds.
    pub from_ms: Option<i64>,
    /// Received before, milliseconds.
    pub until_ms: Option<i64>,
    /// Only those that another event of their event id contradicts.
    pub is_conflicting: bool,
}

/// A page of events, the latest received first.
pub async fn events(
    db: &DatabaseConnection,
    scope: Scope,
    filter: &EventFilter,
    window: Window,
) -> Result<Page<webhook_event::Model>, Error> {
    let all = wanted_events(scope, filter);
    paged!(webhook_event, all, window, db, ReceivedAt)
}

/// The events that `all` (see [`wanted_events`]) holds for, not counted.
pub async fn events_after(db: &impl ConnectionTrait, all: Condition, window: Window) -> Result<Vec<webhook_event::Model>, Error> {
    Ok(rows!(webhook_event, all, window, db, ReceivedAt))
}

/// What holds for the events of a filter.
pub fn wanted_events(scope: Scope, filter: &EventFilter) -> Condition {
    use webhook_event::Column;
    let mut all = scoped(Column::CompanyId, scope);
    let exact = [
        (Column::Name, filter.name.as_deref()),
        (Column::Mode, filter.mode),
        (Column::AccountId, filter.account_id.as_deref()),
        (Column::ResourceId, filter.resource_id.as_deref()),
        (Column::MerchantRefNum, filter.merchant_ref_num.as_deref()),
    ];
    for (column, value) in exact {
        all = all.add_option(value.map(|v| column.eq(v)));
    }
    all = all
        .add_option(filter.from_ms.map(|ms| Column::ReceivedAt.gte(ms)))
        .add_option(filter.until_ms.map(|ms| Column::ReceivedAt.lt(ms)));
    if filter.is_conflicting {
        use crate::entity::event_conflict;
        let marked = event_conflict::Entity::find().select_only().column(event_conflict::Column::EventId).into_query();
        all = all.add(Column::Id.in_subquery(marked));
    }
    all
}

/// An event by its id.
pub async fn event(db: &DatabaseConnection, scope: Scope, id: Uuid) -> Result<Option<webhook_event::Model>, Error> {
    let found: Select<webhook_event::Entity> =
        webhook_event::Entity::find_by_id(id).filter(scoped(webhook_event::Column::CompanyId, scope));
    Ok(found.one(db).await?)
}

pub(crate) fn scoped(column: impl ColumnTrait, scope: Scope) -> Condition {
    match scope {
        Scope::All => Condition::all(),
        Scope::Company(id) => Condition::all().add(column.eq(id)),
    }
}
