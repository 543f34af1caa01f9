//! Where PostgreSQL and SQLite differ.

pub mod distributed;
pub(crate) mod existing_rows;
pub mod partitions;
pub(crate) mod rows;
mod settled;
pub(crate) mod sought;

pub(crate) use settled::settle;

use std::{collections::BTreeSet, time::Duration};

use common::{CompanyId, Kind};
use ring::digest;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, IsolationLevel, Statement, TransactionTrait,
    Value,
    sea_query::{Alias, ArrayType, Expr, ExprTrait, Func},
};

/// Lock of the migrations: any number that no row's lock is likely to be.
const MIGRATION_LOCK: i64 = 0x6e65_7462_616e_7801;

/// Values as PostgreSQL gets them where it takes a list as one.
fn array(kind: ArrayType, values: impl IntoIterator<Item = impl Into<Value>>) -> Value {
    Value::Array(kind, Some(Box::new(values.into_iter().map(Into::into).collect())))
}

/// The status and the kind that most rows have: the partial indexes leave them out.
pub(crate) const COMMON_STATUS: &str = "COMPLETED";
/// See [`COMMON_STATUS`].
pub(crate) const COMMON_KIND: &str = "PAYMENT";

/// Statements after which text columns that are searched by prefix compare byte by byte, as SQLite's
/// do by themselves.
pub(crate) const fn bytewise(backend: DbBackend) -> &'static [&'static str] {
    match backend {
        DbBackend::Postgres => &[
            r#"ALTER TABLE transactions ALTER COLUMN external_id TYPE varchar(255) COLLATE "C""#,
            r#"ALTER TABLE transactions ALTER COLUMN merchant_ref_num TYPE varchar(255) COLLATE "C""#,
        ],
        _ => &[],
    }
}

/// Statements that let the version before directories write beside this one. SQLite has one process at
/// a time, and needs its own unique indexes no more.
pub(crate) const fn written_beside(backend: DbBackend) -> &'static [&'static str] {
    match backend {
        DbBackend::Postgres => &[
            r#"ALTER TABLE transaction_keys ALTER COLUMN external_id TYPE varchar(255) COLLATE "C""#,
            "CREATE FUNCTION note_event() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
               INSERT INTO event_identities VALUES (NEW.company_id, NEW.identity, NEW.id) ON CONFLICT DO NOTHING;
               RETURN NULL; END $$",
            "CREATE FUNCTION note_transaction() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
               INSERT INTO transaction_keys VALUES (NEW.company_id, NEW.kind, NEW.external_id, NEW.id) ON CONFLICT DO NOTHING;
               RETURN NULL; END $$",
            "CREATE TRIGGER note_event AFTER INSERT ON webhook_events FOR EACH ROW EXECUTE FUNCTION note_event()",
            "CREATE TRIGGER note_transaction AFTER INSERT ON transactions FOR EACH ROW EXECUTE FUNCTION note_transaction()",
        ],
        _ => &[
            "DROP INDEX webhook_events_identity",
            "DROP INDEX transactions_key",
            "CREATE INDEX transactions_lookup ON transactions (company_id, external_id, kind)",
        ],
    }
}

/// Whether `url` names SQLite.
pub fn is_sqlite_url(url: &str) -> bool {
    url.starts_with("sqlite:")
}

/// Whether an error speaks of the database's state, not of the data it was given: it passes once somebody fixes that.
///
/// | PostgreSQL (appendix A of its manual) | what |
/// | --- | --- |
/// | 08 28 3D 57 58 | no connection, another password, no such database, shut down, its files |
/// | 53 | disk, memory or connections used up |
/// | 25 42 3F | read-only (a replica, a full disk), rights taken away, tables missing |
/// | 0A 26 | a statement whose tables changed since it was prepared, or that a pooler prepared elsewhere |
/// | 40 55 | in each other's way |
///
/// Of SQLite (its result codes): `PERM BUSY LOCKED NOMEM READONLY INTERRUPT IOERR CORRUPT FULL CANTOPEN PROTOCOL SCHEMA AUTH
/// NOTADB`, with their extended codes, and a missing table or column, which have no code of their own.
pub(crate) fn is_passing_code(code: &str, message: &str) -> bool {
    const CLASSES: [&str; 13] = ["08", "0A", "25", "26", "28", "3D", "3F", "40", "42", "53", "55", "57", "58"];
    match code.len() {
        5 => CLASSES.iter().any(|class| code.starts_with(class)),
        _ => match code.parse::<u32>().map(|code| code & 0xff) {
            Ok(1) => message.contains("no such ") || message.contains("has no column"),
            Ok(code) => matches!(code, 3 | 5..=11 | 13..=15 | 17 | 23 | 26),
            Err(_) => false,
        },
    }
}

/// Whether an error says that a table is missing.
pub(crate) fn is_missing_table(code: &str, message: &str) -> bool {
    code == "42P01" || message.starts_with("no such table")
}

