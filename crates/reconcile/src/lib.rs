//! Reports of Netbanx compared with our transactions: reading the files, and what matches what. Nothing here asks a database.
//!
//! | module | turns | into |
//! | --- | --- | --- |
//! | `source` | a file or standard input | text: gunzipped, without its byte order mark, UTF-16 as UTF-8 |
//! | `records` | text | records of a CSV file, each by itself, however broken the one before it |
//! | [`mapping`] | the names of a header | which column is which [`Field`] |
//! | [`row`] | a record | a [`Row`], or why it cannot be read |
//! | [`report`] | a file | its rows, from first to last, at constant memory |
//! | [`matching`] | rows and transactions | which is which, and what differs |
//! | [`item`] | what was found | an [`Item`]: as it is kept, told and recognised again |
//! | [`totals`] | rows and transactions | counts and sums by day, currency and kind |

pub mod item;
pub mod mapping;
pub mod matching;
mod records;
pub mod report;
pub mod row;
mod source;
pub mod totals;

pub use item::{Finding, Item};
pub use mapping::{Amounts, Field, Mapping};
pub use matching::{Difference, Transaction};
pub use report::Report;
pub use row::{Malformed, Row};
pub use totals::Totals;

/// Why a report cannot be read at all. None of it passes by itself: the file or the mapping must change.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be opened or read: it is away, not ours to read, or its compression is broken.
    #[error("{name}: {error}")]
    Io {
        /// The file.
        name: String,
        /// What the system says.
        error: std::io::Error,
    },
    /// There is no header line.
    #[error("{0} is empty: its first line must name the columns")]
    Empty(String),
    /// Columns that are needed are not there.
    #[error("{name} has no column for {}; its columns are: {}", needed.join(", "), found.join(", "))]
    MissingColumns {
        /// The file.
        name: String,
        /// Fields that are needed.
        needed: Vec<String>,
        /// The columns' names.
        found: Vec<String>,
    },
    /// A column that the mapping names is not there.
    #[error("{name} has no column '{column}', which the mapping names for {}; its columns are: {}", field.as_str(), found.join(", "))]
    NoSuchColumn {
        /// The file.
        name: String,
        /// What it was to be.
        field: Field,
        /// As the mapping names it.
        column: String,
        /// The columns' names.
        found: Vec<String>,
    },
    /// A column that is used is there more than once, so that nobody knows which one is meant.
    #[error(
        "{name} has the column '{column}' {times} times, and it is used for {}: rename one, name another column for {0}, or none",
        field.as_str()
    )]
    RepeatedColumn {
        /// The file.
        name: String,
        /// What it is used for.
        field: Field,
        /// Its name.
        column: String,
        /// How often it is there.
        times: usize,
    },
    /// The mapping has a format of times that says nothing sure. Another one must be told, or saved.
    #[error("the format of times {0}")]
    TimeFormat(&'static str),
}
