//! Many rows of several tables by one statement. PostgreSQL gets a column as one value, an array or a joined text, so
//! that the statement is the same for any number of rows and is prepared once; SQLite gets a row after the other.

mod value;

use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{LazyLock, Mutex, PoisonError},
};

use memchr::memchr_iter;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, EntityName, Statement, Value,
    sea_query::{ArrayType, ColumnType},
};
use uuid::Uuid;

use super::distributed;
pub(crate) use value::RowValue;

/// Stands for NULL among numbers: no amount reaches it.
const NO_NUMBER: i64 = i64::MIN;
/// Stands between the texts of a column. None holds it: control characters are taken out of what is read from a webhook,
/// and JSON escapes them.
const BETWEEN: char = '\u{1f}';

/// How a column's values go to PostgreSQL. Neither arrays nor joined texts hold NULL, so an empty text and [`NO_NUMBER`]
/// stand for it in columns that may be NULL: neither is ever stored there.
#[derive(Debug, Clone, Copy)]
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

fn joined(cells: &[RowValue<'_>]) -> Result<Value, DbErr> {
    let texts = || cells.iter().map(|cell| if let RowValue::Text(Some(text)) = cell { text.as_ref() } else { "" });
    let mut all = String::with_capacity(texts().map(|text| text.len() + 1).sum());
    for (n, text) in texts().enumerate() {
        if n > 0 {
            all.push(BETWEEN);
        }
        all.push_str(text);
    }
    if memchr_iter(BETWEEN as u8, all.as_bytes()).count() >= cells.len().max(1) {
        return Err(DbErr::Custom("a text holds U+001F".to_owned()));
    }
    Ok(all.into())
}

/// What follows the rows of an [`Insert`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Rest {
    Nothing,
    /// Rows that are there already stay as they are; of those that were not, this column is answered.
    Missing(&'static str),
    /// A row whose id is there already gets these assignments (`name = excluded.name, …`).
    Replace(&'static str),
    /// SQL.
    Sql(&'static str),
}

impl Rest {
    /// In SQL, where `key` is that of rows that have an id.
    fn sql(self, key: &str) -> Cow<'static, str> {
        match self {
            Self::Nothing => "".into(),
            Self::Missing(id) => format!("ON CONFLICT DO NOTHING RETURNING {id} AS id").into(),
            Self::Replace(set) => format!("ON CONFLICT ({key}) DO UPDATE SET {set}").into(),
            Self::Sql(sql) => sql.into(),
        }
    }
}

/// Rows of one table, to be inserted together with those of others.
#[derive(Debug)]
pub(crate) struct Insert<'r> {
    table: &'static str,
    columns: Vec<Column<'r>>,
    rows: usize,
    rest: Rest,
}

/// How many numbers one [`super::take_numbers`] gives: rows of one statement are numbered from there on. PostgreSQL's sequence steps by
/// as many ([`super::message_numbers`]).
pub(crate) const NUMBERS: usize = 1000;

/// A column of all rows of an [`Insert`].
#[derive(Debug)]
struct Column<'r> {
    name: &'static str,
    form: Form,
    is_nullable: bool,
    /// Whether its cells, below [`NUMBERS`], count from the first number that is taken for the statement.
    is_numbered: bool,
    cells: Vec<RowValue<'r>>,
}

impl Column<'_> {
    /// What PostgreSQL gets.
    fn into_value(self) -> Result<Value, DbErr> {
        let kind = match self.form {
            Form::Text => return joined(&self.cells),
            Form::Uuid => ArrayType::Uuid,
            Form::BigInt => ArrayType::BigInt,
        };
        let value = |cell| if let RowValue::Number(None) = cell { NO_NUMBER.into() } else { Value::from(cell) };
        Ok(Value::Array(kind, Some(Box::new(self.cells.into_iter().map(value).collect()))))
    }

    /// How that is read, where it is `$number`, and selected.
    fn read(&self, number: usize) -> (String, String) {
        let name = self.name;
        match (&self.form, self.is_nullable) {
            // Of one empty text nothing is read, which is NULL.
            (Form::Text, false) => (format!("string_to_table(${number}, E'\\x1f')"), format!("COALESCE({name}, '')")),
            (Form::Text, true) => (format!("string_to_table(${number}, E'\\x1f', '')"), name.to_owned()),
            (Form::BigInt, _) if self.is_numbered => {
                (format!("unnest(${number}::bigint[])"), format!("(SELECT first FROM numbers) + {name}"))
            }
            (Form::Uuid, _) => (format!("unnest(${number}::uuid[])"), name.to_owned()),
            (Form::BigInt, false) => (format!("unnest(${number}::bigint[])"), name.to_owned()),
            (Form::BigInt, true) => (format!("unnest(${number}::bigint[])"), format!("NULLIF({name}, {NO_NUMBER})")),
        }
    }
}

