//! A text, masked: what numbers and secrets hide in it.

use serde_json::value::RawValue;

use super::{
    Rule, codes,
    fields::Field,
    ibans,
    numbers::{self, Found},
    pairs,
    signs::{Kind, Reading, Signs},
};
use crate::json::Document;

/// Texts within texts that are read as JSON; what is deeper is looked at as text.
const LAYERS: usize = 8;

/// Fewest digits of what is masked by its look.
const FEWEST: usize = 12;

/// How often a text is looked at again: what is left of a number may make one with what stands behind it.
const LOOKS: usize = 8;

/// The text with each number and secret in it masked, or nothing if there is none. It stands in so many `layers` of JSON
/// within a JSON text.
pub(super) fn mask(text: &str, layers: usize) -> Option<String> {
    // What stands in quotation marks may be a name.
    if memchr::memchr(b'"', text.as_bytes()).is_none() {
        return mask_numbers(text, true);
    }
    mask_json(text, layers).unwrap_or_else(|NotJson| mask_pairs(text, layers))
}

/// The same of what is known to have no quotation mark. What it stands in `may_hold_codes` or not.
pub(super) fn mask_numbers(text: &str, may_hold_codes: bool) -> Option<String> {
    let masked = if may_hold(text) { mask_by_look(text) } else { None };
    // What is left of a number is no code, but a number's first digits may look like one.
    let now = masked.as_deref().unwrap_or(text);
    let codes = if may_hold_codes && codes::may_hold(now) { codes::find(now) } else { Vec::new() };
    if codes.is_empty() { masked } else { Some(replaced(now, codes.into_iter().map(|code| (code, "***".to_owned())))) }
}

fn mask_by_look(text: &str) -> Option<String> {
    let mut masked: Option<String> = None;
    for _ in 0..LOOKS {
        let now = masked.as_deref().unwrap_or(text);
        let found = found(now);
        if found.is_empty() {
            break;
        }
        masked = Some(replaced(now, found.into_iter().map(|found| (found.range, format!("***{}", found.tail)))));
    }
    masked
}

/// A JSON list of texts, in which a number may be divided among them: `["4111", "1111", "1111", "1111"]`. What is left of it
/// is JSON, since a number begins and ends within quotation marks.
pub(super) fn mask_list(list: &str) -> Option<String> {
    // As it is written, a number may begin within an escape.
    mask_by_look(list).filter(|masked| serde_json::from_str::<&RawValue>(masked).is_ok())
}

/// Of a text that is no JSON, or in too many layers of it.
fn mask_pairs(text: &str, layers: usize) -> Option<String> {
    let mut masked = text.to_owned();
    for _ in 0..LOOKS {
        let mut next = replaced(&masked, pairs::find(&masked).into_iter());
        next = mask_numbers(&next, true).unwrap_or(next);
        if next == masked {
            break;
        }
        masked = next;
    }
    if masked == text {
        return None;
    }
    // What made it no JSON may be masked now.
    Some(mask_json(&masked, layers).ok().flatten().unwrap_or(masked))
}

/// The text is not to be taken for JSON.
struct NotJson;

/// Of an object, an array, or a string that may hold one of them.
fn mask_json(text: &str, layers: usize) -> Result<Option<String>, NotJson> {
    let text = text.trim();
    if layers == LAYERS || !text.starts_with(['{', '[', '"']) {
        return Err(NotJson);
    }
    let raw = serde_json::from_str(text).map_err(|_| NotJson)?;
    let document = Document::of(raw).map_err(|_| NotJson)?;
    let mut out = Vec::with_capacity(text.len());
    super::write(&mut out, &document, Rule::in_text(layers + 1));
    let masked = String::from_utf8(out).map_err(|_| NotJson)?;
    Ok((masked != text).then_some(masked))
}

fn replaced(text: &str, parts: impl Iterator<Item = (std::ops::Range<usize>, String)>) -> String {
    let (mut out, mut copied) = (String::with_capacity(text.len()), 0);
    for (range, by) in parts {
        out.push_str(text.get(copied..range.start).unwrap_or_default());
        out.push_str(&by);
        copied = range.end;
    }
    out.push_str(text.get(copied..).unwrap_or_default());
    out
}

/// The numbers in `text`: as it is read, and where there are none, as it is written. `%4111…` is a letter and digits by
/// one reading, a card number by the other.
fn found(text: &str) -> Vec<Found> {
    let found = numbers::find(text, Reading::Shown);
    if found.is_empty() && text.contains(['%', '\\', '&', '<']) { numbers::find(text, Reading::AsWritten) } else { found }
}

