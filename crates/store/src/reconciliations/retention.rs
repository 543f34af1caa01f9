//! How long comparisons are kept.

use clock::now_ms;
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseConnection, EntityTrait, QueryFilter, Statement, sea_query::ExprTrait};

use super::of_run;
use crate::{Error, entity::reconciliation};

/// How long a comparison is kept, in milliseconds: so that it can be held against the same month of the year before.
const KEPT_MS: i64 = 400 * 86_400_000;
/// How long one that did not come to its end is kept: none takes a day.
const UNFINISHED_MS: i64 = 86_400_000;
/// Items that one step removes at most.
const STEP: i64 = 5_000;

/// Removes a step of what is too old. Returns how many rows. What was ignored in a comparison that goes stays ignored by those
/// after it, each of which took that over.
pub(crate) async fn retain(db: &DatabaseConnection) -> Result<u64, Error> {
    use reconciliation::{Column, Entity};
    let (now, mut removed) = (now_ms(), 0);
    let unfinished = Column::FinishedAt.is_null().and(Column::StartedAt.lt(now - UNFINISHED_MS));
    // Two questions, each with its own index.
    for old in [unfinished, Column::StartedAt.lt(now - KEPT_MS)] {
        let Some(run) = Entity::find().filter(old).one(db).await? else { continue };
        let sql = format!(
            "DELETE FROM reconciliation_items WHERE (company_id, reconciliation_id, finding, number) IN
               (SELECT company_id, reconciliation_id, finding, number FROM reconciliation_items
                WHERE company_id = $1 AND reconciliation_id = $2 LIMIT {STEP})"
        );
        let values = [run.company_id.into(), run.id.into()];
        removed += db.execute_raw(Statement::from_sql_and_values(db.get_database_backend(), sql, values)).await?.rows_affected();
        if crate::entity::reconciliation_item::Entity::find().filter(of_run(&run)).one(db).await?.is_none() {
            removed += Entity::delete_by_id((run.company_id, run.id)).exec(db).await?.rows_affected;
        }
    }
    Ok(removed)
}
