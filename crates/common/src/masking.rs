//! Masking: no full bank or card number, and no `cvv`, is kept anywhere.
//!
//! A value is masked to its last four by the name of its field, or by its look: a card number
//! (13–19 digits of a payment network that pass Luhn's check) or an IBAN (mod 97), whatever field or
//! text it hides in. Only Netbanx' own ids are never masked by look: a masked id would merge
//! transactions, and one number in ten passes Luhn's check by chance.

use serde_json::Value;

/// Fields whose value is an account, routing or card number (lower case, letters and digits only).
const NUMBERS: [&str; 14] = [
    "iban",
    "routingnumber",
    "sortcode",
    "cardnum",
    "cardnumber",
    "pan",
    "transitnumber",
    "institutionid",
    "bankaccountnumber",
    "accountnum",
    "bban",
    "primaryaccountnumber",
    "cardno",
    "branchcode",
];
/// Fields of which not even the last four are kept.
const SECRETS: [&str; 7] = ["cvv", "cvv2", "cvc", "cvc2", "cvn", "securitycode", "pin"];

/// Fields that hold ids made by Netbanx.
const IDS: [&str; 8] =
    ["id", "resourceid", "accountid", "paymentid", "settlementid", "merchantid", "partnerid", "gatewayreconciliationid"];

/// Masks `body` in place. `accountNumber` is masked but in an account event, where it is the
/// merchant's public account id (`domain.md`) and `is_account_event` is set.
pub fn mask(body: &mut Value, is_account_event: bool) {
    walk(body, is_account_event, 0);
}

fn walk(value: &mut Value, is_account_event: bool, depth: usize) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields.iter_mut() {
                let key: String = name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
                let public_account = is_account_event && depth <= 1;
                if SECRETS.contains(&key.as_str()) {
                    blank(field);
                } else if NUMBERS.contains(&key.as_str()) || (key == "accountnumber" && !public_account) {
                    mask_whole(field);
                } else if !(IDS.contains(&key.as_str()) && !field.is_object() && !field.is_array()) {
                    walk(field, is_account_event, depth + 1);
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                walk(item, is_account_event, depth + 1);
            }
        }
        Value::String(text) => {
            if let Some(masked) = mask_text(text) {
                *text = masked;
            }
        }
        Value::Number(number) => {
            let text = number.to_string();
            if text.len() >= 13 && is_card(&text) {
                *value = Value::String(last_four(&text));
            }
        }
        Value::Bool(_) | Value::Null => {}
    }
}

fn blank(field: &mut Value) {
    if !field.is_null() {
        *field = Value::String("***".to_owned());
    }
}

fn mask_whole(field: &mut Value) {
    match field {
        Value::String(text) => *text = last_four(text),
        Value::Number(number) => *field = Value::String(last_four(&number.to_string())),
        Value::Array(items) => items.iter_mut().for_each(mask_whole),
        Value::Object(fields) => fields.values_mut().for_each(mask_whole),
        Value::Bool(_) | Value::Null => {}
    }
}

/// `***` and the last four characters; nothing is left of a value of four or fewer.
fn last_four(text: &str) -> String {
    let kept: Vec<char> = text.chars().filter(|c| c.is_alphanumeric()).collect();
    let tail: String = match kept.len() {
        0..=4 => String::new(),
        n => kept.iter().skip(n - 4).collect(),
    };
    format!("***{tail}")
}

/// The text with each card number or IBAN in it masked, or nothing if there is none.
///
/// A candidate is a run of letters and digits, single spaces or hyphens between its groups.
pub fn mask_text(text: &str) -> Option<String> {
    if text.bytes().filter(u8::is_ascii_digit).count() < 12 {
        return None;
    }
    let mut out = String::with_capacity(text.len());
    let mut changed = false;
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_alphanumeric()) {
        let (before, tail) = rest.split_at(start);
        out.push_str(before);
        let word_end = tail.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(tail.len());
        let number = longest_number(tail);
        let (text, after) = tail.split_at(number.unwrap_or(word_end));
        if number.is_some() {
            out.push_str(&last_four(text));
            changed = true;
        } else {
            out.push_str(text);
        }
        rest = after;
    }
    out.push_str(rest);
    changed.then_some(out)
}

