//! Masking: no full bank or card number, and no `cvv`, is kept anywhere.
//!
//! A value is masked to its last four by the name of its field, or by its look: a card number
//! (13–19 digits of a payment network that pass Luhn's check) or an IBAN (mod 97), whatever field or
//! text it hides in. Only Netbanx' own ids are never masked by look: a masked id would merge
//! transactions, and one number in ten passes Luhn's check by chance.

mod numbers;

use std::ops::Range;

use serde_json::Value;

use crate::{
    Category, Envelope,
    json::{Document, Json, JsonType},
};
use numbers::{is_card, last_four, mask_text};

/// What the name of a field says of its value.
enum Field {
    /// Not even the last four are kept.
    Secret,
    /// An account, routing or card number.
    Number,
    /// The same, but for an account event's own.
    AccountNumber,
    /// An id made by Netbanx.
    Id,
    /// Nothing.
    Other,
}

/// Of each byte the lower-case letter or the digit that it stands for; 0 of any other.
#[allow(clippy::indexing_slicing)] // Worked out by the compiler.
const LETTERS: [u8; 256] = {
    let (mut letters, mut byte) = ([0; 256], 0);
    while byte < 128 {
        if (byte as u8).is_ascii_alphanumeric() {
            letters[byte] = (byte as u8).to_ascii_lowercase();
        }
        byte += 1;
    }
    letters
};

impl Field {
    /// `name` counts without the case of its letters and what stands between them.
    fn of(name: &str) -> Self {
        // Longer than all of them: the beginning of a name that is longer still is none of them.
        let (mut letters, mut length) = ([0_u8; 32], 0);
        for letter in name.bytes().filter_map(|byte| LETTERS.get(usize::from(byte))) {
            let Some(place) = letters.get_mut(length) else { break };
            *place = *letter;
            length += usize::from(*letter != 0);
        }
        match letters.get(..length).unwrap_or_default() {
            b"cvv" | b"cvv2" | b"cvc" | b"cvc2" | b"cvn" | b"securitycode" | b"pin" => Self::Secret,
            b"iban"
            | b"bban"
            | b"pan"
            | b"routingnumber"
            | b"sortcode"
            | b"branchcode"
            | b"transitnumber"
            | b"institutionid"
            | b"bankaccountnumber"
            | b"primaryaccountnumber"
            | b"accountnum"
            | b"cardnum"
            | b"cardnumber"
            | b"cardno" => Self::Number,
            b"accountnumber" => Self::AccountNumber,
            b"id"
            | b"resourceid"
            | b"accountid"
            | b"paymentid"
            | b"settlementid"
            | b"merchantid"
            | b"partnerid"
            | b"gatewayreconciliationid" => Self::Id,
            _ => Self::Other,
        }
    }
}

/// Writes the body of `envelope` to `out` as JSON, masked and without spaces. `accountNumber` is masked but in an account
/// event, where it is the merchant's public account id (`docs/domain.md`).
pub fn write_masked(out: &mut Vec<u8>, envelope: &Envelope<'_>) {
    let is_account_event = envelope.family.category == Category::Account;
    write(out, envelope.body(), Rule::ByLook { is_account_event, depth: 0 });
}

/// The same for a text of which no more is known than that it is JSON.
pub fn write_document(out: &mut Vec<u8>, body: &Document<'_>) {
    write(out, body, Rule::ByLook { is_account_event: false, depth: 0 });
}

fn write(out: &mut Vec<u8>, body: &Document<'_>, rule: Rule) {
    let Some(root) = body.root() else { return };
    let Range { start, end } = root.range();
    let mut copy = Copy { out, body, at: start };
    copy.mask(root, rule);
    copy.up_to(end);
}

/// How a value is masked.
#[derive(Debug, Clone, Copy)]
enum Rule {
    /// Not at all: an id.
    Kept,
    /// To nothing.
    Blank,
    /// Each scalar to its last four.
    Whole,
    /// Card numbers and IBANs.
    ByLook { is_account_event: bool, depth: usize },
}

