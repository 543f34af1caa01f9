//! What the read API asks: pages of transactions, accounts and events, newest first, by filter.

use sea_orm::{
    ColumnTrait, Condition, DatabaseConnection, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select,
    sea_query::{ExprTrait, LikeExpr},
};
use uuid::Uuid;

use crate::{
    Error,
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
}

/// Rows and how many there are in all.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The rows, at most one more than asked for is never given.
    pub rows: Vec<T>,
    /// All rows of the filter.
    pub total: u64,
}

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

macro_rules! paged {
    ($entity:ident, $select:expr, $window:expr, $db:expr, $time:ident) => {{
        let select = $select;
        let total = select.clone().count($db).await?;
        let mut page = select.order_by_desc($entity::Column::$time).order_by_desc($entity::Column::Id).limit($window.limit);
        page = match $window.after {
            Some((time, id)) => page.filter(
                Condition::any()
                    .add($entity::Column::$time.lt(time))
                    .add($entity::Column::$time.eq(time).and($entity::Column::Id.lt(id))),
            ),
            None => page.offset($window.offset),
        };
        Ok(Page { rows: page.all($db).await?, total })
    }};
}

/// A page of transactions, newest first by the time they were made.
pub async fn transactions(
    db: &DatabaseConnection,
    scope: Scope,
    filter: &TransactionFilter,
    window: Window,
) -> Result<Page<transaction::Model>, Error> {
    use transaction::Column;
    let mut all = scoped(Column::CompanyId, scope);
    let exact = [
        (Column::Mode, filter.mode),
        (Column::Status, filter.status),
        (Column::Kind, filter.kind),
        (Column::Currency, filter.currency.as_deref()),
        (Column::AccountId, filter.account_id.as_deref()),
        (Column::MerchantRefNum, filter.merchant_ref_num.as_deref()),
    ];
    for (column, value) in exact {
        all = all.add_option(value.map(|v| column.eq(v)));
    }
    all = all
        .add_option(filter.from_ms.map(|ms| Column::TransactionTime.gte(ms)))
        .add_option(filter.until_ms.map(|ms| Column::TransactionTime.lt(ms)));
    if let Some(q) = &filter.q {
        let escaped: String =
            q.chars().flat_map(|c| if matches!(c, '%' | '_' | '\\') { vec!['\\', c] } else { vec![c] }).collect();
        let begins = || LikeExpr::new(format!("{escaped}%")).escape('\\');
        all = all.add(Condition::any().add(Column::ExternalId.like(begins())).add(Column::MerchantRefNum.like(begins())));
    }
    paged!(transaction, transaction::Entity::find().filter(all), window, db, TransactionTime)
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
    paged!(account, account::Entity::find().filter(all), window, db, UpdatedAt)
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
    paged!(webhook_event, webhook_event::Entity::find().filter(all), window, db, ReceivedAt)
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
