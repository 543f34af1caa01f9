//! Normal form: the many event names and statuses reduced to a few kinds and statuses.

use ring::digest;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

macro_rules! names {
    ($(#[$meta:meta])* $type:ident { $($(#[$vmeta:meta])* $variant:ident = $name:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum $type { $($(#[$vmeta])* #[serde(rename = $name)] $variant),+ }

        impl $type {
            /// Every value, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name in the API and in the database.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// The value of that name, in any letter case.
            pub fn parse(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|v| v.as_str().eq_ignore_ascii_case(name))
            }
        }
    };
}

names! {
    /// What sort of transaction an event speaks of.
    Kind {
        /// Money taken from a customer.
        Payment = "PAYMENT",
        /// A captured payment on its way to the merchant.
        Settlement = "SETTLEMENT",
        /// Money released.
        Refund = "REFUND",
        /// A customer's bank takes money back.
        Chargeback = "CHARGEBACK",
        /// Money sent to a customer.
        Payout = "PAYOUT",
        /// An instrument checked, no money moved.
        Verification = "VERIFICATION",
    }
}

names! {
    /// Where a transaction stands.
    Status {
        /// Not decided, or not known.
        Pending = "PENDING",
        /// Done.
        Completed = "COMPLETED",
        /// Declined or broken.
        Failed = "FAILED",
        /// Ended before it was done.
        Cancelled = "CANCELLED",
        /// Done, then sent back by the bank.
        Returned = "RETURNED",
    }
}

names! {
    /// How far a merchant's account has come.
    OnboardingStage {
        /// The application was handed in.
        Submitted = "SUBMITTED",
        /// Somebody or something looks at it.
        InReview = "IN_REVIEW",
        /// Approved, not yet able to process.
        Approved = "APPROVED",
        /// Able to process.
        Active = "ACTIVE",
        /// Switched off.
        Disabled = "DISABLED",
        /// Rejected or withdrawn.
        Closed = "CLOSED",
    }
}

/// What a stored event is about, and so what it changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Category {
    /// A transaction of that kind.
    Transaction(Kind),
    /// An account's status.
    Account,
    /// Kept as an event only: handles, mandates, voids, tests, names we do not know.
    Other,
}

impl Category {
    /// The name in the API and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Transaction(_) => "transaction",
            Self::Account => "account",
            Self::Other => "other",
        }
    }
}

/// Upper case, with `_` for `.` and `-`: the spelling that all rules here use.
pub fn canonical_name(raw: &str) -> SmolStr {
    raw.trim().chars().map(|c| if matches!(c, '.' | '-' | ' ') { '_' } else { c.to_ascii_uppercase() }).collect()
}

/// Characters of an event name that are kept.
const NAME_LENGTH: usize = 100;

/// An event's name in its canonical spelling: letters, digits and `_`, and three stars for what was masked in it. What else there
/// is stands for `_`, and what nobody sees for nothing, so that a name in a spelling that is new to us is a name. One that is too
/// long is shortened, with a hash of the whole behind it. None where no letter and no digit is left.
pub fn event_name(raw: &str) -> Option<SmolStr> {
    let plain = canonical_name(raw);
    if plain.len() <= NAME_LENGTH && plain.bytes().all(is_of_name) {
        return Some(plain).filter(|name| has_letter(name));
    }
    let letter = |c: char| if c.is_ascii() && is_of_name(c as u8) { c } else { '_' };
    let part = |part: &str| part.chars().filter(|c| !is_unseen(*c)).map(letter).collect::<String>();
    let name = plain.split("***").map(part).collect::<Vec<_>>().join("***");
    if !has_letter(&name) {
        return None;
    }
    if name.len() <= NAME_LENGTH {
        return Some(name.into());
    }
    let hash = hex::encode_upper(digest::digest(&digest::SHA256, plain.as_bytes()));
    let (begin, end) = (name.get(..NAME_LENGTH - 33)?, hash.get(..32)?);
    Some(format!("{begin}_{end}").into())
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn has_letter(name: &str) -> bool {
    name.bytes().any(|byte| byte.is_ascii_alphanumeric())
}

/// Control characters, and marks of no width.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2064}' | '\u{FEFF}')
}

/// The normal status of a raw status word or, where it is absent, of a canonical event name:
/// the last word of the name that means something decides.
pub fn status(raw: Option<&str>, event_name: &str) -> Status {
    match raw.map(canonical_name) {
        Some(word) if !word.is_empty() => {
            word_status(&word).or_else(|| word.rsplit('_').find_map(word_status)).unwrap_or(Status::Pending)
        }
        _ if event_name.contains("_RETURN") => Status::Returned,
        _ => event_name.rsplit('_').find_map(word_status).unwrap_or(Status::Pending),
    }
}

/// The status that a canonical word means; none where nobody knows it.
pub fn word_status(word: &str) -> Option<Status> {
    Some(match word {
        "RECEIVED" | "INITIATED" | "PENDING" | "PROCESSING" | "HELD" | "PAYABLE" | "AUTHORIZED" | "OPENED" | "CREATED" => {
            Status::Pending
        }
        "COMPLETED" | "SUCCESS" | "SETTLED" | "CLEARED" | "CAPTURED" | "WON" | "LOST" | "REVERSED" => Status::Completed,
        "FAILED" | "DECLINED" | "ERROR" | "ERRORED" => Status::Failed,
        "CANCELLED" | "CANCELED" | "VOIDED" | "EXPIRED" | "WITHDRAWN" => Status::Cancelled,
        "RETURNED" | "RETURN" => Status::Returned,
        _ => return None,
    })
}

