//! Buckets as they are read, with what is not folded into them yet.

use std::{borrow::Cow, collections::BTreeMap};

use common::{Grain, Mode, Series, Sum, WebhookOutcome};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, Iden, QueryResult,
    sea_query::{Alias, Expr, ExprTrait, Func, Query, SelectStatement, UnionType},
};
use uuid::Uuid;

use super::ALL;
use crate::{
    Error, Scope,
    dialect::{self, distributed},
    entity::{rollup, rollup_delta},
    wide,
};

/// Companies that a bucket of `grain` since `from_ms`, or a difference that is still to be folded, has anything of, each with how
/// much that counts: another number says that there is more. By one statement, however many companies there are.
pub async fn traffic(db: &DatabaseConnection, grain: Grain, from_ms: i64) -> Result<BTreeMap<Uuid, i64>, Error> {
    use rollup::Column;
    use rollup_delta::Column as Delta;
    let waiting = Query::select()
        .columns([Delta::CompanyId, Delta::Count])
        .from(rollup_delta::Entity)
        .and_where(Expr::col(Delta::Mode).eq(Mode::Live.as_str()))
        .take();
    let cells = Query::select()
        .columns([Column::CompanyId, Column::Count])
        .from(rollup::Entity)
        .and_where(Expr::col(Column::Grain).eq(grain.as_str()))
        .and_where(Expr::col(Column::Mode).eq(Mode::Live.as_str()))
        .and_where(Expr::col(Column::Bucket).gte(from_ms))
        .union(UnionType::All, waiting)
        .take();
    let total = Expr::from(Func::sum(Expr::col(Column::Count))).cast_as("bigint");
    let by_company = Query::select()
        .column(Column::CompanyId)
        .expr_as(total, "total")
        .from_subquery(cells, "cells")
        .group_by_col(Column::CompanyId)
        .take();
    let mut traffic = BTreeMap::new();
    for row in db.query_all(&by_company).await? {
        let company: Uuid = row.try_get("", Column::CompanyId.unquoted())?;
        if !company.is_nil() && company != ALL.0 {
            traffic.insert(company, row.try_get("", "total")?);
        }
    }
    Ok(traffic)
}

/// The sum of a series in a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    /// The bucket's start, in milliseconds since 1970 UTC.
    pub bucket_ms: i64,
    /// What is counted.
    pub series: Series,
    /// How many and how much.
    pub sum: Sum,
}

/// How many of the webhooks that `points` count were redeliveries, and how many there are in all.
pub fn redelivered(points: &[Point]) -> (i64, i64) {
    points.iter().fold((0, 0), |(again, all), point| match point.series {
        Series::Webhooks(WebhookOutcome::Duplicate) => (again + point.sum.count, all + point.sum.count),
        Series::Webhooks(_) => (again, all + point.sum.count),
        _ => (again, all),
    })
}

/// Every sum of that grain from `from_ms`, a bucket's start, up to `until_ms`, of what is committed.
pub async fn read(
    db: &impl ConnectionTrait,
    scope: Scope,
    mode: Mode,
    grain: Grain,
    from_ms: i64,
    until_ms: i64,
) -> Result<Vec<Point>, Error> {
    points(db, &by_bucket(cells(scope, mode, grain, from_ms, until_ms))).await
}

/// The same, each series summed over the whole span: as many rows as there are series, however long that is. Its points have no
/// bucket.
pub async fn totals(
    db: &impl ConnectionTrait,
    scope: Scope,
    mode: Mode,
    grain: Grain,
    from_ms: i64,
    until_ms: i64,
) -> Result<Vec<Point>, Error> {
    points(db, &summed(cells(scope, mode, grain, from_ms, until_ms), Expr::cust("CAST(0 AS bigint)"))).await
}

