//! What every answer has: the envelope of a success, and which part of a list a page is.

use serde::Serialize;
use utoipa::ToSchema;

/// The envelope of a success.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Success<T> {
    /// Always true.
    success: bool,
    /// What was asked for.
    data: T,
    /// When it was computed, RFC 3339, UTC.
    timestamp: String,
}

/// Which part of the rows a page is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Pagination {
    /// The page's number, from 1; 1 behind a cursor.
    pub page: u64,
    /// Rows on a page at most.
    pub limit: u64,
    /// Rows of the filter, counted up to 10,000.
    pub total: u64,
    /// False where there may be more rows than `total` says.
    pub total_is_exact: bool,
    /// Pages that `total` makes.
    pub pages: u64,
    /// Goes on behind this page; null at the end.
    pub next_cursor: Option<String>,
}
