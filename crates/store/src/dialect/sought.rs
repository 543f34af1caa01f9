//! Transactions of a company that are sought by many keys at once: key by key, by the index of that key, whatever the planner holds
//! likely. As thousands of values in one condition they took PostgreSQL a tenth of a second to plan, and once it kept the plan it
//! compared each row with all of them.

use std::collections::BTreeSet;

use common::{CompanyId, Mode};
use sea_orm::{DatabaseConnection, DbBackend, DbErr, FromQueryResult, Statement, TransactionTrait, Value, sea_query::ArrayType};
use serde_json::json;

use super::{array, distributed};
use crate::reconciliations::Known;

/// The columns of [`Known`], of a row `t`.
const COLUMNS: &str = "t.id, t.kind, t.external_id, t.status, t.amount, t.currency, t.merchant_ref_num, t.transaction_time";

/// A reference, and the times between which its transactions are sought, milliseconds, both included.
pub(crate) type Sought<'s> = (&'s str, (i64, i64));

/// Those of `keys`: kind's name and id. By the directory, since no index of the rows has the ids.
pub(crate) async fn by_keys(
    db: &DatabaseConnection,
    company: CompanyId,
    mode: Mode,
    keys: &BTreeSet<(&str, &str)>,
) -> Result<Vec<Known>, DbErr> {
    let (backend, company, mode) = (db.get_database_backend(), Value::from(company.0), Value::from(mode.as_str()));
    let statement = if backend == DbBackend::Postgres {
        // A limit keeps the steps from becoming joins of whole tables; Citus refuses one.
        let limit = if distributed::is_known() { "" } else { " LIMIT 1" };
        let sql = format!(
            "SELECT found.* FROM unnest($3::text[], $4::text[]) AS wanted(kind, external_id), LATERAL
               (SELECT k.transaction_id FROM transaction_keys k WHERE k.company_id = $1 AND k.kind = wanted.kind
                AND k.external_id = wanted.external_id{limit}) k, LATERAL
               (SELECT {COLUMNS} FROM transactions t WHERE t.id = k.transaction_id AND t.company_id = $1 AND t.mode = $2{limit}) found"
        );
        let kinds = array(ArrayType::String, keys.iter().map(|(kind, _)| *kind));
        let ids = array(ArrayType::String, keys.iter().map(|(_, id)| *id));
        Statement::from_sql_and_values(backend, sql, [company, mode, kinds, ids])
    } else {
        // The two columns of the row's id are declared as different types, so that one is no reason for the other's index: with a plus
        // it is a value of no type. What else stands behind a plus is to be no reason for an index.
        let sql = format!(
            "SELECT {COLUMNS} FROM json_each(?1) AS wanted CROSS JOIN transaction_keys k CROSS JOIN transactions t
             WHERE k.company_id = ?2 AND k.kind = wanted.value ->> 0 AND k.external_id = wanted.value ->> 1
               AND t.id = +k.transaction_id AND +t.company_id = ?2 AND +t.mode = ?3"
        );
        Statement::from_sql_and_values(backend, sql, [json!(keys).to_string().into(), company, mode])
    };
    found(db, statement).await
}

/// Those that have one of the references of `sought`, at its times, and one of `amounts`; `limit` at most.
pub(crate) async fn by_references(
    db: &DatabaseConnection,
    company: CompanyId,
    mode: Mode,
    sought: &[Sought<'_>],
    amounts: impl Iterator<Item = i64>,
    limit: i64,
) -> Result<Vec<Known>, DbErr> {
    let (backend, company, mode) = (db.get_database_backend(), Value::from(company.0), Value::from(mode.as_str()));
    let statement = if backend == DbBackend::Postgres {
        let most = if distributed::is_known() { "" } else { " LIMIT $7" };
        // What is calculated is no reason for an index: the one by time would be read through for each reference. `IS TRUE` keeps the
        // amounts a set that is made once.
        let sql = format!(
            "SELECT found.* FROM unnest($3::text[], $4::bigint[], $5::bigint[]) AS wanted(reference, from_time, until_time), LATERAL
               (SELECT {COLUMNS} FROM transactions t WHERE t.company_id = $1 AND t.merchant_ref_num = wanted.reference
                AND t.mode || '' = $2 AND t.transaction_time + 0 BETWEEN wanted.from_time AND wanted.until_time
                AND (t.amount IN (SELECT unnest($6::bigint[]))) IS TRUE{most}) found LIMIT $7"
        );
        let values = [
            company,
            mode,
            array(ArrayType::String, sought.iter().map(|(reference, _)| *reference)),
            array(ArrayType::BigInt, sought.iter().map(|(_, (from, _))| *from)),
            array(ArrayType::BigInt, sought.iter().map(|(_, (_, until))| *until)),
            array(ArrayType::BigInt, amounts),
            limit.into(),
        ];
        Statement::from_sql_and_values(backend, sql, values)
    } else {
        // What stands behind a plus is no reason for an index.
        let sql = format!(
            "SELECT {COLUMNS} FROM json_each(?1) AS wanted CROSS JOIN transactions t
             WHERE t.company_id = ?2 AND t.merchant_ref_num = wanted.value ->> 0 AND +t.mode = ?3
               AND +t.transaction_time BETWEEN wanted.value ->> 1 AND wanted.value ->> 2
               AND +t.amount IN (SELECT value FROM json_each(?4)) LIMIT ?5"
        );
        let sought: Vec<_> = sought.iter().map(|(reference, (from, until))| json!([reference, from, until])).collect();
        let amounts = json!(amounts.collect::<Vec<_>>());
        let values = [json!(sought).to_string().into(), company, mode, amounts.to_string().into(), limit.into()];
        Statement::from_sql_and_values(backend, sql, values)
    };
    found(db, statement).await
}

/// What `statement` finds, planned for indexes, whatever the lengths of its lists.
async fn found(db: &DatabaseConnection, statement: Statement) -> Result<Vec<Known>, DbErr> {
    if statement.db_backend != DbBackend::Postgres {
        return Known::find_by_statement(statement).all(db).await;
    }
    let tx = db.begin().await?;
    super::hold_rows(&tx, []).await?;
    let found = Known::find_by_statement(statement).all(&tx).await?;
    tx.commit().await?;
    Ok(found)
}
