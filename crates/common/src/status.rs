//! What status words, and the words of events' names, say of a transaction: its normal [`Status`] and how a chargeback ended.

use crate::{Category, Family, Kind, Status, normalize::canonical_name};

/// What stands for the outcome of a chargeback that is open, or open again.
pub const UNDECIDED: &str = "";

/// How a chargeback can end.
const OUTCOMES: [&str; 3] = ["WON", "LOST", "REVERSED"];

/// The normal status of a transaction of that kind by a raw status word or, where it is absent, by a canonical event name, whose last
/// word that means something decides. A return is not hidden by its own completion.
pub fn normal(raw: Option<&str>, event_name: &str, kind: Kind) -> Status {
    match raw.map(canonical_name) {
        Some(word) if !word.is_empty() => told(&word, kind).map_or(Status::Pending, |status| or_returned(status, event_name)),
        _ if event_name.contains("_RETURN") => Status::Returned,
        _ => event_name.rsplit('_').find_map(|word| of_word(word, kind)).unwrap_or(Status::Pending),
    }
}

/// The status that a canonical word tells, or the name of an event in the place of one. None where a part of it is not known:
/// `NOT_SETTLED` is not `SETTLED`.
pub fn told(word: &str, kind: Kind) -> Option<Status> {
    if let Some(status) = of_word(word, kind) {
        return Some(status);
    }
    let behind_family = word.match_indices('_').find_map(|(at, _)| {
        let (family, rest) = word.split_at_checked(at)?;
        matches!(Family::of(family).category, Category::Transaction(_)).then_some(rest)
    });
    let parts = behind_family.unwrap_or(word).split('_').filter(|part| !part.is_empty());
    let known: Vec<Status> = parts.map(|part| of_word(part, kind)).collect::<Option<_>>()?;
    let last = known.last().copied()?;
    Some(or_returned(last, word))
}

/// The status that one canonical word means; none where nobody knows it. Only a chargeback is won, lost or reversed.
fn of_word(word: &str, kind: Kind) -> Option<Status> {
    Some(match word {
        "RECEIVED" | "INITIATED" | "PENDING" | "PROCESSING" | "HELD" | "PAYABLE" | "AUTHORIZED" | "OPENED" | "CREATED" => {
            Status::Pending
        }
        "COMPLETED" | "SUCCESS" | "SETTLED" | "CLEARED" | "CAPTURED" => Status::Completed,
        "FAILED" | "DECLINED" | "ERROR" | "ERRORED" => Status::Failed,
        "CANCELLED" | "CANCELED" | "VOIDED" | "EXPIRED" | "WITHDRAWN" => Status::Cancelled,
        "RETURNED" | "RETURN" => Status::Returned,
        _ if kind == Kind::Chargeback && OUTCOMES.contains(&word) => Status::Completed,
        _ => return None,
    })
}

/// What is completed under a name which says that a bank sent money back, in either spelling (`RETURNED_COMPLETED`,
/// `RETURN_COMPLETED`), is returned.
fn or_returned(status: Status, name: &str) -> Status {
    let is_return = || name.split('_').any(|word| matches!(word, "RETURN" | "RETURNED"));
    if status == Status::Completed && is_return() { Status::Returned } else { status }
}

/// How a chargeback of that normal status ended, by its raw status word, else by the event's name; [`UNDECIDED`] while it is pending,
/// and none where nothing tells.
pub fn outcome(status: Status, raw: Option<&str>, event_name: &str) -> Option<&'static str> {
    if status == Status::Pending {
        return Some(UNDECIDED);
    }
    let ends = |text: &str| OUTCOMES.into_iter().find(|word| text.rsplit('_').next() == Some(word));
    raw.and_then(|raw| ends(&canonical_name(raw))).or_else(|| ends(event_name))
}

