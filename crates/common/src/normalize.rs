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
