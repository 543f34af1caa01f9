//! Masking, watched by a detector that knows nothing of its code.

use common::{
    Envelope, intake,
    json::Document,
    masking::{masked, write_document, write_masked},
};
use serde_json::{Value, value::RawValue};

/// What is masked is JSON, stays as it is when it is masked again, and holds no card number that can be read off it.
pub fn masking(bytes: &[u8]) {
    for part in intake::read(bytes).parts {
        if let Some(masked) = part.masked() {
            check(&masked, document);
        }
        if let Ok(envelope) = part.envelope(None) {
            let mut masked = Vec::new();
            write_masked(&mut masked, &envelope);
            let name = envelope.name.to_string();
            check(&masked, |text| body(text, &name));
        }
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        alone(text);
        placed(text);
    }
}

fn document(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let raw: &RawValue = serde_json::from_str(text).expect("what is masked is JSON");
    write_document(&mut out, &Document::of(raw).expect("what is masked can be read"));
    out
}

fn body(text: &str, name: &str) -> Vec<u8> {
    let mut out = Vec::new();
    match Envelope::parse(text.as_bytes(), Some(name)) {
        Ok(envelope) => write_masked(&mut out, &envelope),
        Err(_) => out.extend_from_slice(text.as_bytes()),
    }
    out
}

fn check(masked: &[u8], again: impl Fn(&str) -> Vec<u8>) {
    let text = std::str::from_utf8(masked).expect("what is masked is text");
    assert_eq!(String::from_utf8_lossy(&again(text)), text, "masked again it is another");
    if let Ok(value) = serde_json::from_str::<Value>(text) {
        look_for_cards("", &value);
    }
}

/// Any text by itself.
fn alone(text: &str) {
    let left = masked(text).unwrap_or_else(|| text.to_owned());
    assert_eq!(masked(&left).unwrap_or_else(|| left.clone()), left, "masked again it is another");
    assert_no_card(&left);
}

/// A card number within any text, apart from what stands around it.
fn placed(text: &str) {
    const CARD: &str = "4111111111111111";
    let middle = text.char_indices().map(|(at, _)| at).nth(text.chars().count() / 2).unwrap_or(0);
    let (before, behind) = text.split_at(middle);
    // Within quotation marks it may be the value of an id, which is kept.
    let [before, behind] = [before, behind].map(|part| part.replace(['"', '\'', '\\'], ""));
    let said = format!("{before} card: {CARD}, {behind}");
    let left = masked(&said).expect("there is something to mask");
    // What the text itself holds of it may be within a longer number, which is none.
    let around = before.matches(CARD).count() + behind.matches(CARD).count();
    assert!(left.matches(CARD).count() <= around, "{said:?} is left as {left:?}");
    let body = serde_json::json!({"eventType": "PAYMENT_COMPLETED", "payload": {"id": "p", "note": said}}).to_string();
    let mut out = Vec::new();
    write_document(&mut out, &Document::of(serde_json::from_str(&body).unwrap()).unwrap());
    let left = String::from_utf8(out).expect("what is masked is text");
    assert!(left.matches(CARD).count() <= around, "{body} is left as {left}");
}

/// Every string and number but ids, references and accounts, which the rules keep.
fn look_for_cards(name: &str, value: &Value) {
    let name = name.to_lowercase();
    if ["id", "ref", "account"].iter().any(|part| name.contains(part)) && !value.is_object() && !value.is_array() {
        return;
    }
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| look_for_cards(name, value)),
        Value::Array(items) => items.iter().for_each(|item| look_for_cards(&name, item)),
        Value::String(text) => assert_no_card(text),
        Value::Number(number) => assert_no_card(&number.to_string()),
        Value::Bool(_) | Value::Null => {}
    }
}

/// A card number as anyone would write it down: 16 digits of Visa or Mastercard, or 15 of American Express, between
/// spaces or the ends of the text.
fn assert_no_card(text: &str) {
    for word in text.split(' ') {
        let digits = word.as_bytes();
        let is_of_network = match digits {
            [b'4', ..] | [b'5', b'1'..=b'5', ..] => digits.len() == 16,
            [b'3', b'4' | b'7', ..] => digits.len() == 15,
            _ => false,
        };
        if is_of_network && digits.iter().all(u8::is_ascii_digit) {
            assert!(!passes_luhn(digits), "{word} is left in {text:?}");
        }
    }
}

fn passes_luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let value = u32::from(digit - b'0') * if place % 2 == 1 { 2 } else { 1 };
            if value > 9 { value - 9 } else { value }
        })
        .sum();
    sum.is_multiple_of(10)
}