/// Which of two statuses of one time stands: PENDING < COMPLETED, FAILED, CANCELLED < RETURNED.
pub const fn stage(status: Status) -> u8 {
    match status {
        Status::Pending => 0,
        Status::Completed | Status::Failed | Status::Cancelled => 1,
        Status::Returned => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_a_word_that_is_known_as_a_whole() {
        use Kind::{Chargeback, Payment, Refund};
        for (raw, kind, expected) in [
            ("completed", Payment, Status::Completed),
            ("Return-Completed", Payment, Status::Returned),
            ("PAYMENT_COMPLETED", Payment, Status::Completed),
            ("SA_CREDIT_FAILED", Kind::Payout, Status::Failed),
            ("WON", Chargeback, Status::Completed),
            ("REVERSED", Chargeback, Status::Completed),
            ("REVERSED", Payment, Status::Pending),
            ("REVERSED", Refund, Status::Pending),
            ("NOT_COMPLETED", Payment, Status::Pending),
            ("NON-SETTLED", Payment, Status::Pending),
            ("AWAITING_CAPTURED", Payment, Status::Pending),
            ("NOT CLEARED", Kind::Settlement, Status::Pending),
            ("NEVER_HEARD", Payment, Status::Pending),
            ("NOT_DECLINED", Payment, Status::Pending),
        ] {
            assert_eq!(normal(Some(raw), "PAYMENT_COMPLETED", kind), expected, "{raw}");
        }
    }

    #[test]
    fn each_word_of_a_status_is_known_and_no_other() {
        for (words, kind, expected) in [
            (
                "RECEIVED INITIATED PENDING PROCESSING HELD PAYABLE AUTHORIZED OPENED CREATED",
                Kind::Payment,
                Some(Status::Pending),
            ),
            ("COMPLETED SUCCESS SETTLED CLEARED CAPTURED", Kind::Refund, Some(Status::Completed)),
            ("WON LOST REVERSED COMPLETED", Kind::Chargeback, Some(Status::Completed)),
            ("FAILED DECLINED ERROR ERRORED", Kind::Payout, Some(Status::Failed)),
            ("CANCELLED CANCELED VOIDED EXPIRED WITHDRAWN", Kind::Settlement, Some(Status::Cancelled)),
            ("RETURNED RETURN", Kind::Payment, Some(Status::Returned)),
            ("NEVER HEARD WON LOST REVERSED", Kind::Payment, None),
        ] {
            for word in words.split(' ') {
                assert_eq!(told(word, kind), expected, "{word}");
            }
        }
        assert_eq!(told("FAILED_PENDING", Kind::Payment), Some(Status::Pending), "the last one decides");
    }

    #[test]
    fn where_no_status_is_told_the_name_tells_it() {
        for raw in [None, Some(""), Some(" ")] {
            assert_eq!(normal(raw, "PAYMENT_RETURN_COMPLETED", Kind::Payment), Status::Returned);
            assert_eq!(normal(raw, "PAYMENT_RETURNED_COMPLETED", Kind::Payment), Status::Returned);
            assert_eq!(normal(raw, "PAYMENT_DECLINED", Kind::Payment), Status::Failed);
            assert_eq!(normal(raw, "PAYMENT_REVERSED", Kind::Payment), Status::Pending);
            assert_eq!(normal(raw, "CHARGEBACK_WON", Kind::Chargeback), Status::Completed);
        }
        assert_eq!(normal(Some("COMPLETED"), "DD_PAYMENT_RETURNED", Kind::Payment), Status::Returned);
        assert_eq!(normal(Some("COMPLETED"), "PAYMENT_COMPLETED", Kind::Payment), Status::Completed);
    }

    #[test]
    fn a_chargebacks_outcome_is_told_by_its_status_or_its_name() {
        for (status, raw, name, expected) in [
            (Status::Completed, None, "CHARGEBACK_WON", Some("WON")),
            (Status::Completed, Some("COMPLETED"), "DISPUTE_LOST", Some("LOST")),
            (Status::Completed, Some("won"), "CHARGEBACK_UPDATED", Some("WON")),
            (Status::Completed, Some("DISPUTE_REVERSED"), "CHARGEBACK_COMPLETED", Some("REVERSED")),
            (Status::Completed, Some("LOST"), "CHARGEBACK_WON", Some("LOST")),
            (Status::Completed, Some("COMPLETED"), "CHARGEBACK_COMPLETED", None),
            (Status::Pending, Some("OPENED"), "CHARGEBACK_OPENED", Some(UNDECIDED)),
        ] {
            assert_eq!(outcome(status, raw, name), expected, "{raw:?} {name}");
        }
    }
}
