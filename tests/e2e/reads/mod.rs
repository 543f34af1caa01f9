//! The read API as dashboards and programs use it.

mod access;
mod cache;
mod contract;
mod lists;
mod plans;
mod queries;
mod stream;
