//! The tables as sea-orm entities. Times are milliseconds since 1970 UTC in BIGINT columns, so that
//! both databases compare and index them alike; ids are UUIDv7; "no company" is the nil id.
#![allow(missing_docs, reason = "the derive writes public items without documentation")]

pub mod account;
pub mod account_assignment;
pub mod account_payment_method;
pub mod account_status;
pub mod alert_channel;
pub mod alert_notice;
pub mod alert_rule;
pub mod api_token;
pub mod audit_entry;
pub mod collected_count;
pub mod company;
pub mod delivery;
pub mod delivery_attempt;
pub mod endpoint;
pub mod event_conflict;
pub mod event_id;
pub mod event_identity;
pub mod failed_webhook;
pub mod known_device;
pub mod late_event;
pub mod legacy_identity;
pub mod looked_up;
pub mod lookup_configuration;
pub mod outbound_message;
pub mod platform_state;
pub mod receiver_secret;
pub mod reconciliation;
pub mod reconciliation_item;
pub mod reconciliation_mapping;
pub mod recovery_code;
pub mod rollup;
pub mod rollup_delta;
pub mod second_factor;
pub mod session;
pub mod transaction;
pub mod transaction_key;
pub mod user;
pub mod webhook_event;
