//! Names and values within a text that is no JSON as a whole: JSON behind other words, or cut off.

use std::ops::Range;

use super::{fields::Field, text};

/// A quotation mark and the backslashes before it.
#[derive(Debug, Clone, Copy)]
struct Quote {
    slashes: usize,
    begin: usize,
    end: usize,
}

/// The values in `text` that are masked by their names, and what is left of them.
pub(super) fn find(text: &str) -> Vec<(Range<usize>, String)> {
    let (mut found, mut name_begin) = (Vec::new(), next_quote(text, 0));
    while let Some(open) = name_begin {
        let Some(close) = next_quote(text, open.end) else { break };
        let masked = (open.slashes == close.slashes).then(|| masked_at(text, open, close)).flatten();
        name_begin = match masked {
            Some((range, masked)) => {
                let end = range.end;
                found.push((range, masked));
                next_quote(text, end)
            }
            None => Some(close),
        };
    }
    found
}

/// The value of the name between `open` and `close`, without its quotes where it has some.
fn masked_at(text: &str, open: Quote, close: Quote) -> Option<(Range<usize>, String)> {
    let field = Field::of(text.get(open.end..close.begin)?);
    if !matches!(field, Field::Secret | Field::Number | Field::AccountNumber | Field::BankAccount) {
        return None;
    }
    let begin = value_begin(text, close.end)?;
    if field == Field::BankAccount && text.get(begin..)?.starts_with(['[', '{']) {
        return None;
    }
    let quote = next_quote(text, begin).filter(|quote| quote.begin == begin && quote.slashes == open.slashes);
    if let Some(quote) = quote {
        let range = quote.end..value_end(text, quote);
        let masked = left_of(field, text.get(range.clone())?);
        return Some((range, masked));
    }
    let range = begin..bare_end(text, begin);
    let value = text.get(range.clone())?;
    let is_kept = matches!(value, "" | "null") || (field != Field::Secret && matches!(value, "true" | "false"));
    let mark = text.get(open.begin..open.end)?;
    (!is_kept).then(|| (range, format!("{mark}{}{mark}", left_of(field, value))))
}

/// What is left of a value; nothing of an array or an object, which are not looked into here.
fn left_of(field: Field, value: &str) -> String {
    if field == Field::Secret || value.starts_with(['[', '{']) { "***".to_owned() } else { text::last_four(value) }
}

/// The next quotation mark from `at` on.
fn next_quote(text: &str, at: usize) -> Option<Quote> {
    let mark = at + memchr::memchr(b'"', text.as_bytes().get(at..)?)?;
    let slashes = text.as_bytes().get(at..mark)?.iter().rev().take_while(|byte| **byte == b'\\').count();
    Some(Quote { slashes, begin: mark - slashes, end: mark + 1 })
}

/// Where the value begins whose name ends at `at`: behind a colon. Spaces may be escaped.
fn value_begin(text: &str, at: usize) -> Option<usize> {
    let colon = at + spaces(text.get(at..)?);
    let behind = text.get(colon..)?.strip_prefix(':')?;
    Some(colon + 1 + spaces(behind))
}

fn spaces(text: &str) -> usize {
    let mut length = 0;
    loop {
        let rest = text.get(length..).unwrap_or_default();
        let escape = rest.trim_start_matches('\\');
        length += match rest.bytes().next() {
            Some(b' ' | b'\t' | b'\n' | b'\r') => 1,
            Some(b'\\') if escape.starts_with(['n', 't', 'r']) => rest.len() - escape.len() + 1,
            _ => return length,
        };
    }
}

/// Where the string ends that `open` begins: before the next quotation mark of its own level, in which as many backslashes
/// stand as before `open`, those that stand for backslashes not counted; at the end of a text that is cut off.
fn value_end(text: &str, open: Quote) -> usize {
    let level = open.slashes + 1;
    let mut at = open.end;
    while let Some(quote) = next_quote(text, at) {
        if quote.slashes % (2 * level) == open.slashes {
            return quote.end - 1 - open.slashes;
        }
        at = quote.end;
    }
    text.len()
}

/// Where a value without quotes ends: an array and an object with their last bracket.
fn bare_end(text: &str, begin: usize) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate().skip(begin) {
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' if depth > 0 => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            b',' | b']' | b'}' | b' ' | b'"' | b'\\' | b'\t' | b'\n' | b'\r' if depth == 0 => return at,
            _ => {}
        }
    }
    text.len()
}
