//! What of a batch is there, by keys of several columns: each dialect has its own way to tell many.

use std::collections::HashMap;

use common::{CompanyId, Kind};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, FromQueryResult, Statement, Value, sea_query::ArrayType};
use uuid::Uuid;

use super::distributed;
use crate::entity::webhook_event;

type Key<'k> = (CompanyId, Kind, &'k str);

/// What a batch needs of a transaction that is there.
#[derive(Debug, FromQueryResult)]
pub(crate) struct KnownTransaction {
    pub id: Uuid,
    pub company_id: Uuid,
    pub kind: String,
    pub external_id: String,
    pub state: String,
}

/// The transactions of `keys` that are there, by their directory; to be planned by [`super::hold_rows`].
pub(crate) async fn known_transactions(tx: &DatabaseTransaction, keys: &[Key<'_>]) -> Result<Vec<KnownTransaction>, DbErr> {
    // Each by its name: a prepared statement fails for good once `*` means more columns.
    let columns = "t.id, t.company_id, t.kind, t.external_id, t.state";
    let backend = tx.get_database_backend();
    let statement = if backend == DbBackend::Postgres {
        let sql = format!(
            "SELECT {columns} FROM transaction_keys k JOIN transactions t ON t.id = k.transaction_id AND t.company_id = k.company_id
             WHERE (k.company_id, k.kind, k.external_id) IN (SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[]))"
        );
        Statement::from_sql_and_values(backend, sql, lists(keys))
    } else {
        let values = keys.iter().flat_map(|(company, kind, id)| [company.0.into(), kind.as_str().into(), (*id).into()]);
        let places = vec!["(?, ?, ?)"; keys.len()].join(", ");
        // In this order. The two columns of the row's id are declared as different types, so that one is no reason for the other's index
        // unless a plus makes it a value of no type: all transactions would be read for each batch.
        let sql = format!(
            "WITH wanted(company_id, kind, external_id) AS (VALUES {places})
             SELECT {columns} FROM wanted CROSS JOIN transaction_keys k CROSS JOIN transactions t
             WHERE k.company_id = wanted.company_id AND k.kind = wanted.kind AND k.external_id = wanted.external_id
               AND t.id = +k.transaction_id"
        );
        Statement::from_sql_and_values(backend, sql, values.collect::<Vec<Value>>())
    };
    KnownTransaction::find_by_statement(statement).all(tx).await
}

/// Which of `keys` the directory has, by their places. On PostgreSQL only.
pub(crate) async fn known_keys(tx: &DatabaseTransaction, keys: &[Key<'_>]) -> Result<Vec<usize>, DbErr> {
    // Key by key, whatever the plan: see `owners`.
    let limit = one_each();
    let sql = format!(
        "SELECT wanted.place FROM unnest($1::uuid[], $2::text[], $3::text[]) WITH ORDINALITY
          AS wanted(company_id, kind, external_id, place), LATERAL
        (SELECT 1 FROM transaction_keys k WHERE k.company_id = wanted.company_id AND k.kind = wanted.kind
          AND k.external_id = wanted.external_id{limit}) found"
    );
    let rows = tx.query_all_raw(Statement::from_sql_and_values(DbBackend::Postgres, sql, lists(keys))).await?.into_iter();
    let place = |row: sea_orm::QueryResult| Ok(usize::try_from(row.try_get_by_index::<i64>(0)? - 1).unwrap_or(usize::MAX));
    rows.map(place).collect()
}

/// The end of a lookup that is done for each of a list: a limit keeps it from becoming a join that reads the whole table. Citus refuses
/// one, since each server would count for itself. Keys are unique, so it changes nothing that is found.
fn one_each() -> &'static str {
    if distributed::is_known() { "" } else { " LIMIT 1" }
}

/// `keys` as three arrays.
fn lists(keys: &[Key<'_>]) -> [Value; 3] {
    let companies = keys.iter().map(|(company, ..)| company.0.into()).collect::<Vec<Value>>();
    let kinds = keys.iter().map(|(_, kind, _)| kind.as_str().into()).collect::<Vec<Value>>();
    let ids = keys.iter().map(|(.., id)| (*id).into()).collect::<Vec<Value>>();
    [(ArrayType::Uuid, companies), (ArrayType::String, kinds), (ArrayType::String, ids)]
        .map(|(kind, values)| Value::Array(kind, Some(Box::new(values))))
}

/// A directory of events: each entry names one by a text of its company.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Directory {
    table: &'static str,
    key: &'static str,
}

