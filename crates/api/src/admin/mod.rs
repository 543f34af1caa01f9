//! What people and programs administer: who may sign in, whose webhooks come where, the queue. Nothing here is cached.

mod alert_channel_forms;
pub(crate) mod alert_channels;
pub(crate) mod alert_notices;
pub(crate) mod attempts;
pub(crate) mod audit;
pub(crate) mod companies;
pub(crate) mod dead_letter_list;
pub mod dead_letters;
pub(crate) mod endpoints;
pub(crate) mod queue;
pub(crate) mod receivers;
pub mod reinterpret;
mod test_limit;
pub(crate) mod tokens;
pub(crate) mod users;

pub(crate) use test_limit::TestLimit;
