//! Many rows of several tables by one statement. PostgreSQL gets a column as one value, an array or a joined text, so
//! that the statement is the same for any number of rows and is prepared once; SQLite gets a row after the other.

use std::borrow::Cow;

use common::{CompanyId, Kind};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, EntityName, FromQueryResult, Statement, Value,
    sea_query::{ArrayType, ColumnType},
};
use uuid::Uuid;

/// Stands for NULL among numbers: no amount reaches it.
const NO_NUMBER: i64 = i64::MIN;
/// Stands between the texts of a column. None holds it: control characters are taken out of what is read from a webhook,
/// and JSON escapes them.
const BETWEEN: char = '\u{1f}';

type Key<'k> = (CompanyId, Kind, &'k str);

/// How a column's values go to PostgreSQL. Neither arrays nor joined texts hold NULL, so an empty text and [`NO_NUMBER`]
/// stand for it in columns that may be NULL: neither is ever stored there.
#[derive(Debug)]
enum Form {
    /// Joined, since an array of them would be made, copied and taken apart text by text.
    Text,
    Uuid,
    BigInt,
}

impl Form {
    fn of(column_type: &ColumnType) -> Result<Self, DbErr> {
        match column_type {
            ColumnType::Uuid => Ok(Self::Uuid),
            ColumnType::String(_) | ColumnType::Text => Ok(Self::Text),
            ColumnType::BigInteger => Ok(Self::BigInt),
            other => Err(DbErr::Custom(format!("no column of {other:?}"))),
        }
    }
}

/// A value of a row. `None` is NULL.
#[derive(Debug, Clone)]
pub(crate) enum Cell<'r> {
    Uuid(Uuid),
    Number(Option<i64>),
    Text(Option<Cow<'r, str>>),
}

impl From<Uuid> for Cell<'_> {
    fn from(id: Uuid) -> Self {
        Self::Uuid(id)
    }
}

impl From<i64> for Cell<'_> {
    fn from(number: i64) -> Self {
        Self::Number(Some(number))
    }
}

impl<'r> From<&'r str> for Cell<'r> {
    fn from(text: &'r str) -> Self {
        Self::Text(Some(text.into()))
    }
}

impl From<String> for Cell<'_> {
    fn from(text: String) -> Self {
        Self::Text(Some(text.into()))
    }
}

impl<'r> From<Option<&'r str>> for Cell<'r> {
    fn from(text: Option<&'r str>) -> Self {
        Self::Text(text.map(Cow::from))
    }
}

impl From<Cell<'_>> for Value {
    fn from(cell: Cell<'_>) -> Self {
        match cell {
            Cell::Uuid(id) => id.into(),
            Cell::Number(number) => number.into(),
            Cell::Text(text) => text.map(Cow::into_owned).into(),
        }
    }
}

fn joined(cells: &[Cell<'_>]) -> Result<Value, DbErr> {
    let texts = || cells.iter().map(|cell| if let Cell::Text(Some(text)) = cell { text.as_ref() } else { "" });
    let mut all = String::with_capacity(texts().map(|text| text.len() + 1).sum());
    for (n, text) in texts().enumerate() {
        if text.contains(BETWEEN) {
            return Err(DbErr::Custom("a text holds U+001F".to_owned()));
        }
        if n > 0 {
            all.push(BETWEEN);
        }
        all.push_str(text);
    }
    Ok(all.into())
}

/// Rows of one table, to be inserted together with those of others.
#[derive(Debug)]
pub(crate) struct Insert<'r> {
    into: String,
    columns: Vec<Column<'r>>,
    rows: usize,
    rest: String,
}

/// A column of all rows of an [`Insert`].
#[derive(Debug)]
struct Column<'r> {
    name: &'static str,
    form: Form,
    is_nullable: bool,
    cells: Vec<Cell<'r>>,
}

impl Column<'_> {
    /// What PostgreSQL gets, where it is `$number`, and how it is read and selected.
    fn given(self, number: usize) -> Result<(Value, String, String), DbErr> {
        let Self { name, form, is_nullable, cells } = self;
        let array = |kind, cells: Vec<Cell<'_>>| Value::Array(kind, Some(Box::new(cells.into_iter().map(Value::from).collect())));
        Ok(match (form, is_nullable) {
            // Of one empty text nothing is read, which is NULL.
            (Form::Text, false) => {
                (joined(&cells)?, format!("string_to_table(${number}, E'\\x1f')"), format!("COALESCE({name}, '')"))
            }
            (Form::Text, true) => (joined(&cells)?, format!("string_to_table(${number}, E'\\x1f', '')"), name.to_owned()),
            (Form::Uuid, _) => (array(ArrayType::Uuid, cells), format!("unnest(${number}::uuid[])"), name.to_owned()),
            (Form::BigInt, false) => (array(ArrayType::BigInt, cells), format!("unnest(${number}::bigint[])"), name.to_owned()),
            (Form::BigInt, true) => {
                let cells = cells.into_iter().map(|cell| if let Cell::Number(None) = cell { NO_NUMBER.into() } else { cell });
                let selected = format!("NULLIF({name}, {NO_NUMBER})");
                (array(ArrayType::BigInt, cells.collect()), format!("unnest(${number}::bigint[])"), selected)
            }
        })
    }
}

