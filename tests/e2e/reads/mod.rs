//! The read API as dashboards and programs use it.

mod access;
mod as_of;
mod bounds;
mod cache;
mod contract;
mod lists;
mod plans;
mod queries;
mod receipt;
mod reference;
mod shown;
mod stream;
mod totals;
