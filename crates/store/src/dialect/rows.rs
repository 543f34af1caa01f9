//! Many rows of several tables by one statement. PostgreSQL gets a column as an array, so that the statement is
//! the same for any number of rows and is prepared once; SQLite gets a row after the other.

use super::{RowLock, in_order, plan_for_indexes};
use crate::entity::transaction;
use common::{CompanyId, Kind};
use sea_orm::{
    ActiveModelTrait, ActiveValue, ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, EntityName, EntityTrait,
    Iden, Iterable, Statement, Value,
    sea_query::{ArrayType, ColumnType},
};
use uuid::Uuid;

/// Stands for NULL among numbers: no amount reaches it.
const NO_NUMBER: i64 = i64::MIN;

type Key<'k> = (CompanyId, Kind, &'k str);

/// How a column's values go to PostgreSQL. Arrays hold no NULL, so an empty text and [`NO_NUMBER`] stand
/// for it in columns that may be NULL: neither is ever stored there.
#[derive(Debug)]
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

/// Rows of one table, to be inserted together with those of others.
#[derive(Debug)]
pub(crate) struct Insert {
    into: String,
    columns: Vec<Column>,
    rows: usize,
    rest: String,
}

/// A column of all rows of an [`Insert`].
#[derive(Debug)]
struct Column {
    name: String,
    array: Array,
    cells: Vec<Value>,
}

impl Insert {
    /// `rows`, each with all its columns; `rest` follows them (`ON CONFLICT …`).
    pub fn of<A: ActiveModelTrait>(mut rows: Vec<A>, rest: &str) -> Result<Self, DbErr> {
        let names = <A::Entity as EntityTrait>::Column::iter();
        let columns = names.map(|column| {
            let cells = rows.iter_mut().map(|row| match row.take(column) {
                ActiveValue::Set(value) | ActiveValue::Unchanged(value) => Ok(value),
                ActiveValue::NotSet => Err(DbErr::AttrNotSet(column.unquoted().to_owned())),
            });
            Ok(Column {
                cells: cells.collect::<Result<_, DbErr>>()?,
                name: column.unquoted().to_owned(),
                array: Array::of(&column)?,
            })
        });
        let columns: Vec<Column> = columns.collect::<Result<_, DbErr>>()?;
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        let into = format!("INSERT INTO {} ({})", A::Entity::default().table_name(), names.join(", "));
        Ok(Self { into, columns, rows: rows.len(), rest: rest.to_owned() })
    }

    /// `rows` as far as they are not there yet; for [`insert_missing`], which answers their `id`s.
    pub fn missing<A: ActiveModelTrait>(rows: Vec<A>, id: <A::Entity as EntityTrait>::Column) -> Result<Self, DbErr> {
        Self::of(rows, &format!("ON CONFLICT DO NOTHING RETURNING {} AS id", id.unquoted()))
    }

    /// For PostgreSQL; its values go to the end of `values`.
    fn with_arrays(self, values: &mut Vec<Value>) -> String {
        let Self { into, columns, rest, .. } = self;
        let (mut selected, mut given, mut names) = (Vec::new(), Vec::new(), Vec::new());
        for Column { name, array, cells } in columns {
            let cells = if array.is_nullable { cells.into_iter().map(in_array).collect() } else { cells };
            selected.push(array.selected(&name));
            names.push(name);
            given.push(format!("${}::{}[]", values.len() + 1, array.sql));
            values.push(Value::Array(array.kind, Some(Box::new(cells))));
        }
        let (selected, given, names) = (selected.join(", "), given.join(", "), names.join(", "));
        format!("{into} SELECT {selected} FROM unnest({given}) AS given({names}) {rest}")
    }

    /// For SQLite: a row after the other.
    fn with_rows(self) -> Statement {
        let places = format!("({})", vec!["?"; self.columns.len()].join(", "));
        let sql = format!("{} VALUES {} {}", self.into, vec![places; self.rows].join(", "), self.rest);
        let mut columns: Vec<_> = self.columns.into_iter().map(|column| column.cells.into_iter()).collect();
        let values: Vec<Value> =
            (0..self.rows).flat_map(|_| columns.iter_mut().filter_map(Iterator::next).collect::<Vec<_>>()).collect();
        Statement::from_sql_and_values(DbBackend::Sqlite, sql, values)
    }
}

/// Inserts all of `inserts`: on PostgreSQL by one statement, in no order.
pub(crate) async fn insert(tx: &DatabaseTransaction, inserts: Vec<Insert>) -> Result<(), DbErr> {
    let mut inserts: Vec<Insert> = inserts.into_iter().filter(|insert| insert.rows > 0).collect();
    if tx.get_database_backend() != DbBackend::Postgres {
        for insert in inserts {
            tx.execute_raw(insert.with_rows()).await?;
        }
        return Ok(());
    }
    let Some(last) = inserts.pop() else { return Ok(()) };
    let mut values = Vec::new();
    let others: Vec<String> = inserts.into_iter().map(|insert| insert.with_arrays(&mut values)).collect();
    let sql = format!("{}{}", with(&others), last.with_arrays(&mut values));
    tx.execute_raw(Statement::from_sql_and_values(DbBackend::Postgres, sql, values)).await?;
    Ok(())
}

/// Inserts what is not there yet of `inserts`, each an [`Insert::missing`], in their order and that of their rows, and
/// then takes `locks`: by one statement on PostgreSQL. SQLite's one writer needs none. Answers the ids of just those rows.
pub(crate) async fn insert_missing<C>(tx: &DatabaseTransaction, inserts: Vec<Insert>, locks: Vec<RowLock>) -> Result<C, DbErr>
where
    C: FromIterator<Uuid>,
{
    let inserts: Vec<Insert> = inserts.into_iter().filter(|insert| insert.rows > 0).collect();
    let mut found = Vec::new();
    if tx.get_database_backend() == DbBackend::Postgres {
        let mut values = Vec::new();
        let parts: Vec<String> = inserts.into_iter().map(|insert| insert.with_arrays(&mut values)).collect();
        let mut ids: Vec<String> = (0..parts.len()).map(|n| format!("SELECT id FROM part{n}")).collect();
        values.push(in_order(locks));
        ids.push(format!(
            "SELECT NULL::uuid FROM (SELECT count(pg_advisory_xact_lock(k)) AS taken FROM unnest(${}::bigint[]) AS locks(k)) \
             AS locks WHERE taken < 0",
            values.len()
        ));
        let sql = format!("{}{}", with(&parts), ids.join(" UNION ALL "));
        found = tx.query_all_raw(Statement::from_sql_and_values(DbBackend::Postgres, sql, values)).await?;
    } else {
        for insert in inserts {
            found.extend(tx.query_all_raw(insert.with_rows()).await?);
        }
    }
    found.into_iter().map(|row| row.try_get("", "id")).collect()
}

/// `parts` before the statement that they are run with.
fn with(parts: &[String]) -> String {
    let named: Vec<String> = parts.iter().enumerate().map(|(n, part)| format!("part{n} AS ({part})")).collect();
    if named.is_empty() { String::new() } else { format!("WITH {} ", named.join(", ")) }
}

/// The transactions of `keys` that are there, by their directory.
pub(crate) async fn known_transactions(tx: &DatabaseTransaction, keys: &[Key<'_>]) -> Result<Vec<transaction::Model>, DbErr> {
    let select = "SELECT t.* FROM transaction_keys k JOIN transactions t ON t.id = k.transaction_id";
    plan_for_indexes(tx).await?;
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