/// Keeps other processes from migrating until it is committed. SQLite needs none: one file, one
/// operator.
pub(crate) async fn migration_guard(db: &DatabaseConnection) -> Result<Option<DatabaseTransaction>, DbErr> {
    guard(db, MIGRATION_LOCK).await
}

/// Holds `lock` until it ends; waits for anyone who does.
async fn guard(db: &DatabaseConnection, lock: i64) -> Result<Option<DatabaseTransaction>, DbErr> {
    if db.get_database_backend() != DbBackend::Postgres {
        return Ok(None);
    }
    let guard = db.begin().await?;
    guard.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({lock})")).await?;
    Ok(Some(guard))
}

/// Whether [`commit_and_chain`] works. SQLite's one writer must not wait with its transaction open.
pub(crate) fn can_chain(db: &DatabaseConnection) -> bool {
    db.get_database_backend() == DbBackend::Postgres
}

/// Commits `tx`, and begins the next one in its place.
pub(crate) async fn commit_and_chain(tx: &DatabaseTransaction) -> Result<(), DbErr> {
    tx.execute_unprepared("COMMIT AND CHAIN").await.map(drop)
}

/// Statements that make the source of [`take_numbers`].
pub(crate) const fn message_sequence(backend: DbBackend) -> &'static [&'static str] {
    match backend {
        DbBackend::Postgres => &["CREATE SEQUENCE outbound_sequence"],
        _ => &["INSERT INTO platform_state (name, value) VALUES ('outbound.sequence', '0')"],
    }
}

/// Statements that let each number of it stand for as many as [`rows::NUMBERS`].
pub(crate) const fn message_numbers(backend: DbBackend) -> &'static [&'static str] {
    match backend {
        DbBackend::Postgres => &["ALTER SEQUENCE outbound_sequence INCREMENT BY 1000"],
        _ => &[],
    }
}

/// [`take_numbers`] as a part of a statement of PostgreSQL's.
const NUMBERS_TAKEN: &str = "numbers AS MATERIALIZED (SELECT nextval('outbound_sequence') AS first)";

/// Takes [`rows::NUMBERS`] rising numbers, each above all that were given to transactions that are committed, and returns the first.
/// Batches that change the same transaction follow each other, so their messages' numbers tell their order, whatever the clocks of
/// their workers say.
pub(crate) async fn take_numbers(tx: &DatabaseTransaction) -> Result<i64, DbErr> {
    let backend = tx.get_database_backend();
    let count = rows::NUMBERS;
    let sql = match backend {
        DbBackend::Postgres => "SELECT nextval('outbound_sequence') AS first".to_owned(),
        // The one writer's own counter.
        _ => format!(
            "UPDATE platform_state SET value = CAST(CAST(value AS bigint) + {count} AS text) WHERE name = 'outbound.sequence'
             RETURNING CAST(value AS bigint) - {count} + 1 AS first"
        ),
    };
    let row = tx.query_one_raw(Statement::from_string(backend, sql)).await?;
    row.ok_or_else(|| DbErr::Custom("outbound_sequence gives no number".to_owned()))?.try_get("", "first")
}

/// Lock of the process that folds differences into buckets.
const FOLD_LOCK: i64 = 0x6e65_7462_616e_7802;

/// Takes the right to fold until the transaction ends; not if another has it. SQLite has one writer at
/// a time.
pub(crate) async fn try_fold_lock(tx: &DatabaseTransaction) -> Result<bool, DbErr> {
    if tx.get_database_backend() != DbBackend::Postgres {
        return Ok(true);
    }
    let sql = format!("SELECT pg_try_advisory_xact_lock({FOLD_LOCK}) AS taken");
    let row = tx.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
    row.map_or(Ok(false), |row| row.try_get("", "taken"))
}

/// Keeps others from folding until it ends; waits for anyone who does.
pub(crate) async fn fold_guard(db: &DatabaseConnection) -> Result<Option<DatabaseTransaction>, DbErr> {
    guard(db, FOLD_LOCK).await
}

/// One look at one moment: what others commit meanwhile is not seen. On a distributed database each server has a moment of its own, and
/// all of a company's rows are of one.
pub(crate) async fn snapshot(db: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    match db.get_database_backend() {
        DbBackend::Postgres => {
            let tx = db.begin_with_config(Some(IsolationLevel::RepeatableRead), None).await?;
            distributed::look_once(&tx).await?;
            Ok(tx)
        }
        // A transaction of SQLite's write-ahead log is one.
        _ => db.begin().await,
    }
}

/// The limit for each statement of `tx`, whatever the connection's is. SQLite knows none.
pub(crate) async fn limit_statements(tx: &DatabaseTransaction, limit: Duration) -> Result<(), DbErr> {
    if tx.get_database_backend() == DbBackend::Postgres {
        tx.execute_unprepared(&format!("SET LOCAL statement_timeout = {}", limit.as_millis())).await?;
    }
    Ok(())
}

