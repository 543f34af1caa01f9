//! The tables as sea-orm entities. Times are milliseconds since 1970 UTC in BIGINT columns, so that
//! both databases compare and index them alike; ids are UUIDv7; "no company" is the nil id.
#![allow(missing_docs, reason = "the derive writes public items without documentation")]

pub mod company;
pub mod user;
pub mod session;
pub mod api_token;
pub mod receiver_secret;
pub mod account;
pub mod account_status;
pub mod account_payment_method;
pub mod account_assignment;
pub mod webhook_event;
pub mod transaction;
pub mod rollup;
pub mod audit_entry;
