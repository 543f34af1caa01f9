//! Options that several commands share: which receiver, and where a key or a password comes from.

use std::path::{Path, PathBuf};

use clap::Args;
use common::Endpoint;

use crate::Error;

/// Which receiver.
#[derive(Debug, Args)]
pub(crate) struct Receiver {
    /// netbanx, account-status, direct-debit or alternate-payments.
    #[arg(long)]
    pub endpoint: Endpoint,
    /// The company's slug; absent: the endpoint's default receiver.
    #[arg(long)]
    pub company: Option<String>,
}

/// Where a key comes from.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct KeySource {
    /// The key itself. It shows in the process list: better a file.
    #[arg(long)]
    pub key: Option<String>,
    /// A file that holds the key; a newline at its end does not count.
    #[arg(long)]
    pub key_file: Option<PathBuf>,
    /// Make a new one and print it.
    #[arg(long)]
    pub generate: bool,
}

/// Where a password comes from.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct PasswordSource {
    /// A file that holds the password (`-`: standard input); a newline at its end does not count.
    #[arg(long)]
    pub password_file: Option<PathBuf>,
    /// Make a new one and print it.
    #[arg(long)]
    pub generate: bool,
}

/// What a file holds that somebody named; the error names it, too.
pub(crate) fn read_named(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))
}

/// Why the file at `path` cannot be read.
pub(crate) fn unreadable(path: &Path, error: &std::io::Error) -> Error {
    Error::Refused(format!("{}: {error}", path.display()))
}
