//! The same sums as roll-ups have, counted from the rows: for spans whose edges no kept bucket meets. Exact, and slower the more
//! rows there are.

use common::{Grain, Kind, Mode, Series, Status, Sum, WebhookOutcome};
use sea_orm::{
    ConnectionTrait, Iden, QueryResult,
    sea_query::{Alias, Asterisk, Expr, ExprTrait, Func, Query, SelectStatement},
};

use crate::{
    Error, Scope,
    dialect::bucket_of,
    entity::{failed_webhook, transaction, webhook_event},
    rollups::{self, Point},
};

/// Amounts are summed in two parts, so that no database's integers overflow: SQLite refuses a sum beyond 64 bits.
const PART: i64 = 1_000_000_000;

/// What roll-ups tell transactions apart by.
const COLUMNS: [&str; 5] = ["kind", "status", "currency", "payment_method", "outcome"];

/// Which rows are counted, and how finely.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// Whose.
    pub scope: Scope,
    /// Live or test.
    pub mode: Mode,
    /// At or after, in milliseconds since 1970 UTC.
    pub from_ms: i64,
    /// Before.
    pub until_ms: i64,
    /// The width of a bucket in milliseconds.
    pub width_ms: i64,
    /// Only what was received by then, and of transactions those of which no webhook came since, in milliseconds since 1970 UTC.
    pub as_of_ms: Option<i64>,
}

impl Span {
    /// The begin of the bucket that has `ms`.
    pub(crate) fn bucket(&self, ms: i64) -> i64 {
        ms - ms.rem_euclid(self.width_ms)
    }
}

/// Recognised redeliveries, which no row tells of: from the roll-ups of `grain`, so by whole ones of its buckets.
pub async fn duplicates(db: &impl ConnectionTrait, span: Span, grain: Grain) -> Result<Vec<Point>, Error> {
    let received = rollups::read(db, span.scope, span.mode, grain, grain.bucket(span.from_ms), span.until_ms).await?;
    let duplicates = received.into_iter().filter(|point| point.series == Series::Webhooks(WebhookOutcome::Duplicate));
    Ok(duplicates.map(|point| Point { bucket_ms: span.bucket(Ord::max(point.bucket_ms, span.from_ms)), ..point }).collect())
}

/// Every sum of the span that rows tell of, by buckets of its width; [`duplicates`] are the rest.
pub async fn read(db: &impl ConnectionTrait, span: Span) -> Result<Vec<Point>, Error> {
    let mut points = Vec::new();
    for row in db.query_all(&transactions(span)).await? {
        points.extend(transaction_point(&row)?);
    }
    for row in db.query_all(&failures(span)).await? {
        let reason: String = row.try_get("", "reason")?;
        points.push(Point { bucket_ms: row.try_get("", "bucket")?, series: Series::failure(&reason), sum: counted(&row)? });
    }
    for (select, outcome) in [
        (within(span, &webhook_event::Entity, webhook_event::Column::ReceivedAt.unquoted()), WebhookOutcome::Processed),
        (within(span, &failed_webhook::Entity, failed_webhook::Column::ReceivedAt.unquoted()), WebhookOutcome::Failed),
    ] {
        for row in db.query_all(&select).await? {
            points.push(Point { bucket_ms: row.try_get("", "bucket")?, series: Series::Webhooks(outcome), sum: counted(&row)? });
        }
    }
    Ok(points)
}

/// A column of transactions that no roll-up has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// The merchant's account; all transactions.
    Account,
    /// Why it failed or was sent back; those transactions alone.
    FailureReason,
}