impl<'r> Insert<'r> {
    /// `rows`, whose values `cell` tells; `rest` follows them.
    pub fn of<R: Copy, C: ColumnTrait>(
        rows: impl IntoIterator<Item = R>,
        cell: impl Fn(R, C) -> RowValue<'r>,
        rest: Rest,
    ) -> Result<Self, DbErr> {
        let rows: Vec<R> = rows.into_iter().collect();
        let columns = C::iter().map(|column| {
            let definition = column.def();
            Ok(Column {
                cells: rows.iter().map(|row| cell(*row, column)).collect(),
                name: column.as_str(),
                form: Form::of(definition.get_column_type())?,
                is_nullable: definition.is_null(),
                is_numbered: false,
            })
        });
        let columns = columns.collect::<Result<_, DbErr>>()?;
        Ok(Self { table: C::EntityName::default().table_name(), columns, rows: rows.len(), rest })
    }

    /// The same, with the cells of `numbered`, which count from 0 in all inserts of a statement and are below [`NUMBERS`], counted
    /// from a number that is taken with it.
    pub fn numbered<C: ColumnTrait>(mut self, numbered: C) -> Self {
        for column in &mut self.columns {
            column.is_numbered |= column.name == numbered.as_str();
        }
        self
    }

    fn is_numbered(&self) -> bool {
        self.columns.iter().any(|column| column.is_numbered)
    }

    /// Counts its numbered cells from `first`.
    fn count_from(&mut self, first: i64) {
        for column in self.columns.iter_mut().filter(|column| column.is_numbered) {
            column.is_numbered = false;
            for cell in &mut column.cells {
                if let RowValue::Number(Some(number)) = cell {
                    *number += first;
                }
            }
        }
    }

    /// `rows` as far as they are not there yet; for [`insert_missing`], which returns their `id`s.
    pub fn missing<R: Copy, C: ColumnTrait>(
        rows: impl IntoIterator<Item = R>,
        cell: impl Fn(R, C) -> RowValue<'r>,
        id: C,
    ) -> Result<Self, DbErr> {
        Self::of(rows, cell, Rest::Missing(id.as_str()))
    }

    /// The same rows in their order, those of a company that follow each other by themselves.
    fn by_company(mut self) -> Vec<Self> {
        let mut parts = Vec::new();
        loop {
            let companies = self.columns.iter().find(|column| column.name == "company_id").map(|column| column.cells.as_slice());
            let first = companies.and_then(<[_]>::first).and_then(RowValue::uuid);
            let other = companies.and_then(|cells| cells.iter().position(|cell| cell.uuid() != first));
            let Some(other) = other.filter(|other| *other > 0) else {
                parts.push(self);
                return parts;
            };
            let columns = self.columns.iter_mut().map(|column| {
                let rest = column.cells.split_off(other);
                Column {
                    cells: std::mem::replace(&mut column.cells, rest),
                    name: column.name,
                    form: column.form,
                    is_nullable: column.is_nullable,
                    is_numbered: column.is_numbered,
                }
            });
            let columns = columns.collect();
            self.rows -= other;
            parts.push(Self { table: self.table, columns, rows: other, rest: self.rest });
        }
    }

    fn head(&self) -> String {
        let names: Vec<&str> = self.columns.iter().map(|column| column.name).collect();
        format!("INSERT INTO {} ({})", self.table, names.join(", "))
    }

    /// For PostgreSQL; its values are `$first` and those that follow.
    fn with_columns(&self, first: usize) -> String {
        let names: Vec<&str> = self.columns.iter().map(|column| column.name).collect();
        let (read, selected): (Vec<_>, Vec<_>) = self.columns.iter().zip(first..).map(|(column, n)| column.read(n)).unzip();
        let (head, selected, read, names) = (self.head(), selected.join(", "), read.join(", "), names.join(", "));
        let rest = match (self.rest, self.columns.first()) {
            // Citus copies rows that nothing is asked of, and then every failure of a server is of the same code: a key that is taken
            // could not be told from a server that is away.
            (Rest::Nothing, Some(column)) if distributed::is_known() => format!("RETURNING {}", column.name).into(),
            (rest, _) => rest.sql(distributed::row_key()),
        };
        format!("{head} SELECT {selected} FROM ROWS FROM ({read}) AS given({names}) {rest}")
    }

    /// For SQLite: a row after the other.
    fn with_rows(self) -> Statement {
        let places = format!("({})", vec!["?"; self.columns.len()].join(", "));
        let sql = format!("{} VALUES {} {}", self.head(), vec![places; self.rows].join(", "), self.rest.sql("id"));
        let mut columns: Vec<_> = self.columns.into_iter().map(|column| column.cells.into_iter()).collect();
        let values: Vec<Value> = (0..self.rows)
            .flat_map(|_| columns.iter_mut().filter_map(Iterator::next).map(Value::from).collect::<Vec<_>>())
            .collect();
        Statement::from_sql_and_values(DbBackend::Sqlite, sql, values)
    }
}

