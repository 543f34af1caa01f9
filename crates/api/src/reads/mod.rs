//! What is stored, by page and filter: one file for each resource. A request goes through `auth`, `http::params` and
//! `http::cached`; only where no answer is kept it reaches the database.

pub(crate) mod accounts;
pub(crate) mod events;
pub(crate) mod export;
pub(crate) mod receipt;
pub(crate) mod totals;
pub(crate) mod transactions;
pub(crate) mod views;