/// Length of the longest card number or IBAN that `text` begins with, ending where a word ends.
fn longest_number(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut compact = String::with_capacity(34);
    let mut longest = None;
    for (at, byte) in bytes.iter().enumerate() {
        let next = bytes.get(at + 1);
        if byte.is_ascii_alphanumeric() {
            compact.push(char::from(byte.to_ascii_uppercase()));
            if compact.len() > 34 {
                break;
            }
            let word_ends = next.is_none_or(|b| !b.is_ascii_alphanumeric());
            if word_ends && (is_card(&compact) || is_iban(&compact)) {
                longest = Some(at + 1);
            }
        } else if !(matches!(byte, b' ' | b'-') && next.is_some_and(u8::is_ascii_alphanumeric)) {
            break;
        }
    }
    longest
}

/// 13 to 19 digits, the first 2–6 as payment networks have it, that pass Luhn's check
/// (ISO/IEC 7812-1). A time in milliseconds begins with 1.
fn is_card(digits: &str) -> bool {
    if !(13..=19).contains(&digits.len()) || !digits.starts_with(['2', '3', '4', '5', '6']) {
        return false;
    }
    let mut sum = 0;
    for (at, byte) in digits.bytes().rev().enumerate() {
        if !byte.is_ascii_digit() {
            return false;
        }
        let digit = u32::from(byte - b'0');
        sum += match (at % 2, digit * 2) {
            (0, _) => digit,
            (_, doubled) if doubled > 9 => doubled - 9,
            (_, doubled) => doubled,
        };
    }
    sum % 10 == 0
}

/// Two letters, two digits, 11–30 more, remainder 1 by 97 (ISO 13616).
fn is_iban(text: &str) -> bool {
    let bytes = text.as_bytes();
    let (Some(head), Some(tail)) = (text.get(..4), text.get(4..)) else { return false };
    if !(15..=34).contains(&bytes.len())
        || !head.bytes().take(2).all(|b| b.is_ascii_uppercase())
        || !head.bytes().skip(2).all(|b| b.is_ascii_digit())
    {
        return false;
    }
    let remainder = tail.bytes().chain(head.bytes()).try_fold(0_u32, |acc, byte| match byte {
        b'0'..=b'9' => Some((acc * 10 + u32::from(byte - b'0')) % 97),
        b'A'..=b'Z' => Some((acc * 100 + u32::from(byte - b'A') + 10) % 97),
        _ => None,
    });
    remainder == Some(1)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_and_hidden_numbers() {
        let mut body = json!({"payload": {
            "sepa": {"iban": "GB86RBOS60161331926819", "lastDigits": "19"},
            "ach": {"accountNumber": "988948193", "routingNumber": 211_589_828},
            "card": {"cardNum": "4111111111111111", "cvv": 123, "lastDigits": "1111"},
            "note": "paid with 4111 1111 1111 1111 or GB86 RBOS 6016 1331 9268 19.",
            "merchantRefNum": "1732431600000",
        }});
        mask(&mut body, false);
        assert_eq!(
            body,
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
        let mut body = json!({"payload": {"accountNumber": "1003296300", "bank": {"accountNumber": "988948193"}}});
        mask(&mut body, true);
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
            .find(|text| is_card(text))
            .unwrap()
    }

    fn iban(account: u64) -> String {
        (2..=98).map(|check| format!("GB{check:02}RBOS{account:014}")).find(|text| is_iban(text)).unwrap()
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
            mask(&mut body, false);
            let text = body.to_string();
            prop_assert!(!text.contains(&card), "{}", text);
            prop_assert!(!text.contains(&iban), "{}", text);
            prop_assert!(!text.contains("c9v"), "{}", text);
        }
    }
}