async fn points(db: &impl ConnectionTrait, select: &SelectStatement) -> Result<Vec<Point>, Error> {
    let (mut points, mut large) = (Vec::new(), BTreeMap::<(i64, String), Sum>::new());
    for row in db.query_all(select).await? {
        let kept: String = row.try_get("", "series")?;
        let (series, sum) = wide_sum(&row, &kept)?;
        let bucket_ms = row.try_get("", "bucket")?;
        if let Cow::Owned(series) = series {
            large.insert((bucket_ms, series), sum);
        } else if let Some(series) = Series::parse(&series) {
            points.push(Point { bucket_ms, series, sum });
        }
    }
    for point in &mut points {
        if large.is_empty() {
            break;
        }
        if let Some(sum) = large.remove(&(point.bucket_ms, point.series.to_string())) {
            point.sum.add(sum);
        }
    }
    let rest = large.into_iter().filter_map(|((bucket_ms, series), sum)| Some((bucket_ms, Series::parse(&series)?, sum)));
    points.extend(rest.map(|(bucket_ms, series, sum)| Point { bucket_ms, series, sum }));
    Ok(points)
}

/// Buckets and what is not folded into them yet, in one statement: one look at one moment. On a distributed database all companies
/// together are the sum of each: a company's buckets and differences are on one server, which looks at both at one moment.
fn cells(scope: Scope, mode: Mode, grain: Grain, from_ms: i64, until_ms: i64) -> SelectStatement {
    use rollup::Column;
    use rollup_delta::Column as Delta;
    let whose = match scope {
        Scope::All => ALL.0,
        Scope::Company(id) => id,
    };
    let is_summed = scope == Scope::All && distributed::is_known();
    // By the company Citus sees that each server can add up its own.
    let (own, of_difference) = if is_summed { (vec![Column::CompanyId], vec![Delta::CompanyId]) } else { (vec![], vec![]) };
    let mut waiting = Query::select();
    waiting
        .columns(of_difference)
        .expr_as(dialect::bucket_of(Delta::Bucket.unquoted(), grain.ms()), "bucket")
        .columns([Delta::Series, Delta::Count, Delta::Amount])
        .from(rollup_delta::Entity)
        .and_where(Expr::col(Delta::Mode).eq(mode.as_str()))
        .and_where(Expr::col(Delta::Bucket).gte(from_ms))
        .and_where(Expr::col(Delta::Bucket).lt(until_ms));
    if let Scope::Company(id) = scope {
        waiting.and_where(Expr::col(Delta::CompanyId).eq(id));
    }
    let company = Expr::col(Column::CompanyId);
    Query::select()
        .columns(own)
        .columns([Column::Bucket, Column::Series, Column::Count, Column::Amount])
        .from(rollup::Entity)
        .and_where(if is_summed { company.ne(ALL.0) } else { company.eq(whose) })
        .and_where(Expr::col(Column::Grain).eq(grain.as_str()))
        .and_where(Expr::col(Column::Mode).eq(mode.as_str()))
        .and_where(Expr::col(Column::Bucket).gte(from_ms))
        .and_where(Expr::col(Column::Bucket).lt(until_ms))
        .union(UnionType::All, waiting)
        .take()
}

/// The sums of `cells` by bucket and series.
fn by_bucket(cells: SelectStatement) -> SelectStatement {
    summed(cells, Expr::col(Alias::new("bucket"))).group_by_col(Alias::new("bucket")).take()
}

/// The sums of `cells` by series, each with that as its bucket.
fn summed(cells: SelectStatement, bucket: Expr) -> SelectStatement {
    let total = |column: &str| Expr::from(Func::sum(Expr::col(Alias::new(column)))).cast_as("bigint");
    let series = Alias::new("series");
    Query::select()
        .expr_as(bucket, "bucket")
        .column(series.clone())
        .expr_as(total("count"), "count")
        .expr_as(total("amount"), "amount")
        .from_subquery(cells, "cells")
        .group_by_col(series)
        .take()
}

/// The series and the sum that a row is a part of, where `series` is the row's.
pub(super) fn wide_sum<'s>(row: &QueryResult, series: &'s str) -> Result<(Cow<'s, str>, Sum), Error> {
    Ok(wide::sum(series, row.try_get("", "count")?, row.try_get("", "amount")?))
}
