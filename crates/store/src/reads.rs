//! What the read API asks: pages of transactions, accounts and events, newest first, by filter.

mod lookup;
mod marks;

use lookup::{Lookup, begins, companies_of, looked_up};
pub use marks::{conflicts, late};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseConnection, EntityTrait, Order, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait, Select,
    sea_query::{Asterisk, Expr, ExprTrait, Func, Query},
};
use uuid::Uuid;

use crate::{
    Error,
    dialect::{COMMON_KIND, COMMON_STATUS},
    entity::{account, account_payment_method, account_status, transaction, webhook_event},
};

/// Which rows one may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// All companies, and rows of none.
    All,
    /// One company's.
    Company(Uuid),
}

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
}

/// Rows and how many there are in all.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The rows, never more than asked for.
    pub rows: Vec<T>,
    /// All rows of the filter, counted up to [`MAX_COUNT`].
    pub total: u64,
}

/// Rows that are counted at most: a count must not cost more as the history grows.
pub const MAX_COUNT: u64 = 10_000;

/// Filters of transactions; absent ones do not filter.
#[derive(Debug, Clone, Default)]
pub struct TransactionFilter {
    /// `live` or `test`.
    pub mode: Option<&'static str>,
    /// Normal status.
    pub status: Option<&'static str>,
    /// Kind.
    pub kind: Option<&'static str>,
    /// ISO 4217.
    pub currency: Option<String>,
    /// The merchant's account.
    pub account_id: Option<String>,
    /// The purchase.
    pub merchant_ref_num: Option<String>,
    /// Made at or after, milliseconds.
    pub from_ms: Option<i64>,
    /// Made before, milliseconds.
    pub until_ms: Option<i64>,
    /// Begins the external id or the merchant reference.
    pub q: Option<String>,
}

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
        Ok(Page { rows: rows!($entity, all, $window, $db, $time), total })
    }};
}

/// How many rows `all` holds for, up to [`MAX_COUNT`].
async fn count(db: &DatabaseConnection, entity: impl EntityTrait, all: Condition) -> Result<u64, Error> {
    let rows = Query::select().expr(Expr::val(1)).from(entity.table_ref()).cond_where(all).limit(MAX_COUNT).take();
    let count = Query::select().expr_as(Func::count(Expr::col(Asterisk)), "rows").from_subquery(rows, "counted").take();
    let row = db.query_one(&count).await?;
    let rows: i64 = row.map(|row| row.try_get("", "rows")).transpose()?.unwrap_or(0);
    Ok(rows.unsigned_abs())
}

/// A page of transactions by the time they were made, newest first unless asked otherwise.
pub async fn transactions(
    db: &DatabaseConnection,
    scope: Scope,
    filter: &TransactionFilter,
    window: Window,
) -> Result<Page<transaction::Model>, Error> {
    let all = wanted(db, scope, filter).await?;
    paged!(transaction, all, window, db, TransactionTime)
}

/// The same rows, not counted: for anyone who reads on to the end.
pub async fn transactions_after(
    db: &DatabaseConnection,
    scope: Scope,
    filter: &TransactionFilter,
    window: Window,
) -> Result<Vec<transaction::Model>, Error> {
    let all = wanted(db, scope, filter).await?;
    Ok(rows!(transaction, all, window, db, TransactionTime))
}

/// What holds for the transactions of a filter.
async fn wanted(db: &DatabaseConnection, scope: Scope, filter: &TransactionFilter) -> Result<Condition, Error> {
    use transaction::Column;
    let mut all = scoped(Column::CompanyId, scope);
    let exact = [
        (Column::Mode, filter.mode),
        (Column::Status, filter.status),
        (Column::Kind, filter.kind),
        (Column::Currency, filter.currency.as_deref()),
    ];
    for (column, value) in exact {
        all = all.add_option(value.map(|v| column.eq(v)));
    }
    all = all
        // Said in so many words, the partial indexes of what is rare are known to hold the rows.
        .add_option(filter.status.filter(|s| *s != COMMON_STATUS).map(|_| is_not("status", COMMON_STATUS)))
        .add_option(filter.kind.filter(|k| *k != COMMON_KIND).map(|_| is_not("kind", COMMON_KIND)))
        .add_option(filter.from_ms.map(|ms| Column::TransactionTime.gte(ms)))
        .add_option(filter.until_ms.map(|ms| Column::TransactionTime.lt(ms)));
    if let Some(account) = &filter.account_id {
        let own = Column::AccountId.eq(account.as_str());
        // An account's rows lie in the order of time under its company.
        all = if scope == Scope::All {
            all.add(looked_up(db, vec![Lookup::by_row(&companies_of(db, scope).await?, filter.mode, own)]).await?)
        } else {
            all.add(own)
        };
    }
    if let Some(reference) = &filter.merchant_ref_num {
        let own = Column::MerchantRefNum.eq(reference.as_str());
        all = all.add(looked_up(db, vec![Lookup::by_row(&companies_of(db, scope).await?, filter.mode, own)]).await?);
    }
    if let Some(q) = &filter.q {
        let reference = begins(Column::MerchantRefNum, q);
        let companies = companies_of(db, scope).await?;
        let ways = vec![Lookup::by_key(&companies, q), Lookup::by_row(&companies, filter.mode, reference)];
        all = all.add(looked_up(db, ways).await?);
    }
    Ok(all)
}

/// As a literal: a bound value would prove nothing to a planner.
fn is_not(column: &str, name: &str) -> Expr {
    Expr::cust(format!(r#""transactions"."{column}" <> '{name}'"#))
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

/// A page of accounts, the latest changed first.
pub async fn accounts(
    db: &DatabaseConnection,
    scope: Scope,
    status: Option<&str>,
    stage: Option<&str>,
    window: Window,
) -> Result<Page<account::Model>, Error> {
    use account::Column;
    let all = scoped(Column::CompanyId, scope)
        .add_option(status.map(|s| Column::Status.eq(s)))
        .add_option(stage.map(|s| Column::OnboardingStage.eq(s)));
    paged!(account, all, window, db, UpdatedAt)
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

/// The payment methods of those accounts, at most 100 for each.
pub async fn payment_methods(
    db: &DatabaseConnection,
    accounts: &[account::Model],
) -> Result<Vec<account_payment_method::Model>, Error> {
    use account_payment_method::Column;
    if accounts.is_empty() {
        return Ok(Vec::new());
    }
    let wanted = accounts.iter().fold(Condition::any(), |any, row| {
        any.add(Column::CompanyId.eq(row.company_id).and(Column::ExternalId.eq(row.external_id.as_str())))
    });
    Ok(account_payment_method::Entity::find().filter(wanted).limit(accounts.len() as u64 * 100).all(db).await?)
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
    paged!(webhook_event, all, window, db, ReceivedAt)
}

/// An event by its id.
pub async fn event(db: &DatabaseConnection, scope: Scope, id: Uuid) -> Result<Option<webhook_event::Model>, Error> {
    let found: Select<webhook_event::Entity> =
        webhook_event::Entity::find_by_id(id).filter(scoped(webhook_event::Column::CompanyId, scope));
    Ok(found.one(db).await?)
}

fn scoped(column: impl ColumnTrait, scope: Scope) -> Condition {
    match scope {
        Scope::All => Condition::all(),
        Scope::Company(id) => Condition::all().add(column.eq(id)),
    }
}