/// The sums of the span's transactions by `column`; empty where it is not known.
pub async fn by_column(db: &impl ConnectionTrait, span: Span, column: Column) -> Result<Vec<(String, Point)>, Error> {
    let name = if column == Column::Account { "account_id" } else { "failure_reason" };
    let own = || Expr::col(Alias::new(name));
    let mut select = transactions(span);
    select.expr_as(own(), "own").group_by_col(Alias::new(name));
    if column == Column::FailureReason {
        select.and_where(own().is_not_null());
    }
    let mut named = Vec::new();
    for row in db.query_all(&select).await? {
        let own: Option<String> = row.try_get("", "own")?;
        named.extend(transaction_point(&row)?.map(|point| (own.unwrap_or_default(), point)));
    }
    Ok(named)
}

fn counted(row: &QueryResult) -> Result<Sum, Error> {
    Ok(Sum { count: row.try_get("", "n")?, amount: 0 })
}

pub(crate) fn transaction_point(row: &QueryResult) -> Result<Option<Point>, Error> {
    let text = |name: &str| row.try_get::<Option<String>>("", name).map(Option::unwrap_or_default);
    let (kind, status) = (Kind::parse(&text("kind")?), Status::parse(&text("status")?));
    let (Some(kind), Some(status)) = (kind, status) else { return Ok(None) };
    let part = |name: &str| row.try_get::<Option<i64>>("", name).map(|part| i128::from(part.unwrap_or(0)));
    let series = Series::Transactions {
        kind,
        status,
        currency: text("currency")?.into(),
        payment_method: text("payment_method")?.into(),
        outcome: if kind == Kind::Chargeback { text("outcome")? } else { String::new() }.into(),
    };
    let sum = Sum { count: row.try_get("", "n")?, amount: part("high")? * i128::from(PART) + part("low")? };
    Ok(Some(Point { bucket_ms: row.try_get("", "bucket")?, series, sum }))
}

/// What all of them have: the rows of the span by `time`, by bucket.
fn within(span: Span, table: &impl Iden, time: &'static str) -> SelectStatement {
    let column = |name: &'static str| Expr::col(Alias::new(name));
    let mut select = Query::select();
    select
        .expr_as(bucket_of(time, span.width_ms), "bucket")
        .expr_as(Func::count(Expr::col(Asterisk)), "n")
        .from(Alias::new(table.to_string()))
        .and_where(column("mode").eq(span.mode.as_str()))
        .and_where(column(time).gte(span.from_ms))
        .and_where(column(time).lt(span.until_ms))
        .group_by_col(Alias::new("bucket"));
    if let Some(as_of) = span.as_of_ms {
        let last = if time == "transaction_time" { "updated_at" } else { time };
        select.and_where(column(last).lte(as_of));
    }
    if let Scope::Company(id) = span.scope {
        select.and_where(column("company_id").eq(id));
    }
    select
}

fn transactions(span: Span) -> SelectStatement {
    let mut select = within(span, &transaction::Entity, "transaction_time");
    sum_up(&mut select);
    select
}

/// By what roll-ups have, the sums of amounts as [`transaction_point`] reads them.
fn sum_up(select: &mut SelectStatement) {
    for name in COLUMNS {
        select.column(Alias::new(name)).group_by_col(Alias::new(name));
    }
    let amount = || Expr::col(Alias::new("amount"));
    let sum = |part: Expr| Expr::from(Func::sum(part)).cast_as("bigint");
    select.expr_as(sum(amount().div(PART)), "high").expr_as(sum(amount().modulo(PART)), "low");
}

/// The sums of the transactions that `rows` selects, by what roll-ups have, without a bucket.
pub(crate) fn of_rows(rows: SelectStatement) -> SelectStatement {
    let mut select = Query::select();
    select
        .expr_as(Expr::cust("CAST(0 AS bigint)"), "bucket")
        .expr_as(Func::count(Expr::col(Asterisk)), "n")
        .from_subquery(rows, "summed");
    sum_up(&mut select);
    select
}

fn failures(span: Span) -> SelectStatement {
    let mut select = within(span, &transaction::Entity, "transaction_time");
    let reason = || Expr::col(Alias::new("failure_reason"));
    select.expr_as(reason(), "reason").and_where(reason().is_not_null()).group_by_col(Alias::new("failure_reason")).take()
}
