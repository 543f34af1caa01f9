//! `reconciliations`: a comparison of reports with our transactions.

use sea_orm::entity::prelude::*;

/// A comparison of reports with our transactions.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "reconciliations")]
pub struct Model {
    /// Whose transactions.
    #[sea_orm(primary_key, auto_increment = false)]
    pub company_id: Uuid,
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// live or test.
    pub mode: String,
    /// Milliseconds since 1970 UTC.
    pub started_at: i64,
    /// The same; none: it did not come to its end.
    pub finished_at: Option<i64>,
    /// JSON: a list of `{name, rows}`.
    pub files: String,
    /// Rows of the reports.
    pub row_count: i64,
    /// Rows that say what we have.
    pub matched: i64,
    /// Rows without a transaction.
    pub missing_here: i64,
    /// Transactions without a row.
    pub missing_there: i64,
    /// Rows that say something else.
    pub differing: i64,
    /// Rows that cannot be read.
    pub malformed: i64,
    /// Differences that are ignored; those before count without them.
    pub ignored: i64,
    /// The earliest time of a row, milliseconds; none: no row tells one.
    pub from_time: Option<i64>,
    /// The latest one.
    pub until_time: Option<i64>,
    /// JSON: counts and sums by day, currency and kind.
    pub totals: String,
    /// The last heartbeat of one that goes on, milliseconds; none: it goes on no longer, or tells nobody.
    pub alive_at: Option<i64>,
    /// How much of the reports was read, in percent, where their size is known.
    pub percent: Option<i64>,
    /// Why it did not come to its end.
    pub failure: Option<String>,
    /// The comparison before, with which it was compared; nil: there is none; none: that was not done yet.
    pub before_id: Option<Uuid>,
    /// Open differences that the comparison before had not.
    pub new_count: Option<i64>,
    /// Open differences of the comparison before that are gone.
    pub gone_count: Option<i64>,
}

/// No relations: queries join by company explicitly.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