/// What is left of a value that is a number by its name.
pub(super) fn last_four(text: &str) -> String {
    if text.strip_prefix("***").is_some_and(|rest| rest.len() <= 4 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())) {
        return text.to_owned();
    }
    // Beside a card number there may be others, even a security code.
    if may_hold(text)
        && let Some(card) = found(text).pop()
    {
        return format!("***{}", card.tail);
    }
    let signs: String = Signs::of(text, Reading::Decoded).filter_map(|sign| alphanumeric(sign.kind)).collect();
    // No account has more: a text of which nobody knows what its last four are.
    if signs.len() > 34 { "***".to_owned() } else { numbers::last_four(&signs) }
}

fn alphanumeric(kind: Kind) -> Option<char> {
    match kind {
        Kind::Digit(value) => Some(char::from(b'0' + value)),
        Kind::Letter(letter @ 1..) => Some(char::from(letter)),
        _ => None,
    }
}

/// Whether the name of a field needs to be masked as well, and so what it is masked to.
pub(super) fn mask_name(name: &str, may_hold_codes: bool) -> Option<String> {
    let is_plain = name.len() < FEWEST || !(may_hold_codes || may_hold(name) || name.contains('"'));
    if is_plain { None } else { mask(name, LAYERS) }
}

/// What `name` says of its value, before it is masked and after: a masked body must be masked again in the same way.
pub(super) fn field(name: &str, masked: Option<&str>) -> Field {
    let later = masked.map(Field::of).filter(|later| *later <= Field::Number);
    later.map_or(Field::of(name), |later| later.min(Field::of(name)))
}

/// Whether a number may be in `text`: most texts have too few digits, or not as many behind each other.
pub(super) fn may_hold(text: &str) -> bool {
    text.len() >= FEWEST && !is_time(text.as_bytes()) && digits(text.as_bytes()) >= FEWEST && has_run(text.as_bytes())
}

/// Whether it looks like `2025-03-24T15:32:05.123Z`, of which most webhooks have several. Behind the day are too few
/// characters for any number.
fn is_time(bytes: &[u8]) -> bool {
    let Some((day, rest)) = bytes.split_at_checked(10) else { return false };
    rest.len() <= 14
        && rest.first() == Some(&b'T')
        && rest.get(3) == Some(&b':')
        && day.iter().fold(true, |all, byte| all & matches!(byte, b'0'..=b'9' | b'-'))
}

/// How many bytes are, or begin, what may be a digit. A byte counts as many as it can, which is many bytes at once for
/// processors.
fn digits(bytes: &[u8]) -> usize {
    let count = |part: &[u8]| part.iter().map(|byte| u8::from(matches!(byte, b'0'..=b'9' | 0xC0..))).sum::<u8>();
    bytes.chunks(usize::from(u8::MAX)).map(|part| usize::from(count(part))).sum()
}

/// Whether as many digits stand behind each other as a card number has, or an IBAN may begin somewhere. A text with escapes,
/// HTML or others than ASCII's characters is not told so.
fn has_run(bytes: &[u8]) -> bool {
    // Of the last four letters and digits two bits each: a digit, a letter, a letter that an IBAN may begin with.
    let (mut run, mut gap, mut last, mut is_apart) = (0_usize, 0_usize, 0_u8, true);
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'0'..=b'9' => {
                (run, gap, last, is_apart) = (run + 1, 0, last << 2 | 1, false);
                let is_among_letters = || last & 0b1010_1111 == 0b1010_0101 && may_begin_iban(bytes, at + 1);
                if run >= 13 || is_iban_head(last) || is_among_letters() {
                    return true;
                }
            }
            b'A'..=b'Z' | b'a'..=b'z' => {
                (run, gap, last) = (0, 0, last << 2 | 2 | u8::from(is_apart));
                // It may stand behind its name: `IBANGB86…`.
                is_apart = matches!(byte, b'N' | b'n');
            }
            0x80.. | b'%' | b'&' | b'<' | b'\\' | ..b' ' | 0x7F => return true,
            _ => {
                (gap, is_apart) = (gap + 1, true);
                run = if gap > numbers::GAP { 0 } else { run };
            }
        }
    }
    false
}

/// Whether the two letters and two digits before `end` may begin an IBAN anywhere. Letters that are hex digits are in most ids;
/// of the countries with two of them only Andorra has letters further on.
fn may_begin_iban(bytes: &[u8], end: usize) -> bool {
    let Some((head, behind)) = bytes.split_at_checked(end) else { return false };
    let mut letters = head.iter().rev().filter(|byte| byte.is_ascii_alphabetic()).map(u8::to_ascii_uppercase);
    let (Some(second), Some(first)) = (letters.next(), letters.next()) else { return false };
    let is_numeric = first.max(second) <= b'F' && [first, second] != *b"AD";
    let mut signs = behind.iter().filter(|byte| byte.is_ascii_alphanumeric()).take(6);
    ibans::length([first, second]).is_some() && (!is_numeric || signs.all(u8::is_ascii_digit))
}

/// Whether those are two letters, the first of which may begin an IBAN, and two digits.
fn is_iban_head(last: u8) -> bool {
    last & 0b1110_1111 == 0b1110_0101
}
