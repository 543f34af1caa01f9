//! Stories of use, each on a platform of its own.

mod alert_channels;
mod analytics;
mod dashboard;
mod demo;
mod deployment;
mod distributed;
mod doors;
mod endpoints;
mod faults;
mod isolation;
mod lookups;
mod monitoring;
mod operations;
mod performance;
mod queue;
mod reads;
mod receivers;
mod receiving;
mod reconciliation;
mod reconciliation_over_http;
mod refusals;
mod replay;
mod rollout;
mod rotation;
mod samples;
mod years;
