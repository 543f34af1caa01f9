//! Transactions: which ones, in which order, and one by its id.

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseConnection, EntityTrait, FromQueryResult, Iterable, Order, QueryFilter,
    QueryOrder, QuerySelect, QueryTrait,
    sea_query::{Expr, ExprTrait, Func, Query, SelectStatement},
};
use uuid::Uuid;

use super::{
    MAX_COUNT, Page, Position, Scope, Window, count, looks,
    lookup::{Lookup, Meant, begins, companies_of, just, with_part},
    scoped,
};
use crate::{
    Error,
    dialect::{COMMON_KIND, COMMON_STATUS},
    entity::{transaction, webhook_event},
};

/// Characters from which on a part of an id or a reference is searched for: fewer are in most of them.
const SHORTEST_PART: usize = 3;

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
        let value = match self {
            Self::TransactionTime => row.transaction_time,
            Self::StatusTime => row.status_time,
            Self::Amount => row.amount.unwrap_or(i64::MIN),
        };
        (value, row.id)
    }
}

/// Filters of transactions; absent ones do not filter.
#[derive(Debug, Clone, Default)]
pub struct TransactionFilter {
    /// `live` or `test`.
    pub mode: Option<&'static str>,
    /// Normal statuses, one of which it has; empty: any.
    pub status: Vec<&'static str>,
    /// Kinds, the same way.
    pub kind: Vec<&'static str>,
    /// ISO 4217, the same way.
    pub currency: Vec<String>,
    /// Upper case, the same way.
    pub payment_method: Vec<String>,
    /// The whole reason.
    pub failure_reason: Option<String>,
    /// In minor units, at least.
    pub amount_min: Option<i64>,
    /// In minor units, at most.
    pub amount_max: Option<i64>,
    /// The merchant's account.
    pub account_id: Option<String>,
    /// The purchase.
    pub merchant_ref_num: Option<String>,
    /// Made at or after, milliseconds.
    pub from_ms: Option<i64>,
    /// Made before, milliseconds.
    pub until_ms: Option<i64>,
    /// Begins the external id or the merchant reference; or is within one of them, of the [`MAX_COUNT`] newest.
    pub q: Option<String>,
}

