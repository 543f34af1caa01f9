//! Whether a number is left in a body, found in another way than masking finds it: everything is decoded first, then each
//! stretch of digits is looked through for windows that are card numbers.

use serde_json::Value;

/// The first card number in names and values of `body`, and in JSON within its texts.
pub(super) fn card_in(body: &Value) -> Option<String> {
    match body {
        Value::Object(fields) => fields.iter().find_map(|(name, value)| in_text(name).or_else(|| card_in(value))),
        Value::Array(items) => items.iter().find_map(card_in),
        Value::String(text) => in_text(text).or_else(|| serde_json::from_str(text).ok().and_then(|inner: Value| card_in(&inner))),
        Value::Number(number) => in_number(&number.to_string()),
        _ => None,
    }
}

/// A number is looked at as what it counts, not as it is written.
fn in_number(text: &str) -> Option<String> {
    let number = text.parse::<f64>().ok().filter(|number| number.abs() < 1e20)?;
    let exact = if text.bytes().all(|byte| byte.is_ascii_digit()) { text.to_owned() } else { format!("{:.0}", number.abs()) };
    windows(&exact)
}

fn in_text(text: &str) -> Option<String> {
    windows(text).or_else(|| windows(&decoded(text)))
}

/// With escapes and percent-encoding undone until nothing changes.
fn decoded(text: &str) -> String {
    let mut text = text.to_owned();
    loop {
        let next = unescaped(&unpercented(&text));
        if next == text {
            return text;
        }
        text = next;
    }
}

fn unpercented(text: &str) -> String {
    let parts: Vec<&str> = text.split('%').collect();
    let mut bytes = parts[0].as_bytes().to_vec();
    for part in &parts[1..] {
        match part.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => bytes.extend([&[byte], &part.as_bytes()[2..]].concat()),
            None => bytes.extend([b"%", part.as_bytes()].concat()),
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

fn unescaped(text: &str) -> String {
    // However often a backslash was escaped.
    let text = text.split('\\').enumerate().filter(|(at, part)| *at == 0 || !part.is_empty()).map(|(_, part)| part);
    let parts: Vec<&str> = text.collect();
    let mut units: Vec<u16> = parts[0].encode_utf16().collect();
    for part in &parts[1..] {
        let unit = part.strip_prefix('u').and_then(|rest| u16::from_str_radix(rest.get(..4)?, 16).ok());
        let (unit, rest) = match (unit, part.get(..1)) {
            (Some(unit), _) => (unit, &part[5..]),
            (None, Some("n" | "r" | "t")) => (10, &part[1..]),
            _ => (u16::from(b'/'), *part),
        };
        units.extend([unit].into_iter().chain(rest.encode_utf16()));
    }
    String::from_utf16_lossy(&units)
}

/// A digit as char, by the standard library's own ways alone: all others of the category are told by their block's zero.
fn digit(c: char) -> Option<char> {
    let block = |zero: u32| char::from_digit(u32::from(c).checked_sub(zero)?, 10);
    c.is_ascii_digit().then_some(c).or_else(|| super::planted::SCRIPTS.iter().find_map(|zero| block(u32::from(*zero))))
}

fn windows(text: &str) -> Option<String> {
    let seen = text.chars().filter(|c| !super::planted::UNSEEN.contains(c)).collect::<Vec<_>>();
    // Stretches of digits, a space for what stands between two of them.
    let mut stretches = vec![String::new()];
    let mut others = 0;
    for c in seen {
        if let Some(digit) = digit(c) {
            match (others, stretches.last_mut()) {
                (0, Some(stretch)) => stretch.push(digit),
                (1 | 2, Some(stretch)) => stretch.extend([' ', digit]),
                _ => stretches.push(digit.to_string()),
            }
            others = 0;
        } else {
            others += if c.is_alphabetic() { 3 } else { 1 };
        }
    }
    stretches.iter().find_map(|stretch| in_stretch(stretch))
}

fn in_stretch(stretch: &str) -> Option<String> {
    let groups: Vec<&str> = stretch.split(' ').collect();
    (0..groups.len()).find_map(|begin| (begin..groups.len()).find_map(|end| card(&groups[begin..=end].concat())))
}

fn card(digits: &str) -> Option<String> {
    let network = matches!(digits.get(..2)?.parse::<u32>().ok()?, 22..=27 | 30..=69);
    let sum: u32 = digits
        .bytes()
        .rev()
        .map(|byte| u32::from(byte - b'0'))
        .enumerate()
        .map(|(at, digit)| if at % 2 == 0 { digit } else { [0, 2, 4, 6, 8, 1, 3, 5, 7, 9][digit as usize] })
        .sum();
    (network && (13..=19).contains(&digits.len()) && sum.is_multiple_of(10)).then(|| digits.to_owned())
}

#[test]
fn it_sees_what_it_should() {
    for text in [
        "4111111111111111",
        "4111\u{200b},\u{ad} 111111111111",
        "x４１１１１１１１１１１１１１１１",
        "%2534111111111111111",
        "\\\\u0034111111111111111",
    ] {
        assert!(in_text(text).is_some(), "{text}");
    }
    assert_eq!(in_number("4.111111111111111e15").as_deref(), Some("4111111111111111"));
    assert!(in_text("4111111111111112").is_none() && in_text("***1111 11111111").is_none());
}