impl Directory {
    /// By identity.
    pub const IDENTITIES: Self = Self { table: "event_identities", key: "identity" };
    /// By the sender's event id.
    pub const EVENT_IDS: Self = Self { table: "event_ids", key: "event_key" };
}

/// The events that the entries of `keys` stand for, as far as there are entries.
pub(crate) async fn owners(
    tx: &DatabaseTransaction,
    Directory { table, key }: Directory,
    keys: &[(CompanyId, &str)],
) -> Result<HashMap<(CompanyId, String), Uuid>, DbErr> {
    let backend = tx.get_database_backend();
    let statement = if backend == DbBackend::Postgres {
        let companies = keys.iter().map(|(company, _)| company.0.into()).collect::<Vec<Value>>();
        let texts = keys.iter().map(|(_, text)| (*text).into()).collect::<Vec<Value>>();
        let values = [(ArrayType::Uuid, companies), (ArrayType::String, texts)];
        let values = values.map(|(kind, values)| Value::Array(kind, Some(Box::new(values))));
        // Entry by entry, whatever the plan: a join that was planned while the table was new would read all of it for ever.
        let limit = one_each();
        let sql = format!(
            "SELECT company_id, text, event_id FROM unnest($1::uuid[], $2::text[]) AS wanted(company_id, text), LATERAL
             (SELECT d.event_id FROM {table} d WHERE d.company_id = wanted.company_id AND d.{key} = wanted.text{limit}) found"
        );
        Statement::from_sql_and_values(backend, sql, values)
    } else {
        let values = keys.iter().flat_map(|(company, text)| [Value::from(company.0), (*text).into()]);
        let places = vec!["(?, ?)"; keys.len()].join(", ");
        let sql =
            format!("SELECT company_id, {key} AS text, event_id FROM {table} WHERE (company_id, {key}) IN (VALUES {places})");
        Statement::from_sql_and_values(backend, sql, values.collect::<Vec<_>>())
    };
    let rows = tx.query_all_raw(statement).await?.into_iter();
    rows.map(|row| Ok(((CompanyId(row.try_get("", "company_id")?), row.try_get("", "text")?), row.try_get("", "event_id")?)))
        .collect()
}

/// The webhooks about those resources whose ids are not between `outside` (behind the first, up to the second), `limit` at most;
/// `columns` are those of a row `e`. Resource by resource, by their index.
pub(crate) async fn events_of(
    tx: &DatabaseTransaction,
    columns: &str,
    resources: &[(CompanyId, &str)],
    (after, end): (Uuid, Uuid),
    limit: usize,
) -> Result<Vec<webhook_event::Model>, DbErr> {
    let backend = tx.get_database_backend();
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let statement = if backend == DbBackend::Postgres {
        let companies = resources.iter().map(|(company, _)| company.0.into()).collect::<Vec<Value>>();
        let ids = resources.iter().map(|(_, id)| (*id).into()).collect::<Vec<Value>>();
        let lists = [(ArrayType::Uuid, companies), (ArrayType::String, ids)];
        let mut values: Vec<Value> = lists.map(|(kind, values)| Value::Array(kind, Some(Box::new(values)))).into();
        values.extend([after.into(), end.into(), limit.into()]);
        let limit = if distributed::is_known() { "" } else { " LIMIT $5" };
        let sql = format!(
            "SELECT found.* FROM unnest($1::uuid[], $2::text[]) AS wanted(company_id, resource_id), LATERAL
             (SELECT {columns} FROM webhook_events e WHERE e.company_id = wanted.company_id
                AND e.resource_id = wanted.resource_id AND (e.id <= $3 OR e.id > $4){limit}) found LIMIT $5"
        );
        Statement::from_sql_and_values(backend, sql, values)
    } else {
        let mut values: Vec<Value> = resources.iter().flat_map(|(company, id)| [Value::from(company.0), (*id).into()]).collect();
        values.extend([after.into(), end.into(), limit.into()]);
        let places = vec!["(?, ?)"; resources.len()].join(", ");
        let sql = format!(
            "SELECT {columns} FROM webhook_events e WHERE (e.company_id, e.resource_id) IN (VALUES {places})
             AND (e.id <= ? OR e.id > ?) LIMIT ?"
        );
        Statement::from_sql_and_values(backend, sql, values)
    };
    webhook_event::Model::find_by_statement(statement).all(tx).await
}
