//! Which answers an event makes old, by its family and status.

use std::collections::BTreeSet;

use crate::{CompanyId, Event, Status, event::Change};

/// A kind of data that answers are computed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// Transactions and their lists.
    Transactions,
    /// Accounts and their lists.
    Accounts,
    /// Figures.
    Analytics,
    /// Stored webhooks.
    Events,
}

impl Topic {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Transactions, Self::Accounts, Self::Analytics, Self::Events];

    /// The name in tags.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Transactions => "transactions",
            Self::Accounts => "accounts",
            Self::Analytics => "analytics",
            Self::Events => "events",
        }
    }

    /// What `event` makes old, by its family and, where it tells of a transaction, its status.
    pub fn of(event: &Event) -> &'static [Self] {
        match &event.change {
            Change::Transaction(facts) if matches!(facts.status, Status::Failed | Status::Returned) => {
                event.family.topics_of_bad_news
            }
            Change::Transaction(_) | Change::Account(_) => event.family.topics,
            Change::Nothing => &[Self::Analytics, Self::Events],
        }
    }
}

/// The tag of answers of one topic: those of one company, or (none) those over all companies.
pub fn tag(company: Option<CompanyId>, topic: Topic) -> String {
    match company {
        Some(company) => format!("{}:{}", company.0, topic.as_str()),
        None => format!("all:{}", topic.as_str()),
    }
}

/// The tags of what was computed from what changed: of the companies themselves, and of all.
pub fn tags_of(changes: impl IntoIterator<Item = (CompanyId, Topic)>) -> BTreeSet<String> {
    let changed: BTreeSet<(CompanyId, Topic)> = changes.into_iter().collect();
    let companies = changed.iter().filter(|(company, _)| company.known().is_some()).map(|(c, topic)| tag(Some(*c), *topic));
    companies.chain(changed.iter().map(|(_, topic)| tag(None, *topic))).collect()
}

/// The same where these events changed it, each with whose it is.
pub fn tags_of_events<'e>(events: impl IntoIterator<Item = (CompanyId, &'e Event)>) -> BTreeSet<String> {
    tags_of(events.into_iter().flat_map(|(company, event)| Topic::of(event).iter().map(move |topic| (company, *topic))))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use chrono::DateTime;
    use serde_json::json;

    use super::*;
    use crate::Envelope;

    fn topics(name: &str, status: &str) -> &'static [Topic] {
        let body = json!({"eventType": name, "payload": {"id": "p", "accountNumber": "7", "status": status}});
        let body = body.to_string();
        let envelope = Envelope::parse(body.as_bytes(), None).unwrap();
        Topic::of(&Event::interpret(&envelope, DateTime::UNIX_EPOCH).unwrap())
    }

    #[test]
    fn a_change_makes_the_answers_of_its_company_and_of_all_old() {
        let company = CompanyId(uuid::Uuid::from_u128(7));
        let id = "00000000-0000-0000-0000-000000000007";
        assert_eq!(tag(Some(company), Topic::Accounts), format!("{id}:accounts"));
        let tags = |changes: &[(CompanyId, Topic)]| tags_of(changes.iter().copied()).into_iter().collect::<Vec<_>>();
        let changed = [(company, Topic::Events), (company, Topic::Events), (CompanyId::NONE, Topic::Analytics)];
        assert_eq!(tags(&changed), [format!("{id}:events"), "all:analytics".to_owned(), "all:events".to_owned()]);
        let body = json!({"eventType": "SOMETHING_NEW"}).to_string();
        let envelope = Envelope::parse(body.as_bytes(), None).unwrap();
        let event = Event::interpret(&envelope, DateTime::UNIX_EPOCH).unwrap();
        assert_eq!(tags_of_events([(company, &event)]), tags_of(Topic::of(&event).iter().map(|topic| (company, *topic))));
        assert_eq!(tags_of_events([(CompanyId::NONE, &event)]).len(), 2);
    }

    #[test]
    fn the_kind_and_the_status_decide_not_the_name() {
        use Topic::{Accounts, Analytics, Events, Transactions};
        assert_eq!(topics("PAYMENT_COMPLETED", "COMPLETED"), [Transactions, Analytics, Events]);
        assert_eq!(topics("ACCT_ENABLED", "Enabled"), [Accounts, Analytics, Events]);
        assert_eq!(topics("SOMETHING_NEW", "COMPLETED"), [Analytics, Events]);
        assert_eq!(topics("PAYMENT_HANDLE_FAILED", "FAILED"), [Analytics, Events]);
        // Names that contain PAYMENT and yet are bad news (fault 10 of `docs/domain.md`).
        for (name, status) in [
            ("PAYMENT_FAILED", "FAILED"),
            ("DD_PAYMENT_RETURNED", "COMPLETED"),
            ("PAYMENT_COMPLETED", "ERRORED"),
            ("AP_REFUND_COMPLETED", "COMPLETED"),
            ("CHARGEBACK_OPENED", "OPENED"),
        ] {
            assert_eq!(topics(name, status), Topic::ALL, "{name}");
        }
    }
}