/// Takes SQLite's right to write before anything is read: one that only reads cannot get it any more once another wrote.
pub(crate) async fn begin_writing(tx: &DatabaseTransaction) -> Result<(), DbErr> {
    if tx.get_database_backend() == DbBackend::Sqlite {
        tx.execute_unprepared("UPDATE platform_state SET value = value WHERE name = ''").await?;
    }
    Ok(())
}

/// Lets others write between two of many transactions, the last of which took so long. Who waits for SQLite's one right to write
/// looks now and then whether it is free: where it never is for more than a moment, nobody else ever gets it.
pub(crate) async fn give_way(db: &DatabaseConnection, took: Duration) {
    if db.get_database_backend() == DbBackend::Sqlite {
        tokio::time::sleep(took / 3).await;
    }
}

/// What follows a text that is compared with an id of [`bytewise`] columns.
pub(crate) const fn bytewise_text(backend: DbBackend) -> &'static str {
    match backend {
        DbBackend::Postgres => " COLLATE \"C\"",
        _ => "",
    }
}

/// The start of the bucket of `width_ms` that holds `column`, by whole numbers on both databases. Times
/// before 1970 are rounded down too.
pub(crate) fn bucket_of(column: &str, width_ms: i64) -> Expr {
    Expr::cust(format!("({column} - (({column} % {width_ms}) + {width_ms}) % {width_ms})"))
}

/// Whether `column` has `part` in it, letters as they are written.
pub(crate) fn contains(backend: DbBackend, column: &str, part: &str) -> Expr {
    let name = if backend == DbBackend::Postgres { "strpos" } else { "instr" };
    Expr::from(Func::cust(name).arg(Expr::col(Alias::new(column))).arg(part)).gt(0)
}

/// A UUID of 32 hex digits as a literal: SQLite keeps its bytes.
pub(crate) fn uuid_literal(backend: DbBackend, digits: &str) -> String {
    if backend == DbBackend::Postgres { format!("'{digits}'::uuid") } else { format!("X'{digits}'") }
}

/// Frees what folded differences took, which come and go by thousands per second.
pub(crate) async fn tidy_deltas(db: &DatabaseConnection) -> Result<(), DbErr> {
    if db.get_database_backend() == DbBackend::Postgres {
        db.execute_unprepared("VACUUM rollup_deltas").await?;
    }
    Ok(())
}

/// What a batch locks before it reads a row that is there, so that no other batch folds into the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RowLock(i64);

impl RowLock {
    /// The lock of a transaction's row (`kind` given) or of an account's.
    pub fn of(company: CompanyId, kind: Option<Kind>, external_id: &str) -> Self {
        let mut hash = digest::Context::new(&digest::SHA256);
        hash.update(company.0.as_bytes());
        hash.update(kind.map_or("ACCOUNT", Kind::as_str).as_bytes());
        hash.update(&[0]);
        hash.update(external_id.as_bytes());
        let bytes = hash.finish().as_ref().iter().take(8).fold(0_u64, |acc, b| acc << 8 | u64::from(*b));
        Self(bytes.cast_signed())
    }
}

/// Takes `locks` until the transaction ends, in one order for all, and settles how its further statements are planned:
/// for indexes, whatever the number of their rows. Plans are kept by the connection. One that was made while a table was
/// new would read all of it for ever, and one made for each call costs more than what it does.
///
/// SQLite has one writer at a time: nothing to take, as long as the transaction's first statement writes.
pub(crate) async fn hold_rows(tx: &DatabaseTransaction, locks: impl IntoIterator<Item = RowLock>) -> Result<(), DbErr> {
    if tx.get_database_backend() == DbBackend::Postgres {
        let locks: BTreeSet<i64> = locks.into_iter().map(|lock| lock.0).collect();
        // A distributed database plans on each server by itself, and by values: of a generic plan it cannot tell which server it is for.
        let sql = if distributed::is_known() {
            "SELECT count(pg_advisory_xact_lock(k)) FROM unnest($1::bigint[]) AS locks(k)"
        } else {
            "SELECT set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),
            set_config('enable_mergejoin', 'off', true), set_config('plan_cache_mode', 'force_generic_plan', true),
            (SELECT count(pg_advisory_xact_lock(k)) FROM unnest($1::bigint[]) AS locks(k))"
        };
        let values = [array(ArrayType::BigInt, locks)];
        tx.execute_raw(Statement::from_sql_and_values(DbBackend::Postgres, sql, values)).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_data_is_to_blame_for_is_told_from_what_passes() {
        // Too long, not unique, an index row too large; SQLite's CONSTRAINT (UNIQUE), TOOBIG and MISMATCH.
        for code in ["22001", "23505", "54000", "2067", "18", "20"] {
            assert!(!is_passing_code(code, "anything"), "{code}");
        }
        // A password that was changed, a replica, a pooler that does not know the statement, a full disk; SQLite's READONLY, IOERR_WRITE and FULL.
        for code in ["28P01", "25006", "26000", "53100", "8", "778", "13"] {
            assert!(is_passing_code(code, "anything"), "{code}");
        }
        assert!(is_passing_code("1", "no such column: series") && !is_passing_code("1", "too many SQL variables"));
    }
}
