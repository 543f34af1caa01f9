//! What is new in a run, and what is gone since the run before: counted once, when it ends, and kept with it; a list of runs counts
//! nothing. What somebody decides about an item takes it away from there.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, DatabaseTransaction, EntityTrait, ExprTrait, QueryFilter, QueryOrder,
    Statement, sea_query::Expr,
};
use uuid::Uuid;

use super::WRITTEN_AT_ONCE;
use crate::{
    Error,
    entity::reconciliation::{Column, Entity, Model},
};

/// How many of a run's open differences the run before had not, and how many of that one are gone; none: there is none before, or
/// the run has not come to its end.
pub type Changes = Option<(u64, u64)>;

/// What is kept of it with `run`.
fn kept(run: &Model) -> Changes {
    run.before_id.filter(|before| !before.is_nil())?;
    Some((run.new_count?.unsigned_abs(), run.gone_count?.unsigned_abs()))
}

/// What changed since the run before. Of a run that a version before this one ended it is counted here, and kept.
pub async fn changes(db: &DatabaseConnection, run: &Model) -> Result<Changes, Error> {
    if run.finished_at.is_none() || run.before_id.is_some() {
        return Ok(kept(run));
    }
    let tx = crate::begin(db).await?;
    let run = counted(&tx, run.clone()).await?;
    let keep = Entity::update_many()
        .col_expr(Column::BeforeId, Expr::value(run.before_id))
        .col_expr(Column::NewCount, Expr::value(run.new_count))
        .col_expr(Column::GoneCount, Expr::value(run.gone_count))
        .filter(Column::CompanyId.eq(run.company_id))
        .filter(Column::Id.eq(run.id));
    keep.exec(&tx).await?;
    tx.commit().await?;
    Ok(kept(&run))
}

/// `run`, whose items are counted, with what changed since the run before.
pub(super) async fn counted(tx: &DatabaseTransaction, mut run: Model) -> Result<Model, Error> {
    let Some(before) = run_before(tx, &run).await? else {
        run.before_id = Some(Uuid::nil());
        return Ok(run);
    };
    run.before_id = Some(before.id);
    run.new_count = Some(open_only_in(tx, &run, before.id).await?);
    run.gone_count = Some(open_only_in(tx, &before, run.id).await?);
    Ok(run)
}

/// The comparison before `run` of the same company and mode, of those that came to their end.
async fn run_before(tx: &DatabaseTransaction, run: &Model) -> Result<Option<Model>, Error> {
    let own = Entity::find().filter(Column::CompanyId.eq(run.company_id)).filter(Column::Mode.eq(run.mode.as_str()));
    let before = own.filter(Column::Id.lt(run.id)).filter(Column::FinishedAt.is_not_null());
    Ok(before.order_by_desc(Column::Id).one(tx).await?)
}

/// How many open differences `run` has and `other` has not. Where all is well, nobody is asked.
async fn open_only_in(tx: &DatabaseTransaction, run: &Model, other: Uuid) -> Result<i64, Error> {
    if run.missing_here + run.missing_there + run.differing == 0 {
        return Ok(0);
    }
    only_in(tx, run, other, "i.finding <> 'malformed' AND i.state = 'open'").await
}

/// How many items of `run`, a row `i`, for which `wanted` holds, are not in `other`.
async fn only_in(tx: &DatabaseTransaction, run: &Model, other: Uuid, wanted: &str) -> Result<i64, Error> {
    let sql = format!(
        "SELECT COUNT(*) AS n FROM reconciliation_items i WHERE i.company_id = $1 AND i.reconciliation_id = $2 AND {wanted}
         AND NOT EXISTS (SELECT 1 FROM reconciliation_items o
           WHERE o.company_id = i.company_id AND o.item_key = i.item_key AND o.reconciliation_id = $3)"
    );
    let values = [run.company_id.into(), run.id.into(), other.into()];
    let row = tx.query_one_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await?;
    Ok(row.map(|row| row.try_get("", "n")).transpose()?.unwrap_or(0))
}

/// Items of `run` with these numbers are open no longer: they are not new any more, nor gone in the runs after it.
pub(super) async fn settled(tx: &DatabaseTransaction, run: &Model, numbers: &[i64]) -> Result<(), Error> {
    let own = || Entity::find().filter(Column::CompanyId.eq(run.company_id));
    // As it is now, not as whoever decides has read it.
    let Some(now) = own().filter(Column::Id.eq(run.id)).one(tx).await? else { return Ok(()) };
    if let Some(before) = now.before_id.filter(|before| !before.is_nil()) {
        less(tx, &now, Column::NewCount, count(tx, run, before, numbers).await?).await?;
    }
    for after in own().filter(Column::BeforeId.eq(run.id)).all(tx).await? {
        less(tx, &after, Column::GoneCount, count(tx, run, after.id, numbers).await?).await?;
    }
    Ok(())
}

/// How many of the items with these numbers are no item of `other`.
async fn count(tx: &DatabaseTransaction, run: &Model, other: Uuid, numbers: &[i64]) -> Result<i64, Error> {
    let mut sum = 0;
    for some in numbers.chunks(WRITTEN_AT_ONCE) {
        let numbers: Vec<String> = some.iter().map(i64::to_string).collect();
        // By the sorts, which are before the number in the key.
        let wanted =
            format!("i.finding IN ('missingHere', 'missingThere', 'differing') AND i.number IN ({})", numbers.join(", "));
        sum += only_in(tx, run, other, &wanted).await?;
    }
    Ok(sum)
}

async fn less(tx: &DatabaseTransaction, run: &Model, column: Column, by: i64) -> Result<(), Error> {
    let own = Entity::update_many().filter(Column::CompanyId.eq(run.company_id)).filter(Column::Id.eq(run.id));
    own.col_expr(column, Expr::col(column).sub(by)).exec(tx).await?;
    Ok(())
}