/// Whether the name says that a bank sent money back, in either spelling (`RETURNED_COMPLETED`,
/// `RETURN_COMPLETED`), which a payload's `COMPLETED` must not hide.
pub fn is_return(event_name: &str) -> bool {
    event_name.split('_').any(|word| matches!(word, "RETURN" | "RETURNED"))
}

/// How a chargeback ended, where its name tells.
pub fn chargeback_outcome(event_name: &str) -> Option<&'static str> {
    ["WON", "LOST", "REVERSED"].into_iter().find(|word| event_name.ends_with(&format!("_{word}")))
}

/// Which of two statuses of one time stands: PENDING < COMPLETED, FAILED, CANCELLED < RETURNED.
pub const fn stage(status: Status) -> u8 {
    match status {
        Status::Pending => 0,
        Status::Completed | Status::Failed | Status::Cancelled => 1,
        Status::Returned => 2,
    }
}

/// The onboarding stage of an account status word.
pub fn onboarding_stage(status: &str) -> OnboardingStage {
    match status {
        "SUBMITTED" => OnboardingStage::Submitted,
        "APPROVED" => OnboardingStage::Approved,
        "ENABLED" | "ACTIVE" => OnboardingStage::Active,
        "DISABLED" | "SUSPENDED" => OnboardingStage::Disabled,
        "REJECTED" | "WITHDRAWN" | "CLOSED" => OnboardingStage::Closed,
        _ => OnboardingStage::InReview,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_spelling_is_a_name() {
        let long = "x".repeat(101);
        for (raw, name) in [
            ("payment.completed", "PAYMENT_COMPLETED"),
            ("PAYMENT:COMPLETED", "PAYMENT_COMPLETED"),
            ("PAYMENT/COMPLETED", "PAYMENT_COMPLETED"),
            ("payment\tcompleted", "PAYMENTCOMPLETED"),
            ("PAYMENT\u{200b}_COMPLETED\u{feff}", "PAYMENT_COMPLETED"),
            ("PAYMENT_COMPLÉTED", "PAYMENT_COMPL_TED"),
            ("PAYMENT_\u{fffd}", "PAYMENT__"),
            ("PAYMENT_***1111", "PAYMENT_***1111"),
        ] {
            assert_eq!(event_name(raw).as_deref(), Some(name), "{raw}");
            assert_eq!(event_name(name).as_deref(), Some(name), "once more");
        }
        let (cut, other) = (event_name(&long), event_name(&format!("{long}y")));
        assert!(cut.as_ref().is_some_and(|name| name.len() == NAME_LENGTH && event_name(name) == cut) && cut != other);
        assert_eq!(["", " ", "???", "****", "\u{200b}", "支付"].map(event_name), [const { None }; 6]);
    }

    #[test]
    fn statuses() {
        assert_eq!(status(Some("completed"), "PAYMENT_X"), Status::Completed);
        assert_eq!(status(None, "PAYMENT_RETURN_COMPLETED"), Status::Returned);
        assert_eq!(status(None, "PAYMENT_RETURNED_COMPLETED"), Status::Returned);
        assert_eq!(status(None, "PAYMENT_DECLINED"), Status::Failed);
        assert_eq!(status(Some("NEVER_HEARD"), "PAYMENT_COMPLETED"), Status::Pending);
        assert_eq!(status(None, "CHARGEBACK_WON"), Status::Completed);
        assert_eq!(chargeback_outcome("CHARGEBACK_WON"), Some("WON"));
        assert!(is_return("DD_PAYMENT_RETURNED") && !is_return("PAYMENT_COMPLETED"));
        // A blank status says nothing, and so the name decides.
        assert_eq!(status(Some(" "), "PAYMENT_COMPLETED"), Status::Completed);
        assert_eq!(status(Some("FAILED_PENDING"), "PAYMENT_FAILED"), Status::Pending);
    }

    #[test]
    fn each_word_of_a_status_is_known_and_no_other() {
        for (words, expected) in [
            ("RECEIVED INITIATED PENDING PROCESSING HELD PAYABLE AUTHORIZED OPENED CREATED", Some(Status::Pending)),
            ("COMPLETED SUCCESS SETTLED CLEARED CAPTURED WON LOST REVERSED", Some(Status::Completed)),
            ("FAILED DECLINED ERROR ERRORED", Some(Status::Failed)),
            ("CANCELLED CANCELED VOIDED EXPIRED WITHDRAWN", Some(Status::Cancelled)),
            ("RETURNED RETURN", Some(Status::Returned)),
            ("NEVER HEARD", None),
        ] {
            for word in words.split(' ') {
                assert_eq!(word_status(word), expected, "{word}");
            }
        }
    }

    #[test]
    fn each_status_of_an_account_has_its_stage() {
        use OnboardingStage::{Active, Approved, Closed, Disabled, InReview, Submitted};
        for (words, stage) in [
            ("SUBMITTED", Submitted),
            ("APPROVED", Approved),
            ("ENABLED ACTIVE", Active),
            ("DISABLED SUSPENDED", Disabled),
            ("REJECTED WITHDRAWN CLOSED", Closed),
            ("PENDING PROCESSING DEFERRED WAITING RETURNED", InReview),
        ] {
            for word in words.split(' ') {
                assert_eq!(onboarding_stage(word), stage, "{word}");
            }
        }
    }
}
