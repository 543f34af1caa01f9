//! How far a run is.

use clock::now_ms;
use sea_orm::{ColumnTrait, Condition, DatabaseConnection, EntityTrait, QueryFilter, sea_query::Expr};

use crate::{
    Error,
    entity::reconciliation::{Column, Entity, Model},
};

/// A run that goes on and has been silent for so long was cut off with its process, in milliseconds.
pub const SILENT_MS: i64 = 60_000;

fn unfinished(run: &Model) -> Condition {
    Condition::all().add(Column::CompanyId.eq(run.company_id)).add(Column::Id.eq(run.id)).add(Column::FinishedAt.is_null())
}

/// Notes that a run goes on: how many rows were read, and how much of the reports that is, in percent.
pub async fn alive(db: &DatabaseConnection, run: &Model, rows: u64, percent: Option<i64>) -> Result<(), Error> {
    let update = Entity::update_many()
        .col_expr(Column::AliveAt, Expr::value(now_ms()))
        .col_expr(Column::RowCount, Expr::value(rows as i64))
        .col_expr(Column::Percent, Expr::value(percent))
        .filter(unfinished(run));
    update.exec(db).await?;
    Ok(())
}

/// Notes that a run will not come to its end, and why.
pub async fn stopped(db: &DatabaseConnection, run: &Model, failure: &str) -> Result<(), Error> {
    let update = Entity::update_many()
        .col_expr(Column::AliveAt, Expr::value(None::<i64>))
        .col_expr(Column::Failure, Expr::value(failure))
        .filter(unfinished(run));
    update.exec(db).await?;
    Ok(())
}
