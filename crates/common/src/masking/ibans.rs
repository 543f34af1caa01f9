//! Which letters and digits are an IBAN.

/// Two letters, two digits, 11–30 more, remainder 1 by 97 (ISO 13616).
pub(super) fn is_iban(text: &[u8]) -> bool {
    let Some((head, tail)) = text.split_at_checked(4) else { return false };
    if !(15..=34).contains(&text.len()) || !is_head(head) {
        return false;
    }
    let remainder = tail.iter().chain(head).try_fold(0_u32, |acc, byte| match byte {
        b'0'..=b'9' => Some((acc * 10 + u32::from(*byte - b'0')) % 97),
        b'A'..=b'Z' => Some((acc * 100 + u32::from(*byte - b'A') + 10) % 97),
        _ => None,
    });
    remainder == Some(1)
}

/// The same of what is spelled in a way that few are: ten digits at least, so that no sentence is one.
pub(super) fn is_numeric_iban(text: &[u8]) -> bool {
    text.iter().filter(|byte| byte.is_ascii_digit()).count() >= 10 && is_iban(text)
}

/// Whether an IBAN can begin with those four: a country and check digits.
pub(super) fn is_head(head: &[u8]) -> bool {
    matches!(head, [b'A'..=b'Z', b'A'..=b'Z', b'0'..=b'9', b'0'..=b'9'])
}

/// How long the IBANs of each country are (the registry of SWIFT, release 99).
const LENGTHS: [([u8; 2], u8); 89] = [
    (*b"AD", 24),
    (*b"AE", 23),
    (*b"AL", 28),
    (*b"AT", 20),
    (*b"AZ", 28),
    (*b"BA", 20),
    (*b"BE", 16),
    (*b"BG", 22),
    (*b"BH", 22),
    (*b"BI", 27),
    (*b"BR", 29),
    (*b"BY", 28),
    (*b"CH", 21),
    (*b"CR", 22),
    (*b"CY", 28),
    (*b"CZ", 24),
    (*b"DE", 22),
    (*b"DJ", 27),
    (*b"DK", 18),
    (*b"DO", 28),
    (*b"EE", 20),
    (*b"EG", 29),
    (*b"ES", 24),
    (*b"FI", 18),
    (*b"FK", 18),
    (*b"FO", 18),
    (*b"FR", 27),
    (*b"GB", 22),
    (*b"GE", 22),
    (*b"GI", 23),
    (*b"GL", 18),
    (*b"GR", 27),
    (*b"GT", 28),
    (*b"HN", 28),
    (*b"HR", 21),
    (*b"HU", 28),
    (*b"IE", 22),
    (*b"IL", 23),
    (*b"IQ", 23),
    (*b"IS", 26),
    (*b"IT", 27),
    (*b"JO", 30),
    (*b"KW", 30),
    (*b"KZ", 20),
    (*b"LB", 28),
    (*b"LC", 32),
    (*b"LI", 21),
    (*b"LT", 20),
    (*b"LU", 20),
    (*b"LV", 21),
    (*b"LY", 25),
    (*b"MC", 27),
    (*b"MD", 24),
    (*b"ME", 22),
    (*b"MK", 19),
    (*b"MN", 20),
    (*b"MR", 27),
    (*b"MT", 31),
    (*b"MU", 30),
    (*b"NI", 28),
    (*b"NL", 18),
    (*b"NO", 15),
    (*b"OM", 23),
    (*b"PK", 24),
    (*b"PL", 28),
    (*b"PS", 29),
    (*b"PT", 25),
    (*b"QA", 29),
    (*b"RO", 24),
    (*b"RS", 22),
    (*b"RU", 33),
    (*b"SA", 24),
    (*b"SC", 31),
    (*b"SD", 18),
    (*b"SE", 24),
    (*b"SI", 19),
    (*b"SK", 24),
    (*b"SM", 27),
    (*b"SO", 23),
    (*b"ST", 25),
    (*b"SV", 28),
    (*b"TL", 23),
    (*b"TN", 24),
    (*b"TR", 26),
    (*b"UA", 29),
    (*b"VA", 22),
    (*b"VG", 24),
    (*b"XK", 20),
    (*b"YE", 30),
];

/// The same by both letters, 0 where there is none.
#[allow(clippy::indexing_slicing)] // Worked out by the compiler.
static LENGTH: [[u8; 26]; 26] = {
    let (mut table, mut at) = ([[0; 26]; 26], 0);
    while at < LENGTHS.len() {
        let (country, length) = LENGTHS[at];
        table[(country[0] - b'A') as usize][(country[1] - b'A') as usize] = length;
        at += 1;
    }
    table
};

/// Length of an IBAN that begins with those capitals.
pub(super) fn length(country: [u8; 2]) -> Option<usize> {
    let [first, second] = country.map(|letter| usize::from(letter.wrapping_sub(b'A')));
    LENGTH.get(first)?.get(second).filter(|length| **length > 0).map(|length| usize::from(*length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_short_or_begins_otherwise_is_no_iban_although_its_remainder_is_one() {
        assert!(is_iban(b"GB86RBOS60161331926819"));
        assert!(!is_iban(b"GB180000000000"), "fourteen characters");
        assert!(!is_iban(b"1B24RBOS60161331926819"), "no country");
    }

    #[test]
    fn a_country_without_ibans_has_no_length() {
        assert_eq!((length(*b"GB"), length(*b"NO"), length(*b"XX")), (Some(22), Some(15), None));
    }
}
