//! Which digits are a card's number.

/// 13 to 19 digits, the first 2–6 as payment networks have it, that pass Luhn's check
/// (ISO/IEC 7812-1). A time in milliseconds begins with 1.
pub(super) fn is_card(digits: &[u8]) -> bool {
    if !(13..=19).contains(&digits.len()) || !matches!(digits.first(), Some(b'2'..=b'6')) || is_time(digits) {
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

/// The same of digits that are spelled in a way that few numbers are. What begins with 2 must be of a network then, 22 to 27:
/// years and days stand among such digits.
pub(super) fn is_network_card(digits: &[u8]) -> bool {
    (digits.first() != Some(&b'2') || matches!(digits.get(1), Some(b'2'..=b'7'))) && is_card(digits)
}

/// Whether it looks like `20261128142539`, with or without milliseconds.
fn is_time(digits: &[u8]) -> bool {
    let two = |at: usize| match digits.get(at..at + 2) {
        Some([ten, one]) => u32::from(ten.wrapping_sub(b'0')) * 10 + u32::from(one.wrapping_sub(b'0')),
        _ => u32::MAX,
    };
    matches!(digits.len(), 14 | 17)
        && two(0) == 20
        && matches!(two(4), 1..=12)
        && matches!(two(6), 1..=31)
        && two(8) < 24
        && two(10) < 60
        && two(12) < 60
}

/// The whole number that a JSON number is, in digits: `4.2e3` is 4200. Nothing of what is longer than any card number.
pub(super) fn whole(number: &str) -> Option<String> {
    let number = number.trim_start_matches('-');
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (before, behind) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let point = exponent.parse::<i64>().ok()?.checked_add(before.len() as i64)?;
    let point = usize::try_from(point).ok().filter(|point| *point <= before.len() + 40)?;
    let digits = before.chars().chain(behind.chars()).chain(std::iter::repeat('0')).take(point).collect::<String>();
    let digits = digits.trim_start_matches('0');
    (digits.len() <= 19).then(|| digits.to_owned())
}

/// The digits of the card number that a JSON number is.
pub(super) fn card_of_number(number: &str) -> Option<String> {
    if number.len() < 13 && !number.contains(['e', 'E']) {
        return None;
    }
    whole(number).filter(|digits| is_card(digits.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_that_passes_the_check_is_no_card() {
        for time in ["20261231235908", "20261231230859", "20040101000000", "20260101000000009"] {
            assert!(!is_card(time.as_bytes()), "{time}");
        }
        // A month, day, hour, minute or second that there is not, another century, another length.
        for card in [
            "20011300000000",
            "20050001000000",
            "20050100000000",
            "20070132000000",
            "20060101240000",
            "20010101006000",
            "20010101000060",
            "21030101000000",
            "202601010000009",
        ] {
            assert!(is_card(card.as_bytes()), "{card}");
        }
    }

    #[test]
    fn a_card_begins_as_payment_networks_have_it() {
        assert!(is_card(b"4111111111111111") && is_card(b"4111111111111103"));
        assert!(!is_card(b"9111111111111102") && !is_card(b"411111111111"));
    }

    #[test]
    fn a_short_spelling_hides_no_card() {
        assert_eq!(card_of_number("24e13").as_deref(), Some("240000000000000"));
        assert_eq!(card_of_number("4.111111111111111e15").as_deref(), Some("4111111111111111"));
        assert_eq!(card_of_number("411111111111"), None);
    }

    #[test]
    fn whole_numbers() {
        for (number, digits) in [
            ("4.2e3", Some("4200")),
            ("-41.0", Some("41")),
            ("4.111111111111111E+15", Some("4111111111111111")),
            ("411111111111111100e-2", Some("4111111111111111")),
            ("0.0041e5", Some("410")),
            ("1e999999999999", None),
            ("1e30", None),
            ("1e-5", None),
        ] {
            assert_eq!(whole(number).as_deref(), digits, "{number}");
        }
    }
}
