//! Whether all that the queue counts as stored is in the database: the queue's counters are held against the database's own figures,
//! however long ago its claims were forgotten. A database that comes from a backup lacks what was stored since.
//!
//! Both count from different beginnings, so their difference is noted: when the queue's counters begin, when the operator settled what
//! was lost, and whenever it is found to be less. Every reading errs to the same side: less may be told as missing than is, and never
//! more.

use common::WebhookOutcome;
use sea_orm::{
    ConnectionTrait, DatabaseConnection,
    sea_query::{Expr, ExprTrait, Func, Query, UnionType},
};
use serde::{Deserialize, Serialize};

use crate::{
    Error,
    dialect::distributed,
    entity::{rollup, rollup_delta},
    rollups::ALL,
    state,
};
use common::{Grain, Series};

/// What the counters of a queue say.
#[derive(Debug, Clone, Copy)]
pub struct Counted<'c> {
    /// Which queue it is.
    pub queue: &'c str,
    /// Which of its counters: others have another name.
    pub instance: &'c str,
    /// Webhooks that it had stored: none that is not, and none twice.
    pub stored: i64,
    /// Webhooks that workers hold, some of which may be stored already.
    pub active: i64,
}

/// The difference of a queue's counters and the database's figures, as it is when nothing is lost.
#[derive(Debug, Serialize, Deserialize)]
struct Balance {
    instance: String,
    /// What the counters are ahead at most.
    ahead: i64,
}

fn name(queue: &str) -> String {
    format!("queue.{queue}.balance")
}

/// Webhooks that the database ever stored, by its days' figures, which are kept for ever. To be read before the counters that
/// [`settle`] is given, and read by [`missing`] after those that it is given.
pub async fn stored(db: &impl ConnectionTrait) -> Result<i64, Error> {
    use rollup::Column;
    use rollup_delta::Column as Delta;
    let series = Series::Webhooks(WebhookOutcome::Processed).to_string();
    let waiting = Query::select()
        .columns([Delta::CompanyId, Delta::Count])
        .from(rollup_delta::Entity)
        .and_where(Expr::col(Delta::Series).eq(series.as_str()))
        .take();
    let company = Expr::col(Column::CompanyId);
    let days = Query::select()
        .columns([Column::CompanyId, Column::Count])
        .from(rollup::Entity)
        .and_where(if distributed::is_known() { company.ne(ALL.0) } else { company.eq(ALL.0) })
        .and_where(Expr::col(Column::Grain).eq(Grain::Day.as_str()))
        .and_where(Expr::col(Column::Series).eq(series.as_str()))
        .union(UnionType::All, waiting)
        .take();
    let total = Expr::from(Func::coalesce([Func::sum(Expr::col(Column::Count)).into(), Expr::val(0)])).cast_as("bigint");
    let sum = Query::select().expr_as(total, "total").from_subquery(days, "days").take();
    let row = db.query_one(&sum).await?;
    Ok(row.map(|row| row.try_get("", "total")).transpose()?.unwrap_or(0))
}

async fn noted(db: &DatabaseConnection, counted: &Counted<'_>) -> Result<Option<Balance>, Error> {
    let text = state::get(db, &name(counted.queue)).await?;
    let balance: Option<Balance> = text.and_then(|text| serde_json::from_str(&text).ok());
    Ok(balance.filter(|balance| balance.instance == counted.instance))
}

/// Notes how they differ now where that is less than what is noted, as it is after events were stored that no queue had, or where
/// nothing is. [`stored`] gave `stored` before `counted` was read.
pub async fn keep(db: &DatabaseConnection, stored: i64, counted: &Counted<'_>) -> Result<(), Error> {
    match noted(db, counted).await? {
        Some(balance) if balance.ahead <= ahead(stored, counted) => Ok(()),
        _ => settle(db, stored, counted).await,
    }
}

/// By how much the counters can be ahead at most: what workers hold and is stored is not in them yet.
const fn ahead(stored: i64, counted: &Counted<'_>) -> i64 {
    counted.stored + counted.active - stored
}

/// Notes how they differ now, whatever was lost, where [`stored`] gave `stored` before `counted` was read.
pub async fn settle(db: &DatabaseConnection, stored: i64, counted: &Counted<'_>) -> Result<(), Error> {
    let balance = Balance { instance: counted.instance.to_owned(), ahead: ahead(stored, counted) };
    let text = serde_json::to_string(&balance).map_err(|e| Error::Refused(e.to_string()))?;
    Ok(state::set(db, &name(counted.queue), &text).await?)
}

/// How many webhooks that the queue had stored since the difference was noted the database does not have, at least; none where it
/// is not noted.
pub async fn missing(db: &DatabaseConnection, counted: &Counted<'_>) -> Result<Option<i64>, Error> {
    let Some(balance) = noted(db, counted).await? else { return Ok(None) };
    let missing = counted.stored - balance.ahead - stored(db).await?;
    Ok(Some(Ord::max(missing, 0)))
}
