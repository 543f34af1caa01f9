//! What has as many digits as a card number and is none: times, and ids in hex such as UUIDs.

use std::ops::Range;

/// Where they stand in `text`.
pub(super) fn ranges(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<_> = times(text.as_bytes()).collect();
    found.extend(words(text).filter(|range| text.get(range.clone()).is_some_and(is_hex_id)));
    found
}

/// What consists of letters, digits and hyphens.
fn words(text: &str) -> impl Iterator<Item = Range<usize>> {
    let is_other = |c: char| !c.is_ascii_alphanumeric() && c != '-';
    let mut at = 0;
    text.split_inclusive(is_other).map(move |part| {
        let begin = at;
        at += part.len();
        begin..begin + part.trim_end_matches(is_other).len()
    })
}

/// A UUID, or another id or a hash in as many hex digits as they have: with letters in three places at least, so that no card
/// number is among them. A UUID (RFC 9562) needs no more than one letter besides its hyphens, its version and its variant.
fn is_hex_id(word: &str) -> bool {
    let groups: Vec<usize> = word.split('-').map(str::len).collect();
    let places = word.split(|c: char| !c.is_ascii_alphabetic()).filter(|letters| !letters.is_empty()).count();
    let is_form = match groups.as_slice() {
        [8, 4, 4, 4, 12] => places >= if is_versioned(word) { 1 } else { 3 },
        [24 | 32 | 40 | 64] => places >= 3,
        _ => false,
    };
    is_form && word.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

fn is_versioned(uuid: &str) -> bool {
    let (version, variant) = (uuid.as_bytes().get(14), uuid.as_bytes().get(19));
    matches!(version, Some(b'1'..=b'8')) && matches!(variant, Some(b'8' | b'9' | b'a' | b'b' | b'A' | b'B'))
}

/// Where a day and a time of day stand: `2026-11-28 14:25:39.123`, `28/11/2026, 14:25`.
fn times(text: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let colons = memchr::memchr_iter(b':', text);
    colons.filter_map(|colon| time_around(text, colon))
}

/// The time whose first colon that is.
fn time_around(text: &[u8], colon: usize) -> Option<Range<usize>> {
    let hour = colon.checked_sub(2)?;
    let is_time = number(text, hour, 2)? < 24 && number(text, colon + 1, 2)? < 60;
    let gap = text.get(hour.checked_sub(2)?..hour)?;
    let day_end = match gap {
        [_, b' ' | b'T' | b'_'] if gap.first().is_some_and(u8::is_ascii_digit) => hour - 1,
        [b',' | b' ', b' '] => hour - 2,
        _ => return None,
    };
    let begin = day_end.checked_sub(10)?;
    let is_free = begin.checked_sub(1).and_then(|at| text.get(at)).is_none_or(|before| !before.is_ascii_digit());
    (is_time && is_free && is_day(text, begin)).then(|| begin..time_end(text, colon + 3))
}

/// Whether ten bytes from `begin` are a day: the year first or last, the month before or behind the day.
fn is_day(text: &[u8], begin: usize) -> bool {
    let two = |at: usize| number(text, begin + at, 2).unwrap_or(99);
    let is_month_and_day = |a: u32, b: u32| (1..=31).contains(&a) && (1..=31).contains(&b) && a.min(b) <= 12;
    let is_joined = |at: usize| matches!(text.get(begin + at), Some(b'-' | b'/' | b'.'));
    let is_year = |at: usize| number(text, begin + at, 4).is_some_and(|year| (1900..2200).contains(&year));
    (is_year(0) && is_joined(4) && is_joined(7) && is_month_and_day(two(5), two(8)))
        || (is_year(6) && is_joined(2) && is_joined(5) && is_month_and_day(two(0), two(3)))
}

/// Where the time ends whose minutes end at `at`: behind seconds and their fraction, if it has them.
fn time_end(text: &[u8], at: usize) -> usize {
    let has_seconds = text.get(at) == Some(&b':') && number(text, at + 1, 2).is_some_and(|seconds| seconds <= 60);
    if !has_seconds {
        return at;
    }
    let end = at + 3;
    let fraction = text.get(end + 1..).unwrap_or_default().iter().take_while(|byte| byte.is_ascii_digit()).count();
    if matches!(text.get(end), Some(b'.' | b',')) && (1..=9).contains(&fraction) { end + 1 + fraction } else { end }
}

/// The number of that many digits at `at`.
fn number(text: &[u8], at: usize, length: usize) -> Option<u32> {
    let digits = text.get(at..at + length)?;
    digits.iter().try_fold(0, |number, byte| Some(number * 10 + char::from(*byte).to_digit(10)?))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn times_and_ids_are_found_and_numbers_are_not() {
        for (text, found) in [
            ("at 2026-11-28 14:25:39.123, done", "2026-11-28 14:25:39.123"),
            ("28/11/2026, 14:25", "28/11/2026, 14:25"),
            ("2026-11-28T14:25:39Z", "2026-11-28T14:25:39"),
            ("payment_4e32ba5d-1c87-47fb-871a-b972cf8fd19e", "4e32ba5d-1c87-47fb-871a-b972cf8fd19e"),
            ("68885717-5c27-4887-9cd4-801045967889", "68885717-5c27-4887-9cd4-801045967889"),
            ("6524005fbe764b40b732c699d9e0cb59", "6524005fbe764b40b732c699d9e0cb59"),
        ] {
            assert_eq!(ranges(text).iter().map(|range| text.get(range.clone()).unwrap()).collect::<Vec<_>>(), [found]);
        }
        for text in
            ["4111-1111-1111-1111", "41111111-1111-1111-0000-00000000000a", "41:11:11:11:11:11:11:11", "4111 1111 11:11 1111", ""]
        {
            assert!(ranges(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn what_is_no_day_or_no_time_of_day_is_no_time() {
        for text in [
            "2026-13-28 14:25",
            "2026-11-32 14:25",
            "2026-00-28 14:25",
            "28/13/2026 14:25",
            "00/11/2026 14:25",
            "2026-11-28 24:25",
            "2026-11-28 14:60",
            "12026-11-28 14:25",
            "2026x11-28 14:25",
            "2026-11x28 14:25",
            "28x11/2026 14:25",
            "28/11x2026 14:25",
            "1899-11-28 14:25",
            "28/11/2200 14:25",
            "4111111111 14:25",
        ] {
            assert!(ranges(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn a_time_ends_where_its_seconds_do() {
        for (text, end) in [
            ("2026-11-28 14:25:60", 19),
            ("2026-11-28 14:25:61", 16),
            ("2026-11-28 14:25 30", 16),
            ("2026-11-28 14:25:39.123456789", 29),
            ("2026-11-28 14:25:39.1234567890", 19),
            ("2026-11-28 14:25:39 123", 19),
        ] {
            assert_eq!(ranges(text).first(), Some(&(0..end)), "{text}");
        }
    }

    #[test]
    fn a_number_with_a_letter_or_two_is_no_id() {
        for text in
            ["4111111111111111a11111111111111b", "4111111111111111a1111111111111b1", "41111111-1111-1111-1111-1111111111a1"]
        {
            assert!(ranges(text).is_empty(), "{text}");
        }
    }
}