/// A page of transactions by the time they were made, newest first unless asked otherwise.
pub async fn transactions(
    db: &DatabaseConnection,
    scope: Scope,
    filter: &TransactionFilter,
    window: Window,
) -> Result<Page<transaction::Model>, Error> {
    let indexed = indexed(db, scope, filter).await?;
    let all = indexed.clone().add(unindexed(filter));
    let up_to = |end: Option<Position>, ascending| {
        Condition::all().add(all.clone()).add_option(end.map(|end| looks::up_to(end, ascending)))
    };
    // In another order than that of time it is the newest that are put in order.
    let is_by_time = window.order == TransactionOrder::TransactionTime;
    let begin = Window { after: None, ascending: window.ascending && is_by_time, ..window };
    let first = looks::end(db, filter, &indexed, begin).await?;
    let total = count(db, transaction::Entity, up_to(first, begin.ascending)).await?;
    let end = if is_by_time && window.after.is_some() { looks::end(db, filter, &indexed, window).await? } else { first };
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

/// The transactions that `all` (see [`wanted`]) holds for, not counted: for anyone who reads on to the end.
pub async fn transactions_after(
    db: &impl ConnectionTrait,
    all: Condition,
    window: Window,
) -> Result<Vec<transaction::Model>, Error> {
    ordered(db, all, window).await
}

/// What holds for the transactions of a filter.
pub async fn wanted(db: &impl ConnectionTrait, scope: Scope, filter: &TransactionFilter) -> Result<Condition, Error> {
    Ok(indexed(db, scope, filter).await?.add(unindexed(filter)))
}

/// What stands in figures for those without a currency: ISO 4217's code for none.
const NO_CURRENCY: &str = "XXX";
/// What stands in figures for those without a payment method.
const NO_METHOD: &str = "UNKNOWN";

/// What stands for a currency, or that there is none.
pub fn currency_or_none(currency: &str) -> &str {
    if currency.is_empty() { NO_CURRENCY } else { currency }
}

/// What stands for a payment method, or that none is told.
pub fn method_or_none(method: &str) -> &str {
    if method.is_empty() { NO_METHOD } else { method }
}

/// Whether `wanted` asks for those without a value too, which `none` stands for.
fn names_none(wanted: &[String], none: &str) -> bool {
    wanted.iter().any(|value| value == none)
}

/// What holds for those that have one of `wanted` in `column`, or nothing where `none` is one of them; nothing where all are wanted.
fn one_of_or_none(column: transaction::Column, wanted: &[String], none: &str) -> Option<Condition> {
    let is_one = (!wanted.is_empty()).then(|| Condition::any().add(column.is_in(wanted)))?;
    Some(if names_none(wanted, none) { is_one.add(column.is_null()) } else { is_one })
}

/// What of it no index knows; empty where there is nothing of that kind.
pub(super) fn unindexed(filter: &TransactionFilter) -> Condition {
    use transaction::Column;
    let currency = if names_none(&filter.currency, NO_CURRENCY) { filter.currency.as_slice() } else { &[] };
    Condition::all()
        .add_option(one_of_or_none(Column::Currency, currency, NO_CURRENCY))
        .add_option(one_of_or_none(Column::PaymentMethod, &filter.payment_method, NO_METHOD))
        .add_option(filter.failure_reason.as_deref().map(|reason| Column::FailureReason.eq(reason)))
        .add_option(filter.amount_min.map(|amount| Column::Amount.gte(amount)))
        .add_option(filter.amount_max.map(|amount| Column::Amount.lte(amount)))
}

/// What of it an index finds.
pub(super) async fn indexed(db: &impl ConnectionTrait, scope: Scope, filter: &TransactionFilter) -> Result<Condition, Error> {
    use transaction::Column;
    let mut all = scoped(Column::CompanyId, scope);
    all = all.add_option(filter.mode.map(|mode| Column::Mode.eq(mode)));
    all = one_of(all, Column::Status, &filter.status);
    all = one_of(all, Column::Kind, &filter.kind);
    if !names_none(&filter.currency, NO_CURRENCY) {
        all = one_of(all, Column::Currency, &filter.currency);
    }
    let is_rare = |values: &[&str], common: &str| !values.is_empty() && !values.contains(&common);
    all = all
        // Said in so many words, the partial indexes of what is rare are known to hold the rows.
        .add_option(is_rare(&filter.status, COMMON_STATUS).then(|| is_not("status", COMMON_STATUS)))
        .add_option(is_rare(&filter.kind, COMMON_KIND).then(|| is_not("kind", COMMON_KIND)))
        .add_option(filter.from_ms.map(|ms| Column::TransactionTime.gte(ms)))
        .add_option(filter.until_ms.map(|ms| Column::TransactionTime.lt(ms)));
    if let Some(account) = &filter.account_id {
        let own = Column::AccountId.eq(account.as_str());
        // An account's rows are in the order of time under its company.
        all = if scope == Scope::All { all.add(one_way(db, scope, filter.mode, own).await?) } else { all.add(own) };
    }
    if let Some(reference) = &filter.merchant_ref_num {
        let own = Column::MerchantRefNum.eq(reference.as_str());
        all = all.add(one_way(db, scope, filter.mode, own).await?);
    }
    if let Some(q) = &filter.q {
        let reference = begins(Column::MerchantRefNum, q);
        let companies = companies_of(db, scope).await?;
        let ways = vec![Lookup::by_key(&companies, q), Lookup::by_row(&companies, filter.mode, reference)];
        let mut meant = Meant::in_one_of(db, ways).await?;
        if let Meant::Rows(rows) = &mut meant
            && q.chars().count() >= SHORTEST_PART
        {
            rows.extend(with_part(db, scope, filter.mode, q).await?);
        }
        all = all.add(meant.condition());
    }
    Ok(all)
}

/// What holds for rows for which `own` does, by an index of their company.
async fn one_way(db: &impl ConnectionTrait, scope: Scope, mode: Option<&str>, own: Expr) -> Result<Condition, Error> {
    Ok(Meant::in_one_of(db, vec![Lookup::by_row(&companies_of(db, scope).await?, mode, own)]).await?.condition())
}

/// Narrowed to rows whose `column` has one of `values`, if there are any: of one, by equality, which indexes prefer.
fn one_of(all: Condition, column: impl ColumnTrait, values: &[impl AsRef<str>]) -> Condition {
    match values {
        [] => all,
        [one] => all.add(column.eq(one.as_ref())),
        several => all.add(column.is_in(several.iter().map(AsRef::as_ref))),
    }
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
