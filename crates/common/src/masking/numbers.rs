//! Numbers by their look: those of cards and bank accounts, and what is left of them.

/// `***` and the last four characters; nothing is left of a value of four or fewer.
pub(super) fn last_four(text: &str) -> String {
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
pub(super) fn mask_text(text: &str) -> Option<String> {
    if text.len() < 12 || is_time(text.as_bytes()) || digits(text.as_bytes()) < 12 {
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

/// Whether it looks like `2025-03-24T15:32:05.123Z`, of which most webhooks have several. Whatever its other characters are:
/// before the `T` and behind the colon are too few for a card, and before the colon for an IBAN.
fn is_time(bytes: &[u8]) -> bool {
    bytes.len() <= 24 && bytes.get(10) == Some(&b'T') && bytes.get(13) == Some(&b':')
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
pub(super) fn is_card(digits: &[u8]) -> bool {
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
pub(super) fn is_iban(text: &[u8]) -> bool {
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
