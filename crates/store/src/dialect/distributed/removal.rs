//! Retention on a distributed database: a statement there removes rows of one table, and locks none of several servers.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, Statement, TransactionTrait, sea_query::ArrayType};
use uuid::Uuid;

use super::{super::array, is_known};

/// The statement that spreads a new table `name` beside the partitioned table `of`; one that does nothing on a single server.
pub(crate) fn beside(name: &str, of: &str) -> String {
    if !is_known() {
        return "SELECT 1".to_owned();
    }
    format!("SELECT create_distributed_table('{name}', 'company_id', colocate_with => '{of}')")
}

/// Removes at most `limit` rows of a detached partition of `table`, before them the entries of `directories` that stand for them and
/// for nothing else. Returns how many rows. Two workers may take the same ones: the second finds less to do.
pub(crate) async fn tidy(
    db: &DatabaseConnection,
    partition: &str,
    table: &str,
    directories: &[(&str, &str)],
    limit: u32,
) -> Result<u64, DbErr> {
    let asked = Statement::from_string(DbBackend::Postgres, format!("SELECT id FROM {partition} ORDER BY id LIMIT {limit}"));
    let ids: Vec<Uuid> = db.query_all_raw(asked).await?.iter().map(|row| row.try_get("", "id")).collect::<Result<_, _>>()?;
    if ids.is_empty() {
        return Ok(0);
    }
    let ids = array(ArrayType::Uuid, ids);
    let tx = db.begin().await?;
    for (directory, stands_for) in directories {
        // What was kept of the partition is there under its id still.
        let entries = format!(
            "DELETE FROM {directory} d USING {partition} gone WHERE gone.id = ANY($1) AND {stands_for}
             AND NOT EXISTS (SELECT 1 FROM {table} kept WHERE kept.company_id = gone.company_id AND kept.id = gone.id)"
        );
        tx.execute_raw(Statement::from_sql_and_values(DbBackend::Postgres, entries, [ids.clone()])).await?;
    }
    let rows = format!("DELETE FROM {partition} WHERE id = ANY($1)");
    let removed = tx.execute_raw(Statement::from_sql_and_values(DbBackend::Postgres, rows, [ids])).await?.rows_affected();
    tx.commit().await?;
    Ok(removed)
}
