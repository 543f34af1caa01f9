//! The transactions of a batch that are there, by keys of three columns: each dialect has its own way to tell many.

use common::{CompanyId, Kind};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, FromQueryResult, Statement, Value, sea_query::ArrayType};
use uuid::Uuid;

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
    let select = "SELECT t.id, t.company_id, t.kind, t.external_id, t.state
        FROM transaction_keys k JOIN transactions t ON t.id = k.transaction_id";
    let backend = tx.get_database_backend();
    let statement = if backend == DbBackend::Postgres {
        let companies = keys.iter().map(|(company, ..)| company.0.into()).collect::<Vec<Value>>();
        let kinds = keys.iter().map(|(_, kind, _)| kind.as_str().into()).collect::<Vec<Value>>();
        let ids = keys.iter().map(|(.., id)| (*id).into()).collect::<Vec<Value>>();
        let values = [(ArrayType::Uuid, companies), (ArrayType::String, kinds), (ArrayType::String, ids)];
        let values = values.map(|(kind, values)| Value::Array(kind, Some(Box::new(values))));
        let wanted = "(k.company_id, k.kind, k.external_id) IN (SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[]))";
        Statement::from_sql_and_values(backend, format!("{select} WHERE {wanted}"), values)
    } else {
        let values = keys.iter().flat_map(|(company, kind, id)| [company.0.into(), kind.as_str().into(), (*id).into()]);
        let places = vec!["(?, ?, ?)"; keys.len()].join(", ");
        let wanted = format!("(k.company_id, k.kind, k.external_id) IN (VALUES {places})");
        Statement::from_sql_and_values(backend, format!("{select} WHERE {wanted}"), values.collect::<Vec<Value>>())
    };
    KnownTransaction::find_by_statement(statement).all(tx).await
}