/// Inserts all of `inserts`: on PostgreSQL by one statement, in no order. A distributed database does not write several tables by one
/// statement, and gets them in the order in which a single server does the parts of one: from the last to the first.
pub(crate) async fn insert(tx: &DatabaseTransaction, inserts: Vec<Insert<'_>>) -> Result<(), DbErr> {
    let mut inserts: Vec<Insert<'_>> = inserts.into_iter().filter(|insert| insert.rows > 0).collect();
    let is_joined = tx.get_database_backend() == DbBackend::Postgres && !distributed::is_known();
    if !is_joined && inserts.iter().any(Insert::is_numbered) {
        let first = super::take_numbers(tx).await?;
        for insert in &mut inserts {
            insert.count_from(first);
        }
    }
    if tx.get_database_backend() != DbBackend::Postgres {
        for insert in inserts {
            tx.execute_raw(insert.with_rows()).await?;
        }
        return Ok(());
    }
    if distributed::is_known() {
        for insert in inserts.into_iter().rev() {
            tx.execute_raw(alone(insert)?).await?;
        }
        return Ok(());
    }
    if !inserts.is_empty() {
        let numbers = inserts.iter().any(Insert::is_numbered).then_some(super::NUMBERS_TAKEN);
        let statement = together(false, inserts, |mut parts| {
            let last = parts.pop().unwrap_or_default();
            format!("{}{last}", with(numbers, &parts))
        });
        tx.execute_raw(statement?).await?;
    }
    Ok(())
}

/// Inserts what is not there yet of `inserts`, each an [`Insert::missing`], in their order and that of their rows, of which
/// there is one at least: by one statement on PostgreSQL. Returns the ids of just those rows, for each of `inserts`. An
/// entry that another transaction is about to make or to remove is waited for.
pub(crate) async fn insert_missing<const N: usize>(
    tx: &DatabaseTransaction,
    inserts: [Insert<'_>; N],
) -> Result<[Vec<Uuid>; N], DbErr> {
    let mut ids = [const { Vec::new() }; N];
    let (places, inserts): (Vec<_>, Vec<_>) = ids.iter_mut().zip(inserts).filter(|(_, insert)| insert.rows > 0).unzip();
    if tx.get_database_backend() != DbBackend::Postgres {
        for (place, insert) in places.into_iter().zip(inserts) {
            let found = tx.query_all_raw(insert.with_rows()).await?;
            *place = found.into_iter().map(|row| row.try_get("", "id")).collect::<Result<_, _>>()?;
        }
        return Ok(ids);
    }
    if distributed::is_known() {
        for (place, insert) in places.into_iter().zip(inserts) {
            // Company by company: servers that insert side by side would wait for two batches in two orders.
            for part in insert.by_company() {
                let found = tx.query_all_raw(alone(part)?).await?.into_iter();
                place.extend(found.map(|row| row.try_get::<Uuid>("", "id")).collect::<Result<Vec<_>, _>>()?);
            }
        }
        return Ok(ids);
    }
    let statement = together(false, inserts, |parts| {
        let ids: Vec<String> = (0..parts.len()).map(|n| format!("ARRAY(SELECT id FROM part{n}) AS ids{n}")).collect();
        // In one row: each row costs a message, and several allocations of anyone who reads it.
        format!("{}SELECT {}", with(None, &parts), ids.join(", "))
    });
    if let Some(row) = tx.query_one_raw(statement?).await? {
        for (n, place) in places.into_iter().enumerate() {
            *place = row.try_get_by_index(n)?;
        }
    }
    Ok(ids)
}

/// A statement for one insert.
fn alone(insert: Insert<'_>) -> Result<Statement, DbErr> {
    together(true, vec![insert], |mut parts| parts.pop().unwrap_or_default())
}

/// One statement for PostgreSQL, whose text `join` makes of those of `inserts`. It is made once: it depends on their tables
/// and rests alone, of which this crate has a few.
fn together(
    is_distributed: bool,
    inserts: Vec<Insert<'_>>,
    join: impl FnOnce(Vec<String>) -> String,
) -> Result<Statement, DbErr> {
    // A process may learn between two batches that its database is distributed.
    type Tables = (bool, Vec<(&'static str, Rest)>);
    static MADE: LazyLock<Mutex<HashMap<Tables, String>>> = LazyLock::new(Mutex::default);
    let make = || {
        let mut next = 1;
        let parts = inserts.iter().map(|insert| {
            let first = next;
            next += insert.columns.len();
            insert.with_columns(first)
        });
        join(parts.collect())
    };
    let kind = (is_distributed, inserts.iter().map(|insert| (insert.table, insert.rest)).collect());
    let sql = MADE.lock().unwrap_or_else(PoisonError::into_inner).entry(kind).or_insert_with(make).clone();
    let values = inserts.into_iter().flat_map(|insert| insert.columns).map(Column::into_value);
    Ok(Statement::from_sql_and_values(DbBackend::Postgres, sql, values.collect::<Result<Vec<_>, _>>()?))
}

/// `parts` before the statement that they are run with, and `numbers`, where rows are numbered, before them.
fn with(numbers: Option<&str>, parts: &[String]) -> String {
    let named = parts.iter().enumerate().map(|(n, part)| format!("part{n} AS ({part})"));
    let named: Vec<String> = numbers.map(str::to_owned).into_iter().chain(named).collect();
    if named.is_empty() { String::new() } else { format!("WITH {} ", named.join(", ")) }
}