impl Rule {
    /// For a field of what this is for.
    fn of_field(self, field: Json<'_, '_>) -> Self {
        let Self::ByLook { is_account_event, depth } = self else { return self };
        let is_public_account = is_account_event && depth <= 1;
        match Field::of(&field.name()) {
            Field::Secret => Self::Blank,
            Field::Number => Self::Whole,
            Field::AccountNumber if !is_public_account => Self::Whole,
            Field::Id if !matches!(field.json_type(), JsonType::Object | JsonType::Array) => Self::Kept,
            _ => self.of_item(),
        }
    }

    /// For an item of an array that this is for.
    fn of_item(self) -> Self {
        match self {
            Self::ByLook { is_account_event, depth } => Self::ByLook { is_account_event, depth: depth + 1 },
            other => other,
        }
    }

    /// What is left of a scalar, where it is masked.
    fn masked(self, scalar: Json<'_, '_>) -> Option<String> {
        let digits = scalar.written();
        match (self, scalar.json_type()) {
            (Self::Whole, JsonType::Text) => Some(last_four(&scalar.string()?)),
            (Self::Whole, JsonType::Number) => Some(last_four(digits)),
            (Self::ByLook { .. }, JsonType::Text) => mask_text(&scalar.string()?),
            (Self::ByLook { .. }, JsonType::Number) => is_card(digits.as_bytes()).then(|| last_four(digits)),
            _ => None,
        }
    }
}

/// A text on its way to `out`: what is not masked is copied as it stands, all that lies between two masked values at once.
struct Copy<'o, 'd, 't> {
    out: &'o mut Vec<u8>,
    body: &'d Document<'t>,
    /// How far it has come.
    at: usize,
}

