//! Transactions: which ones, in which order, and one by its id.

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseConnection, EntityTrait, Order, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, Func},
};
use uuid::Uuid;

use super::{
    Page, Position, Scope, Window, count,
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

/// By what transactions are put in order.
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
            Self::Amount => Func::coalesce([transaction::Column::Amount.into_expr(), Expr::val(i64::MIN)]).into(),
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
    /// Begins the external id or the merchant reference; or is within one of them, of the [`super::MAX_COUNT`] newest.
    pub q: Option<String>,
}

/// A page of transactions by the time they were made, newest first unless asked otherwise.
pub async fn transactions(
    db: &DatabaseConnection,
    scope: Scope,
    filter: &TransactionFilter,
    window: Window,
) -> Result<Page<transaction::Model>, Error> {
    let all = wanted(db, scope, filter).await?;
    let total = count(db, transaction::Entity, all.clone()).await?;
    Ok(Page { rows: found_first(db, scope, filter, all, window).await?, total })
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
    let newest = Window { limit: window.limit, offset: 0, after: None, ascending: false, order: TransactionOrder::default() };
    let first = ordered(db, exact, newest).await?;
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
    use transaction::{Column, Entity};
    let (by, order) = (window.order.expr(), if window.ascending { Order::Asc } else { Order::Desc });
    let page = Entity::find().filter(all).order_by(by.clone(), order.clone()).order_by(Column::Id, order).limit(window.limit);
    let page = match window.after {
        Some((value, id)) if window.ascending => {
            page.filter(by.clone().gte(value)).filter(Condition::any().add(by.gt(value)).add(Column::Id.gt(id)))
        }
        Some((value, id)) => page.filter(by.clone().lte(value)).filter(Condition::any().add(by.lt(value)).add(Column::Id.lt(id))),
        None => page.offset(window.offset),
    };
    Ok(page.all(db).await?)
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
    use transaction::Column;
    let mut all = scoped(Column::CompanyId, scope);
    all = all.add_option(filter.mode.map(|mode| Column::Mode.eq(mode)));
    all = one_of(all, Column::Status, &filter.status);
    all = one_of(all, Column::Kind, &filter.kind);
    all = one_of(all, Column::Currency, &filter.currency);
    all = one_of(all, Column::PaymentMethod, &filter.payment_method);
    let is_rare = |values: &[&str], common: &str| !values.is_empty() && !values.contains(&common);
    all = all
        .add_option(filter.failure_reason.as_deref().map(|reason| Column::FailureReason.eq(reason)))
        .add_option(filter.amount_min.map(|amount| Column::Amount.gte(amount)))
        .add_option(filter.amount_max.map(|amount| Column::Amount.lte(amount)))
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
