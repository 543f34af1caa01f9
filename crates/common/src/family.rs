//! The families of events: which names they have, what they are about, and what follows from that. A new family of
//! Netbanx' is one more entry of [`FAMILIES`].

use crate::{Category, Kind, Topic};

/// Events whose names begin alike and that mean the same sort of thing.
#[derive(Debug, PartialEq, Eq)]
pub struct Family {
    /// Beginnings of their canonical names, each a whole word or several: `PAYMENT` stands for `PAYMENT_COMPLETED`, not for
    /// `PAYMENTS`.
    names: &'static [&'static str],
    /// What they are about, and so what they fold into and which figures they change.
    pub category: Category,
    /// Whether they go before the others in the queue.
    pub has_priority: bool,
    /// The answers that they make old.
    pub topics: &'static [Topic],
    /// The same where they tell of a failure or of money sent back.
    pub topics_of_bad_news: &'static [Topic],
}

const MONEY: &[Topic] = &[Topic::Transactions, Topic::Analytics, Topic::Events];
const ACCOUNTS: &[Topic] = &[Topic::Accounts, Topic::Analytics, Topic::Events];
/// Each event is a stored webhook, and is counted as one.
const STORED: &[Topic] = &[Topic::Analytics, Topic::Events];

/// Transactions of `kind`; of some, any news may concern the account.
const fn transactions(kind: Kind, names: &'static [&'static str]) -> Family {
    let topics = if matches!(kind, Kind::Refund | Kind::Chargeback) { &Topic::ALL } else { MONEY };
    Family { names, category: Category::Transaction(kind), has_priority: true, topics, topics_of_bad_news: &Topic::ALL }
}

/// Events that are kept and change nothing.
const fn kept(names: &'static [&'static str]) -> Family {
    Family { names, category: Category::Other, has_priority: false, topics: STORED, topics_of_bad_news: STORED }
}

/// Every family; the first whose name fits is an event's.
pub const FAMILIES: &[Family] = &[
    // A handle is no payment, although its name begins like one.
    kept(&["PAYMENT_HANDLE"]),
    transactions(Kind::Payment, &["PAYMENT", "DD_PAYMENT", "AP_PAYMENT"]),
    transactions(Kind::Refund, &["REFUND", "DD_REFUND", "AP_REFUND"]),
    transactions(Kind::Settlement, &["SETTLEMENT"]),
    transactions(Kind::Chargeback, &["CHARGEBACK", "DISPUTE"]),
    transactions(Kind::Verification, &["VERIFICATION"]),
    transactions(Kind::Payout, &["SA_CREDIT", "ORIGINAL_CREDIT", "STANDALONE_CREDIT", "PAYOUT", "WITHDRAWAL"]),
    Family { names: &["ACCT"], category: Category::Account, has_priority: false, topics: ACCOUNTS, topics_of_bad_news: ACCOUNTS },
];

/// The family of mandates, voids, tests and names that we do not know.
static UNKNOWN: Family = kept(&[]);

impl Family {
    /// The family of a canonical event name.
    pub fn of(name: &str) -> &'static Self {
        static ALL: &[Family] = FAMILIES;
        let fits = |start: &&str| name.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'));
        ALL.iter().find(|family| family.names.iter().any(fits)).unwrap_or(&UNKNOWN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normalize::canonical_name;

    #[test]
    fn categories_of_documented_names() {
        use Category::{Account, Other, Transaction};
        for (name, expected) in [
            ("PAYMENT_COMPLETED", Transaction(Kind::Payment)),
            ("payment.completed", Transaction(Kind::Payment)),
            ("PAYMENT-DECLINED", Transaction(Kind::Payment)),
            ("PAYMENT_HANDLE_COMPLETED", Other),
            ("DD_PAYMENT_RETURNED", Transaction(Kind::Payment)),
            ("AP_REFUND_COMPLETED", Transaction(Kind::Refund)),
            ("SA_CREDIT_COMPLETED", Transaction(Kind::Payout)),
            ("DISPUTE_WON", Transaction(Kind::Chargeback)),
            ("ACCT_ENABLED", Account),
            ("VOID_AUTH_COMPLETED", Other),
            ("DD_MANDATE_CREATED", Other),
            ("PAYMENTS", Other),
            ("SOMETHING_NEW", Other),
        ] {
            let family = Family::of(&canonical_name(name));
            assert_eq!(family.category, expected, "{name}");
            assert_eq!(family.has_priority, matches!(expected, Transaction(_)), "{name}");
        }
    }
}
