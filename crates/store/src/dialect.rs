//! Where PostgreSQL and SQLite differ.

use common::{CompanyId, Kind};
use ring::digest;
use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, TransactionTrait};

/// Lock of the migrations: any number that no row's lock is likely to be.
const MIGRATION_LOCK: i64 = 0x6e65_7462_616e_7801;

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

/// Whether `url` names SQLite.
pub fn is_sqlite_url(url: &str) -> bool {
    url.starts_with("sqlite:")
}

/// Errors that pass: PostgreSQL's connection, resource, shutdown and serialization classes, and
/// SQLite's BUSY and LOCKED with their extended codes.
pub(crate) fn is_passing_code(code: &str) -> bool {
    match code.len() {
        5 => ["08", "53", "57", "58"].iter().any(|class| code.starts_with(class)) || matches!(code, "40001" | "40P01" | "55P03"),
        _ => code.parse::<u32>().is_ok_and(|n| matches!(n & 0xff, 5 | 6)),
    }
}

/// Keeps other processes from migrating until it is committed. SQLite needs none: one file, one
/// operator.
pub(crate) async fn migration_guard(db: &DatabaseConnection) -> Result<Option<DatabaseTransaction>, DbErr> {
    if db.get_database_backend() != DbBackend::Postgres {
        return Ok(None);
    }
    let guard = db.begin().await?;
    guard.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")).await?;
    Ok(Some(guard))
}

/// What a batch locks before it reads the row, so that no other batch folds into the same one.
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

/// Takes `locks` until the transaction ends, in one order for all. SQLite has one writer at a time:
/// nothing to take, as long as the transaction's first statement writes.
pub(crate) async fn lock_rows(tx: &DatabaseTransaction, mut locks: Vec<RowLock>) -> Result<(), DbErr> {
    if tx.get_database_backend() != DbBackend::Postgres || locks.is_empty() {
        return Ok(());
    }
    locks.sort_unstable();
    locks.dedup();
    let rows: Vec<String> = locks.iter().map(|lock| format!("({})", lock.0)).collect();
    tx.execute_unprepared(&format!("SELECT pg_advisory_xact_lock(k) FROM (VALUES {}) AS locks(k)", rows.join(","))).await?;
    Ok(())
}
