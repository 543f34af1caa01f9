//! Many rows by one statement. PostgreSQL gets a column as an array, so that the statement is the same for any
//! number of rows and is prepared once; SQLite gets a row after the other.

use crate::entity::transaction;
use common::{CompanyId, Kind};
use sea_orm::{
    ActiveModelTrait, ActiveValue, ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, EntityName, EntityTrait,
    Iden, Iterable, QueryResult, Statement, Value,
    sea_query::{ArrayType, ColumnType},
};

/// Stands for NULL among numbers: no amount reaches it.
const NO_NUMBER: i64 = i64::MIN;

type Key<'k> = (CompanyId, Kind, &'k str);

/// A column's values on their way to PostgreSQL. Arrays hold no NULL, so an empty text and [`NO_NUMBER`] stand
/// for it in columns that may be NULL: neither is ever stored there.
struct Array {
    kind: ArrayType,
    sql: &'static str,
    is_nullable: bool,
}

impl Array {
    fn of(column: &impl ColumnTrait) -> Result<Self, DbErr> {
        let definition = column.def();
        let (kind, sql) = match definition.get_column_type() {
            ColumnType::Uuid => (ArrayType::Uuid, "uuid"),
            ColumnType::String(_) | ColumnType::Text => (ArrayType::String, "text"),
            ColumnType::BigInteger => (ArrayType::BigInt, "bigint"),
            other => return Err(DbErr::Custom(format!("no array of {other:?}"))),
        };
        Ok(Self { kind, sql, is_nullable: definition.is_null() })
    }

    fn selected(&self, name: &str) -> String {
        match (self.is_nullable, &self.kind) {
            (true, ArrayType::String) => format!("NULLIF({name}, '')"),
            (true, _) => format!("NULLIF({name}, {NO_NUMBER})"),
            (false, _) => name.to_owned(),
        }
    }
}

/// What stands for `value` in an array.
fn in_array(value: Value) -> Value {
    match value {
        Value::String(None) => String::new().into(),
        Value::BigInt(None) => NO_NUMBER.into(),
        other => other,
    }
}

/// Inserts `rows`, each with all its columns; `rest` follows the rows (`ON CONFLICT …`). Answers what `rest`
/// returns.
pub(crate) async fn insert<A>(tx: &DatabaseTransaction, rows: Vec<A>, rest: &str) -> Result<Vec<QueryResult>, DbErr>
where
    A: ActiveModelTrait,
{
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let columns: Vec<<A::Entity as EntityTrait>::Column> = <A::Entity as EntityTrait>::Column::iter().collect();
    let names: Vec<&str> = columns.iter().map(Iden::unquoted).collect();
    let table = A::Entity::default();
    let into = format!("INSERT INTO {} ({})", table.table_name(), names.join(", "));
    let cell = |row: &mut A, column: &<A::Entity as EntityTrait>::Column| match row.take(*column) {
        ActiveValue::Set(value) | ActiveValue::Unchanged(value) => Ok(value),
        ActiveValue::NotSet => Err(DbErr::AttrNotSet(column.unquoted().to_owned())),
    };
    let mut rows = rows;
    let statement = if tx.get_database_backend() == DbBackend::Postgres {
        let arrays = columns.iter().map(Array::of).collect::<Result<Vec<_>, _>>()?;
        let mut values = Vec::with_capacity(columns.len());
        for (column, array) in columns.iter().zip(&arrays) {
            let cells = rows.iter_mut().map(|row| Ok(in_array(cell(row, column)?))).collect::<Result<Vec<_>, DbErr>>()?;
            values.push(Value::Array(array.kind.clone(), Some(Box::new(cells))));
        }
        let selected: Vec<String> = arrays.iter().zip(&names).map(|(array, name)| array.selected(name)).collect();
        let given: Vec<String> = arrays.iter().enumerate().map(|(n, array)| format!("${}::{}[]", n + 1, array.sql)).collect();
        let (selected, given, names) = (selected.join(", "), given.join(", "), names.join(", "));
        let sql = format!("{into} SELECT {selected} FROM unnest({given}) AS given({names}) {rest}");
        Statement::from_sql_and_values(DbBackend::Postgres, sql, values)
    } else {
        let mut values = Vec::with_capacity(rows.len() * columns.len());
        for row in &mut rows {
            for column in &columns {
                values.push(cell(row, column)?);
            }
        }
        let places = format!("({})", vec!["?"; columns.len()].join(", "));
        let sql = format!("{into} VALUES {} {rest}", vec![places; rows.len()].join(", "));
        Statement::from_sql_and_values(DbBackend::Sqlite, sql, values)
    };
    tx.query_all_raw(statement).await
}

/// The transactions of `keys` that are there, by their directory.
pub(crate) async fn known_transactions(tx: &DatabaseTransaction, keys: &[Key<'_>]) -> Result<Vec<transaction::Model>, DbErr> {
    let select = "SELECT t.* FROM transaction_keys k JOIN transactions t ON t.id = k.transaction_id";
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
    transaction::Entity::find().from_raw_sql(statement).all(tx).await
}

/// The ids `numbers` as PostgreSQL takes them.
pub(super) fn numbers(numbers: Vec<i64>) -> Value {
    Value::Array(ArrayType::BigInt, Some(Box::new(numbers.into_iter().map(Value::from).collect())))
}
