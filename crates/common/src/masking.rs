//! Masking: no full bank or card number, and no `cvv`, is kept anywhere.
//!
//! A value is masked to its last four by the name of its field, or by its look: a card number
//! (13–19 digits of a payment network that pass Luhn's check) or an IBAN (mod 97), whatever field or
//! text it hides in. Only Netbanx' own ids are never masked by look: a masked id would merge
//! transactions, and one number in ten passes Luhn's check by chance.

use serde_json::Value;

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

impl Field {
    /// `name` counts without the case of its letters and what stands between them.
    fn of(name: &str) -> Self {
        // Longer than all of them: the beginning of a name that is longer still is none of them.
        let (mut letters, mut length) = ([0_u8; 32], 0);
        for byte in name.bytes() {
            let Some(place) = letters.get_mut(length) else { break };
            *place = byte.to_ascii_lowercase();
            length += usize::from(byte.is_ascii_alphanumeric());
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

/// Masks `body` in place. `accountNumber` is masked but in an account event, where it is the
/// merchant's public account id (`domain.md`) and `is_account_event` is set.
pub fn mask(body: &mut Value, is_account_event: bool) {
    walk(body, is_account_event, 0);
}

fn walk(value: &mut Value, is_account_event: bool, depth: usize) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields.iter_mut() {
                let is_public_account = is_account_event && depth <= 1;
                match Field::of(name) {
                    Field::Secret => blank(field),
                    Field::Number => mask_whole(field),
                    Field::AccountNumber if !is_public_account => mask_whole(field),
                    Field::Id if !field.is_object() && !field.is_array() => {}
                    _ => walk(field, is_account_event, depth + 1),
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
            if text.len() >= 13 && is_card(text.as_bytes()) {
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
    if text.len() < 12 || digits(text.as_bytes()) < 12 {
        return None;
    }
    // Most texts hold none: nothing is copied before the first.
    let mut out = String::new();
    let (mut copied, mut at) = (0, 0);
    while let Some(start) = text.as_bytes().get(at..).and_then(|rest| rest.iter().position(u8::is_ascii_alphanumeric)) {
        let begin = at + start;
        let tail = text.as_bytes().get(begin..).unwrap_or_default();
        let number = longest_number(tail);
        at = begin + number.unwrap_or_else(|| word_length(tail));
        if number.is_some() {
            out.push_str(text.get(copied..begin).unwrap_or_default());
            out.push_str(&last_four(text.get(begin..at).unwrap_or_default()));
            copied = at;
        }
    }
    if copied == 0 {
        return None;
    }
    out.push_str(text.get(copied..).unwrap_or_default());
    Some(out)
}

/// How many digits are among `bytes`. A byte counts as many as it can, which is many bytes at once for processors.
fn digits(bytes: &[u8]) -> usize {
    let count = |part: &[u8]| part.iter().map(|byte| u8::from(byte.is_ascii_digit())).sum::<u8>();
    bytes.chunks(usize::from(u8::MAX)).map(|part| usize::from(count(part))).sum()
}

/// Length of the word that `bytes` begin with. Sixteen at once, which processors do in a few steps.
fn word_length(bytes: &[u8]) -> usize {
    let is_whole = |part: &&[u8]| part.iter().fold(true, |all, byte| all & byte.is_ascii_alphanumeric());
    let whole = 16 * bytes.chunks_exact(16).take_while(is_whole).count();
    let rest = bytes.get(whole..).unwrap_or_default();
    whole + rest.iter().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(rest.len())
}

/// Length of the longest card number or IBAN that `bytes` begin with, ending where a word ends.
fn longest_number(bytes: &[u8]) -> Option<usize> {
    // No longer than an IBAN.
    let mut compact = [0_u8; 34];
    let mut length = 0;
    let mut longest = None;
    for (at, byte) in bytes.iter().enumerate() {
        let next = bytes.get(at + 1);
        if byte.is_ascii_alphanumeric() {
            let Some(place) = compact.get_mut(length) else { break };
            *place = byte.to_ascii_uppercase();
            length += 1;
            if !may_begin_number(compact.get(..length).unwrap_or_default()) {
                break;
            }
            let word_ends = next.is_none_or(|b| !b.is_ascii_alphanumeric());
            let compact = compact.get(..length).unwrap_or_default();
            if word_ends && (is_card(compact) || is_iban(compact)) {
                longest = Some(at + 1);
            }
        } else if !(matches!(byte, b' ' | b'-') && next.is_some_and(u8::is_ascii_alphanumeric)) {
            break;
        }
    }
    longest
}

/// Whether a card number (digits alone) or an IBAN (two letters, two digits) can begin so, by what was
/// added last: most words are ruled out by their first letters.
fn may_begin_number(text: &[u8]) -> bool {
    let Some((last, before)) = text.split_last() else { return true };
    let is_iban = before.first().unwrap_or(last).is_ascii_uppercase();
    match before.len() {
        0 => is_iban || matches!(last, b'2'..=b'6'),
        1 if is_iban => last.is_ascii_uppercase(),
        2 | 3 if is_iban => last.is_ascii_digit(),
        _ => is_iban || last.is_ascii_digit(),
    }
}

/// 13 to 19 digits, the first 2–6 as payment networks have it, that pass Luhn's check
/// (ISO/IEC 7812-1). A time in milliseconds begins with 1.
fn is_card(digits: &[u8]) -> bool {
    if !(13..=19).contains(&digits.len()) || !matches!(digits.first(), Some(b'2'..=b'6')) {
        return false;
    }
    let mut sum = 0;
    for (at, byte) in digits.iter().rev().enumerate() {
        if !byte.is_ascii_digit() {
            return false;
        }
        let digit = u32::from(*byte - b'0');
        sum += match (at % 2, digit * 2) {
            (0, _) => digit,
            (_, doubled) if doubled > 9 => doubled - 9,
            (_, doubled) => doubled,
        };
    }
    sum % 10 == 0
}

/// Two letters, two digits, 11–30 more, remainder 1 by 97 (ISO 13616).
fn is_iban(text: &[u8]) -> bool {
    let Some((head, tail)) = text.split_at_checked(4) else { return false };
    if !(15..=34).contains(&text.len())
        || !head.iter().take(2).all(u8::is_ascii_uppercase)
        || !head.iter().skip(2).all(u8::is_ascii_digit)
    {
        return false;
    }
    let remainder = tail.iter().chain(head).try_fold(0_u32, |acc, byte| match byte {
        b'0'..=b'9' => Some((acc * 10 + u32::from(*byte - b'0')) % 97),
        b'A'..=b'Z' => Some((acc * 100 + u32::from(*byte - b'A') + 10) % 97),
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
            mask(&mut body, false);
            let text = body.to_string();
            prop_assert!(!text.contains(&card), "{}", text);
            prop_assert!(!text.contains(&iban), "{}", text);
            prop_assert!(!text.contains("c9v"), "{}", text);
        }
    }
}