impl Copy<'_, '_, '_> {
    fn mask(&mut self, value: Json<'_, '_>, rule: Rule) {
        match value.json_type() {
            JsonType::Null => {}
            _ if matches!(rule, Rule::Blank) => self.replace(value, r#""***""#),
            JsonType::Object => value.values().for_each(|field| self.mask(field, rule.of_field(field))),
            JsonType::Array => value.values().for_each(|item| self.mask(item, rule.of_item())),
            JsonType::Bool => {}
            JsonType::Number | JsonType::Text => {
                if let Some(masked) = rule.masked(value) {
                    self.replace(value, &Value::String(masked).to_string());
                }
            }
        }
    }

    fn replace(&mut self, value: Json<'_, '_>, by: &str) {
        let Range { start, end } = value.range();
        self.up_to(start);
        self.out.extend_from_slice(by.as_bytes());
        self.at = end;
    }

    /// Copies what stands before `end`, but for spaces between tokens.
    fn up_to(&mut self, end: usize) {
        let part = self.body.text().as_bytes().get(self.at..end).unwrap_or_default();
        self.at = end;
        if self.body.is_compact() {
            return self.out.extend_from_slice(part);
        }
        let (mut is_string, mut is_escaped) = (false, false);
        for byte in part {
            if is_string || !byte.is_ascii_whitespace() {
                self.out.push(*byte);
            }
            is_string ^= *byte == b'"' && !is_escaped;
            is_escaped = *byte == b'\\' && !is_escaped;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::{numbers::is_iban, *};

    fn written(body: &str, is_account_event: bool) -> String {
        let document = Document::of(serde_json::from_str(body).unwrap()).unwrap();
        let mut out = Vec::new();
        write(&mut out, &document, Rule::ByLook { is_account_event, depth: 0 });
        String::from_utf8(out).unwrap()
    }

    fn masked(body: &Value, is_account_event: bool) -> Value {
        serde_json::from_str(&written(&body.to_string(), is_account_event)).unwrap()
    }

    #[test]
    fn what_is_not_masked_stays_as_it_was_written() {
        let body = r#" { "b" : [ 1.50 , -2e3, true, null, { }, [ ] ], "a" : "caf\u00e9 \" \/", "a":"" } "#;
        assert_eq!(written(body, false), r#"{"b":[1.50,-2e3,true,null,{},[]],"a":"caf\u00e9 \" \/","a":""}"#);
    }

    #[test]
    fn escapes_and_repeated_names_hide_nothing() {
        let body = r#"{"c\u0076v":"123","cvv":"123","cvv":null,"note":"4111\u00201111 1111 1111\n\u0034111111111111111"}"#;
        assert_eq!(written(body, false), r#"{"c\u0076v":"***","cvv":"***","cvv":null,"note":"***1111\n***1111"}"#);
    }

    #[test]
    fn fields_and_hidden_numbers() {
        let body = json!({"payload": {
            "sepa": {"iban": "GB86RBOS60161331926819", "lastDigits": "19"},
            "ach": {"accountNumber": "988948193", "routingNumber": 211_589_828},
            "card": {"cardNum": "4111111111111111", "cvv": 123, "lastDigits": "1111"},
            "note": "paid with 4111 1111 1111 1111 or GB86 RBOS 6016 1331 9268 19.",
            "merchantRefNum": "1732431600000",
        }});
        assert_eq!(
            masked(&body, false),
            json!({"payload": {
                "sepa": {"iban": "***6819", "lastDigits": "19"},
                "ach": {"accountNumber": "***8193", "routingNumber": "***9828"},
                "card": {"cardNum": "***1111", "cvv": "***", "lastDigits": "1111"},
                "note": "paid with ***1111 or ***6819.",
                "merchantRefNum": "1732431600000",
            }})
        );
    }

    #[test]
    fn an_account_event_keeps_its_own_account_number_only() {
        let body = json!({"payload": {"accountNumber": "1003296300", "bank": {"accountNumber": "988948193"}}});
        let body = masked(&body, true);
        assert_eq!(body["payload"]["accountNumber"], "1003296300");
        assert_eq!(body["payload"]["bank"]["accountNumber"], "***8193");
    }

    fn luhn(mut digits: Vec<u8>) -> String {
        digits.push(0);
        (0..10)
            .map(|check| {
                *digits.last_mut().unwrap() = check;
                digits.iter().map(|d| char::from(b'0' + d)).collect::<String>()
            })
            .find(|text| is_card(text.as_bytes()))
            .unwrap()
    }

    fn iban(account: u64) -> String {
        (2..=98).map(|check| format!("GB{check:02}RBOS{account:014}")).find(|text| is_iban(text.as_bytes())).unwrap()
    }

    proptest! {
        #[test]
        fn no_full_number_is_left_anywhere(
            first in 2_u8..7, digits in prop::collection::vec(0_u8..10, 11..17), account in 0..99_999_999_999_999_u64,
            before in "[a-z ,:]{0,10}", after in "( [a-z]{0,10})?", field in "f[a-z]{1,8}", nest in 0_usize..6,
        ) {
            let (card, iban) = (luhn([vec![first], digits].concat()), iban(account));
            let gap = if before.ends_with(|c: char| c.is_alphanumeric()) { " " } else { "" };
            let mut body = json!({
                field: format!("{before}{gap}{card}{after}"), "list": [iban, card],
                "number": serde_json::from_str::<Value>(&card).unwrap(),
                "accountNumber": account, "x": {"cardNumber": card, "iban": iban, "cvv": "c9v"},
            });
            for _ in 0..nest { body = json!({"payload": [body]}); }
            let text = written(&body.to_string(), false);
            prop_assert_eq!(&written(&format!("{body:#}"), false), &text, "spaces change nothing");
            prop_assert!(!text.contains(&card), "{}", text);
            prop_assert!(!text.contains(&iban), "{}", text);
            prop_assert!(!text.contains("c9v"), "{}", text);
        }
    }
}
