//! Events out: companies' own systems are told of what changed.
//!
//! | module | part |
//! | --- | --- |
//! | [`subscriptions`] | which endpoints want which events, as a batch needs to know it |
//! | [`messages`] | a change as a message, written in the transaction that makes the change |
//! | [`bodies`] | what a message tells |
//! | `ids` | a message's id, which is of its time |
//! | [`endpoints`] | endpoints: added, changed, removed, their keys |
//! | [`listeners`] | endpoints that last as long as a command runs |
//! | [`deliveries`] | what is due, and what became of it |
//! | [`resend`] | what is to be sent again, and to a new endpoint for the first time |
//! | [`attempts`] | tries, as people look at them |
//!
//! A message and a delivery for each endpoint that wants it are rows of the batch's own transaction: nothing is told that was
//! not committed, and nothing that was committed is forgotten. The number of a message ([`crate::entity::outbound_message`])
//! is taken under the locks of what it tells of, so that the numbers of one transaction's messages rise with its changes. It is
//! taken by the statement that writes the batch's rows: a message costs no round trip of its own.

pub mod attempts;
pub mod bodies;
pub mod deliveries;
pub mod endpoints;
mod ids;
pub mod listeners;
pub mod messages;
pub mod resend;
pub mod subscriptions;

use crate::{Error, entered::invalid};

/// A transaction that was not there before.
pub const TRANSACTION_CREATED: &str = "transaction.created";
/// A transaction of which something visible changed.
pub const TRANSACTION_UPDATED: &str = "transaction.updated";
/// An account that is new, or of which something visible changed.
pub const ACCOUNT_UPDATED: &str = "account.updated";
/// A webhook that became a dead letter: it cannot be read, or not be stored.
pub const WEBHOOK_UNREADABLE: &str = "webhook.unreadable";
/// A comparison with Netbanx's reports ended, and something differs.
pub const RECONCILIATION_DIFFERENCE: &str = "reconciliation.difference";
/// What `test` sends to one endpoint; it cannot be subscribed to.
pub const ENDPOINT_TEST: &str = "endpoint.test";
/// What an endpoint can ask for.
pub const EVENT_TYPES: [&str; 5] =
    [TRANSACTION_CREATED, TRANSACTION_UPDATED, ACCOUNT_UPDATED, WEBHOOK_UNREADABLE, RECONCILIATION_DIFFERENCE];
/// Stands for all of [`EVENT_TYPES`], those to come included.
pub const ALL_TYPES: &str = "*";

/// State of an endpoint that gets messages.
pub const ENABLED: &str = "enabled";
/// State of one that gets none until somebody enables it.
pub const DISABLED: &str = "disabled";
/// State of a delivery that is to be tried, again or for the first time.
pub const PENDING: &str = "pending";
/// State of a delivery, and of an attempt, that was answered 2xx.
pub const DELIVERED: &str = "delivered";
/// State of an attempt that was not, and of a delivery that is given up.
pub const FAILED: &str = "failed";

/// Whether an endpoint with these `event_types` wants `event_type`.
pub fn wants(event_types: &str, event_type: &str) -> bool {
    event_types.split(' ').any(|own| own == ALL_TYPES || own == event_type)
}

/// The types as they are stored: known ones, each once.
pub fn join_types(types: &[String]) -> Result<String, Error> {
    let unknown = types.iter().find(|name| *name != ALL_TYPES && !EVENT_TYPES.contains(&name.as_str()));
    if let Some(unknown) = unknown {
        let known = EVENT_TYPES.join(", ");
        return Err(invalid("eventTypes", format!("there is no event type '{unknown}'; there are {known}, and * for all")));
    }
    if types.is_empty() {
        return Err(invalid("eventTypes", format!("eventTypes are some of {}, or *", EVENT_TYPES.join(", "))));
    }
    let unique: std::collections::BTreeSet<&str> = types.iter().map(String::as_str).collect();
    Ok(unique.into_iter().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn types_are_known_ones_and_a_star_is_all() {
        let joined = join_types(&[TRANSACTION_UPDATED.to_owned(), ACCOUNT_UPDATED.to_owned(), ACCOUNT_UPDATED.to_owned()]);
        let joined = joined.unwrap();
        assert_eq!(joined, "account.updated transaction.updated");
        assert!(wants(&joined, ACCOUNT_UPDATED) && !wants(&joined, TRANSACTION_CREATED));
        assert!(wants("*", WEBHOOK_UNREADABLE));
        assert!(join_types(&[]).is_err() && join_types(&["transaction".to_owned()]).is_err());
        assert!(join_types(&[ENDPOINT_TEST.to_owned()]).is_err());
    }
}