impl<'r> Insert<'r> {
    /// `rows`, whose values `cell` tells; `rest` follows them (`ON CONFLICT …`).
    pub fn of<R: Copy, C: ColumnTrait>(
        rows: impl IntoIterator<Item = R>,
        cell: impl Fn(R, C) -> Cell<'r>,
        rest: &str,
    ) -> Result<Self, DbErr> {
        let rows: Vec<R> = rows.into_iter().collect();
        let columns = C::iter().map(|column| {
            let definition = column.def();
            Ok(Column {
                cells: rows.iter().map(|row| cell(*row, column)).collect(),
                name: column.as_str(),
                form: Form::of(definition.get_column_type())?,
                is_nullable: definition.is_null(),
            })
        });
        let columns: Vec<Column<'_>> = columns.collect::<Result<_, DbErr>>()?;
        let names: Vec<&str> = columns.iter().map(|column| column.name).collect();
        let into = format!("INSERT INTO {} ({})", C::EntityName::default().table_name(), names.join(", "));
        Ok(Self { into, columns, rows: rows.len(), rest: rest.to_owned() })
    }

    /// `rows` as far as they are not there yet; for [`insert_missing`], which answers their `id`s.
    pub fn missing<R: Copy, C: ColumnTrait>(
        rows: impl IntoIterator<Item = R>,
        cell: impl Fn(R, C) -> Cell<'r>,
        id: C,
    ) -> Result<Self, DbErr> {
        Self::of(rows, cell, &format!("ON CONFLICT DO NOTHING RETURNING {} AS id", id.as_str()))
    }

    /// For PostgreSQL; its values go to the end of `values`.
    fn with_columns(self, values: &mut Vec<Value>) -> Result<String, DbErr> {
        let Self { into, columns, rest, .. } = self;
        let (mut selected, mut read, mut names) = (Vec::new(), Vec::new(), Vec::new());
        for column in columns {
            names.push(column.name);
            let (value, reader, cell) = column.given(values.len() + 1)?;
            values.push(value);
            read.push(reader);
            selected.push(cell);
        }
        let (selected, read, names) = (selected.join(", "), read.join(", "), names.join(", "));
        Ok(format!("{into} SELECT {selected} FROM ROWS FROM ({read}) AS given({names}) {rest}"))
    }

    /// For SQLite: a row after the other.
    fn with_rows(self) -> Statement {
        let places = format!("({})", vec!["?"; self.columns.len()].join(", "));
        let sql = format!("{} VALUES {} {}", self.into, vec![places; self.rows].join(", "), self.rest);
        let mut columns: Vec<_> = self.columns.into_iter().map(|column| column.cells.into_iter()).collect();
        let values: Vec<Value> = (0..self.rows)
            .flat_map(|_| columns.iter_mut().filter_map(Iterator::next).map(Value::from).collect::<Vec<_>>())
            .collect();
        Statement::from_sql_and_values(DbBackend::Sqlite, sql, values)
    }
}

/// Inserts all of `inserts`: on PostgreSQL by one statement, in no order.
pub(crate) async fn insert(tx: &DatabaseTransaction, inserts: Vec<Insert<'_>>) -> Result<(), DbErr> {
    let mut inserts: Vec<Insert<'_>> = inserts.into_iter().filter(|insert| insert.rows > 0).collect();
    if tx.get_database_backend() != DbBackend::Postgres {
        for insert in inserts {
            tx.execute_raw(insert.with_rows()).await?;
        }
        return Ok(());
    }
    let Some(last) = inserts.pop() else { return Ok(()) };
    let mut values = Vec::new();
    let others = inserts.into_iter().map(|insert| insert.with_columns(&mut values)).collect::<Result<Vec<_>, _>>()?;
    let sql = format!("{}{}", with(&others), last.with_columns(&mut values)?);
    tx.execute_raw(Statement::from_sql_and_values(DbBackend::Postgres, sql, values)).await?;
    Ok(())
}

/// Inserts what is not there yet of `inserts`, each an [`Insert::missing`], in their order and that of their rows: by one
/// statement on PostgreSQL. Answers the ids of just those rows. An entry that another transaction is about to make or to
/// remove is waited for.
pub(crate) async fn insert_missing<C>(tx: &DatabaseTransaction, inserts: Vec<Insert<'_>>) -> Result<C, DbErr>
where
    C: FromIterator<Uuid>,
{
    let inserts: Vec<Insert<'_>> = inserts.into_iter().filter(|insert| insert.rows > 0).collect();
    let mut found = Vec::new();
    if tx.get_database_backend() == DbBackend::Postgres {
        let mut values = Vec::new();
        let parts = inserts.into_iter().map(|insert| insert.with_columns(&mut values)).collect::<Result<Vec<_>, _>>()?;
        let ids: Vec<String> = (0..parts.len()).map(|n| format!("SELECT id FROM part{n}")).collect();
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
