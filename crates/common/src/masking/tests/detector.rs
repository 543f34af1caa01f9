//! Whether a number is left in a body, found in another way than masking finds it: everything is decoded first, then each
//! stretch of digits is looked through for windows that are card numbers.

use serde_json::Value;

/// The first card number in names and values of `body`, and in JSON within its texts.
pub(super) fn card_in(body: &Value) -> Option<String> {
    match body {
        Value::Object(fields) => fields.iter().find_map(|(name, value)| in_text(name).or_else(|| card_in(value))),
        Value::Array(items) => items.iter().find_map(card_in).or_else(|| in_list(items)),
        Value::String(text) => in_text(text).or_else(|| serde_json::from_str(text).ok().and_then(|inner: Value| card_in(&inner))),
        Value::Number(number) => in_number(&number.to_string()),
        _ => None,
    }
}

/// Divided among the texts of a list.
fn in_list(items: &[Value]) -> Option<String> {
    let texts: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
    in_text(&texts?.join("\",\""))
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

/// With escapes, percent-encoding and HTML undone until nothing changes.
fn decoded(text: &str) -> String {
    let mut text = text.to_owned();
    loop {
        let next = unescaped(&unpercented(&shown(&text)));
        if next == text {
            return text;
        }
        text = next;
    }
}

/// Of HTML what the bodies of the tests have.
fn shown(text: &str) -> String {
    let text =
        ["<br>", "<br/>", "</td><td>", "&nbsp;"].iter().fold(text.replace("&amp;", "&"), |text, tag| text.replace(tag, " "));
    let parts: Vec<&str> = text.split("&#").collect();
    let mut shown = parts[0].to_owned();
    for part in &parts[1..] {
        let number = part.split_once(';').and_then(|(number, rest)| {
            let code = number.strip_prefix('x').map_or_else(|| number.parse().ok(), |hex| u32::from_str_radix(hex, 16).ok());
            Some(format!("{}{rest}", char::from_u32(code?)?))
        });
        shown.push_str(&number.unwrap_or_else(|| format!("&#{part}")));
    }
    shown
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
    let set_apart = || super::planted::SET_APART.iter().find_map(|row| row.chars().position(|other| other == c));
    let script = || super::planted::SCRIPTS.iter().find_map(|zero| block(u32::from(*zero)));
    c.is_ascii_digit().then_some(c).or_else(script).or_else(|| char::from_digit(set_apart()? as u32, 10))
}

fn windows(text: &str) -> Option<String> {
    let seen = text.chars().filter(|c| !super::planted::UNSEEN.contains(c)).collect::<Vec<_>>();
    // Stretches of digits, a space for what stands between two of them, a bar where it is much.
    let mut stretches = vec![String::new()];
    let mut others = 0;
    for c in seen {
        if let Some(digit) = digit(c) {
            match (others, stretches.last_mut()) {
                (0, Some(stretch)) => stretch.push(digit),
                (1 | 2, Some(stretch)) => stretch.extend([' ', digit]),
                (3 | 4, Some(stretch)) => stretch.extend(['|', digit]),
                _ => stretches.push(digit.to_string()),
            }
            others = 0;
        } else {
            others += if c.is_alphabetic() { 5 } else { 1 };
        }
    }
    stretches.iter().find_map(|stretch| in_stretch(stretch))
}

fn in_stretch(stretch: &str) -> Option<String> {
    let groups: Vec<&str> = stretch.split_inclusive([' ', '|']).collect();
    (0..groups.len()).find_map(|begin| (begin..groups.len()).find_map(|end| in_groups(&groups[begin..=end])))
}

/// Where much stands between them, only in groups that cards have.
fn in_groups(groups: &[&str]) -> Option<String> {
    let digits: Vec<&str> = groups.iter().map(|group| group.trim_end_matches([' ', '|'])).collect();
    let lengths: Vec<String> = digits.iter().map(|group| group.len().to_string()).collect();
    let is_far = groups[..groups.len() - 1].iter().any(|group| group.ends_with('|'));
    let is_usual = ["444", "4441", "4444", "44441", "44442", "44443", "465", "464", "88"].contains(&lengths.concat().as_str());
    if is_far && !is_usual { None } else { card(&digits.concat()) }
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
        "4111 - 1111 - 1111 - 1111",
        "&#52;111<br>&#x31;111&amp;nbsp;1111\", \"1111",
        "⁴¹¹¹₁₁₁₁①①①①❶❶❶❶",
    ] {
        assert!(in_text(text).is_some(), "{text}");
    }
    assert_eq!(in_number("4.111111111111111e15").as_deref(), Some("4111111111111111"));
    assert!(in_list(&["4111".into(), "1111".into(), "1111".into(), "1111".into()]).is_some());
    assert!(in_text("411 - 111 - 111 - 111 - 111 - 1").is_none());
    assert!(in_text("4111111111111112").is_none() && in_text("***1111 11111111").is_none());
}
